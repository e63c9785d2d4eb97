"""What a deployment does when something fails: each state in turn, passing hiccups, and other people."""

import base64
import hashlib
from typing import Any

import boto3
import pytest

from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, FUNCTION, GOOD, Deployer, zip_of
from tests.machine.test_deploy import CANARY_5

BEFORE_TRAFFIC = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen"]
UNDER_TRAFFIC = ["ShiftAlias", "CheckHealth", "CompleteDeployment"]


@pytest.mark.parametrize("state", [*BEFORE_TRAFFIC, *UNDER_TRAFFIC])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_state_fails_blue_serves_afterwards(deployer: Deployer, state: str, when: Any) -> None:
    before = deployer.digest()

    with deployer.aws.state_fails(state, "AnUnknownError", times=None, when=when):
        run = deployer.deploy()

    assert run.ended == ("RollbackFailed" if (state, when) == ("CompleteDeployment", "after") else "RolledBack")
    if run.ended == "RolledBack":
        assert run.error == "AnUnknownError"
        assert deployer.alias() == ("1", {})
        assert deployer.digest() == before
        assert deployer.record(run)["state"] == "RolledBack"
    assert deployer.items("lock#") == []


def test_whichever_shift_fails_blue_serves_afterwards(deployer: Deployer) -> None:
    with deployer.aws.state_fails("ShiftAlias", "AnUnknownError", skip=3):
        run = deployer.deploy(traffic="Linear10PercentEvery1Minute")

    assert run.path.count("ShiftAlias") == 4
    assert run.ended == "RolledBack"
    assert deployer.alias() == ("1", {})


def test_a_request_that_cannot_be_opened_is_rejected(deployer: Deployer) -> None:
    before = deployer.everything()

    with deployer.aws.state_fails("OpenDeployment", "AnUnknownError", times=None):
        run = deployer.deploy()

    assert run.path == ["OpenDeployment", "RejectDeployment", "Rejected"]
    assert deployer.everything() == before


def test_a_rejection_that_cannot_be_written_down_is_still_a_failure(deployer: Deployer) -> None:
    with deployer.aws.state_fails("RejectDeployment", "Lambda.Unknown", times=None):
        run = deployer.deploy(traffic="Sideways")

    assert run.ended == "RejectedWithoutRecord"
    assert run.error == "InvalidRequest"


def test_a_rollback_is_tried_again_until_it_works(deployer: Deployer) -> None:
    with (
        deployer.aws.state_fails("CheckHealth", "AnUnknownError", times=None),
        deployer.aws.state_fails("RollBack", "Lambda.Unknown", times=20),
    ):
        run = deployer.deploy()

    assert run.ended == "RolledBack"
    assert deployer.alias() == ("1", {})


def test_a_rollback_that_never_works_says_so_and_keeps_both_failures(deployer: Deployer) -> None:
    with (
        deployer.aws.state_fails("CheckHealth", "TheFirstFailure", times=None),
        deployer.aws.state_fails("RollBack", "TheSecondFailure", times=None),
    ):
        run = deployer.deploy()

    assert run.ended == "RollbackFailed"
    assert run.error == "RollbackFailed"
    assert run.document["failure"]["Error"] == "TheFirstFailure"
    assert run.document["rollback_failure"]["Error"] == "TheSecondFailure"


HICCUPS = [
    ("ListTags", "TooManyRequestsException", 7),
    ("DescribeExecution", "ThrottlingException", 7),
    ("Query", "InternalServerError", 7),
    ("GetFunction", "TooManyRequestsException", 7),
    ("GetObject", "SlowDown", 7),
    ("TransactWriteItems", "ConnectionClosed", 7),
    ("UpdateFunctionCode", "TooManyRequestsException", 7),
    ("UpdateFunctionCode", "ReadTimeout", 7),
    ("Invoke", "TooManyRequestsException", 3),
    ("PublishVersion", "ServiceException", 7),
    ("GetAlias", "ServiceException", 7),
    ("UpdateAlias", "TooManyRequestsException", 7),
    ("UpdateAlias", "ReadTimeout", 7),
    ("GetMetricData", "InternalFailure", 7),
    ("PutItem", "InternalServerError", 7),
    ("UpdateItem", "ConnectTimeout", 7),
]
"""More times than boto3 tries by itself (three; once for an invoke), so that the machine must try again."""


@pytest.mark.parametrize(("operation", "code", "times"), HICCUPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_passing_hiccup_is_retried_not_rolled_back(
    deployer: Deployer, operation: str, code: str, times: int, when: Any
) -> None:
    with deployer.aws.fails(operation, code, times=times, when=when) as fault:
        run = deployer.deploy()

    assert fault.met >= 3
    assert list(dict.fromkeys(run.path)) == list(dict.fromkeys(CANARY_5))
    assert deployer.alias() == ("2", {})


def test_a_lambda_that_is_killed_is_invoked_again(deployer: Deployer) -> None:
    with deployer.aws.state_fails("ShiftAlias", "Lambda.ServiceException", times=3, when="after"):
        assert deployer.deploy().ended == "Deployed"


def test_someone_else_moving_the_alias_stops_the_deployment_and_is_left_alone(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    def move() -> None:
        boto3.client("lambda").update_alias(
            FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {}}
        )

    deployer.aws.after(130, move)
    run = deployer.deploy(GOOD % 3)

    assert run.ended == "RolledBack"
    assert run.error == "AliasMoved"
    assert deployer.record(run)["alias_outcome"] == "changed_by_others"
    assert deployer.alias() == ("1", {})


def test_someone_else_changing_latest_before_green_is_published_stops_the_deployment(deployer: Deployer) -> None:
    theirs = GOOD % 99

    def change() -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(theirs))

    with deployer.aws.fails("Invoke", "TooManyRequestsException", times=6):
        deployer.aws.after(1, change)
        run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "LatestMoved")
    assert deployer.record(run)["latest_outcome"] == "changed_by_others"
    boto3.client("lambda").publish_version(FunctionName=FUNCTION)
    assert deployer.digest() == deployer.digest("2")


def test_someone_else_changing_latest_while_green_is_watched_stops_nothing_and_is_noted(deployer: Deployer) -> None:
    theirs = zip_of(GOOD % 99)
    deployer.aws.after(100, lambda: boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=theirs))

    run = deployer.deploy()

    assert run.ended == "Deployed"
    assert deployer.alias() == ("2", {})
    assert deployer.record(run)["latest_outcome"] == "changed_by_others"
    assert deployer.digest() == base64.b64encode(hashlib.sha256(theirs).digest()).decode()


def test_a_rollback_leaves_the_code_that_someone_else_put_into_latest_while_green_was_watched(
    deployer: Deployer,
) -> None:
    theirs = zip_of(GOOD % 99)
    deployer.users_call()
    deployer.aws.after(50, lambda: boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=theirs))

    run = deployer.deploy(BAD_UNDER_TRAFFIC)

    assert (run.ended, deployer.alias()) == ("RolledBack", ("1", {}))
    assert deployer.record(run)["latest_outcome"] == "changed_by_others"
    assert deployer.digest() == base64.b64encode(hashlib.sha256(theirs).digest()).decode()


def test_a_version_that_lambda_put_to_sleep_is_woken_before_it_serves(deployer: Deployer) -> None:
    deployer.deploy(traffic="AllAtOnce")
    request = {"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"}

    with deployer.aws.fails("Invoke", "SnapStartNotReadyException", state="SmokeTestGreen", times=3):
        run = deployer.run(request)

    assert run.ended == "Deployed"
    assert deployer.alias() == ("1", {})


@pytest.mark.parametrize("code", ["ResourceConflictException", "SnapStartNotReadyException"])
def test_a_latest_that_cannot_be_called_yet_is_waited_for(deployer: Deployer, code: str) -> None:
    with deployer.aws.fails("Invoke", code, state="SmokeTest", times=3) as fault:
        run = deployer.deploy()

    assert (fault.met, run.ended) == (3, "Deployed")


def test_a_second_deployment_of_the_same_alias_is_refused_with_the_firsts_name(deployer: Deployer) -> None:
    artifact = deployer.upload(GOOD % 2)
    seconds: list[Any] = []

    def second() -> None:
        seconds.append(deployer.aws.walk({"function": FUNCTION, "artifact": artifact}, "second"))

    deployer.aws.after(60, second)
    first = deployer.run({"function": FUNCTION, "artifact": artifact}, "first")
    (refused,) = seconds

    assert first.ended == "Deployed"
    assert refused.ended == "Rejected"
    assert refused.error == "DeploymentInProgress"
    assert "first" in refused.cause
    assert "console.aws.amazon.com" in refused.cause


def test_a_deployment_after_a_stopped_one_recovers_first_and_then_goes_on(deployer: Deployer) -> None:
    arn = deployer.aws.start({"function": FUNCTION, "artifact": deployer.upload(BAD_UNDER_TRAFFIC)}, "stopped")
    deployer.aws.after(90, lambda: deployer.aws.stop(arn))
    stopped = deployer.aws.finish(arn)
    assert stopped.ended == "ABORTED"
    assert deployer.alias() == ("1", {"2": 0.1})

    run = deployer.deploy(GOOD % 3)

    assert run.path[:4] == ["OpenDeployment", "RecoverPrevious", "OpenDeployment", "WhatToDeploy?"]
    assert run.ended == "Deployed"
    assert deployer.alias() == (run.output["green"]["version"], {})
    assert deployer.record(stopped)["state"] == "RolledBack"
