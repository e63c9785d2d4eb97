"""ShiftAlias gives green its next share, once, and only of an alias that is as it was left."""

from contextlib import nullcontext
from typing import Any

import boto3
import pytest

from bluegreen.errors import AliasMoved, AwsUnavailable, DeploymentOver, StillInProgress
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_publishes,
    another_user_updates_the_code,
    aws_answers,
    just_before,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD


@pytest.fixture
def at_shift(desk: Desk) -> Desk:
    return desk.to("ShiftAlias")


def revision() -> str:
    return str(boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["RevisionId"])


def weights(bake: dict[str, Any]) -> list[float]:
    return [shift["weight"] for shift in bake["shifts"]]


def another_user_edits_the_description() -> None:
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")


class TestAShift:
    def test_gives_green_its_first_share(self, at_shift: Desk) -> None:
        bake = at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {"2": 0.1})
        assert weights(bake) == [0.1]
        assert bake["shifts"][0]["at"] == pytest.approx(at_shift.aws.clock.now(), abs=0.1), "but for the pace"

    def test_gives_green_the_whole_alias_at_last_in_one_call(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")
        before = revision()

        with at_shift.aws.fails("UpdateAlias", "ServiceException", skip=1) as second:
            bake = at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("2", {})
        assert weights(bake) == [0.1, 1.0]
        assert (revision() != before, second.met) == (True, 0)

    def test_leaves_the_revision_and_the_next_weight_in_the_document(self, at_shift: Desk) -> None:
        bake = at_shift.run("ShiftAlias")

        assert bake["revision"] == revision()
        assert bake["look"]["next_weight"] == 1.0
        assert at_shift.document["bake"] == bake

    def test_leaves_the_wait_until_the_next_look_in_the_document(self, at_shift: Desk) -> None:
        assert at_shift.run("ShiftAlias")["look"]["next_seconds"] == 60

    def test_that_does_not_bake_is_looked_at_at_once(self, desks: Desks) -> None:
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")

        assert desk.run("ShiftAlias")["look"]["next_seconds"] == 0

    @pytest.mark.parametrize(("second", "wait"), [(17, 43), (47, 73)])
    def test_of_adaptive_is_looked_at_when_a_minute_begins(self, desks: Desks, second: int, wait: int) -> None:
        desk = desks(traffic="Adaptive").to("ShiftAlias")
        desk.aws.clock.sleep(60 + second - desk.aws.clock.now() % 60)

        bake = desk.run("ShiftAlias")

        assert bake["look"]["next_seconds"] == wait
        assert (bake["shifts"][0]["at"] + wait) % 60 < 1

    def test_keeps_what_the_looks_found(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "a"}], health={"no_traffic": "probe"}).to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.aws.clock.sleep(300)
        assert desk.run("CheckHealth")["probes"] == 1

        assert desk.run("ShiftAlias")["look"]["probes"] == 1

    def test_leaves_the_description_of_the_alias(self, at_shift: Desk) -> None:
        another_user_edits_the_description()

        at_shift.run("ShiftAlias")
        at_shift.run("ShiftAlias")

        alias = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        assert alias["Description"] == "what users call"

    def test_is_written_down_before_the_alias_is_moved(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("UpdateAlias", "ServiceException", times=None), pytest.raises(AwsUnavailable):
            at_shift.run("ShiftAlias")

        record = at_shift.record()
        assert (record["green"], record["weights"], record["shift"]) == ("2", [0.1], 1)
        assert at_shift.deployer.alias() == ("1", {})

    def test_writes_down_the_weight_that_green_has_and_the_one_to_come(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")
        at_shift.run("ShiftAlias")

        record = at_shift.record()
        assert (record["weights"], record["shift"]) == ([0.1, 1], 2)


class TestTheNews:
    def test_of_a_shift_is_told_once(self, at_shift: Desk) -> None:
        before = at_shift.document
        at_shift.run("ShiftAlias")
        at_shift.document = before
        at_shift.run("ShiftAlias", retries=1)

        (event,) = at_shift.deployer.announced("Deployment Shifted")
        told = {name: event["detail"][name] for name in ("blue", "green", "weight", "shift")}
        assert told == {"blue": "1", "green": "2", "weight": 0.1, "shift": 1}

    def test_of_a_shift_that_did_not_happen_is_not_told(self, at_shift: Desk) -> None:
        another_user_points_the_alias("1", {"2": 0.7})

        with pytest.raises(AliasMoved):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.announced("Deployment Shifted") == []

    @pytest.mark.parametrize("code", ["InternalException", "AccessDeniedException"])
    def test_holds_up_no_shift(self, at_shift: Desk, code: str) -> None:
        with at_shift.aws.fails("PutEvents", code, times=None):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {"2": 0.1})


class TestTheAlias:
    def test_is_not_read_before_it_is_moved(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("GetAlias", "AccessDeniedException", times=None) as reads:
            at_shift.run("ShiftAlias")
            at_shift.run("ShiftAlias")

        assert reads.met == 0
        assert at_shift.deployer.alias() == ("2", {})

    @pytest.mark.parametrize("code", ["ReadTimeout", "ServiceException", "TooManyRequestsException"])
    def test_is_moved_also_after_a_passing_hiccup(self, at_shift: Desk, code: str) -> None:
        with at_shift.aws.fails("UpdateAlias", code, times=2):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {"2": 0.1})

    def test_that_was_moved_with_the_reply_lost_is_not_taken_for_another_users(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("UpdateAlias", "ReadTimeout", times=1, when="after"):
            bake = at_shift.run("ShiftAlias")

        assert weights(bake) == [0.1]
        assert bake["revision"] == revision()
        assert at_shift.deployer.alias() == ("1", {"2": 0.1})

    def test_that_has_the_share_already_is_not_moved_again(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            at_shift.run("ShiftAlias")
        before = revision()

        bake = at_shift.run("ShiftAlias", retries=1)

        assert weights(bake) == [0.1]
        assert at_shift.deployer.alias() == ("1", {"2": 0.1})
        assert (bake["revision"], revision()) == (before, before)

    def test_stays_as_it_is_while_aws_is_out_of_order(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("UpdateAlias", "ServiceException", times=None), pytest.raises(AwsUnavailable):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})

    def test_that_another_user_moved_is_left_to_them(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")
        another_user_points_the_alias("2", {"1": 0.5})

        with pytest.raises(AliasMoved, match="Someone else moved BonusCalculatorLambda:PROD"):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("2", {"1": 0.5})

    def test_that_another_user_moves_right_before_the_handler_is_not_overwritten(self, at_shift: Desk) -> None:
        with (
            just_before("lambda", "UpdateAlias", lambda: another_user_points_the_alias("2", {"1": 0.5})),
            pytest.raises(AliasMoved),
        ):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("2", {"1": 0.5})

    def test_that_another_user_gave_the_next_share_already_is_taken_as_it_is(self, at_shift: Desk) -> None:
        another_user_points_the_alias("1", {"2": 0.1})
        before = revision()

        bake = at_shift.run("ShiftAlias")

        assert (weights(bake), bake["revision"], revision()) == ([0.1], before, before)

    def test_whose_weights_lambda_sets_for_provisioned_concurrency_is_waited_for(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.7})

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress, match="provisioned concurrency"),
        ):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {"2": 0.7})

    @pytest.mark.parametrize("status", ["READY", "FAILED"])
    def test_whose_provisioned_concurrency_stands_still_was_moved_by_another_user(
        self, at_shift: Desk, status: str
    ) -> None:
        at_shift.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.7})

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": status}),
            pytest.raises(AliasMoved),
        ):
            at_shift.run("ShiftAlias")

    def test_that_lambda_has_just_moved_while_the_handler_reads_it_is_read_again(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.06})

        def lambda_moves_it_on() -> None:
            another_user_points_the_alias("1", {"2": 0.1})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda_moves_it_on),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(StillInProgress),
        ):
            at_shift.run("ShiftAlias")

        assert weights(at_shift.run("ShiftAlias", retries=1)) == [0.1, 1.0]

    @pytest.mark.parametrize("late", [False, True], ids=["before", "right before"])
    def test_of_another_revision_and_the_same_route_is_moved_all_the_same(self, at_shift: Desk, late: bool) -> None:
        """As when another user edits its description, or Lambda changes the revision by itself."""
        at_shift.run("ShiftAlias")
        if not late:
            another_user_edits_the_description()

        with just_before("lambda", "UpdateAlias", another_user_edits_the_description) if late else nullcontext():
            bake = at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("2", {})
        assert bake["revision"] == revision()

    def test_of_another_revision_each_time_is_tried_again_later(self, at_shift: Desk) -> None:
        with (
            at_shift.aws.fails("UpdateAlias", "PreconditionFailedException", times=2),
            pytest.raises(StillInProgress, match="another revision each time"),
        ):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})

    def test_of_a_green_that_is_not_active_yet_is_waited_for(self, at_shift: Desk) -> None:
        with at_shift.aws.fails("UpdateAlias", "ResourceConflictException"), pytest.raises(StillInProgress):
            at_shift.run("ShiftAlias")


class TestLatest:
    @pytest.mark.parametrize("state", ["ShiftAlias", "CheckHealth"])
    @pytest.mark.parametrize("changed", ["code", "settings"])
    def test_that_another_user_changes_after_green_was_published_stops_nothing(
        self, at_shift: Desk, state: str, changed: str
    ) -> None:
        at_shift.run("ShiftAlias")
        if changed == "code":
            another_user_updates_the_code(at_shift.deployer, GOOD % 9)
        else:
            boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=512)

        at_shift.run(state)

        assert at_shift.deployer.alias() == (("2", {}) if state == "ShiftAlias" else ("1", {"2": 0.1}))
        assert at_shift.state() == "open"

    @pytest.mark.parametrize("state", ["ShiftAlias", "CheckHealth"])
    def test_is_not_looked_at_any_more(self, at_shift: Desk, state: str) -> None:
        at_shift.run("ShiftAlias")

        with at_shift.aws.fails("GetFunction", "AccessDeniedException", times=None) as looks:
            at_shift.run(state)

        assert looks.met == 0

    def test_is_nothing_to_a_version_that_was_published_before(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        another_user_updates_the_code(desk.deployer, GOOD % 9)

        desk.run("ShiftAlias")

        assert desk.deployer.alias() == ("1", {"2": 0.1})


class TestAHandlerThatOutlivesItsExecution:
    def test_does_not_set_back_what_later_shifts_wrote_down(self, at_shift: Desk) -> None:
        """Its reply was lost, its state was retried, and the machine went on to the next shift."""

        def overtake() -> None:
            at_shift.run("ShiftAlias", retries=1)
            at_shift.run("ShiftAlias")

        with just_before("dynamodb", "UpdateItem", overtake), pytest.raises(DeploymentOver):
            at_shift.run("ShiftAlias")

        assert at_shift.record()["shift"] == 2
        at_shift.failed().run("RollBack")
        assert at_shift.deployer.alias() == ("1", {})

    def test_changes_nothing_once_the_deployment_is_undone(self, at_shift: Desk) -> None:
        at_shift.failed().run("RollBack")

        with pytest.raises(DeploymentOver):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})

    @pytest.mark.parametrize(
        ("service", "operation", "refused"),
        [
            ("dynamodb", "Query", False),
            ("dynamodb", "UpdateItem", False),
            ("lambda", "UpdateAlias", False),
            ("lambda", "GetAlias", True),
        ],
    )
    def test_changes_nothing_wherever_the_rollback_meets_it(
        self, at_shift: Desk, service: str, operation: str, refused: bool
    ) -> None:
        """Also between its second look at the alias, after a refused call, and its second call."""

        def roll_back() -> None:
            at_shift.failed().run("RollBack")

        with (
            at_shift.aws.fails("UpdateAlias", "PreconditionFailedException") if refused else nullcontext(),
            just_before(service, operation, roll_back),
            pytest.raises(DeploymentOver),
        ):
            at_shift.run("ShiftAlias")

        assert at_shift.deployer.alias() == ("1", {})
        assert at_shift.state() == "RolledBack"

    def test_says_what_moved_the_alias_if_it_is_undone_right_before_a_later_shift(self, at_shift: Desk) -> None:
        at_shift.run("ShiftAlias")

        def is_aborted() -> None:
            at_shift.failed("Aborted", "Aborted by alice: too many complaints.").run("RollBack")

        with just_before("lambda", "UpdateAlias", is_aborted), pytest.raises(DeploymentOver):
            at_shift.run("ShiftAlias")

        assert "is RolledBack by now (Aborted: Aborted by alice" in at_shift.evidence("ShiftAlias")["cause"]
