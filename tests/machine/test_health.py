"""What the watch concludes under traffic, and what comes of it. Metrics are simulated; machine, handlers are real."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import boto3
import pytest

from tests.machine.deployer import ALIAS, FUNCTION, GOOD, Deployer, alarm
from tests.machine.log_groups import log_group
from tests.machine.walk import Run

CANARY_10 = "Canary10Percent10Minutes"


class Users:
    """
    Callers whose requests are only counted: so many a minute, of which each version fails its share.

    A version in `fails_first` fails its next request, too.
    """

    def __init__(self, deployer: Deployer, per_minute: int, *, blue: float = 0.0, green: float = 0.0) -> None:
        self._deployer, self.per_minute = deployer, per_minute
        self.fails = {"1": blue, "2": green}
        self.fails_first: set[str] = set()
        self.slow: dict[str, float] = {}
        self.harmed = 0.0
        deployer.aws.every(60, self._a_minute)

    def _a_minute(self) -> None:
        main, weights = self._deployer.alias()
        shares = {main: 1 - sum(weights.values())} | weights
        for version, share in shares.items():
            requests = round(self.per_minute * share)
            errors = round(requests * self.fails[version])
            if requests and version in self.fails_first:
                errors += 1
                self.fails_first.remove(version)
            self.harmed += errors if version == "2" else 0
            slow = round(requests * self.slow.get(version, 0))
            for duration, count, failed in ((50, requests - slow, errors), (900, slow, 0)):
                if count:
                    self._deployer.aws.metrics.count(
                        FUNCTION, ALIAS, version, invocations=count, errors=failed, duration_ms=duration
                    )

    def fail(self, requests: int, *, after: float) -> None:
        """So many of green's requests, at a tenth of the traffic, fail in the minute after so many seconds."""

        def begin() -> None:
            self.fails["2"] = requests / (self.per_minute / 10)

        def end() -> None:
            self.fails["2"] = 0.0

        self._deployer.aws.after(after, begin)
        self._deployer.aws.after(after + 60, end)


def looks(deployer: Deployer) -> list[str]:
    return [item["evidence"] for item in deployer.items("steps#") if "#CheckHealth#" in item["sk"]]


def weights(run: Run) -> list[float]:
    """Green's, one shift after the other."""
    return [shift["weight"] for shift in run.document["bake"]["shifts"]]


def took(run: Run) -> float:
    """Seconds from the first shift to the last."""
    shifts = run.document["bake"]["shifts"]
    return float(shifts[-1]["at"] - shifts[0]["at"])


def looked_at(run: Run) -> list[float]:
    """When CheckHealth was entered, in seconds since 1970."""
    return [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in run.history
        if event.get("stateEnteredEventDetails", {}).get("name") == "CheckHealth"
    ]


def test_a_green_with_two_per_cent_errors_on_a_blue_with_a_tenth_of_that_is_rolled_back(deployer: Deployer) -> None:
    Users(deployer, 6000, blue=0.002, green=0.02)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.error == "GreenUnhealthy"
    assert "green failed" in run.cause
    assert "to 1 that green is worse" in run.cause
    assert deployer.alias() == ("1", {})


def test_a_green_that_fails_as_rarely_as_blue_is_promoted(deployer: Deployer) -> None:
    Users(deployer, 6000, blue=0.01, green=0.01)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.ended == "Deployed"
    assert run.output["bake"]["look"]["verdict"] in ("fine", "not_enough")


def test_too_few_requests_to_tell_are_never_called_healthy(deployer: Deployer) -> None:
    Users(deployer, 10)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.ended == "Deployed"
    assert run.output["bake"]["look"]["verdict"] == "not_enough"
    assert any("nothing speaks against green" in look for look in looks(deployer))


def test_a_bake_goes_on_until_there_is_enough_evidence(deployer: Deployer) -> None:
    Users(deployer, 200)

    patient = deployer.deploy(traffic=CANARY_10, health={"max_bake_seconds": 7200})

    assert patient.ended == "Deployed"
    assert patient.path.count("CheckHealth") > 12
    first, last = (shift["at"] for shift in patient.output["bake"]["shifts"])
    assert 600 < last - first < 7200


def test_a_bake_does_not_go_on_for_ever(deployer: Deployer) -> None:
    Users(deployer, 10)

    run = deployer.deploy(traffic=CANARY_10, health={"max_bake_seconds": 1200})

    first, last = (shift["at"] for shift in run.output["bake"]["shifts"])
    assert last - first == pytest.approx(1200, abs=60)


@pytest.mark.parametrize(
    ("health", "ended", "reason"),
    [
        ({}, "Deployed", "nobody called green in the 8 min that CloudWatch shows; going on, as the default says"),
        ({"no_traffic": "proceed"}, "Deployed", "going on, as the request says"),
        ({"no_traffic": "probe"}, "Deployed", "answered no probe wrongly"),
        ({"no_traffic": "roll_back"}, "RolledBack", "the request says to roll back"),
        ({"no_traffic": "wait", "max_bake_seconds": 1800}, "RolledBack", ", for 30 min"),
    ],
)
def test_without_any_traffic_the_request_decides(
    deployer: Deployer, health: dict[str, Any], ended: str, reason: str
) -> None:
    run = deployer.deploy(traffic=CANARY_10, health=health)

    assert run.ended == ended
    assert any(reason in look for look in looks(deployer))


def test_a_probe_that_fails_rolls_back_a_green_without_callers(deployer: Deployer) -> None:
    fails_after_a_while = """
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if calls > 2:
        raise MemoryError('leak')
    return {}
"""

    run = deployer.deploy(fails_after_a_while, traffic=CANARY_10, health={"no_traffic": "probe"})

    assert run.error == "GreenUnhealthy"
    assert "failed the probe" in run.cause


@pytest.mark.parametrize(
    ("asked", "probed"),
    [
        ({"smoke_tests": [{"name": "bonus"}]}, True),
        ({"smoke_tests": [{"name": "bonus"}], "health": {"no_traffic": "proceed"}}, False),
        ({}, False),
        ({"smoke_tests": "off"}, False),
    ],
    ids=str,
)
def test_a_green_without_callers_is_probed_where_people_gave_smoke_tests(
    deployer: Deployer, asked: dict[str, Any], probed: bool
) -> None:
    run = deployer.deploy(traffic=CANARY_10, **asked)

    assert run.ended == "Deployed"
    assert (run.document["bake"]["look"]["probes"] > 0) is probed
    assert any("answered no probe wrongly" in look for look in looks(deployer)) is probed


def test_metrics_that_cannot_be_read_for_a_while_only_delay(deployer: Deployer) -> None:
    Users(deployer, 6000)

    with deployer.aws.fails("GetMetricData", "InternalFailure", times=9):
        run = deployer.deploy(traffic="Canary10Percent5Minutes")

    assert run.ended == "Deployed"


@pytest.mark.parametrize(("policy", "ended"), [("roll_back", "RolledBack"), ("proceed", "Deployed")])
def test_metrics_that_can_never_be_read_are_the_requests_to_decide(deployer: Deployer, policy: str, ended: str) -> None:
    Users(deployer, 6000)

    with deployer.aws.fails("GetMetricData", "AccessDenied", times=None, state="CheckHealth"):
        run = deployer.deploy(traffic=CANARY_10, health={"cannot_measure": policy, "unmeasured_looks": 3})

    assert run.ended == ended
    if ended == "RolledBack":
        assert "metrics could not be read" in run.cause
        assert "4 times in a row" in run.cause
        nothing_is_settled_yet = 2
        assert run.path.count("CheckHealth") == nothing_is_settled_yet + 4


@pytest.mark.parametrize(("policy", "ended"), [("roll_back", "Rejected"), ("proceed", "Deployed")])
def test_metrics_that_cannot_be_read_before_anything_is_changed_are_the_requests_to_decide(
    deployer: Deployer, policy: str, ended: str
) -> None:
    before = deployer.everything()

    with deployer.aws.fails("GetMetricData", "AccessDenied", times=None, state="OpenDeployment"):
        run = deployer.deploy(traffic=CANARY_10, health={"cannot_measure": policy})

    assert run.ended == ended
    if ended == "Rejected":
        assert "GetMetricData" in run.cause
        assert deployer.everything() == before


@pytest.mark.parametrize("traffic", [CANARY_10, "Canary10Percent5Minutes", "Adaptive"])
@pytest.mark.parametrize("late_seconds", [600, 1200, None])
def test_a_green_that_cloudwatch_does_not_show_yet_is_never_promoted_where_users_called_before(
    deployer: Deployer, traffic: str, late_seconds: int | None
) -> None:
    deployer.aws.clock.sleep(17)
    users = Users(deployer, 6000, green=1.0)
    deployer.aws.clock.sleep(3600)
    if late_seconds is None:
        deployer.aws.metrics.silent_since = deployer.aws.clock.now()
    else:
        deployer.aws.metrics.delay_seconds = late_seconds

    run = deployer.deploy(traffic=traffic)

    assert (run.error, deployer.alias()) == ("GreenUnhealthy", ("1", {}))
    assert "CloudWatch has shown no request of the alias for" in run.cause
    assert "6 times in a row" in run.cause
    assert json.loads(looks(deployer)[-1])["verdict"] == "cannot_measure"
    if traffic == "Adaptive":
        assert users.harmed < 200


def test_a_green_that_cloudwatch_does_not_show_yet_is_not_promoted_after_more_looks_either(deployer: Deployer) -> None:
    Users(deployer, 6000, green=1.0)
    deployer.aws.clock.sleep(3600)
    deployer.aws.metrics.delay_seconds = 600

    run = deployer.deploy(traffic=CANARY_10, health={"unmeasured_looks": 9})

    assert run.error == "GreenUnhealthy"
    assert "green failed" in run.cause
    assert weights(run) == [0.1]


@pytest.mark.parametrize("traffic", [CANARY_10, "Adaptive"])
@pytest.mark.parametrize("green", [0.0, 1.0])
def test_metrics_that_are_three_minutes_late_are_measured(deployer: Deployer, traffic: str, green: float) -> None:
    deployer.aws.clock.sleep(17)
    Users(deployer, 6000, green=green)
    deployer.aws.clock.sleep(3600)
    deployer.aws.metrics.delay_seconds = 180

    run = deployer.deploy(traffic=traffic)

    assert run.ended == ("RolledBack" if green else "Deployed")
    if green:
        assert "green failed" in run.cause
    else:
        assert run.document["bake"]["look"]["verdict"] == "fine"
        assert deployer.record(run)["watched"]["kind"] == "judged"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("metric", ["Errors", "Invocations"])
def test_a_metric_of_one_version_that_comes_a_minute_after_the_others_rolls_nothing_back(
    deployer: Deployer, version: str, metric: str
) -> None:
    deployer.aws.clock.sleep(17)
    Users(deployer, 6000, blue=0.05, green=0.05)
    deployer.aws.clock.sleep(3600)
    deployer.aws.metrics.delay_seconds = 60
    deployer.aws.metrics.later[metric, version] = 130

    run = deployer.deploy(traffic=CANARY_10)

    assert run.ended == "Deployed"
    findings = [json.loads(look)["evidence"]["findings"] for look in looks(deployer)]
    errors = [each for of_look in findings for each in of_look if each["signal"] == "errors"]
    assert max(each["log_evidence"] for each in errors) < 1
    assert errors[-1]["blue"]["bad"] / errors[-1]["blue"]["requests"] == pytest.approx(0.05)


@pytest.mark.parametrize(("policy", "ended"), [("roll_back", "RolledBack"), ("proceed", "Deployed")])
def test_a_green_that_cloudwatch_does_not_show_is_never_called_silent(
    deployer: Deployer, policy: str, ended: str
) -> None:
    Users(deployer, 6000, green=1.0)
    deployer.aws.metrics.unshown = {"2"}

    run = deployer.deploy(traffic=CANARY_10, health={"cannot_measure": policy, "no_traffic": "proceed"})

    assert run.ended == ended
    assert not any("nobody called green" in look and "going on" in look for look in looks(deployer))
    assert any("green's own series in CloudWatch shows none" in look for look in looks(deployer))
    if ended == "RolledBack":
        assert "6 times in a row" in run.cause
        assert deployer.alias() == ("1", {})
    else:
        assert deployer.record(run)["watched"]["kind"] == "not_measured"


@pytest.mark.parametrize(
    ("traffic", "per_minute", "kind", "seconds"),
    [
        ("Canary10Percent5Minutes", 0, "nobody_called", 300),
        ("Canary10Percent5Minutes", 600, "judged", 300),
        ("AllAtOnce", 600, "not_watched", 0),
        ("Adaptive", 0, "nobody_called", 600),
    ],
)
def test_the_record_says_what_is_known_of_green_under_traffic(
    deployer: Deployer, traffic: str, per_minute: int, kind: str, seconds: int
) -> None:
    if per_minute:
        Users(deployer, per_minute)

    run = deployer.deploy(traffic=traffic)

    watched = deployer.record(run)["watched"]
    assert (watched["kind"], watched["seconds"]) == (kind, pytest.approx(seconds, abs=60))
    assert (watched["requests"] > 0) is (kind == "judged")


@pytest.mark.parametrize(
    "traffic",
    [
        {"steps": [{"weight": 0.1, "bake_seconds": 30}, {"weight": 0.5, "bake_seconds": 30}]},
        {"steps": [{"weight": 0.5, "bake_seconds": 10}], "final_bake_seconds": 20},
        {"steps": [{"weight": 1, "bake_seconds": 30}]},
    ],
    ids=str,
)
def test_a_schedule_that_would_be_over_before_green_is_seen_is_held_until_it_is(
    deployer: Deployer, traffic: dict[str, Any]
) -> None:
    deployer.aws.clock.sleep(17)
    Users(deployer, 600, green=1.0)
    deployer.aws.clock.sleep(3600)

    run = deployer.deploy(traffic=traffic)

    assert run.error == "GreenUnhealthy"
    assert deployer.alias() == ("1", {})


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


class TestTheFinalBake:
    TRAFFIC: ClassVar[dict[str, Any]] = {"steps": [{"weight": 0.5, "bake_seconds": 300}], "final_bake_seconds": 1800}

    @pytest.mark.parametrize(("keep_control", "last"), [({}, [0.95, 1.0]), ({"keep_control": 0.2}, [0.8, 1.0])])
    def test_keeps_blue_as_control_and_then_green_gets_everything(
        self, deployer: Deployer, keep_control: dict[str, float], last: list[float]
    ) -> None:
        Users(deployer, 6000)
        routes: list[Any] = []
        deployer.aws.after(1500, lambda: routes.append(deployer.alias()))

        run = deployer.deploy(traffic=self.TRAFFIC | keep_control)

        assert run.ended == "Deployed"
        assert weights(run) == [0.5, *last]
        assert took(run) == pytest.approx(2100, abs=5)
        assert routes == [("1", {"2": last[0]})]
        assert deployer.alias() == ("2", {})
        assert run.path[-7:-3] == ["ShiftAlias", "Bake", "CheckHealth", "WhatNext?"]

    def test_compares_a_green_that_goes_bad_in_it_with_blue(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(3600)

        def worse() -> None:
            users.fails["2"] = 0.05

        deployer.aws.after(400, worse)
        run = deployer.deploy(traffic=self.TRAFFIC)

        assert run.error == "GreenUnhealthy"
        assert weights(run) == [0.5, 0.95]
        assert deployer.alias() == ("1", {})

    def test_rolls_nothing_back_for_an_outage_of_both_versions(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(3600)

        def outage(share: float) -> None:
            users.fails = {"1": share, "2": share}

        deployer.aws.after(900, lambda: outage(0.5))
        deployer.aws.after(1200, lambda: outage(0.002))
        run = deployer.deploy(traffic=self.TRAFFIC)

        assert run.ended == "Deployed"

    def test_without_control_leaves_the_verdict_to_the_alarms(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000)
        deployer.aws.clock.sleep(3600)
        alarm("sales", "OK")

        def worse() -> None:
            users.fails["2"] = 1.0

        deployer.aws.after(400, worse)
        deployer.aws.after(1000, lambda: alarm("sales", "ALARM"))
        run = deployer.deploy(traffic=self.TRAFFIC | {"keep_control": 0}, health={"alarms": ["sales"]})

        assert weights(run) == [0.5, 1.0]
        assert run.error == "GreenUnhealthy"
        assert "the alarm sales went off" in run.cause
        assert took(run) == 300
        assert deployer.alias() == ("1", {})


class TestASuspectedGreen:
    """Two of its requests failed: odds of more than 10 to 1 against it, and less than the 100 to 1 of a proof."""

    @pytest.mark.parametrize(
        ("asked", "ended", "said"),
        [
            ({}, "RolledBack", "are no proof (100 to 1 is); the default says (when_suspected) to roll back then"),
            ({"when_suspected": "roll_back"}, "RolledBack", "the request says (when_suspected) to roll back then"),
            ({"when_suspected": "promote"}, "Deployed", "going on, as the request says (when_suspected)"),
        ],
    )
    def test_is_the_requests_to_decide(self, deployer: Deployer, asked: dict[str, str], ended: str, said: str) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(1, after=400)

        run = deployer.deploy(traffic=CANARY_10, health=asked)

        assert run.ended == ended
        assert took(run) == (0 if ended == "RolledBack" else 600)
        assert deployer.alias() == (("1", {}) if ended == "RolledBack" else ("2", {}))
        (look,) = (look for look in looks(deployer) if "when_suspected" in look)
        assert said in look
        assert "the odds against green, 47 to 1" in look

    def test_is_held_until_it_is_cleared(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(1, after=400)
        deployer.aws.after(600, lambda: users.fails.update({"1": 0.02}))  # blue fails as well from then on

        run = deployer.deploy(traffic=CANARY_10, health={"when_suspected": "hold"})

        assert run.ended == "Deployed"
        assert any("holding on, as the request says (when_suspected)" in look for look in looks(deployer))
        assert 600 < took(run) < 900

    def test_is_held_until_it_is_found_worse(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(2, after=400)
        users.fail(2, after=520)

        run = deployer.deploy(traffic=CANARY_10, health={"when_suspected": "hold"})

        assert (run.error, deployer.alias()) == ("GreenUnhealthy", ("1", {}))
        assert "to 1 that green is worse" in run.cause
        assert any("holding on" in look for look in looks(deployer))


def test_a_look_remembers_no_more_and_reads_no_more_at_the_end_of_a_long_bake(deployer: Deployer) -> None:
    hours = 6
    Users(deployer, 600)

    run = deployer.deploy(traffic={"steps": [{"weight": 0.5, "bake_seconds": hours * 3600}]})

    entered = [event.get("stateEnteredEventDetails", {}) for event in run.history]
    documents = [json.loads(each["input"]) for each in entered if each.get("name") == "CheckHealth"]
    remembered = [document["bake"]["look"]["memory"] for document in documents]
    sizes = [len(json.dumps(memory)) for memory in remembered if memory["watch"]]
    assert max(sizes) < min(sizes) + 50
    assert max(sizes) < 4000
    left = [
        look - after["until"]
        for look, before, after in zip(looked_at(run), remembered, remembered[1:], strict=False)
        if after["until"] and after != before  # between two looks CheckHealth reads people's orders only
    ]
    assert max(left) < 600
    assert sum(memory["until"] == 0 for memory in remembered) < 15
    assert not any('"memory"' in look for look in looks(deployer))
    counted = run.document["bake"]["look"]["green"]["requests"]
    assert counted == pytest.approx(300 * 60 * hours, rel=0.02)


class TestAdaptive:
    def test_a_good_green_gets_everything_as_the_evidence_grows(self, deployer: Deployer) -> None:
        Users(deployer, 60_000, blue=0.001, green=0.001)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        weights = [shift["weight"] for shift in run.output["bake"]["shifts"]]
        took = run.output["bake"]["shifts"][-1]["at"] - run.output["bake"]["shifts"][0]["at"]
        assert run.ended == "Deployed"
        assert weights[0] < 0.05
        assert weights == sorted(weights)
        assert weights[-1] == 1.0
        assert took <= 11 * 60

    @pytest.mark.parametrize("recovers", [True, False])
    def test_a_green_that_is_suspected_goes_back_to_a_small_weight_until_it_is_cleared_or_worse(
        self, deployer: Deployer, recovers: bool
    ) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(1200)

        def rate(fails: float) -> None:
            users.fails["2"] = fails

        deployer.aws.after(420, lambda: rate(0.006))
        if recovers:
            deployer.aws.after(490, lambda: rate(0.001))
        run = deployer.deploy(traffic="Adaptive")

        weights = [shift["weight"] for shift in run.document["bake"]["shifts"]]
        lowest = min(range(1, len(weights)), key=lambda number: weights[number] - weights[number - 1])
        assert weights[lowest] <= 0.1 <= weights[lowest - 1]
        assert any("goes back from" in look for look in looks(deployer))
        assert run.path.count("ShiftAlias") == len(weights)
        if recovers:
            assert (run.ended, weights[-1], deployer.alias()) == ("Deployed", 1.0, ("2", {}))
        else:
            assert (run.error, deployer.alias()) == ("GreenUnhealthy", ("1", {}))

    def test_a_green_that_always_fails_harms_no_more_than_its_budget(self, deployer: Deployer) -> None:
        users = Users(deployer, 60_000, green=1.0)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        assert run.error == "GreenUnhealthy"
        assert users.harmed < 2000

    def test_is_looked_at_and_shifted_when_a_minute_begins(self, deployer: Deployer) -> None:
        deployer.aws.clock.sleep(17)
        Users(deployer, 6000)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        shifts = [shift["at"] % 60 for shift in run.document["bake"]["shifts"]]
        assert run.ended == "Deployed"
        assert shifts[0] == pytest.approx(17, abs=5)
        assert max(shifts[1:]) < 5
        assert len(shifts) > 4
        assert max(moment % 60 for moment in looked_at(run)) < 5

    @pytest.mark.parametrize("second", [3, 17, 44])
    def test_a_first_failed_request_alone_does_not_hold_green_back(self, deployer: Deployer, second: int) -> None:
        deployer.aws.clock.sleep(second)
        Users(deployer, 600).fails_first = {"2"}
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        assert run.ended == "Deployed"
        assert run.document["bake"]["look"]["green"]["failed"] == 1
        assert took(run) < 1200

    def test_a_deployment_in_a_hurry_is_over_by_its_time(self, deployer: Deployer) -> None:
        Users(deployer, 60)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive", health={"promote_by_seconds": 600})

        assert (run.ended, deployer.alias()) == ("Deployed", ("2", {}))
        assert 540 <= took(run) <= 600
        assert weights(run)[0] == 0.1

    def test_a_deployment_in_a_hurry_promotes_no_green_that_is_suspected(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        deployer.aws.clock.sleep(1200)

        def worse() -> None:
            users.fails["2"] = 0.05

        deployer.aws.after(360, worse)
        run = deployer.deploy(traffic="Adaptive", health={"promote_by_seconds": 600})

        assert (run.ended, deployer.alias()) == ("RolledBack", ("1", {}))
        assert max(weights(run)) < 1

    def test_a_function_without_callers_gets_there_too(self, deployer: Deployer) -> None:
        run = deployer.deploy(GOOD % 2, traffic="Adaptive")

        assert run.ended == "Deployed"
        assert deployer.alias() == ("2", {})
