"""RejectDeployment writes down why a request was refused; nothing was touched."""

from typing import Any

import pytest

import recover_deployments
from bluegreen import clock
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger import deployments, starts
from tests.handlers.desk import Desk, Desks, context_of, put, told
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET

WHY = "alias: there is no alias LIVE"
OLDER = {"started_at": "2025-10-01T09:00:00.000Z"}
"""Of the record of another execution by the same name."""


@pytest.fixture
def refused(desk: Desk) -> Desk:
    return desk.failed("InvalidRequest", WHY)


def noted(desk: Desk) -> dict[str, Any]:
    return desk.evidence("RejectDeployment")


class TestTheRecord:
    def test_says_what_was_wrong(self, refused: Desk) -> None:
        refused.run("RejectDeployment")

        record = refused.record()
        assert (record["state"], record["error"], record["cause"]) == ("Rejected", "InvalidRequest", WHY)
        assert (record["function"], record["alias"], record["execution"]) == (FUNCTION, ALIAS, refused.arn)
        assert (record["account"], record["region"]) == (TARGET.account, TARGET.region)
        assert (record["started_at"], record["ended_at"]) == (refused.started_at, record["ended_at"])

    def test_says_when_the_execution_began_also_if_the_event_is_some_milliseconds_off(self, refused: Desk) -> None:
        event = refused.event("RejectDeployment")
        event["started"] = clock.iso(clock.moment(refused.started_at) + 0.003)

        with refused.in_state("RejectDeployment", event["document"]):
            refused.invoke("RejectDeployment", event)

        assert refused.record()["started_at"] == refused.started_at != event["started"]

    @pytest.mark.parametrize("opened", [False, True], ids=["before the lock", "with the lock"])
    def test_is_listed_among_the_refused_requests_and_not_among_the_deployments(
        self, refused: Desk, opened: bool
    ) -> None:
        if opened:
            refused.run("OpenDeployment")
            refused.failed("InvalidRequest", WHY)

        refused.run("RejectDeployment")

        assert deployments.of_function(TARGET) == ([], "")
        (listed,), _ = deployments.of_function(TARGET, refused=True)
        assert (listed.id, listed.state) == ("first", "Rejected")

    def test_of_a_deployment_that_had_the_lock_is_closed_and_the_lock_is_free(self, refused: Desk) -> None:
        """OpenDeployment did its work, and the machine did not get its answer."""
        refused.run("OpenDeployment")
        assert refused.holder() == "first"

        refused.failed("AwsUnavailable", "no answer").run("RejectDeployment")

        assert (refused.holder(), refused.deployer.items("lock#")) == (None, [])
        assert refused.state() == "Rejected"

    def test_of_another_deployment_keeps_its_lock(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second").failed("DeploymentInProgress", "first deploys")

        second.run("RejectDeployment")

        assert desk.holder() == "first"
        assert desk.state() == "open"

    @pytest.mark.parametrize("reached", ["SmokeTest", "ShiftAlias"])
    def test_of_a_deployment_that_has_changed_something_is_not_closed_as_refused(
        self, desk: Desk, reached: str
    ) -> None:
        desk.to(reached)
        before = desk.record(), desk.deployer.everything()

        with pytest.raises(DeploymentOver, match="has changed something already"):
            desk.failed().run("RejectDeployment")

        assert (desk.record(), desk.deployer.everything()) == before
        assert (desk.holder(), desk.deployer.notified()) == ("first", [])

    def test_of_an_older_deployment_by_the_same_name_stays_as_it_is(self, desk: Desk) -> None:
        """Step Functions lets a name be used again after 90 days."""
        desk.to("ShiftAlias").failed().run("RollBack")
        put(desk.record() | OLDER)
        desk.deployer.notified()
        before = desk.record(), desk.steps()

        desk.failed("InvalidRequest", "name: first was a deployment").run("RejectDeployment")

        assert (desk.record(), desk.steps()) == before
        assert desk.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]
        assert set(desk.document["rejection"].values()) == {"InvalidRequest", "name: first was a deployment"}

    @pytest.mark.parametrize(
        ("opened", "operation"),
        [
            *((False, operation) for operation in ("DescribeExecution", "GetItem", "PutItem")),
            *((True, operation) for operation in ("DescribeExecution", "GetItem", "TransactWriteItems", "PutItem")),
        ],
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_written_by_the_next_attempt_whichever_call_goes_unanswered(
        self, refused: Desk, opened: bool, operation: str, when: Any
    ) -> None:
        if opened:
            refused.run("OpenDeployment")
            refused.failed()
        with refused.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(AwsUnavailable):
            refused.run("RejectDeployment")

        refused.run("RejectDeployment", retries=1)

        assert refused.state() == "Rejected"
        assert refused.holder() is None
        assert len(refused.deployer.notified()) == 1


class TestTheAnswer:
    def test_is_the_error_and_a_readable_cause(self, refused: Desk) -> None:
        assert refused.run("RejectDeployment") == {"error": "InvalidRequest", "cause": WHY}
        assert refused.document["rejection"] == {"error": "InvalidRequest", "cause": WHY}

    def test_is_in_the_audit_with_whether_people_were_told(self, refused: Desk) -> None:
        refused.run("RejectDeployment")

        assert noted(refused) == {"error": "InvalidRequest", "cause": WHY, "told": True}

    def test_to_a_failure_that_step_functions_names_is_its_name(self, desk: Desk) -> None:
        desk.document = desk.document | {"failure": {"Error": "States.Timeout", "Cause": ""}}

        assert desk.run("RejectDeployment") == {
            "error": "States.Timeout",
            "cause": "States.Timeout, and no cause was given",
        }


class TestPeople:
    def refuse(self, desks: Desks, name: str, function: str = FUNCTION) -> None:
        desks(name, function=function).failed("InvalidRequest", f"{name} is wrong").run("RejectDeployment")

    def test_are_told_why_and_where_the_other_refusals_are_listed(self, refused: Desk) -> None:
        refused.run("RejectDeployment")

        assert told(refused.deployer) == [
            f"InvalidRequest: {WHY}\n\n"
            f"`bluegreen history {FUNCTION} --refused` lists what else is refused within the next hour."
            "\n\nStarted by: StartExecution."
        ]

    def test_are_told_of_one_refusal_of_a_function_in_an_hour(self, desks: Desks) -> None:
        for name in ("first", "second", "third"):
            self.refuse(desks, name)
            desks.deployer.aws.clock.sleep(1000)
        assert len(desks.deployer.notified()) == 1

        desks.deployer.aws.clock.sleep(601)
        self.refuse(desks, "fourth")

        (text,) = told(desks.deployer)
        assert "fourth is wrong" in text

    def test_are_told_of_each_function_by_itself(self, desks: Desks) -> None:
        self.refuse(desks, "first")
        self.refuse(desks, "second", "AnotherFunction")

        assert desks.deployer.notified() == [
            f"Rejected: {FUNCTION}:{ALIAS} was not touched",
            f"Rejected: AnotherFunction:{ALIAS} was not touched",
        ]

    def test_are_not_told_later_of_a_refusal_that_was_only_listed(self, desks: Desks) -> None:
        self.refuse(desks, "first")
        self.refuse(desks, "second")
        desks.deployer.notified()

        assert deployments.untold() == []

    def test_are_told_of_a_name_that_was_taken_unless_they_were_told_within_the_hour(self, desks: Desks) -> None:
        self.refuse(desks, "first")
        taken = desks("taken").failed("InvalidRequest", "it is wrong")
        taken.run("RejectDeployment")
        put(taken.record() | OLDER)
        taken.failed("InvalidRequest", "name: taken was a deployment").run("RejectDeployment")
        assert len(desks.deployer.notified()) == 1

        desks.deployer.aws.clock.sleep(3600)
        taken.run("RejectDeployment")
        self.refuse(desks, "second")

        assert told(desks.deployer) == ["InvalidRequest: name: taken was a deployment"]

    def test_who_could_not_be_told_of_a_name_that_was_taken_are_told_by_the_next_attempt(self, refused: Desk) -> None:
        refused.run("RejectDeployment")
        put(refused.record() | OLDER)
        refused.deployer.notified()
        refused.aws.clock.sleep(3600)
        with refused.aws.fails("Publish", "InternalError", times=None):
            refused.run("RejectDeployment")
        assert refused.deployer.notified() == []

        refused.run("RejectDeployment", retries=1)

        assert refused.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]

    def test_are_told_of_the_end_of_a_deployment_also_within_the_hour(self, desks: Desks) -> None:
        self.refuse(desks, "first")
        desk = desks("second", GOOD % 3).to("ShiftAlias")
        desk.failed().run("RollBack")

        assert desks.deployer.notified()[1:] == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]

    def test_who_could_not_be_told_hold_nothing_up(self, refused: Desk) -> None:
        with refused.aws.fails("Publish", "AuthorizationError"):
            refused.run("RejectDeployment")

        assert noted(refused)["told"] is False
        assert refused.state() == "Rejected"

    def test_who_could_not_be_told_are_told_by_the_next_sweep(self, refused: Desk) -> None:
        with refused.aws.fails("Publish", "InternalError", times=None):
            refused.run("RejectDeployment")
        refused.end()
        assert refused.deployer.notified() == []

        sweep = {"id": "e1", "source": "aws.events", "detail": {}}
        recover_deployments.handler(sweep, context_of("RecoverDeploymentsFunction"))

        assert refused.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]


@pytest.mark.parametrize(
    "value",
    [None, "", 5, True, [], {}, {"a": {"b": 1}}, "x" * 5_000, "two\nlines\x00\x1b[31m", "日本", "\ud83d", "a" * 60_000],
    ids=["null", "empty", "number", "true", "list", "object", "nested", "long", "lines", "japanese", "half", "huge"],
)
def test_a_request_of_any_shape_is_written_down_and_told(desks: Desks, value: Any) -> None:
    desk = desks.asked_for({"function": value, "alias": value, "artifact": value, "started_by": value})
    desk.failed("InvalidRequest", "it is wrong").run("RejectDeployment")

    record = desk.record()
    assert (record["state"], noted(desk)["told"]) == ("Rejected", True)
    assert all(0 < len(record[name]) <= 2_002 for name in ("function", "alias", "artifact", "started_by"))
    assert all(record[name].isprintable() for name in ("function", "alias", "artifact", "started_by"))


@pytest.mark.parametrize("proved", [False, True])
def test_it_is_written_down_who_started_it(desks: Desks, proved: bool) -> None:
    desk = desks.asked_for({"function": FUNCTION, "started_by": "API by alice"})
    if proved:
        starts.note("first", "API by alice", desk.request)
    desk.failed("InvalidRequest", "it is wrong").run("RejectDeployment")

    record = desk.record()
    said = "API by alice" if proved else "API by alice, as the request says"
    assert (record["started_by"], record.get("started_by_proved", False)) == (said, proved)
