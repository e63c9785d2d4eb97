"""How people get to know of a deployment's end: at least once, in words, and of refused requests once an hour."""

import json
from typing import Any
from urllib.parse import quote

import boto3
import jsonschema_rs
import pytest

from bluegreen import news
from bluegreen.aws.executions import Execution
from bluegreen.decisions.bake import Judged, Watched
from bluegreen.document import NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.ledger.refusals import QUIET_SECONDS
from bluegreen.news import schema, words
from sandbox.server import ROOT
from tests.bluegreen.examples import found, opened, plan, record, target
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

LINK = (
    "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/"
    "arn:aws:states:us-east-1:123456789012:execution:deploy:first"
)
REFUSAL = {"state": REJECTED, "error": "InvalidRequest", "cause": "function: is required"}


def told() -> list[tuple[str, str]]:
    """Subject and text of every message, in order, up to the paragraph on who started the deployment."""
    return [(subject, text.partition("\n\nStarted by: ")[0]) for subject, text in in_full()]


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

    def test_nobody_is_told_before_the_end(self, deployer: Deployer) -> None:
        opened()

        assert not news.tell("first")

        assert (deployer.notified(), deployer.announced()) == ([], [])

    def test_that_there_was_nothing_to_deploy_is_told_to_systems_only(self, deployer: Deployer) -> None:
        opened()
        deployments.close(record(), NOTHING_TO_DEPLOY, serving="1")

        assert news.tell("first")

        (event,) = deployer.announced()
        assert (event["detail"]["state"], event["detail"]["serving"]) == (NOTHING_TO_DEPLOY, "1")
        assert (deployer.notified(), found().told_at) == ([], None)

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

    @pytest.mark.parametrize(
        ("operation", "told", "announced"), [("Publish", 1, 1), ("PutEvents", 1, 1), ("UpdateItem", 2, 2)]
    )
    def test_who_knows_already_is_not_told_again_because_the_others_do_not(
        self, deployer: Deployer, operation: str, told: int, announced: int
    ) -> None:
        deployed()

        with deployer.aws.fails(operation, "ServiceUnavailable", times=None):
            assert not news.tell("first")
        assert news.tell("first")

        assert (len(deployer.notified()), len(deployer.announced())) == (told, announced)


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
        assert f"\n\nStarted by: {author}.\n\n" in text

    def test_a_call_for_help_says_who_started_it(self) -> None:
        opened()
        news.call_an_operator(found(), "ROLLBACK FAILED", "why")

        ((subject, text),) = in_full()
        assert (subject, text) == ("ROLLBACK FAILED", f"why\n\nStarted by: alice.\n\nThe execution: {LINK}")

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


class TestWhatCanBeDoneNext:
    @pytest.mark.parametrize(
        ("state", "first_step"),
        [
            ("Deployed", "`bluegreen rollback Shop --alias PROD` goes back to version 1."),
            (ROLLED_BACK, "`bluegreen watch first` shows what happened."),
        ],
    )
    def test_an_end_is_told_with_the_next_command_and_a_link(self, state: str, first_step: str) -> None:
        opened(blue="1", green="2")
        if state == "Deployed":
            deployments.complete(found(), latest_outcome="unchanged")
        else:
            deployments.close(found(), state, serving="1", error="Error", cause="why")
        news.tell("first")

        ((_, text),) = in_full()
        assert text.endswith(f"Started by: alice.\n\n{first_step}\nThe execution: {LINK}")


def under_way() -> Record:
    return record(blue="1", green="2", warnings=("function: it is slow",))


class TestWhileItRuns:
    """Told once at best, in words and as an event."""

    def test_a_start_is_told_with_what_by_whom_and_the_next_commands(self, deployer: Deployer) -> None:
        news.started(under_way(), plan(changes=("Timeout",)))

        ((subject, text),) = in_full()
        assert subject == "Started: Shop:PROD"
        assert text == (
            "Version 1 serves Shop:PROD now. s3://artifacts/new.zip is deployed with Canary.\n\n"
            "Settings that will differ from version 1: Timeout.\n\n"
            "Warning: function: it is slow\n\n"
            "Started by: alice.\n\n"
            "`bluegreen watch first` follows it.\n"
            "`bluegreen abort Shop --alias PROD` gives the alias back to version 1.\n"
            f"The execution: {LINK}"
        )
        (event,) = deployer.announced("Deployment Started")
        assert (event["source"], event["resources"]) == ("bluegreen", [record().execution])
        assert event["detail"] == {
            "schema": 1,
            "deployment": "first",
            "function": "Shop",
            "alias": "PROD",
            "account": "123456789012",
            "region": "us-east-1",
            "artifact": "s3://artifacts/new.zip",
            "started_at": "2026-01-05T09:00:00.000Z",
            "started_by": "alice",
            "started_by_proved": False,
            "execution": record().execution,
            "link": LINK,
            "blue": "1",
            "strategy": "Canary",
            "changes": ["Timeout"],
            "warnings": ["function: it is slow"],
        }

    def test_a_wait_is_told_with_why_until_when_and_the_commands(self, deployer: Deployer) -> None:
        commands = ("bluegreen approve first", "bluegreen reject first")
        news.waits(under_way(), "approval", "Look at version 2.", until=1767607200, commands=commands)

        ((subject, text),) = in_full()
        assert subject == "Waits: Shop:PROD needs an approval"
        assert text == (
            "Look at version 2.\n\nIt waits until 2026-01-05T10:00:00.000Z, and is rolled back then.\n\n"
            f"Started by: alice.\n\n`bluegreen approve first`\n`bluegreen reject first`\nThe execution: {LINK}"
        )
        (event,) = deployer.announced("Deployment Waits")
        told = {name: event["detail"][name] for name in ("waits_for", "reason", "until", "commands")}
        assert told == {
            "waits_for": "approval",
            "reason": "Look at version 2.",
            "until": "2026-01-05T10:00:00.000Z",
            "commands": list(commands),
        }

    def test_a_call_for_help_is_a_wait_to_systems(self, deployer: Deployer) -> None:
        opened()
        news.call_an_operator(found(), "HELD UP", "why\n\nwhat to do")
        news.call_an_operator(found(), "HELD UP", "why\n\nwhat to do")

        (event,) = deployer.announced()
        assert (event["detail-type"], event["detail"]["waits_for"]) == ("Deployment Waits", "operator")
        assert event["detail"]["reason"] == "HELD UP. why  what to do"

    def test_a_shift_is_told_to_systems(self, deployer: Deployer) -> None:
        news.shifted(under_way(), "2", 0.1, 1)

        (event,) = deployer.announced("Deployment Shifted")
        told = {name: event["detail"][name] for name in ("blue", "green", "weight", "shift")}
        assert told == {"blue": "1", "green": "2", "weight": 0.1, "shift": 1}
        assert in_full() == []

    def test_people_are_told_what_the_stack_says(self, monkeypatch: pytest.MonkeyPatch, deployer: Deployer) -> None:
        monkeypatch.setenv("NOTIFY", "shifted")
        news.started(under_way(), plan())
        news.shifted(under_way(), "2", 0.1, 1)
        deployed()

        assert news.tell("first")

        ((subject, text),) = in_full()
        assert subject == "Shifted: Shop:PROD is at 10 % of version 2"
        assert text.startswith("Version 2 has 10 % of Shop:PROD; before the deployment version 1 had all of it.")
        assert len(deployer.announced()) == 3

    @pytest.mark.parametrize("operation", ["Publish", "PutEvents"])
    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDeniedException", "ReadTimeout"])
    def test_what_cannot_be_sent_is_logged_and_stops_nothing(
        self, deployer: Deployer, caplog: pytest.LogCaptureFixture, operation: str, code: str
    ) -> None:
        with deployer.aws.fails(operation, code, times=None):
            news.started(under_way(), plan())

        whom = {"Publish": "people were", "PutEvents": "EventBridge was"}[operation]
        assert f"{whom} not told that first started" in caplog.text
        assert len(in_full()) + len(deployer.announced()) == 1

    def test_a_fault_in_the_news_stops_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(words, "of_start", None)

        news.started(under_way(), plan())

        assert "not told that first started" in caplog.text


class TestTheSchema:
    """Other systems read the events by docs/events.schema.json."""

    def test_the_schema_in_the_docs_is_that_of_the_events(self) -> None:
        assert json.loads((ROOT / "docs" / "events.schema.json").read_text()) == schema.schema()

    @pytest.mark.parametrize("detail_type", [kind.DETAIL_TYPE for kind in schema.KINDS])
    def test_every_event_fits_it(self, deployer: Deployer, detail_type: str) -> None:
        news.started(under_way(), plan())
        news.waits(under_way(), "resume", "why")
        news.shifted(under_way(), "2", 1, 2)
        opened(blue="1", green="2")
        deployments.close(
            found(), ROLLED_BACK, serving={"1": 0.9, "7": 0.1}, error="GreenUnhealthy", cause="green failed"
        )
        news.tell("first")

        (event,) = deployer.announced(detail_type)
        described = schema.schema()
        fits = jsonschema_rs.Draft202012Validator({**described, "$ref": f"#/$defs/{quote(detail_type)}"})
        fits.validate(event["detail"])
        fits.validate(event["detail"] | {"of_a_later_version": 1})
        assert not fits.is_valid(event["detail"] | {"schema": 2})

    def test_the_page_names_every_event_and_field(self) -> None:
        page = (ROOT / "docs" / "events.md").read_text()

        kinds: list[type[schema.Event | schema.ReleaseEvent]] = [*schema.KINDS, *schema.KINDS_OF_A_RELEASE]
        for kind in kinds:
            assert f"`{kind.DETAIL_TYPE}`" in page
            for name, field in kind.model_fields.items():
                assert f"`{field.alias or name}`" in page

    def test_an_event_with_the_longest_texts_fits_eventbridge(self, deployer: Deployer) -> None:
        opened(blue="1", green="2", started_by="\U0001f600" * 3_000, artifact="\U0001f600" * 3_000)
        deployments.close(found(), ROLLED_BACK, error="\U0001f600" * 3_000, cause="\U0001f600" * 9_000)

        assert news.tell("first")

        (event,) = deployer.announced()
        assert len(json.dumps(event, ensure_ascii=False).encode()) < 256 * 1024
