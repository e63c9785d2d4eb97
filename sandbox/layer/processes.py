"""
The processes of execution environments: new ones, and forks of one that has imported what takes long.

A fork server belongs to one list of paths and to the variables that all its environments have. It imports the
libraries that an earlier environment of the same code imported. Everything else each environment imports itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BOOTSTRAPS = Path(__file__).parent / "runtime"
OF_ONE_ENVIRONMENT = ("_HANDLER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_")
"""What the names of variables begin with that differ between environments of the same code."""


class Process(Protocol):
    """What an environment needs of its process. An exit code is negative after a signal."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""

    def wait(self) -> int:
        """The exit code, once it has ended."""


Start = Callable[[dict[str, str], int, int, int], Process]
"""Starts a process with these variables, and these descriptors for events, log and answers, in its own session."""


class Forked:
    """A child of a fork server, which tells its id and its exit code."""

    def __init__(self, status: int) -> None:
        self._status = os.fdopen(status, "rb", buffering=0)
        self._waiting = threading.Lock()
        self._exit_code: int | None = None
        self.pid = int(self._status.readline() or 0)
        if not self.pid:
            raise ChildProcessError("the fork server has ended")

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.wait() if self._exit_code is not None or readable([self._status.fileno()], 0) else None

    def wait(self) -> int:
        """The exit code, once it has ended; SIGKILL's, if the fork server was killed and cannot tell."""
        with self._waiting:
            if self._exit_code is None:
                self._exit_code = int(self._status.readline() or -signal.SIGKILL)
                self._status.close()
            return self._exit_code


class ForkServer:
    """The process that forks environments."""

    def __init__(self, command: Sequence[str], variables: dict[str, str], folder: Path) -> None:
        self.last_used = time.monotonic()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it can fork."""
        return self._process.poll() is None

    def start(self, variables: dict[str, str], events: int, log: int, answers: int) -> Process:
        """A fork of it."""
        status, theirs = os.pipe()
        try:
            request = json.dumps(variables).encode()
            socket.send_fds(self._requests, [request], [events, log, answers, theirs])
        finally:
            os.close(theirs)
        return Forked(status)

    def close(self) -> None:
        """Let it end once its environments have."""
        self._requests.close()

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()


@dataclass(frozen=True)
class Kind:
    """The environments that one fork server can fork."""

    paths: tuple[str, ...]
    variables: frozenset[tuple[str, str]]


_libraries: dict[Kind, list[str]] = {}
_servers: dict[Kind, ForkServer] = {}
_lock = threading.Lock()


def kind_of(code: Path, layers: Sequence[Path], variables: Mapping[str, str]) -> Kind:
    """What an environment has in common with others."""
    common = {name: value for name, value in variables.items() if not name.startswith(OF_ONE_ENVIRONMENT)}
    return Kind((str(code), *(str(layer / "python") for layer in layers)), frozenset(common.items()))


def python(kind: Kind, boto3: Path) -> Start:
    """A fork, if it is known what environments of the kind import; a new process, if not."""
    paths, folder = json.dumps(kind.paths), Path(kind.paths[0])
    # -I and -S: no site-packages, no host variables; the path is what we name here and the standard library.
    isolated = [sys.executable, "-I", "-S"]
    with _lock:
        if not (libraries := _libraries.get(kind)):
            return new([*isolated, str(BOOTSTRAPS / "bootstrap.py"), "{answers}", paths, str(boto3)], folder)
        if not (server := _servers.get(kind)) or not server.runs:
            command = [*isolated, str(BOOTSTRAPS / "forkserver.py"), paths, str(boto3), *libraries]
            server = _servers[kind] = ForkServer(command, dict(kind.variables), folder)
        server.last_used = time.monotonic()
        return server.start


def learn(kind: Kind, libraries: list[str]) -> None:
    """Import these before the next environment of the kind is forked. Only Linux forks safely what boto3 loads."""
    if sys.platform == "linux":
        with _lock:
            _libraries.setdefault(kind, libraries)


def new(command: Sequence[str], folder: Path) -> Start:
    """A process of its own for this command, in which `{answers}` stands for the number of the descriptor."""

    def start(variables: dict[str, str], events: int, log: int, answers: int) -> Process:
        return subprocess.Popen(
            [part if part != "{answers}" else str(answers) for part in command],
            cwd=folder,
            env=variables,
            stdin=events,
            stdout=log,
            stderr=log,
            pass_fds=[answers],
            start_new_session=True,
        )

    return start


def reap(limit: float) -> None:
    """End the fork servers that were last used before this time of the monotonic clock."""
    with _lock:
        for kind in [kind for kind, server in _servers.items() if server.last_used < limit]:
            _servers.pop(kind).close()


def end_all() -> None:
    """End every fork server; their environments have ended."""
    with _lock:
        for server in _servers.values():
            server.close()
        for server in _servers.values():
            server.wait()
        _servers.clear()


def readable(descriptors: Sequence[int], timeout: float) -> set[int]:
    """Which of them have something to read, or have ended."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(timeout * 1000)}
