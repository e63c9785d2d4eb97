"""
A Lambda execution environment for Python: load the handler once, then answer one event at a time.

Runs alone, with `python -I -S`, in a process of its own. It reads JSON lines from stdin and writes its
answers to the descriptor named on the command line, so that nothing a handler prints can be taken for an
answer. After each answer's logs it writes the line `end of log <request id>`.
"""

import importlib
import io
import json
import logging
import os
import sys
import time
import traceback
from typing import Any

LIBRARIES = ("aws_lambda_powertools", "bluegreen", "boto3", "pydantic")
"""These take long to import, and read at import no variable that differs between environments of the same code."""


class Context:
    """What AWS hands to a handler beside the event."""

    def __init__(self, call: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = call["invoked_function_arn"]
        self.aws_request_id = call["request_id"]
        self.identity = None
        self.client_context = None
        self._deadline: float = call["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """The time until Lambda ends the invocation."""
        return max(0, int((self._deadline - time.time()) * 1000))


class LambdaLog(logging.Handler):
    """Format what goes to the root logger as Lambda does."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record with its level, its time and the request it belongs to."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = f"[{record.levelname}]\t{now}.{int(record.msecs):03d}Z\t{self.request_id}\t{record.getMessage()}"
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        print(text)


class TooStrange(TypeError):
    """A value that no answer can hold."""


def as_json(value: Any) -> Any:
    """What Lambda's encoder makes of a value that JSON has no word for: bytes are text to it."""
    if isinstance(value, bytes):
        return value.decode()
    raise TooStrange(f"Object of type {type(value).__name__} is not JSON serializable")


def load(handler: str) -> tuple[Any, Any]:
    """The handler's function, and the error that Lambda reports when there is none."""
    module, _, name = handler.rpartition(".")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except SyntaxError as wrong:
        return None, failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {wrong}")
    except ImportError as missing:
        return None, failure("Runtime.ImportModuleError", f"Unable to import module '{module}': {missing}")
    except Exception as error:
        return None, raised(error)
    if not hasattr(loaded, name):
        return None, failure("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
    return getattr(loaded, name), None


def failure(kind: str, message: str, trace: Any = (), request_id: str = "") -> dict[str, Any]:
    """An error as Lambda reports it; code is where Lambda has it."""
    code = os.environ["LAMBDA_TASK_ROOT"]
    lines = [line.replace(code, "/var/task") for line in trace]
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": lines}


def raised(error: Exception, request_id: str = "") -> dict[str, Any]:
    """The error that the handler raised, without the frames of this file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return failure(type(error).__name__, str(error), traceback.format_list(frames), request_id)


def answer_to(handler: Any, call: dict[str, Any]) -> dict[str, Any]:
    """The handler's result, or its error."""
    try:
        result = handler(call["event"], Context(call))
    except Exception as error:
        return {"error": raised(error, call["request_id"])}
    try:
        return {"result": json.loads(json.dumps(result, default=as_json))}
    except (TypeError, ValueError) as error:
        why = f"Unable to marshal response: {error}"
        return {"error": failure("Runtime.MarshalError", why, request_id=call["request_id"])}


def main() -> None:
    """Load, then answer until stdin ends."""
    answers = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    # What was printed before a time-out or an exit is in the log.
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
    sys.path[:0] = json.loads(sys.argv[2])
    sys.path.append(sys.argv[3])
    sys.argv[1:] = []
    log = LambdaLog()
    logging.getLogger().addHandler(log)

    def reply(reply_to: str, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, f"\nend of log {reply_to}\n".encode())
        print(text, file=answers, flush=True)

    handler, error = load(os.environ["_HANDLER"])
    reply("init", {"error": error, "imported": [name for name in sys.modules if name.split(".")[0] in LIBRARIES]})
    for line in sys.stdin.buffer:
        call = json.loads(line)
        log.request_id = call["request_id"]
        os.environ["_X_AMZN_TRACE_ID"] = call["trace_id"]
        reply(call["request_id"], answer_to(handler, call))


main()
