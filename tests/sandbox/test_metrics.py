"""CloudWatch counts Lambda's invocations by function, by alias and by the version that ran."""

import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox import Sandbox
from sandbox.testing import Clients, Function, Functions, eventually


@pytest.fixture
def read(client: Clients) -> Any:
    """`read(shop, "Errors", "Sum", Resource=...)`: {second: value}."""

    def read(shop: Function, metric: str, statistic: str = "Sum", period: int = 1, **dimensions: Any) -> Any:
        dimensions = {"FunctionName": shop.name, **dimensions}
        query = {
            "Id": "m",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                },
                "Period": period,
                "Stat": statistic,
            },
        }
        now = datetime.now(UTC)
        answer = client("cloudwatch").get_metric_data(
            MetricDataQueries=[query], StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=1)
        )["MetricDataResults"][0]
        return {stamp.timestamp(): value for stamp, value in zip(answer["Timestamps"], answer["Values"], strict=True)}

    return read


@pytest.fixture
def shop(function: Functions) -> Function:
    shop = function("import time\ndef handler(e, c):\n    if e == 'fail': raise OSError\n    time.sleep(e or 0)")
    shop.publish()
    shop.configure(Timeout=9)
    shop.publish()
    shop.alias("live", "1", {"2": 0.5})
    return shop


def test_invocations_are_counted_by_function_by_alias_and_by_the_version_that_ran(shop: Function, read: Any) -> None:
    for _ in range(20):
        shop.invoke(Qualifier="live")
    shop.invoke()

    live = {"Resource": f"{shop.name}:live"}
    one = sum(read(shop, "Invocations", **live, ExecutedVersion="1").values())
    two = sum(read(shop, "Invocations", **live, ExecutedVersion="2").values())
    assert one + two == sum(read(shop, "Invocations", **live).values()) == 20
    assert one > 0
    assert two > 0
    assert sum(read(shop, "Invocations").values()) == 21
    assert read(shop, "Invocations", Resource=f"{shop.name}:other") == {}


def test_errors_are_zero_where_all_went_well_and_throttles_are_counted_alone(shop: Function, read: Any) -> None:
    dimensions = {"Resource": f"{shop.name}:live"}
    shop.invoke(Qualifier="live")
    assert sum(read(shop, "Errors", **dimensions).values()) == 0
    assert len(read(shop, "Errors", **dimensions)) == 1
    shop.invoke("fail", Qualifier="live")
    assert sum(read(shop, "Errors", **dimensions).values()) == 1
    assert sum(read(shop, "Errors", "SampleCount", **dimensions).values()) == 2

    shop.api.put_function_concurrency(FunctionName=shop.name, ReservedConcurrentExecutions=0)
    with pytest.raises(shop.api.exceptions.TooManyRequestsException):
        shop.invoke(Qualifier="live")
    assert sum(read(shop, "Throttles", **dimensions).values()) == 1
    assert sum(read(shop, "Invocations", **dimensions).values()) == 2


def test_an_invocation_counts_in_the_second_in_which_it_began(shop: Function, read: Any) -> None:
    shop.invoke()
    before = int(time.time())
    shop.invoke(4)
    assert max(read(shop, "Invocations")) <= before + 2


def test_seconds_add_up_to_minutes(shop: Function, read: Any) -> None:
    for _ in range(3):
        shop.invoke()
        time.sleep(0.4)
    minutes = read(shop, "Invocations", period=60)
    assert sum(minutes.values()) == 3
    assert all(stamp % 60 == 0 for stamp in minutes)


def test_the_newest_minute_comes_first(shop: Function, client: Clients, read: Any) -> None:
    shop.invoke()
    time.sleep(1.1)
    shop.invoke()
    stamps = list(read(shop, "Invocations"))
    assert stamps == sorted(stamps, reverse=True)


def test_durations_have_averages_percentiles_and_the_share_within_a_bound(shop: Function, read: Any) -> None:
    for seconds in (0, 0, 0, 3):
        shop.invoke(seconds)
    total = read(shop, "Duration", "Maximum", period=60)
    assert max(total.values()) >= 3000
    shares = read(shop, "Duration", "PR(:2000)", period=300)
    assert min(shares.values()) == pytest.approx(75.0)
    assert min(read(shop, "Duration", "PR(2000:)", period=300).values()) == pytest.approx(25.0)
    assert max(read(shop, "Duration", "p99", period=300).values()) > 2000
    assert max(read(shop, "Duration", "Average", period=300).values()) >= 750


def test_metrics_are_there_some_minutes_after_the_invocation_ended(aws: Sandbox, shop: Function, read: Any) -> None:
    aws.control("settings", {"metrics_late_minutes": 2})
    try:
        shop.invoke()
        assert read(shop, "Invocations") == {}
        eventually(lambda: sum(read(shop, "Invocations").values()) == 1)
    finally:
        aws.control("settings", {"metrics_late_minutes": 0})


def test_lambda_counts_by_the_minute(aws: Sandbox, shop: Function, read: Any) -> None:
    aws.control("settings", {"minute_seconds": 60})
    try:
        shop.invoke()
        assert all(stamp % 60 == 0 for stamp in read(shop, "Invocations"))
    finally:
        aws.control("settings", {"minute_seconds": 1})


def test_a_line_in_embedded_metric_format_becomes_a_metric(function: Functions, client: Clients) -> None:
    metric = {"Name": "Sold", "Unit": "Count"}
    directive = {"Namespace": "Shop", "Dimensions": [["service"], ["service", "version"]], "Metrics": [metric]}
    line = {"_aws": {"CloudWatchMetrics": [directive]}, "service": "till", "version": "1", "Sold": [3, 4]}
    function(f"import json\ndef handler(e, c): print(json.dumps({line!r}))").invoke()

    now = datetime.now(UTC)
    for dimensions in ({"service": "till"}, {"service": "till", "version": "1"}):
        found = client("cloudwatch").get_metric_statistics(
            Namespace="Shop",
            MetricName="Sold",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=300,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        assert sum(point["Sum"] for point in found) == 7
        assert sum(point["SampleCount"] for point in found) == 2


def test_cloudwatch_answers_in_cbor(aws: Sandbox, shop: Function) -> None:
    shop.invoke()
    address = f"{aws.endpoint}/service/GraniteServiceVersion20100801/operation/ListMetrics"
    question, protocol = b"\xa1\x69Namespace\x6aAWS/Lambda", {"Smithy-Protocol": "rpc-v2-cbor"}
    asked = AWSRequest("POST", address, protocol | {"Content-Type": "application/cbor"}, question)
    root = Credentials(aws.environment["AWS_ACCESS_KEY_ID"], aws.environment["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(root, "monitoring", aws.environment["AWS_REGION"]).add_auth(asked)
    request = urllib.request.Request(address, question, dict(asked.headers.items()))
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Type"] == "application/cbor"
        assert b"Invocations" in answer.read()


def test_an_alarms_history_says_whom_it_told(client: Clients) -> None:
    cloudwatch, topic = client("cloudwatch"), client("sns").create_topic(Name="told-by-an-alarm")["TopicArn"]
    cloudwatch.put_metric_alarm(
        **{"AlarmName": "rung", "Namespace": "Shop", "MetricName": "Sales", "Statistic": "Sum", "Period": 60},
        **{"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "LessThanThreshold"},
        **{"TreatMissingData": "ignore", "AlarmActions": [topic]},
    )

    def told() -> list[str]:
        found = cloudwatch.describe_alarm_history(AlarmName="rung", HistoryItemType="Action")["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in found]

    cloudwatch.set_alarm_state(AlarmName="rung", StateValue="OK", StateReason="at first")
    assert told() == []
    cloudwatch.set_alarm_state(AlarmName="rung", StateValue="ALARM", StateReason="a test")
    assert told() == [f"Successfully executed action {topic}"]
    cloudwatch.disable_alarm_actions(AlarmNames=["rung"])
    cloudwatch.set_alarm_state(AlarmName="rung", StateValue="OK", StateReason="a test")
    cloudwatch.set_alarm_state(AlarmName="rung", StateValue="ALARM", StateReason="a test")
    assert len(told()) == 1
    cloudwatch.delete_alarms(AlarmNames=["rung"])
