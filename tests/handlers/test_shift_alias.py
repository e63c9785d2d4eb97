"""ShiftAlias gives green its next share, once, and only of an alias that is as it was left."""

from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.errors import AliasMoved, AwsUnavailable, DeploymentOver, LatestMoved, StillInProgress
from tests.handlers.desk import (
    Desk,
    Desks,
    aws_answers,
    just_before,
    somebody_points_the_alias,
    somebody_updates_the_code,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, zip_of


@pytest.fixture
def at_shift(desk: Desk) -> Desk:
    return desk.to("ShiftAlias")


def revision() -> str:
    return str(boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["RevisionId"])


def test_green_gets_its_first_share(at_shift: Desk) -> None:
    shift = at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("1", {"2": 0.1})
    assert (shift["green_weight"], shift["fully_shifted"], shift["step"]) == (0.1, False, 1)


def test_green_gets_the_whole_alias_at_last_in_one_call(at_shift: Desk) -> None:
    at_shift.run("ShiftAlias")
    before = revision()

    shift = at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("2", {})
    assert shift["fully_shifted"]
    assert revision() != before


def test_the_wait_until_the_next_look_is_in_the_section(at_shift: Desk) -> None:
    assert at_shift.run("ShiftAlias")["look_seconds"] == 60


def test_the_aliass_description_stays(at_shift: Desk) -> None:
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")

    at_shift.run("ShiftAlias")
    at_shift.run("ShiftAlias")

    assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["Description"] == "what users call"


@pytest.mark.parametrize("code", ["ReadTimeout", "ServiceException", "TooManyRequestsException"])
def test_a_passing_hiccup_is_got_over(at_shift: Desk, code: str) -> None:
    with at_shift.aws.fails("UpdateAlias", code, times=2):
        at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("1", {"2": 0.1})


def test_a_reply_lost_on_the_way_is_not_taken_for_somebody_elses_move(at_shift: Desk) -> None:
    with at_shift.aws.fails("UpdateAlias", "ReadTimeout", times=1, when="after"):
        shift = at_shift.run("ShiftAlias")

    assert shift["green_weight"] == 0.1
    assert at_shift.deployer.alias() == ("1", {"2": 0.1})


def test_a_share_that_was_given_before_is_not_given_again(at_shift: Desk) -> None:
    with at_shift.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
        at_shift.run("ShiftAlias")
    before = revision()

    shift = at_shift.run("ShiftAlias", retries=1)

    assert (shift["step"], shift["green_weight"]) == (1, 0.1)
    assert at_shift.deployer.alias() == ("1", {"2": 0.1})
    assert revision() == before


def test_aws_out_of_order_is_worth_a_retry_and_changes_nothing(at_shift: Desk) -> None:
    with at_shift.aws.fails("UpdateAlias", "ServiceException", times=None), pytest.raises(AwsUnavailable):
        at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("1", {})


def test_an_alias_that_somebody_else_moved_is_left_to_them(at_shift: Desk) -> None:
    at_shift.run("ShiftAlias")
    somebody_points_the_alias("2", {"1": 0.5})

    with pytest.raises(AliasMoved, match="Someone else moved BonusCalculatorLambda:PROD"):
        at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("2", {"1": 0.5})


def test_a_move_right_before_ours_is_not_overwritten(at_shift: Desk) -> None:
    with (
        just_before("lambda", "UpdateAlias", lambda: somebody_points_the_alias("2", {"1": 0.5})),
        pytest.raises(AliasMoved),
    ):
        at_shift.run("ShiftAlias")

    assert at_shift.deployer.alias() == ("2", {"1": 0.5})


def test_weights_that_lambda_sets_for_provisioned_concurrency_are_waited_for(at_shift: Desk) -> None:
    at_shift.run("ShiftAlias")
    somebody_points_the_alias("1", {"2": 0.7})

    with (
        aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
        pytest.raises(StillInProgress, match="provisioned concurrency"),
    ):
        at_shift.run("ShiftAlias")


@pytest.mark.parametrize("status", ["READY", "FAILED"])
def test_weights_beside_provisioned_concurrency_that_stands_still_are_somebody_elses(
    at_shift: Desk, status: str
) -> None:
    at_shift.run("ShiftAlias")
    somebody_points_the_alias("1", {"2": 0.7})

    with (
        aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": status}),
        pytest.raises(AliasMoved),
    ):
        at_shift.run("ShiftAlias")


def test_a_move_of_lambda_that_ends_while_it_is_looked_at_is_nobody_elses(at_shift: Desk) -> None:
    at_shift.run("ShiftAlias")
    somebody_points_the_alias("1", {"2": 0.06})

    with (
        just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: somebody_points_the_alias("1", {"2": 0.1})),
        aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
        pytest.raises(StillInProgress),
    ):
        at_shift.run("ShiftAlias")

    assert at_shift.run("ShiftAlias", retries=1)["fully_shifted"]


def test_a_new_revision_of_the_same_route_is_no_move(at_shift: Desk) -> None:
    """As when somebody edits the alias's description, or Lambda changes its revision by itself."""

    def describe() -> None:
        boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")

    at_shift.run("ShiftAlias")
    with just_before("lambda", "UpdateAlias", describe), pytest.raises(StillInProgress):
        at_shift.run("ShiftAlias")

    at_shift.run("ShiftAlias", retries=1)
    assert at_shift.deployer.alias() == ("2", {})


@pytest.mark.parametrize("state", ["ShiftAlias", "CheckHealth", "CompleteDeployment"])
@pytest.mark.parametrize("changed", ["code", "settings"])
def test_latest_that_somebody_else_changed_is_noticed_at_the_next_step(
    at_shift: Desk, state: str, changed: str
) -> None:
    at_shift.run("ShiftAlias")
    if state == "CompleteDeployment":
        at_shift.run("ShiftAlias")
    before = at_shift.deployer.alias()
    if changed == "code":
        theirs = somebody_updates_the_code(at_shift.deployer, GOOD % 9)
    else:
        boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=512)

    with pytest.raises(LatestMoved, match=f"The code or the configuration of {FUNCTION} changed while green was"):
        at_shift.run(state)

    assert at_shift.deployer.alias() == before
    at_shift.failed("LatestMoved", "somebody").run("RollBack")
    assert at_shift.deployer.alias() == ("1", {})
    if changed == "code":
        assert at_shift.deployer.digest() == theirs


@pytest.mark.parametrize(
    "odd",
    [
        {"sha256": "as it was before"},
        {"settings": ""},
    ],
    ids=["a stale look", "an environment that cannot be decrypted"],
)
@pytest.mark.parametrize("state", ["ShiftAlias", "CheckHealth"])
def test_one_odd_look_at_latest_stops_nothing(at_shift: Desk, state: str, odd: dict[str, str]) -> None:
    at_shift.run("ShiftAlias")
    describe, oddly = functions.describe, [odd]

    def once(function: str, qualifier: str = functions.LATEST) -> functions.Function:
        return describe(function, qualifier).model_copy(update=oddly.pop() if oddly else {})

    with mock.patch.object(functions, "describe", once):
        at_shift.run(state)

    assert oddly == []


def test_an_environment_that_cannot_be_decrypted_says_nothing_of_its_settings(desk: Desk) -> None:
    answer: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
    answer["Configuration"]["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS"}}

    with aws_answers("lambda", "GetFunction", answer):
        assert functions.describe(FUNCTION).settings == ""


def test_latest_is_nothing_to_a_version_that_existed(desks: Desks) -> None:
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
    desk = desks(artifact={"version": "2"})
    desk.run("OpenDeployment")
    desk.document["green"] = {"version": "2"}
    somebody_updates_the_code(desk.deployer, GOOD % 9)

    desk.run("ShiftAlias")

    assert desk.deployer.alias() == ("1", {"2": 0.1})


def test_a_green_that_is_not_active_yet_is_waited_for(at_shift: Desk) -> None:
    with at_shift.aws.fails("UpdateAlias", "ResourceConflictException"), pytest.raises(StillInProgress):
        at_shift.run("ShiftAlias")


class TestAHandlerThatOutlivesItsExecution:
    def test_does_not_set_back_what_later_shifts_wrote_down(self, at_shift: Desk) -> None:
        """Its reply was lost, its state was retried, and the machine went on to the next shift."""

        def overtake() -> None:
            at_shift.run("ShiftAlias", retries=1)
            at_shift.run("ShiftAlias")

        with just_before("dynamodb", "UpdateItem", overtake), pytest.raises(DeploymentOver):
            at_shift.run("ShiftAlias")

        at_shift.failed().run("RollBack")
        assert at_shift.deployer.alias() == ("1", {})

    def test_changes_nothing_once_the_deployment_is_undone(self, at_shift: Desk) -> None:
        at_shift.failed().run("RollBack")

        with pytest.raises((DeploymentOver, LatestMoved)):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})

    @pytest.mark.parametrize(
        ("service", "operation"), [("lambda", "GetAlias"), ("dynamodb", "UpdateItem"), ("lambda", "UpdateAlias")]
    )
    def test_changes_nothing_wherever_the_rollback_meets_it(self, at_shift: Desk, service: str, operation: str) -> None:
        def roll_back() -> None:
            at_shift.failed().run("RollBack")

        with just_before(service, operation, roll_back), pytest.raises((DeploymentOver, LatestMoved, StillInProgress)):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})
        assert at_shift.state() == "RolledBack"
