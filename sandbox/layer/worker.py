"""
One execution environment: a process that runs one function's code for one event at a time.

The process gets what Lambda gives and nothing of the host: a clean environment, the code that was packaged,
the standard library and, in Python, boto3.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.layer.processes import Start, readable

INIT_SECONDS = 30.0
PIPE_CHUNK = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to: a result, or an error as the caller sees it, and the log."""

    result: Any
    error: dict[str, Any] | None
    log: str


class Exited(Exception):
    """The process ended before it answered."""


class OutOfTime(Exception):
    """The process did not answer in time."""


class Worker:
    """A process for one version of one function; raises nothing, reports every failure as an Outcome."""

    def __init__(self, start: Start, environment: dict[str, str], access_key: str) -> None:
        self.access_key = access_key
        self.in_use = False
        self.last_used = time.monotonic()
        self.log_stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.imported: list[str] = []
        self._unread = b""
        self._log = b""
        self._scratch = tempfile.mkdtemp(prefix="lambda-tmp-")
        their_events, self._events = os.pipe()
        self._logs, their_logs = os.pipe()
        self._answers, their_answers = os.pipe()
        try:
            self._process = start(environment | {"TMPDIR": self._scratch}, their_events, their_logs, their_answers)
        finally:
            for theirs in (their_events, their_logs, their_answers):
                os.close(theirs)
        began = time.monotonic()
        self._init_error = self._initialise()
        self._init_seconds: float | None = time.monotonic() - began

    @property
    def usable(self) -> bool:
        """Whether the handler was loaded and the process lives; one that says more than it was asked for is ending."""
        ending = self._unread or self._process.poll() is not None or readable([self._answers], 0)
        return self._init_error is None and not ending

    @property
    def most_memory(self) -> int:
        """The most that the process has used so far, in MB; 0 where it has ended."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) // 1024 if found else 0

    def init_seconds(self) -> float | None:
        """How long the start took, asked for by its first invocation; None afterwards."""
        seconds, self._init_seconds = self._init_seconds, None
        return seconds

    def invoke(self, event: Any, request_id: str, arn: str, trace_id: str, timeout: float) -> Outcome:
        """Run the handler once."""
        if self._init_error is not None:
            return Outcome(None, self._init_error, self._logged())
        call = {
            "event": event,
            "request_id": request_id,
            "invoked_function_arn": arn,
            "trace_id": trace_id,
            "deadline": time.time() + timeout,
        }
        try:
            answer = self._ask(json.dumps(call), request_id, timeout)
        except OutOfTime:
            self.kill()
            message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            return Outcome(None, {"errorType": "Sandbox.Timedout", "errorMessage": message}, self._logged())
        except Exited:
            return Outcome(None, self._exit_error(request_id), self._logged())
        return Outcome(answer.get("result"), answer.get("error"), self._logged())

    def kill(self) -> None:
        """End the process and all that it started, and wait for it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the process and delete what it wrote."""
        self.kill()
        for ours in (self._events, self._logs, self._answers):
            os.close(ours)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _initialise(self) -> dict[str, Any] | None:
        try:
            answer = self._read_answer("init", time.monotonic() + INIT_SECONDS)
            self.imported = answer.get("imported", [])
            error: dict[str, Any] | None = answer["error"]
            return error
        except OutOfTime:
            self.kill()
            return {"errorType": "Sandbox.Timedout", "errorMessage": f"Init phase took over {INIT_SECONDS:g} seconds"}
        except Exited:
            return self._exit_error("init")

    def _ask(self, line: str, request_id: str, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        unsent = memoryview(line.encode() + b"\n")
        try:
            while unsent:
                unsent = unsent[os.write(self._events, unsent) :]
        except BrokenPipeError:
            raise Exited from None
        return self._read_answer(request_id, deadline)

    def _read_answer(self, request_id: str, deadline: float) -> dict[str, Any]:
        """Read answers and logs together, so that neither pipe can fill up and block the other."""
        while b"\n" not in self._unread:
            ready = readable([self._answers, self._logs], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise OutOfTime
            if self._logs in ready:
                self._log += os.read(self._logs, PIPE_CHUNK)
            if self._answers in ready:
                chunk = os.read(self._answers, PIPE_CHUNK)
                if not chunk:
                    raise Exited
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        end = f"\nend of log {request_id}\n".encode()
        while end not in self._log:
            chunk = os.read(self._logs, PIPE_CHUNK)
            if not chunk:
                raise Exited
            self._log += chunk
        self._log = self._log.replace(end, b"", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _exit_error(self, request_id: str) -> dict[str, Any]:
        status = self._process.wait()
        how = f"signal: {(signal.strsignal(-status) or '').lower()}" if status < 0 else f"exit status {status}"
        why = f"with error: {how}" if status else "without providing a reason"
        message = f"RequestId: {request_id} Error: Runtime exited {why}"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}

    def _logged(self) -> str:
        while readable([self._logs], 0):
            chunk = os.read(self._logs, PIPE_CHUNK)
            if not chunk:
                break
            self._log += chunk
        text, self._log = self._log.decode(errors="replace"), b""
        return text.rstrip("\n")
