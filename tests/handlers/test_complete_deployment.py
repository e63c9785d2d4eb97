"""CompleteDeployment closes the record, frees the lock and tells people, once green has all traffic."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import AliasMoved, AwsUnavailable, DeploymentOver, StillInProgress
from bluegreen.ledger import serving
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_publishes,
    another_user_updates_the_code,
    aws_answers,
    just_before,
    told,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET


@pytest.fixture
def shifted(desk: Desk) -> Desk:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    return desk


def noted(desk: Desk) -> dict[str, Any]:
    return desk.evidence("CompleteDeployment")


class TestTheRecord:
    def test_says_that_green_serves(self, shifted: Desk) -> None:
        before = shifted.document

        shifted.run("CompleteDeployment")

        record = shifted.record()
        assert (record["state"], record["serving"]) == ("Deployed", "2")
        assert record["ended_at"]
        assert "alias_outcome" not in record
        assert noted(shifted) == {"serving": "2", "told": True}
        assert shifted.document == before

    def test_leaves_what_serves_and_what_served_before_to_later_deployments(self, shifted: Desk) -> None:
        shifted.run("CompleteDeployment")

        now = serving.now(TARGET)
        assert now == serving.of_version(TARGET, "2") is not None
        assert (now.version, now.before, now.deployment) == ("2", "1", "first")  # type: ignore[union-attr]

    def test_frees_the_lock_and_people_are_told(self, shifted: Desk) -> None:
        shifted.run("CompleteDeployment")

        assert shifted.holder() is None
        assert shifted.deployer.items("lock#") == []
        assert shifted.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"]

    def test_stays_open_if_another_user_moved_the_alias(self, shifted: Desk) -> None:
        another_user_points_the_alias("1")

        with pytest.raises(AliasMoved):
            shifted.run("CompleteDeployment")

        assert shifted.state() == "open"

    def test_is_closed_once_lambda_has_moved_the_provisioned_concurrency(self, shifted: Desk) -> None:
        another_user_points_the_alias("2", {"1": 0.5})  # as Lambda does meanwhile
        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress, match="provisioned concurrency"),
        ):
            shifted.run("CompleteDeployment")
        assert (shifted.state(), shifted.holder()) == ("open", "first")

        another_user_points_the_alias("2")
        shifted.run("CompleteDeployment", retries=1)

        assert (shifted.state(), shifted.holder()) == ("Deployed", None)

    @pytest.mark.parametrize("operation", ["Query", "GetAlias", "GetItem", "TransactWriteItems", "PutItem"])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_closed_by_the_next_attempt_whichever_call_goes_unanswered(
        self, shifted: Desk, operation: str, when: Any
    ) -> None:
        with shifted.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(AwsUnavailable):
            shifted.run("CompleteDeployment")

        shifted.run("CompleteDeployment", retries=1)

        assert shifted.state() == "Deployed"
        assert shifted.holder() is None
        assert shifted.deployer.alias() == ("2", {})

    def test_is_closed_also_if_the_audit_takes_no_step(self, shifted: Desk) -> None:
        with shifted.aws.fails("PutItem", "ReadTimeout", times=None):
            shifted.run("CompleteDeployment", retries=3)

        assert (shifted.state(), shifted.holder()) == ("Deployed", None)

    def test_is_not_touched_again_by_a_second_attempt_beside_the_next_deployment(
        self, shifted: Desk, desks: Desks
    ) -> None:
        with shifted.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifted.run("CompleteDeployment")
        before = shifted.record()
        second = desks("second", GOOD % 3).to("ShiftAlias")
        second.run("ShiftAlias")

        shifted.run("CompleteDeployment", retries=1)

        assert noted(shifted)["serving"] == "2"
        assert shifted.record() == before
        assert second.holder() == "second"


class TestPeople:
    def test_are_told_once(self, shifted: Desk) -> None:
        with shifted.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifted.run("CompleteDeployment")
        shifted.run("CompleteDeployment", retries=1)

        assert len(shifted.deployer.notified()) == 1

    def test_who_could_not_be_told_hold_nothing_up(self, shifted: Desk) -> None:
        with shifted.aws.fails("Publish", "AuthorizationError"):
            shifted.run("CompleteDeployment")

        assert noted(shifted) == {"serving": "2", "told": False}
        assert (shifted.state(), shifted.holder()) == ("Deployed", None)

    def test_whose_being_told_was_not_written_down_may_be_told_again(self, shifted: Desk) -> None:
        with shifted.aws.fails("UpdateItem", "ServiceUnavailable", times=None):
            shifted.run("CompleteDeployment")
        assert noted(shifted)["told"] is False

        shifted.run("CompleteDeployment", retries=1)

        assert noted(shifted)["told"] is True
        assert shifted.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"] * 2


class TestLatest:
    def test_that_is_as_it_was_deployed_is_no_news(self, shifted: Desk) -> None:
        shifted.run("CompleteDeployment")

        assert shifted.record()["latest_outcome"] == "unchanged"
        (text,) = told(shifted.deployer)
        assert "$LATEST" not in text

    @pytest.mark.parametrize("changed", ["code", "settings"])
    def test_that_another_user_changed_is_noted_and_told_and_undoes_nothing(self, shifted: Desk, changed: str) -> None:
        theirs = shifted.deployer.digest()
        if changed == "code":
            theirs = another_user_updates_the_code(shifted.deployer, GOOD % 9)
        else:
            boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=512)

        shifted.run("CompleteDeployment")

        assert (shifted.state(), shifted.record()["latest_outcome"]) == ("Deployed", "changed_by_others")
        assert (shifted.deployer.alias(), shifted.deployer.digest()) == (("2", {}), theirs)
        (text,) = told(shifted.deployer)
        assert "$LATEST since green was published" in text

    @pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException", "ReadTimeout"])
    def test_that_cannot_be_seen_holds_nothing_up(self, shifted: Desk, code: str) -> None:
        with shifted.aws.fails("GetFunction", code, times=None):
            shifted.run("CompleteDeployment")

        assert (shifted.state(), shifted.record()["latest_outcome"]) == ("Deployed", "unseen")

    def test_whose_environment_cannot_be_decrypted_is_not_called_changed(self, shifted: Desk) -> None:
        answer: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
        answer["Configuration"]["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS"}}

        with aws_answers("lambda", "GetFunction", answer):
            shifted.run("CompleteDeployment")

        assert shifted.record()["latest_outcome"] == "unchanged"

    def test_is_not_looked_at_after_a_version_that_was_published_before(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        desk = desks(artifact={"version": "2"}, traffic="AllAtOnce")
        desk.run("OpenDeployment")
        desk.run("ShiftAlias")
        another_user_updates_the_code(desk.deployer, GOOD % 9)

        desk.run("CompleteDeployment")

        assert (desk.state(), desk.record()["latest_outcome"]) == ("Deployed", "not_part")


class TestAHandlerThatOutlivesItsExecution:
    def test_does_not_complete_what_was_undone(self, shifted: Desk) -> None:
        shifted.failed().run("RollBack")

        with pytest.raises(DeploymentOver):
            shifted.run("CompleteDeployment")

        assert shifted.state() == "RolledBack"
        assert shifted.deployer.alias() == ("1", {})

    def test_does_not_complete_what_is_undone_while_it_runs(self, shifted: Desk) -> None:
        with (
            just_before("dynamodb", "TransactWriteItems", lambda: shifted.failed().run("RollBack")),
            pytest.raises(DeploymentOver),
        ):
            shifted.run("CompleteDeployment")

        assert shifted.state() == "RolledBack"
        assert shifted.deployer.alias() == ("1", {})

    def test_says_what_moved_the_alias_if_it_is_undone_before_the_alias_is_read(self, shifted: Desk) -> None:
        def is_aborted() -> None:
            shifted.failed("Aborted", "Aborted by alice: too many complaints.").run("RollBack")

        with just_before("lambda", "GetAlias", is_aborted), pytest.raises(DeploymentOver):
            shifted.run("CompleteDeployment")

        assert "is RolledBack by now (Aborted: Aborted by alice" in shifted.evidence("CompleteDeployment")["cause"]
