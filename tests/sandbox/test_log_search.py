"""FilterLogEvents: which lines fit a pattern, from which streams they come, and in which pages."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.layer.filter_patterns import Invalid, compiled
from sandbox.testing import Clients, Functions, eventually

UVICORN = 'INFO:     127.0.0.1:50000 - "GET /quotes/bread HTTP/1.1" 500 Internal Server Error'
COMMON = '192.0.2.1 - alice [10/Oct/2026:13:55:36 +0000] "GET /a b HTTP/1.1" 502 2326'


@pytest.mark.parametrize(
    ("pattern", "line", "fits"),
    [
        ("", "anything", True),
        ("{ $.status >= 500 }", '{"status": 500}', True),
        ("{ $.status >= 500 }", '{"status": 499}', False),
        ("{ $.status >= 500 }", '{"status": "503"}', True),
        ("{ $.status >= 500 }", '{"path": "/"}', False),
        ("{ $.status >= 500 }", "status 500", False),
        ("{ $.a.b = 5* && $.c != 1 }", '{"a": {"b": "512"}, "c": 2}', True),
        ('{ ($.a = 1 || $.b = true) && $.c = "x y" }', '{"b": true, "c": "x y"}', True),
        ("{ $.a = 1 || $.b = 2 && $.c = 3 }", '{"a": 1}', True),
        ("{ $.a = %^5[0-9]+$% }", '{"a": 503}', True),
        ("[ip, id, user, time, request, status = 5*, size]", COMMON, True),
        ("[ip, id, user, time, request, status = 4*, size]", COMMON, False),
        ("[ip, id, user, time, request, status >= 500, ...]", COMMON, True),
        ("[level, client, dash, request, status = 5*, ...]", UVICORN, True),
        ("[level, client, dash, request, status = 5*]", UVICORN, False),
        ("[..., status = 5*, size]", COMMON, True),
        (r'%" 5[0-9][0-9] %', UVICORN, True),
        ('"HTTP/1.1\\" 500"', UVICORN, True),
        ("Server Error", UVICORN, True),
        ("Server -Internal", UVICORN, False),
        ("?WARN ?Internal", UVICORN, True),
        ("server", UVICORN, False),
    ],
)
def test_a_line_fits_a_pattern(pattern: str, line: str, fits: bool) -> None:
    assert compiled(pattern)(line) is fits


@pytest.mark.parametrize(
    "pattern", ["{ $.status >= 500", "{ $.status }", "{ status = 1 }", "[a, b", "[a, ..., b]", "a!b", "%(%"]
)
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        compiled(pattern)


def test_lines_are_found_by_stream_time_and_pattern_in_pages(client: Clients) -> None:
    logs, now = client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="searched")
    for stream in ("2026/01/05/[1]a", "2026/01/05/[2]b"):
        logs.create_log_stream(logGroupName="searched", logStreamName=stream)
        logs.put_log_events(
            logGroupName="searched",
            logStreamName=stream,
            logEvents=[{"timestamp": now - 1000 * age, "message": f'{{"age": {age}}}'} for age in (3, 2, 1, 0)],
        )

    def found(**asked: Any) -> list[list[tuple[str, int]]]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="searched", **asked)
        return [
            [(each["logStreamName"][-1], (now - each["timestamp"]) // 1000) for each in page["events"]]
            for page in pages
        ]

    assert found(filterPattern="{ $.age >= 3 }") == [[("a", 3), ("b", 3)]]
    of_the_second = {"logStreamNamePrefix": "2026/01/05/[2]", "startTime": now - 2000, "endTime": now - 1000}
    assert found(**of_the_second) == [[("b", 2), ("b", 1)]]
    assert list(map(len, found(PaginationConfig={"PageSize": 3}))) == [3, 3, 2]


@pytest.mark.parametrize("operation", ["filter_log_events", "put_metric_filter"])
def test_aws_refuses_a_bad_pattern(client: Clients, operation: str) -> None:
    logs: Any = client("logs")
    logs.create_log_group(logGroupName=f"patterns-{operation}")
    more = {"filterName": "f", "metricTransformations": []} if operation == "put_metric_filter" else {}

    with pytest.raises(ClientError, match="InvalidParameterException"):
        getattr(logs, operation)(logGroupName=f"patterns-{operation}", filterPattern="{ $.a", **more)


def test_the_streams_of_a_group_that_functions_share_have_the_function_s_name(
    client: Clients, function: Functions
) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="shared")
    one = function("def handler(event, context): print(event)", LoggingConfig={"LogGroup": "shared"})
    one.invoke({"a": 1})

    eventually(lambda: logs.describe_log_streams(logGroupName="shared")["logStreams"])
    [stream] = logs.describe_log_streams(logGroupName="shared")["logStreams"]

    assert stream["logStreamName"].startswith(f"{time.strftime('%Y/%m/%d', time.gmtime())}/{one.name}[$LATEST][")
