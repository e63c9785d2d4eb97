"""Start the embedded AWS in a process and an environment of its own, and stop it again without a trace."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox.errors import EnvironmentMissing, PortTaken, ServerFailed

ROOT = Path(__file__).parents[1]
REGION = "eu-central-1"
SECRET_HEADER = "x-sandbox-secret"  # noqa: S105  the name of a header
START_SECONDS = 120.0
STOP_SECONDS = 10.0
KEEPS_ASKED = "SANDBOX_KEEPS_ASKED"
"""The environment variable that names a folder: a sandbox writes there, before it stops, what its IAM was asked."""


class Sandbox:
    """
    A context in which an AWS of our own serves on `endpoint`.

    `settings` are those of `sandbox.layer.settings`, for example `update_seconds=0.5`, `pending_seconds=0.2`,
    `wait_scale=1.0` (how long Step Functions' waits last, 0.01 being a hundredth), `seed="7"`.
    """

    def __init__(self, port: int | None = None, *, quiet: bool = True, **settings: object) -> None:
        self.port = port or free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._secret = secrets.token_hex(20)
        self._settings = settings
        self._quiet = quiet
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any client talks to this sandbox, as its root user, and what it has beyond AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "LAMBDA_METRICS_BY_THE_SECOND": "true",
        }

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def folder(self) -> Path:
        """Where everything of this sandbox lies until it stops."""
        if self._folder is None:
            raise ServerFailed("the sandbox is not running; use it as `with Sandbox() as aws:`")
        return self._folder

    @property
    def process_id(self) -> int:
        """The server's process."""
        assert self._process
        return self._process.pid

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return when it answers; raises PortTaken, EnvironmentMissing, ServerFailed."""
        if port_is_taken(self.port):
            raise PortTaken(
                f"port {self.port} is in use by another process; stop that, or choose another: PORT=4567 make sandbox"
            )
        python = interpreter()
        self._folder = Path(tempfile.mkdtemp(prefix="bluegreen-sandbox-"))
        (self._folder / "tmp").mkdir()
        self._say("starting the embedded AWS")
        with open(self._folder / "server.log", "wb") as log:
            self._process = subprocess.Popen(
                [python, "-m", "sandbox.layer"],
                cwd=ROOT,
                env=self._server_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and all that it started, and delete what it wrote."""
        if self._process is not None:
            self._keep_what_was_asked(os.environ.get(KEEPS_ASKED))
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            assert self._process.stdin
            self._process.stdin.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def wait(self) -> None:
        """Return never, unless the server ends by itself, which is an error."""
        assert self._process
        self._process.wait()
        raise ServerFailed("the embedded AWS has ended; its last words:\n  " + self._last_words())

    def control(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the server something about itself: `faults`, `calls`, `settings`; see `sandbox.layer.control`."""
        data = None if body is None else json.dumps(body).encode()
        request = self._to_itself(path, data, method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise ValueError(json.load(refusal)["message"]) from None

    def _to_itself(self, path: str, data: bytes | None = None, method: str | None = None) -> urllib.request.Request:
        secret = {SECRET_HEADER: self._secret}
        return urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data, secret, method=method)

    def _server_environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(interpreter()).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            **{f"SANDBOX_{name.upper()}": str(value) for name, value in self._settings.items()},
        }

    def _keep_what_was_asked(self, folder: str | None) -> None:
        if folder and Path(folder).is_dir() and answers(self._to_itself("settings")):
            file = Path(folder) / f"{os.getpid()}-{self.port}-{time.time_ns()}.json"
            file.write_text(json.dumps(self.control("asked")))

    def _wait_until_ready(self) -> None:
        assert self._process
        started = time.monotonic()
        while not answers(self._to_itself("settings")):
            waited = time.monotonic() - started
            if self._process.poll() is not None or waited > START_SECONDS:
                raise ServerFailed("the embedded AWS did not start; its last words:\n  " + self._last_words())
            if int(waited) != int(waited + 0.05) and int(waited) % 2:
                self._say(f"still starting after {waited:.0f} s (the first start takes longest)")
            time.sleep(0.05)
        self._say(f"the embedded AWS answers on {self.endpoint} after {time.monotonic() - started:.1f} s")

    def _last_words(self) -> str:
        return "\n  ".join(self.log.strip().splitlines()[-5:]) or "none"

    def _say(self, words: str) -> None:
        if not self._quiet:
            print(words, file=sys.stderr, flush=True)


def interpreter(environ: Mapping[str, str] = os.environ) -> str:
    """The Python of the server's environment: `.venv-sandbox`, unless SANDBOX_PYTHON names another."""
    python = environ.get("SANDBOX_PYTHON") or str(ROOT / ".venv-sandbox" / "bin" / "python")
    if not Path(python).exists():
        raise EnvironmentMissing(f"{python} does not exist; `make .venv-sandbox` makes the environment of the sandbox")
    return python


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def port_is_taken(port: int) -> bool:
    """Whether a server answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(request: urllib.request.Request) -> bool:
    """Whether it is served."""
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False
