"""Metrics that are late, missing or cannot be read are never taken for health, and the request says what follows."""

import json
from typing import Any

import pytest

from tests.machine.callers import CANARY_10, Users, looks, weights
from tests.machine.deployer import Deployer


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
