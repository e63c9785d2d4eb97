"""
Real functions, each under its own kind of event: v1 serves, v2 is good, v3 is bad, and nobody tuned anything.

A deployment says what a newcomer says: function, zip and, where the example has them, its smoke tests. The rest makes
AWS's minutes seconds: a canary of some seconds, and metrics by the second.
"""

import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.account import ALIAS
from sandbox.testing import eventually
from tests.e2e import built
from tests.e2e.installed import EXAMPLES, PATIENCE_SECONDS, Ended, Installed

pytestmark = pytest.mark.xdist_group("e2e")

Steps = list[dict[str, Any]]

BY_THE_SECOND = {"period_seconds": 1, "delay_seconds": 2}
CANARY: Steps = [{"weight": 0.25, "bake_seconds": 5}]
UNTIL_IT_IS_SEEN: Steps = [{"weight": 0.25, "bake_seconds": 60}]
"""A bad version ends it sooner, on a slow machine later."""

AT_THE_EDGES = 6
"""Requests of three callers in flight at both ends of a stretch of time: line and metric may lie on either side."""

IN_THE_LOG = {"logs": {"bad": "{ $.ServerErrors = 1 }", "requests": "{ $.Replies = 1 }"}, "dry_run": ["logs"]}
"""The same replies by the lines of the log that count them."""

Said = dict[str, list[dict[str, Any]]]
"""By version."""


class Real:
    """An example as a function with version 1 behind PROD, created by the command, with a log group."""

    def __init__(
        self, installed: Installed, role: str, folder: Path, example: str, handler: str, runtime: str, *settings: str
    ) -> None:
        self._installed = installed
        self.example, self.name = example, f"real-{example}"
        zipped = folder / "v1.zip"
        zipped.write_bytes(built.package(example, "v1"))
        what = ("--zip", zipped, "--role", role, "--handler", handler, "--runtime", runtime)
        exit_code, said = installed.forked_command("create", self.name, *what, *settings)
        assert (exit_code, said["version"]) == (0, "1"), said

    def deploy(
        self, version: str, steps: Steps = CANARY, *, with_dependencies: bool = True, **more: Any
    ) -> tuple[Ended, dict[str, Any]]:
        """How the deployment of the version's zip ended, and its record."""
        code = built.package(self.example, version, with_dependencies=with_dependencies)
        started = self._installed.start(
            {
                "function": self.name,
                "artifact": self._installed.upload(f"functions/{self.name}/by-request/{version}.zip", code),
                "traffic": {"steps": steps},
                **more,
                "health": more.get("health", {}) | BY_THE_SECOND,
            }
        )
        return self._installed.ended(started, pause_seconds=0.5), self._installed.record(started)

    @property
    def serving(self) -> str:
        return self._installed.serving(self.name)

    @property
    def given(self) -> dict[str, Any]:
        """The rest of the request that the example has."""
        given: dict[str, Any] = json.loads((EXAMPLES / self.example / "deployment.json").read_text())
        return given

    def eventually_says(self, enough: Callable[[Said], Any]) -> Said:
        """What each version has written as JSON to the log, metrics aside, once that is enough."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not enough(said := self._says()):
            assert time.monotonic() < until, said
            time.sleep(0.5)
        return said

    def _says(self) -> Said:
        said: Said = defaultdict(list)
        pages = self._installed.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{self.name}"):
            for event in page["events"]:
                if event["message"].startswith("{") and '"_aws"' not in event["message"]:
                    version = event["logStreamName"].partition("[")[2].partition("]")[0]
                    said[version].append(json.loads(event["message"]))
        return said

    def code_of(self, qualifier: str) -> str:
        functions = self._installed.client("lambda")
        return str(functions.get_function_configuration(FunctionName=self.name, Qualifier=qualifier)["CodeSha256"])


Reals = Callable[..., Real]


@pytest.fixture
def real(installed: Installed, role: str, tmp_path: Path) -> Reals:
    return lambda *arguments: Real(installed, role, tmp_path, *arguments)


@contextmanager
def sent(send: Callable[[int], Any], per_second: float = 6) -> Iterator[list[int]]:
    """Numbers that are sent all the while, one after the other."""
    numbers: list[int] = []
    stop = threading.Event()

    def all_the_while() -> None:
        while not stop.wait(1 / per_second):
            send(len(numbers))
            numbers.append(len(numbers))

    sender = threading.Thread(target=all_the_while)
    sender.start()
    try:
        yield numbers
    finally:
        stop.set()
        sender.join()


def http(path: str, query: str = "") -> dict[str, Any]:
    """A request as API Gateway hands it to a function (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"accept": "application/json", "host": "shop.example"},
        "requestContext": {"http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }


def last_look(record: dict[str, Any]) -> dict[str, Any]:
    """The evidence of it."""
    found: dict[str, Any] = [each["evidence"] for each in record["steps"] if each["state"] == "CheckHealth"][-1]
    evidence: dict[str, Any] = found["evidence"]
    return evidence


def says_version(lost: str) -> str:
    """The version that gave a caller what was not right."""
    return lost.rpartition(" from version ")[2]


def is_ok(asked: Mapping[str, Any], version: str, reply: Any) -> bool:
    return isinstance(reply, dict) and reply.get("statusCode") == 200


def test_express_behind_api_gateway(installed: Installed, real: Reals) -> None:
    shop = real("express", "index.handler", "nodejs24.x")
    products = ("bread", "cheese", "wine")

    with installed.callers(
        shop.name,
        callers=3,
        per_second=8,
        asks=lambda number: http(f"/products/{products[number % 3]}"),
        is_answer=is_ok,
    ) as callers:
        good = callers.during()
        eventually(lambda: good.served["1"])
        deployed, _ = shop.deploy("v2")
        eventually(lambda: good.served["2"])
        untouched = callers.during()
        stopped, record = shop.deploy("v3", **shop.given)
        unhappy = callers.during()
        counted, why = shop.deploy("v3", UNTIL_IT_IS_SEEN, health=shop.given["health"] | IN_THE_LOG)
        bad = callers.during()
        back, _ = shop.deploy("v4", UNTIL_IT_IS_SEEN, **shop.given)
        after = callers.during()
        eventually(lambda: after.served["2"])

    assert deployed.end == "Deployed", deployed.cause
    assert good.harmed(None) == untouched.harmed(None) == after.harmed(None) == 0
    assert (stopped.end, stopped.error) == ("RolledBack", "SmokeTestFailed"), stopped.cause
    assert set(untouched.served) == {"2"}
    assert record.get("green") is None
    assert (counted.end, counted.error) == ("RolledBack", "GreenUnhealthy"), counted.cause
    assert "green answered (http) with statusCode 500 or more" in str(counted.cause)
    by_signal = {each["signal"]: each for each in last_look(why)["findings"]}
    assert by_signal["http"]["green"]["bad"] > 0 == by_signal["errors"]["green"]["bad"]
    for version, count in itertools.product(("green", "blue"), ("requests", "bad")):
        by_lines, by_metrics = (by_signal[signal][version][count] for signal in ("logs", "http"))
        assert abs(by_lines - by_metrics) <= AT_THE_EDGES, by_signal
    assert {says_version(lost) for lost in unhappy.lost} == {"3"}
    assert (back.end, back.error) == ("RolledBack", "GreenUnhealthy"), back.cause
    assert bad.harmed("4") == 0, bad.lost
    assert 0 < bad.failed["4"] < bad.requests / 2
    assert (shop.serving, shop.code_of("$LATEST")) == ("2", shop.code_of("2"))


def test_fastapi_with_mangum(installed: Installed, real: Reals) -> None:
    quotes = real("fastapi", "app.handler", "python3.14")

    with installed.callers(
        quotes.name,
        callers=1,
        per_second=6,
        asks=lambda number: http("/quotes/bread", f"pieces={1 + number % 9}"),
        is_answer=is_ok,
    ) as callers:
        good = callers.during()
        eventually(lambda: good.served["1"])
        deployed, record = quotes.deploy("v2")
        eventually(lambda: good.served["2"])
        untouched = callers.during()
        fails, _ = quotes.deploy("v3", **quotes.given)
        lacks, _ = quotes.deploy("v2", with_dependencies=False)

    assert deployed.end == "Deployed", deployed.cause
    assert "version 1 fails it too, so it says nothing" in record["untested"]
    assert good.harmed(None) == untouched.harmed(None) == 0
    assert set(untouched.served) == {"2"}
    assert (fails.end, fails.error) == ("RolledBack", "SmokeTestFailed"), fails.cause
    assert "reply.statusCode" in str(fails.cause)
    assert (lacks.end, lacks.error) == ("RolledBack", "SmokeTestFailed"), lacks.cause
    assert "Lambda cannot load the code" in str(lacks.cause)
    assert (quotes.serving, quotes.code_of("$LATEST")) == ("2", quotes.code_of("2"))


def test_a_batch_from_a_queue(installed: Installed, real: Reals) -> None:
    orders = real("sqs-batch", "app.handler", "python3.14")
    sqs = installed.client("sqs")
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = installed.client("lambda").create_event_source_mapping(
        FunctionName=orders.name, EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert installed.forked_command("adopt", orders.name, "--move-callers")[0] == 0

    def order(number: int) -> None:
        order = {"id": f"order-{number}", "cents": 1070} | ({"rate": 0.07} if number % 2 else {})
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(order))

    with sent(order) as numbers:
        orders.eventually_says(lambda said: said["1"])
        deployed, record = orders.deploy("v2", health={"batch": True})
        back, found = orders.deploy("v3", UNTIL_IT_IS_SEEN, health={"batch": True})
    said = orders.eventually_says(
        lambda said: {line["taken"] for line in chain(*said.values())} >= set(map("order-{}".format, numbers))
    )
    installed.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])

    assert deployed.end == "Deployed", deployed.cause
    [items] = [each for each in last_look(record)["findings"] if each["signal"] == "batch"]
    assert items["blue"]["requests"] > 0 == items["blue"]["bad"]
    assert "version 1 fails it too" in record["untested"]
    assert (back.end, back.error) == ("RolledBack", "GreenUnhealthy"), back.cause
    by_signal = {each["signal"]: each for each in last_look(found)["findings"]}
    assert "green failed items (batch)" in str(back.cause)
    assert by_signal["batch"]["green"]["bad"] > 0 == by_signal["errors"]["green"]["bad"]
    assert said["2"]
    assert not said["$LATEST"]
    assert (orders.serving, orders.code_of("$LATEST")) == ("2", orders.code_of("2"))


def test_a_job_for_which_every_invocation_is_work(installed: Installed, real: Reals) -> None:
    invoices = real("job", "app.handler", "python3.14", "--no-try")
    functions = installed.client("lambda")

    def day(number: int) -> str:
        return f"{2000 + number // 31}-12-{1 + number % 31:02}"

    def invoice(number: int) -> None:
        event = json.dumps({"day": day(number)}).encode()
        functions.invoke(FunctionName=invoices.name, Qualifier=ALIAS, InvocationType="Event", Payload=event)

    with sent(invoice) as numbers:
        invoices.eventually_says(lambda said: said["1"])
        deployed, _ = invoices.deploy("v2", **invoices.given)
        by_good = len(numbers)
        back, _ = invoices.deploy("v3", UNTIL_IT_IS_SEEN, **invoices.given)
        afterwards = len(numbers)
        eventually(lambda: len(numbers) > afterwards + 5)
    unharmed = {day(number) for number in (*range(by_good), *range(afterwards, len(numbers)))}
    said = invoices.eventually_says(lambda said: {line["invoiced"] for line in said["1"] + said["2"]} >= unharmed)

    assert deployed.end == "Deployed", deployed.cause
    assert (back.end, back.error) == ("RolledBack", "GreenUnhealthy"), back.cause
    assert said["2"]
    assert not said["3"] + said["$LATEST"]
    days = [line["invoiced"] for line in said["1"] + said["2"]]
    assert len(days) == len(set(days))
    assert set(days) <= set(map(day, numbers))
    assert (invoices.serving, invoices.code_of("$LATEST")) == ("2", invoices.code_of("2"))


def test_an_export_that_takes_minutes(installed: Installed, real: Reals) -> None:
    export = real(*("export", "app.handler", "python3.14", "--timeout", "6"), *("--env", "SECONDS_A_PAGE=1"))

    with installed.callers(
        export.name,
        callers=8,
        per_second=4,
        asks=lambda number: {"report": f"r-{number}", "pages": 2},
        is_answer=lambda asked, version, reply: reply["lines"] == 20 and f"{asked['report']}." in reply["report"],
    ) as callers:
        good = callers.during()
        eventually(lambda: good.served["1"])
        deployed, record = export.deploy("v2", **export.given)
        eventually(lambda: good.served["2"])
        bad = callers.during()
        back, told = export.deploy("v3", UNTIL_IT_IS_SEEN, **export.given)
        after = callers.during()
        eventually(lambda: after.served["2"])

    assert deployed.end == "Deployed", deployed.cause
    [warning] = [each for each in record["warnings"] if each.startswith("traffic: ")]
    assert "may take 6 seconds (its Timeout), and a bake of Steps 5" in warning
    assert good.harmed(None) == after.harmed("3") == 0
    assert (back.end, back.error) == ("RolledBack", "GreenUnhealthy"), back.cause
    assert not [each for each in told["warnings"] if each.startswith("traffic: ")]
    assert bad.harmed("3") == 0, bad.lost
    assert (export.serving, export.code_of("$LATEST")) == ("2", export.code_of("2"))
