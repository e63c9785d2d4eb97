"""CompleteDeployment closes the record, frees the lock and tells people, once green serves everybody."""

from typing import Any

import pytest

from bluegreen.errors import AliasMoved, AwsUnavailable, DeploymentOver
from tests.handlers.desk import Desk, Desks, just_before, somebody_points_the_alias
from tests.machine.deployer import ALIAS, FUNCTION, GOOD


@pytest.fixture
def shifted(desk: Desk) -> Desk:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    return desk


def test_the_record_says_that_green_serves(shifted: Desk) -> None:
    completion = shifted.run("CompleteDeployment")

    assert completion == {"serving": "2", "told": True}
    record = shifted.record() or {}
    assert (record["state"], record["serving"]) == ("Deployed", "2")
    assert record["ended_at"]


def test_the_lock_is_free_and_people_are_told(shifted: Desk) -> None:
    shifted.run("CompleteDeployment")

    assert shifted.holder() is None
    assert shifted.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"]


@pytest.mark.parametrize("operation", ["GetAlias", "GetItem", "TransactWriteItems", "PutItem"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_call_goes_unanswered_the_next_attempt_completes(shifted: Desk, operation: str, when: Any) -> None:
    with shifted.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(AwsUnavailable):
        shifted.run("CompleteDeployment")

    shifted.run("CompleteDeployment", retries=1)

    assert shifted.state() == "Deployed"
    assert shifted.holder() is None
    assert shifted.deployer.alias() == ("2", {})


def test_no_deployment_turns_on_its_note_for_ever(shifted: Desk) -> None:
    with shifted.aws.fails("PutItem", "ReadTimeout", times=None):
        assert shifted.run("CompleteDeployment", retries=3)["serving"] == "2"

    assert (shifted.state(), shifted.holder()) == ("Deployed", None)


def test_people_are_told_once(shifted: Desk) -> None:
    with shifted.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
        shifted.run("CompleteDeployment")
    shifted.run("CompleteDeployment", retries=1)

    assert len(shifted.deployer.notified()) == 1


def test_no_deployment_turns_on_whether_people_could_be_told(shifted: Desk) -> None:
    with shifted.aws.fails("Publish", "AuthorizationError"):
        assert shifted.run("CompleteDeployment") == {"serving": "2", "told": False}

    assert (shifted.state(), shifted.holder()) == ("Deployed", None)


def test_who_was_told_without_its_being_written_down_may_be_told_again_and_nothing_else(shifted: Desk) -> None:
    with shifted.aws.fails("UpdateItem", "ServiceUnavailable", times=None):
        assert shifted.run("CompleteDeployment") == {"serving": "2", "told": False}

    assert shifted.run("CompleteDeployment", retries=1) == {"serving": "2", "told": True}
    assert shifted.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"] * 2


def test_an_alias_that_somebody_else_moved_is_not_called_deployed(shifted: Desk) -> None:
    somebody_points_the_alias("1")

    with pytest.raises(AliasMoved):
        shifted.run("CompleteDeployment")

    assert shifted.state() == "open"


def test_a_second_attempt_does_not_mind_what_the_next_deployment_does(shifted: Desk, desks: Desks) -> None:
    with shifted.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
        shifted.run("CompleteDeployment")
    second = desks("second", GOOD % 3).to("ShiftAlias")
    second.run("ShiftAlias")

    assert shifted.run("CompleteDeployment", retries=1)["serving"] == "2"
    assert second.holder() == "second"


class TestAHandlerThatOutlivesItsExecution:
    def test_does_not_complete_what_was_undone(self, shifted: Desk) -> None:
        shifted.failed().run("RollBack")

        with pytest.raises((DeploymentOver, AliasMoved)):
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
