"""The code of the functions that facts speak of, ours, and what else stands for itself in a request."""

from typing import Any

from sandbox.testing import zipped

TELLS_ITS_CONTEXT = """
import logging

TOLD = (
    "invoked_function_arn", "function_version", "function_name", "memory_limit_in_mb", "aws_request_id",
    "log_group_name", "log_stream_name", "client_context",
)

def handler(event, context):
    print("Lambda log message - print function")
    logging.getLogger().setLevel("INFO")
    logging.getLogger().info("Lambda log message - logging module")
    return {"event": event, "context": {name: getattr(context, name) for name in TOLD}}
"""
TELLS_ITS_VERSION = """
def handler(event, context):
    return {{
        "version_id": "version{version}",
        "invoked_arn": context.invoked_function_arn,
        "version_from_ctx": context.function_version,
    }}
"""
PYTHON = {
    "code 1": "def handler(event, context): return event",
    "code 2": "def handler(event, context): return 2",
    "code 3": "def handler(event, context): return 3",
    "code that fails to start": "raise ValueError('no start')",
    "code that fails": 'def handler(event, context):\n    raise Exception("Handler fails")\n',
    "code that raises": 'def handler(event, context):\n    raise Exception("Some exception was raised.")\n',
    "code that raises its own": "class CustomException(Exception):\n    pass\n\n\n\n\n\n"
    "def handler(event, context):\n    raise CustomException()\n",
    "code that exits": "import sys\ndef handler(event, context): sys.exit(0)",
    "code that exits at its start": "import sys\nsys.exit(0)",
    "code that says too much": "def handler(event, context): return 'é' * 140_000",
    "code that says seven megabytes": "def handler(event, context): return 'a' * 7 * 1024 * 1024",
    "code that takes three seconds": "import time\ndef handler(event, context): time.sleep(3)",
    "code that tells its request id": "def handler(event, context): return context.aws_request_id",
    "code that prints its event": "def handler(event, context):\n    print(event)\n    return event",
    "code that tells its context": TELLS_ITS_CONTEXT,
    **{f"code that tells its version {number}": TELLS_ITS_VERSION.format(version=number) for number in (1, 2, 3)},
}
NODE = {
    "node code": "export const handler = async (event) => event;",
    "node code that logs its event": "export const handler = async (event) => { console.log(event); return event; };",
}
GIVEN: dict[str, Any] = {
    "no zip": b"this is no zip",
    "no json": b"\xc2\x99\xc3\xab,j",
    "no utf-8": b"n\x87r\x9e",
    **{name: zipped(source, **{"handler.py": source}) for name, source in PYTHON.items()},
    **{name: zipped(source, "index.mjs") for name, source in NODE.items()},
}
