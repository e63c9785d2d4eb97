"""A web page in a real browser on this machine, on another origin, reads nothing of the sandbox and changes nothing."""

import http.server
import json
import os
import queue
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.server import free_port
from sandbox.testing import Clients, Functions

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 60
PAGE = Path(__file__).with_name("page.html")
ATTEMPTS = 19
"""Of the page, at each address of the sandbox."""

PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"none of {', '.join(BROWSERS)} is installed; .ci/run installs Debian's chromium")
    if found is None:
        pytest.skip(f"a real browser is needed: install one of {', '.join(BROWSERS)}")
    return found


class Site(http.server.ThreadingHTTPServer):
    """Another web site: it serves the page, and takes what the page tells."""

    def __init__(self, page: bytes) -> None:
        super().__init__(("127.0.0.1", free_port()), Handler)
        self.page = page
        self.told: queue.Queue[Any] = queue.Queue()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page)

    def do_POST(self) -> None:
        self.server.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def site(aws: Sandbox) -> Iterator[Site]:
    targets = [f"http://{host}:{aws.port}" for host in ("127.0.0.1", "localhost")]
    site = Site(PAGE.read_text().replace('"TARGETS"', json.dumps(targets)).encode())
    serving = threading.Thread(target=site.serve_forever)
    serving.start()
    yield site
    site.shutdown()
    serving.join()
    site.server_close()


def visit(browser: str, url: str, profile: Path, site: Site) -> dict[str, str]:
    """What the page at the URL tells of its attempts."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    process = subprocess.Popen(
        [browser, *flags, f"--user-data-dir={profile}", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        told: dict[str, str] = site.told.get(timeout=PATIENCE_SECONDS)
        return told
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_a_page_of_another_origin_reads_nothing_and_changes_nothing(
    aws: Sandbox, client: Clients, function: Functions, browser: str, site: Site, tmp_path: Path
) -> None:
    function("def handler(event, context): return 1")
    client("s3").create_bucket(Bucket="private", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client("s3").put_object(Bucket="private", Key="picture.svg", Body=PICTURE, ContentType="image/svg+xml")
    before = state(aws, client)
    last, refused = aws.control("calls")[-1]["number"], len(aws.control("refusals"))

    told = visit(browser, f"http://localhost:{site.server_port}/", tmp_path, site)

    calls = [call["operation"] for call in aws.control(f"calls?since={last}")]
    marks = Counter(refusal["why"].partition(", ")[0] for refusal in aws.control("refusals")[refused:])
    assert told.pop("own origin") == "read"
    assert len(told) == 2 * ATTEMPTS
    assert {attempt: how for attempt, how in told.items() if how not in ("blocked", "opaque")} == {}
    assert calls == []
    assert state(aws, client) == before
    assert sum(marks.values()) >= len(told) - 2
    assert set(marks) == {
        "the request has the header Origin",
        "the request has the header Sec-Fetch-Site cross-site",
        "the request has the header Sec-Fetch-Site same-site",
    }


def state(aws: Sandbox, client: Clients) -> Any:
    """What a page might read or change."""
    return [
        [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]],
        [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
        [found["Key"] for found in client("s3").list_objects_v2(Bucket="private")["Contents"]],
        client("sns").list_topics()["Topics"],
        aws.control("settings"),
        aws.control("faults"),
    ]
