"""Warm invokes a second: the sandbox beside the MiniStack that it is made of, both running, asked in turn."""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.deployment import functions
from sandbox import Sandbox
from sandbox.server import REGION, START_SECONDS, free_port, interpreter, port_is_taken

RUNTIMES = {"Python": "python3.13", "Node.js": "nodejs22.x"}
CONCURRENCY = (1, 4)
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Invokes:
    """Medians of the rounds, a second."""

    language: str
    concurrency: int
    sandbox: float
    stock: float

    @property
    def ratio(self) -> float:
        """How many times as many the sandbox answers."""
        return self.sandbox / self.stock


def measure(rounds: int, seconds: float) -> list[Invokes]:
    """Every language at every concurrency."""
    measured = []
    with Sandbox() as ours, stock_ministack() as stock:
        servers = (ours.environment, stock)
        for language, runtime in RUNTIMES.items():
            name = f"warm-{language.partition('.')[0].lower()}"
            for server in servers:
                functions.create(server, name, runtime)
            for concurrency in CONCURRENCY:
                for server in servers:
                    rate(server, name, concurrency, WARM_UP_SECONDS)
                rates = [[rate(server, name, concurrency, seconds) for server in servers] for _ in range(rounds)]
                medians = [statistics.median(of_one) for of_one in zip(*rates, strict=True)]
                measured.append(Invokes(language, concurrency, *medians))
    return measured


def rate(aws: Mapping[str, str], function: str, concurrency: int, seconds: float) -> float:
    """Answers a second, to as many clients as that, each with one connection and one request at a time."""
    endpoint = aws["AWS_ENDPOINT_URL"]
    address = urllib.parse.urlsplit(endpoint).netloc
    path = f"/2015-03-31/functions/{function}/invocations"
    request = AWSRequest("POST", f"{endpoint}{path}", data=b"{}", headers={"Host": address})
    root = Credentials(aws["AWS_ACCESS_KEY_ID"], aws["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(root, "lambda", REGION).add_auth(request)
    headers = dict(request.headers.items())
    answered = [0] * concurrency
    wrong: list[str] = []
    began = time.monotonic()

    def call(number: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=60)
        while not wrong and time.monotonic() < began + seconds:
            connection.request("POST", path, b"{}", headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200 or b'"answer"' not in body:
                wrong.append(f"{response.status} {body[:300]!r}")
                return
            answered[number] += 1
        connection.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(f"{endpoint} answered {wrong[0]}")
    return sum(answered) / (time.monotonic() - began)


@contextmanager
def stock_ministack() -> Iterator[dict[str, str]]:
    """MiniStack as its package starts it, with the same region; it checks no signature of the root."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bluegreen-stock-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / "tmp").mkdir()
        environment = {
            "PATH": f"{Path(interpreter()).parent}:{os.environ['PATH']}",
            "HOME": folder,
            "TMPDIR": f"{folder}/tmp",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        with open(Path(folder) / "server.log", "wb") as log:
            server = subprocess.Popen(
                [interpreter(), "-m", "ministack"], cwd=folder, env=environment, stdout=log, stderr=log
            )
        try:
            until = time.monotonic() + START_SECONDS
            while not port_is_taken(port):
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"MiniStack did not start: {(Path(folder) / 'server.log').read_text()[-500:]}")
                time.sleep(0.1)
            root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            yield root | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
