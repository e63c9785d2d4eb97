"""How people get to know of a deployment's end: at least once, in words, and of refused requests once an hour."""

import json
from typing import Any

import boto3
import pytest

from bluegreen import news
from bluegreen.aws.executions import Execution
from bluegreen.decisions.bake import Judged, Watched
from bluegreen.document import NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK
from bluegreen.ledger import deployments
from bluegreen.ledger.refusals import QUIET_SECONDS
from tests.bluegreen.examples import found, opened, record, target
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

REFUSAL = {"state": REJECTED, "error": "InvalidRequest", "cause": "function: is required"}


def told() -> list[tuple[str, str]]:
    """Subject and text of every message, in order, without the paragraph on who started the deployment."""
    return [(subject, text.removesuffix("\n\nStarted by: alice.")) for subject, text in in_full()]


def in_full() -> list[tuple[str, str]]:
    """Subject and text of every message, in order."""
    queue = boto3.resource("sqs").get_queue_by_name(QueueName="people")
    found: list[tuple[str, str]] = []
    while messages := queue.receive_messages(MaxNumberOfMessages=10):
        for message in messages:
            body = json.loads(message.body)
            found.append((body["Subject"], body["Message"]))
            message.delete()
    return found


def deployed(**more: Any) -> None:
    opened(blue="1", green="2", **more)
    deployments.complete(found(), latest_outcome="unchanged")


class TestTelling:
    def test_people_are_told_once_of_an_end(self, deployer: Deployer) -> None:
        deployed()

        assert [news.tell("first"), news.tell("first")] == [True, True]

        assert deployer.notified() == ["Deployed: Shop:PROD is at version 2"]
        assert found().told_at

    @pytest.mark.parametrize("state", ["open", NOTHING_TO_DEPLOY])
    def test_people_are_not_told_before_the_end_or_of_nothing(self, deployer: Deployer, state: str) -> None:
        opened()
        if state != "open":
            deployments.close(record(), state)

        assert not news.tell("first")

        assert deployer.notified() == []

    def test_people_are_not_told_of_a_deployment_without_a_record(self, deployer: Deployer) -> None:
        assert not news.tell("first")
        assert deployer.notified() == []

    @pytest.mark.parametrize("operation", ["Publish", "GetItem", "UpdateItem"])
    def test_people_who_could_not_be_told_are_told_later(self, deployer: Deployer, operation: str) -> None:
        deployed()

        with deployer.aws.fails(operation, "ServiceUnavailable", times=None):
            assert not news.tell("first")
        assert [each.id for each in deployments.untold()] == ["first"]

        assert news.tell("first")
        assert set(deployer.notified()) == {"Deployed: Shop:PROD is at version 2"}
        assert deployments.untold() == []


class TestWords:
    @pytest.mark.parametrize("state", ["Deployed", ROLLED_BACK, REJECTED])
    @pytest.mark.parametrize("author", ["API by arn:aws:iam::123456789012:user/alice", "ci, as the request says"])
    def test_an_end_is_told_with_who_started_it(self, state: str, author: str) -> None:
        opened(blue="1", green="2", started_by=author)
        if state == "Deployed":
            deployments.complete(found(), latest_outcome="unchanged")
        else:
            deployments.close(found(), state, serving="1", error="Error", cause="why")
        news.tell("first")

        ((_, text),) = in_full()
        assert text.endswith(f"\n\nStarted by: {author}.")

    def test_a_call_for_help_says_who_started_it(self) -> None:
        opened()
        news.call_an_operator(found(), "ROLLBACK FAILED", "why")

        assert in_full() == [("ROLLBACK FAILED", "why\n\nStarted by: alice.")]

    def test_a_deployment_that_nobody_called_or_watched_is_told_from_one_that_was_judged(self) -> None:
        opened(blue="1", green="2")
        unknown = Watched(kind="nobody_called", seconds=300)
        deployments.complete(found(), latest_outcome="unchanged", watched=unknown)
        opened("second", blue="2", green="3")
        finding = Judged(signal="errors", green=90, green_bad=0, blue=800, blue_bad=1, bound=0.03, odds=0.4, fine=False)
        judged = Watched(kind="judged", seconds=300, requests=90, finding=finding)
        deployments.complete(found("second"), latest_outcome="unchanged", watched=judged)

        assert [news.tell("first"), news.tell("second")] == [True, True]

        (_, of_first), (_, of_second) = told()
        assert of_first.endswith(
            " Nobody called green in the 5 min that it was watched: how it does under traffic is not known."
        )
        assert of_second.endswith(
            "(s3://artifacts/new.zip). In 90 requests green failed 0 (blue 1 of 800): little is proved; only a green "
            "that fails 3 percentage points more than blue is excluded."
        )
        assert found().to_json()["watched"] == {"kind": "nobody_called", "seconds": 300, "requests": 0}
        assert found("second").to_json()["watched"]["finding"] == finding.model_dump()

    def test_a_deployment_is_told_with_what_it_came_from(self) -> None:
        deployed()
        news.tell("first")

        assert told() == [
            (
                "Deployed: Shop:PROD is at version 2",
                "Shop:PROD went from version 1 to version 2 (s3://artifacts/new.zip).",
            )
        ]

    def test_a_change_of_latest_since_then_is_told(self) -> None:
        opened(blue="1", green="2")
        deployments.complete(found(), latest_outcome="changed_by_others")
        news.tell("first")

        ((_, text),) = told()
        assert text.endswith("Someone else has changed $LATEST since green was published.")

    @pytest.mark.parametrize(
        ("learned", "subject"),
        [
            ({"serving": "1", "alias_outcome": "back"}, "Rolled back: Shop:PROD is at version 1"),
            ({"alias_outcome": "gone"}, "Stopped: Shop:PROD is gone"),
            (
                {"serving": {"1": 0.9, "7": 0.1}, "alias_outcome": "changed_by_others"},
                "Rolled back: Shop:PROD is at version 1 (90 %) and version 7 (10 %)",
            ),
        ],
    )
    def test_a_rollback_is_told_with_who_serves_and_why(self, learned: dict[str, Any], subject: str) -> None:
        opened()
        deployments.close(record(), ROLLED_BACK, error="GreenUnhealthy", cause="green failed 9 of 10.", **learned)
        news.tell("first")

        assert told() == [(subject, "GreenUnhealthy: green failed 9 of 10.")]

    def test_a_refused_request_is_told_with_what_was_wrong_and_where_the_others_are(self) -> None:
        deployments.keep_refused(record(**REFUSAL))
        news.tell("first")

        ((subject, text),) = told()
        assert subject == "Rejected: Shop:PROD was not touched"
        assert text.startswith("InvalidRequest: function: is required\n\n")
        assert "`bluegreen history Shop --refused`" in text

    def test_an_execution_without_a_record_is_told_by_its_name(self) -> None:
        ended = Execution(
            arn="arn:first",
            name="first",
            status="FAILED",
            started_at=0,
            ended_at=1,
            error="States.Timeout",
            cause="it took too long",
        )

        assert news.tell_without_record(ended)

        assert told() == [
            ("Rejected: first touched nothing", "States.Timeout: it took too long. There is no record of it.")
        ]

    def test_an_execution_that_was_stopped_is_told_by_its_status(self) -> None:
        stopped = Execution(arn="arn:first", name="first", status="ABORTED", started_at=0, ended_at=1)

        news.tell_without_record(stopped)

        ((_, text),) = told()
        assert text == "ABORTED: ABORTED, and no cause was given. There is no record of it."


class TestAFloodOfRefusedRequests:
    def test_people_are_told_of_the_first_one_of_an_hour_and_the_others_are_not_kept_waiting(
        self, deployer: Deployer
    ) -> None:
        for number in range(3):
            deployments.keep_refused(record(f"d{number}", **REFUSAL))

        assert [news.tell(f"d{number}") for number in range(3)] == [True] * 3

        assert deployer.notified() == ["Rejected: Shop:PROD was not touched"]
        assert deployments.untold() == []

    def test_people_who_could_not_be_told_of_the_first_one_are_told_of_it_later(self, deployer: Deployer) -> None:
        for number in range(2):
            deployments.keep_refused(record(f"d{number}", **REFUSAL | {"cause": f"d{number} is wrong"}))
        with deployer.aws.fails("Publish", "ServiceUnavailable", times=None):
            assert [news.tell(f"d{number}") for number in range(2)] == [False, True]
        assert [each.id for each in deployments.untold()] == ["d0"]

        assert news.tell("d0")

        ((_, text),) = told()
        assert "d0 is wrong" in text
        assert deployments.untold() == []

    def test_people_are_told_again_after_an_hour(self, deployer: Deployer) -> None:
        for number in range(2):
            deployments.keep_refused(record(f"d{number}", **REFUSAL))
            news.tell(f"d{number}")
            deployer.aws.clock.sleep(QUIET_SECONDS)

        assert len(deployer.notified()) == 2

    def test_people_are_told_of_each_function(self, deployer: Deployer) -> None:
        for number, name in enumerate(["Shop", "Other"]):
            deployments.keep_refused(record(f"d{number}", **REFUSAL, target=target(function=name)))
            news.tell(f"d{number}")

        assert deployer.notified() == ["Rejected: Shop:PROD was not touched", "Rejected: Other:PROD was not touched"]

    def test_people_are_told_of_every_deployment(self, deployer: Deployer) -> None:
        deployments.keep_refused(record("refused", **REFUSAL))
        news.tell("refused")
        deployed()

        news.tell("first")

        assert deployer.notified()[-1] == "Deployed: Shop:PROD is at version 2"


class TestWarnings:
    def test_what_people_should_have_known_beforehand_is_told_at_the_end(self) -> None:
        deployed(warnings=("function: it is slow; make it quick", "bypass: a queue; move it"))

        news.tell("first")

        ((_, text),) = told()
        assert text.endswith("\n\nWarning: function: it is slow; make it quick\n\nWarning: bypass: a queue; move it")
