"""
Forks Lambda execution environments for Python, which then need not import libraries that take long.

Runs with `python -I -S`. Each request comes to the socket at stdin: the variables of an environment, and descriptors
for its events, its log, its answers and its status. The fork runs `bootstrap.py` as a process of its own does. Its id,
and later its exit code, go to the descriptor for the status, a line each.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
import types
from pathlib import Path
from typing import Any

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


class ForkServer:
    """The parent of the environments."""

    def __init__(self) -> None:
        self._statuses: dict[int, int] = {}
        self._requests = socket.socket(fileno=os.dup(0))

    def until_forked(self) -> int:
        """Return in each environment, with the descriptor for its answers; end when the socket does, and all forks."""
        signal.signal(signal.SIGCHLD, self._tell_exits)
        while True:
            request, descriptors, _, _ = socket.recv_fds(self._requests, 1 << 20, 4, socket.MSG_CMSG_CLOEXEC)
            if not request:
                break
            events, log, answers, status = descriptors
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
            child = os.fork()
            if not child:
                os.close(status)
                self._become(json.loads(request), events, log)
                return answers
            self._statuses[child] = status
            tell(status, child)
            for descriptor in (events, log, answers):
                os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        while self._statuses:
            time.sleep(0.1)
        sys.exit()

    def _become(self, variables: dict[str, str], events: int, log: int) -> None:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        for new, standard in ((events, 0), (log, 1), (log, 2)):
            os.dup2(new, standard)
        for descriptor in (events, log, self._requests.detach(), *self._statuses.values()):
            os.close(descriptor)
        os.environ.update(variables)

    def _tell_exits(self, *_: Any) -> None:
        for child in list(self._statuses):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                descriptor = self._statuses.pop(child)
                tell(descriptor, os.waitstatus_to_exitcode(status))
                os.close(descriptor)


def tell(descriptor: int, number: int) -> None:
    """Write a line, if anyone still reads."""
    with contextlib.suppress(BrokenPipeError):
        os.write(descriptor, b"%d\n" % number)


def main(paths: str, boto3: str, *libraries: str) -> None:
    """Import the libraries, then run the bootstrap in each fork."""
    code, path = compile(BOOTSTRAP.read_bytes(), BOOTSTRAP, "exec"), list(sys.path)
    sys.path[:] = [*json.loads(paths), *path, boto3]
    for library in libraries:
        with contextlib.suppress(ImportError):  # a module of another name than its own
            importlib.import_module(library)
    sys.path[:] = path
    gc.collect()
    gc.freeze()
    answers = ForkServer().until_forked()
    sys.argv[:] = [str(BOOTSTRAP), str(answers), paths, boto3]
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    module.__file__ = str(BOOTSTRAP)
    exec(code, module.__dict__)


main(*sys.argv[1:])
