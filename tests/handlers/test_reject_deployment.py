"""RejectDeployment writes down why a request was refused; nothing was touched."""

from typing import Any

import pytest

from bluegreen.errors import AwsUnavailable
from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import ALIAS, FUNCTION


@pytest.fixture
def refused(desk: Desk) -> Desk:
    return desk.failed("InvalidRequest", "alias: there is no alias LIVE")


def test_the_machine_gets_the_error_and_a_readable_cause(refused: Desk) -> None:
    assert refused.run("RejectDeployment") == {
        "error": "InvalidRequest",
        "cause": "alias: there is no alias LIVE",
        "told": True,
    }


def test_the_record_says_what_was_wrong(refused: Desk) -> None:
    refused.run("RejectDeployment")

    record = refused.record() or {}
    assert (record["state"], record["error"]) == ("Rejected", "InvalidRequest")
    assert record["cause"] == "alias: there is no alias LIVE"
    assert (record["function"], record["alias"], record["execution"]) == (FUNCTION, ALIAS, refused.arn)


def test_people_are_told(refused: Desk) -> None:
    refused.run("RejectDeployment")

    assert refused.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]


def test_a_deployment_that_had_the_lock_gives_it_back(refused: Desk) -> None:
    refused.run("OpenDeployment")
    assert refused.holder() == "first"

    refused.run("RejectDeployment")

    assert refused.holder() is None
    assert refused.state() == "Rejected"


def test_the_lock_of_another_stays_where_it_is(desk: Desk, desks: Desks) -> None:
    desk.run("OpenDeployment")
    second = desks("second").failed("DeploymentInProgress", "first deploys")

    second.run("RejectDeployment")

    assert desk.holder() == "first"
    assert desk.state() == "open"


@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_call_goes_unanswered_the_next_attempt_rejects(refused: Desk, operation: str, when: Any) -> None:
    refused.run("OpenDeployment")
    with refused.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(AwsUnavailable):
        refused.run("RejectDeployment")

    refused.run("RejectDeployment", retries=1)

    assert refused.state() == "Rejected"
    assert refused.holder() is None


def test_no_rejection_turns_on_whether_people_could_be_told(refused: Desk) -> None:
    with refused.aws.fails("Publish", "AuthorizationError"):
        assert not refused.run("RejectDeployment")["told"]

    assert refused.state() == "Rejected"


@pytest.mark.parametrize(
    "value",
    [None, "", 5, True, [], {}, {"a": {"b": 1}}, "x" * 5_000, "two\nlines\x00", "日本", "a" * 200_000],
    ids=["null", "empty", "number", "true", "list", "object", "nested", "long", "lines", "japanese", "huge"],
)
def test_whatever_was_sent_is_written_down_and_told(refused: Desk, value: Any) -> None:
    refused.document |= {"function": value, "alias": value, "artifact": value, "started_by": value}

    assert refused.run("RejectDeployment")["told"]
    assert refused.state() == "Rejected"


def test_a_failure_that_is_not_ours_is_told_as_it_is(desk: Desk) -> None:
    desk.document["failure"] = {"Error": "States.Timeout", "Cause": ""}

    assert desk.run("RejectDeployment")["cause"] == "States.Timeout, and no cause was given"
