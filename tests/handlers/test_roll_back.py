"""RollBack puts blue back from every state of a deployment and says so; repeated, it does and says the same."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import AwsUnavailable, DeploymentError, RollbackImpossible
from tests.handlers.desk import Desk, Desks, another_user_publishes, put
from tests.handlers.rolling_back import blue_is_back, found
from tests.machine.deployer import ALIAS, FUNCTION, GOOD

ORDER = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]


class TestFromAnyStateThatWasReached:
    @pytest.mark.parametrize("reached", range(len(ORDER) + 1))
    def test_blue_serves_and_latest_has_its_code(self, desk: Desk, reached: int) -> None:
        desk.run("OpenDeployment")
        for state in ORDER[:reached]:
            desk.run(state)

        desk.failed().run("RollBack")

        assert blue_is_back(desk)
        assert desk.outcome() == (
            "back" if "ShiftAlias" in ORDER[:reached] else "never_moved",
            "put_back" if "UpdateCode" in ORDER[:reached] else "as_it_was",
            "1",
        )
        assert (desk.state(), desk.deployer.items("lock#")) == ("RolledBack", [])

    def test_also_when_green_had_everything(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        assert shifting.deployer.alias() == ("2", {})

        shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_also_when_the_shift_worked_and_its_reply_was_lost(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        desk.failed().run("RollBack")

        assert blue_is_back(desk)

    def test_latest_is_left_alone_if_the_version_was_published_before(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        before = desks.deployer.everything()[1]
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.deployer.alias() == ("1", {})
        assert desk.deployer.everything()[1] == before
        assert desk.outcome() == ("back", "not_part", "1")


class TestWhatIsSaid:
    def test_is_the_first_error_and_a_cause_that_people_read(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        assert sorted(rollback) == ["cause", "error"]
        assert rollback["error"] == "GreenUnhealthy"
        assert rollback["cause"].startswith("green failed 9 of 10. ")
        assert f"{FUNCTION}:{ALIAS} is back at version 1" in rollback["cause"]

    def test_is_the_same_in_the_record(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        record = shifting.record()
        assert [record[name] for name in ("state", "error", "cause")] == [
            "RolledBack",
            rollback["error"],
            rollback["cause"],
        ]
        assert record["doubts"] == ""

    def test_is_fact_by_fact_in_the_audit(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        evidence = shifting.evidence("RollBack")
        assert (evidence["error"], evidence["cause"], evidence["told"]) == (*rollback.values(), True)
        assert (found(shifting)["alias"], found(shifting)["serving"]) == ({"kind": "back"}, "1")
        assert found(shifting)["latest"]["kind"] == "put_back"
        assert found(shifting)["doubts"] == ""

    def test_is_the_first_reason_also_if_a_later_attempt_has_another(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateAlias", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")

        rollback = shifting.failed("States.Timeout", "another reason").run("RollBack", retries=1)

        assert rollback["error"] == shifting.record()["error"] == "GreenUnhealthy"
        assert rollback["cause"] == shifting.record()["cause"]
        assert rollback["cause"].startswith("green failed 9 of 10. ")
        assert "another reason" not in rollback["cause"]

    def test_tells_people_who_serves(self, shifting: Desk) -> None:
        shifting.run("RollBack")

        assert shifting.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]

    def test_leaves_the_description_of_the_alias(self, shifting: Desk) -> None:
        boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")

        shifting.run("RollBack")

        assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["Description"] == "what users call"


class TestRepeated:
    def test_it_says_and_leaves_the_same(self, shifting: Desk) -> None:
        first = shifting.run("RollBack")
        record = shifting.record()

        assert shifting.run("RollBack", retries=1) == first
        assert shifting.record() == record
        assert blue_is_back(shifting)
        assert len(shifting.deployer.notified()) == 1

    @pytest.mark.parametrize(
        "operation",
        [
            "UpdateAlias",
            "GetAlias",
            "UpdateFunctionCode",
            "GetFunction",
            "GetItem",
            "UpdateItem",
            "TransactWriteItems",
            "PutItem",
        ],
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_it_finishes_after_any_call_that_went_unanswered(self, shifting: Desk, operation: str, when: Any) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(DeploymentError):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("operation", ["UpdateAlias", "UpdateFunctionCode"])
    def test_it_finds_out_by_reading_what_a_lost_reply_did(self, shifting: Desk, operation: str) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=1, when="after"):
            try:
                shifting.run("RollBack")
            except DeploymentError:
                shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)

    def test_it_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        with shifting.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.holder() is None
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")
        assert second.deployer.alias() == ("1", {"2": 0.1})

        shifting.run("RollBack", retries=1)

        assert second.deployer.alias() == ("1", {"2": 0.1})
        assert second.holder() == "second"

    def test_it_leaves_a_deployment_that_was_complete(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")

        with pytest.raises(RollbackImpossible, match="was complete"):
            desk.failed("Sandbox.Timedout").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert (desk.state(), desk.holder()) == ("Deployed", None)


@pytest.mark.parametrize("kind", [{}, {"kind": "untold"}, {"listed": f"deployments#{FUNCTION}"}])
def test_a_record_that_the_handler_cannot_read_is_in_no_other_deployments_way(
    shifting: Desk, kind: dict[str, str]
) -> None:
    put({"pk": "deployment#odd", "sk": "record", "function": FUNCTION, "started_at": "2026-01-06T09:00:00Z"} | kind)

    shifting.run("RollBack")

    assert blue_is_back(shifting)
    assert shifting.state() == "RolledBack"
