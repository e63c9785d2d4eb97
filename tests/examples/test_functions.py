"""What docs/functions.md says of the examples. The end-to-end tests deploy them."""

import json
import re
import subprocess
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from bluegreen.request.health import Health, MetricPair
from bluegreen.request.request import Request
from sandbox.layer.filter_patterns import compiled
from tests.examples.test_bonus_calculators import node

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "functions.md").read_text()
GIVEN = sorted(EXAMPLES.glob("*/deployment.json"))


CONTEXT = SimpleNamespace(function_name="Shop", function_version="7")
COUNT_WITH_NODE = """
const { counted } = await import(process.argv[1]);
const reply = await counted(async (event) => ({ statusCode: event.status }))(JSON.parse(process.argv[2]), {
  functionName: "Shop", functionVersion: "7",
});
if (reply.statusCode !== JSON.parse(process.argv[2]).status) process.exit(1);
"""


def counted(written: str, pair: MetricPair) -> tuple[float, float]:
    """Requests and bad ones as CloudWatch reads them out of the one line of metrics, for version 7 of Shop."""
    [line] = [json.loads(each) for each in written.splitlines() if '"_aws"' in each]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    [names] = directive["Dimensions"]
    assert directive["Namespace"] == pair.namespace
    assert {metric["Name"] for metric in directive["Metrics"]} == {pair.requests, pair.bad}
    assert {name: line[name] for name in names} == {
        name: value.replace("{version}", "7") for name, value in pair.dimensions.items()
    }
    requests, bad = (line[name] if isinstance(line[name], list) else [line[name]] for name in (pair.requests, pair.bad))
    return sum(requests), sum(bad)


def in_page(containing: str) -> Any:
    """The JSON of the page that has these words."""
    [found] = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if containing in block]
    return json.loads(found)


def handler(example: str, version: str) -> Callable[[Any, Any], Any]:
    spec = spec_from_file_location(f"{example}_{version}", EXAMPLES / example / version / "app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Any, Any], Any] = module.handler
    return found


@pytest.mark.parametrize("file", GIVEN, ids=[file.parent.name for file in GIVEN])
def test_the_rest_of_a_request_can_be_read(file: Path) -> None:
    Request.read(json.loads(file.read_text()) | {"function": "F", "artifact": {"version": "7"}})


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_batch_takes_the_record_of_the_page(version: str) -> None:
    assert handler("sqs-batch", version)(in_page("Records"), CONTEXT) == {"batchItemFailures": []}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_batch_in_which_some_messages_fail_raises_nothing_and_counts_them(
    version: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "orders")
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    [record] = in_page("Records")["Records"]
    bad = record | {"messageId": "bad", "body": "no JSON"}

    assert handler("sqs-batch", version)({"Records": [record, bad]}, CONTEXT) == {
        "batchItemFailures": [{"itemIdentifier": "bad"}]
    }
    assert counted(capsys.readouterr().out, Health(batch=True).pairs("Shop")[0]) == (2, 1)


@pytest.mark.parametrize(("status", "bad"), [(200, 0), (404, 0), (500, 1), (503, 1)])
def test_the_express_example_counts_server_errors_by_version(status: int, bad: int) -> None:
    count = (EXAMPLES / "express" / "count.js").as_uri()
    command = [node(), "--input-type=module", "-e", COUNT_WITH_NODE, count, json.dumps({"status": status})]

    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert counted(written, Health(http=True).pairs("Shop")[0]) == (1, bad)


@pytest.mark.parametrize(("status", "bad"), [(200, 0), (500, 1)])
def test_the_lines_of_the_page_count_server_errors_by_version(
    status: int, bad: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    [lines] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"asgi": lambda event, context: {"statusCode": status}}
    exec(lines, names)

    assert names["handler"]({}, CONTEXT) == {"statusCode": status}
    assert counted(capsys.readouterr().out, Health(http=True).pairs("Shop")[0]) == (1, bad)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_fastapi_example_has_the_lines_of_the_page(version: str) -> None:
    [lines] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    source = (EXAMPLES / "fastapi" / version / "app.py").read_text()

    assert [line for line in lines.splitlines() if line not in source] == ["def handler(event, context):"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_batch_in_which_every_message_fails_raises(version: str) -> None:
    event = {"Records": [record | {"body": "{"} for record in in_page("Records")["Records"]]}

    with pytest.raises(BatchProcessingError):
        handler("sqs-batch", version)(event, CONTEXT)


def test_the_bad_batch_counts_failures_that_lambda_does_not_see() -> None:
    event = in_page("Records")

    failed = handler("sqs-batch", "v3")(event, CONTEXT)["batchItemFailures"]

    assert [each["itemIdentifier"] for each in failed] == [record["messageId"] for record in event["Records"]]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("{ $.status >= 500 }", '{"path": "/bread", "status": %s}'),
        ("{ $.statusCode >= 500 }", '{"path": "/bread", "statusCode": %s}'),
        (
            "[host, ident, user, time, request, status = 5*, ...]",
            '192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET /bread HTTP/1.1" %s 23 "-" "curl/8.0"',
        ),
        (
            "[level, client, dash, request, status = 5*, ...]",
            'INFO:     127.0.0.1:50000 - "GET /bread HTTP/1.1" %s Internal Server Error',
        ),
        ('%" 5[0-9][0-9]%', '"GET /bread HTTP/1.1" %s'),
    ],
)
def test_the_patterns_of_the_page_fit_server_errors_only(pattern: str, line: str) -> None:
    assert f"`{pattern}`" in PAGE
    assert Health.model_validate({"logs": {"bad": pattern}}).logs
    assert [status for status in (200, 404, 500, 503) if compiled(pattern)(line % status)] == [500, 503]


def test_the_metric_of_the_page_can_be_asked_for() -> None:
    health = Health.model_validate({"metrics": [in_page("OrdersLost")]})

    assert [pair.name for pair in health.pairs("Shop")] == ["orders"]


def test_the_request_of_the_page_is_that_of_the_example() -> None:
    [case] = json.loads((EXAMPLES / "fastapi" / "deployment.json").read_text())["smoke_tests"]

    assert case["payload"] == in_page("rawPath")
