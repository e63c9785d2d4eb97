"""What else than errors speaks against green: alarms, slow requests, logs, metrics of one's own."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.machine.callers import CANARY_10, Users, looks
from tests.machine.deployer import FUNCTION, Deployer, alarm
from tests.machine.log_groups import log_group


def writes(deployer: Deployer, requests: str, bad: str, counted: dict[str, tuple[int, int]]) -> None:
    """As the embedded metric format does: each minute a value for requests and one for bad ones, by version."""

    def a_minute() -> None:
        for version, values in counted.items():
            boto3.client("cloudwatch").put_metric_data(
                Namespace="BlueGreen/Functions",
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [
                            {"Name": "FunctionName", "Value": FUNCTION},
                            {"Name": "Version", "Value": version},
                        ],
                        "Timestamp": datetime.fromtimestamp(deployer.aws.clock.now(), UTC),
                        "Values": [1.0, 0.0],
                        "Counts": [value, 1],
                    }
                    for name, value in zip((requests, bad), values, strict=True)
                ],
            )

    deployer.aws.every(60, a_minute)


def test_an_alarm_that_goes_off_rolls_back(deployer: Deployer) -> None:
    alarm("sales", "OK")
    deployer.aws.after(200, lambda: alarm("sales", "ALARM"))

    run = deployer.deploy(traffic=CANARY_10, health={"alarms": ["sales"]})

    assert run.error == "GreenUnhealthy"
    assert "the alarm sales went off" in run.cause


def test_an_alarm_that_was_red_before_does_not_block_the_fix(deployer: Deployer) -> None:
    alarm("sales", "ALARM")

    run = deployer.deploy(traffic=CANARY_10, health={"alarms": ["sales"]})

    assert run.ended == "Deployed"
    assert run.output["bake"]["look"]["pardoned"] == ["sales"]


def test_an_alarm_that_turned_green_is_pardoned_no_longer(deployer: Deployer) -> None:
    alarm("sales", "ALARM")
    deployer.aws.after(130, lambda: alarm("sales", "OK"))
    deployer.aws.after(300, lambda: alarm("sales", "ALARM"))

    run = deployer.deploy(traffic=CANARY_10, health={"alarms": ["sales"]})

    assert run.ended == "RolledBack"


def test_an_alarm_without_data_is_not_health(deployer: Deployer) -> None:
    alarm("sales", "INSUFFICIENT_DATA")
    Users(deployer, 6000)

    run = deployer.deploy(traffic=CANARY_10, health={"alarms": ["sales"], "max_bake_seconds": 900})

    first, last = (shift["at"] for shift in run.output["bake"]["shifts"])
    assert last - first == pytest.approx(900, abs=60)


def test_an_alarm_that_does_not_exist_is_refused(deployer: Deployer) -> None:
    before = deployer.everything()

    run = deployer.deploy(health={"alarms": ["sales"]})

    assert run.ended == "Rejected"
    assert "health.alarms: there is no alarm sales" in run.cause
    assert deployer.everything() == before


def test_a_green_that_fails_reads_with_its_slow_requests_beside_blues(deployer: Deployer) -> None:
    users = Users(deployer, 6000, green=0.1)
    users.slow = {"1": 0.01, "2": 0.4}

    run = deployer.deploy(traffic=CANARY_10, health={"slow_ms": 500, "dry_run": ["slow"]})

    assert "green failed" in run.cause
    assert " Slower than 500 ms: 38.9 % of green's requests, 1 % of blue's." in run.cause


@pytest.mark.parametrize("slow_ms", [500, "learn"])
def test_a_green_that_is_slow_is_rolled_back(deployer: Deployer, slow_ms: Any) -> None:
    users = Users(deployer, 6000)
    users.slow = {"1": 0.01, "2": 0.4}
    deployer.aws.clock.sleep(3600)

    run = deployer.deploy(traffic=CANARY_10, health={"slow_ms": slow_ms})

    assert run.error == "GreenUnhealthy"
    assert "slow" in run.cause


def test_a_signal_in_a_dry_run_is_reported_and_never_acts(deployer: Deployer) -> None:
    users = Users(deployer, 6000)
    users.slow = {"2": 0.4}

    run = deployer.deploy(traffic=CANARY_10, health={"slow_ms": 500, "dry_run": ["slow"]})

    assert run.ended == "Deployed"
    (slow,) = (
        finding for finding in json.loads(looks(deployer)[-1])["evidence"]["findings"] if finding["signal"] == "slow"
    )
    assert not slow["acts"]
    assert slow["green"]["bad"] > 0


def test_a_metric_of_ones_own_rolls_back(deployer: Deployer) -> None:
    def sell() -> None:
        for version, sales, lost in (("1", 900, 5), ("2", 100, 30)):
            boto3.client("cloudwatch").put_metric_data(
                Namespace="Shop",
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "Version", "Value": version}],
                        "Timestamp": datetime.fromtimestamp(deployer.aws.clock.now(), UTC),
                        "Value": value,
                    }
                    for name, value in (("Sales", sales), ("Lost", lost))
                ],
            )

    deployer.aws.every(60, sell)
    metric = {
        "name": "lost_sales",
        "namespace": "Shop",
        "bad": "Lost",
        "requests": "Sales",
        "dimensions": {"Version": "{version}"},
    }

    run = deployer.deploy(traffic=CANARY_10, health={"metrics": [metric]})

    assert run.error == "GreenUnhealthy"
    assert "lost_sales: green" in run.cause


@pytest.mark.parametrize(
    ("signal", "requests", "bad", "said"),
    [
        ("http", "Replies", "ServerErrors", "green answered (http) with statusCode 500 or more"),
        ("batch", "BatchItems", "BatchItemFailures", "green failed items (batch)"),
    ],
)
def test_a_green_whose_failures_only_the_function_counts_is_rolled_back_for_them(
    deployer: Deployer, signal: str, requests: str, bad: str, said: str
) -> None:
    Users(deployer, 1000)
    writes(deployer, requests, bad, {"1": (900, 5), "2": (100, 30)})

    run = deployer.deploy(traffic=CANARY_10, health={signal: True})

    assert run.error == "GreenUnhealthy"
    assert said in run.cause
    assert deployer.alias() == ("1", {})


def test_a_green_whose_log_has_bad_lines_is_rolled_back_for_them(deployer: Deployer) -> None:
    Users(deployer, 1000)

    with log_group(f"/aws/lambda/{FUNCTION}") as logs:

        def a_minute() -> None:
            for version, bad in (("1", 5), ("2", 30)):
                stream = f"2026/01/05/[{version}]0a1b"
                logs.write(deployer.aws.clock.now(), stream, '"GET /quotes HTTP/1.1" 502', times=bad)

        deployer.aws.every(60, a_minute)
        run = deployer.deploy(traffic=CANARY_10, health={"logs": {"bad": '%" 5[0-9][0-9]%'}})

    assert run.error == "GreenUnhealthy"
    assert "green logged as bad (logs)" in run.cause
    assert deployer.alias() == ("1", {})
    assert "GET /quotes" not in json.dumps(deployer.items(""), default=str)


def test_a_pattern_that_aws_does_not_take_is_refused_before_anything_is_touched(deployer: Deployer) -> None:
    before = deployer.everything()

    with log_group(f"/aws/lambda/{FUNCTION}"):
        run = deployer.deploy(health={"logs": {"bad": "{ $.status"}})

    assert run.ended == "Rejected"
    assert "health.logs.bad: CloudWatch Logs does not take the filter pattern" in run.cause
    assert deployer.everything() == before


@pytest.mark.parametrize("signal", ["http", "batch"])
def test_a_signal_that_the_function_never_writes_is_not_taken_for_health(deployer: Deployer, signal: str) -> None:
    Users(deployer, 60_000)
    deployer.aws.clock.sleep(600)

    run = deployer.deploy(traffic=CANARY_10, health={signal: True})

    assert run.output["bake"]["look"]["verdict"] == "not_enough"
    said = f"; nothing is known of {signal}: CloudWatch has no figures of green or blue"
    assert said in run.output["bake"]["look"]["reason"]
    assert any(each.startswith(f"health.{signal}: ") for each in deployer.record(run)["warnings"])
