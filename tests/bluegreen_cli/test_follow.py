"""Following an execution: scripted histories, poll by poll."""

from collections.abc import Iterator
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from bluegreen.ledger import deployments
from bluegreen_cli import follow as following
from bluegreen_cli.follow import LONGEST_PAUSE_SECONDS, follow
from bluegreen_cli.problems import Lost
from bluegreen_cli.progress import Event, Progress, told
from tests.bluegreen_cli.conftest import Answers, aws_error
from tests.bluegreen_cli.history import CANARY, GREEN, OPENED, TENTH, WHOLE, History, Script, document, flat, look

ARN = "arn:aws:states:us-east-1:123456789012:execution:deploy:Shop-1"
LOST = EndpointConnectionError(endpoint_url="https://states.us-east-1.amazonaws.com")


class Notebook:
    """A watcher that writes down everything it gets to know."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.weights: list[float] = []
        self.lines: list[str] = []
        self.losses: list[str] = []

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        self.states.append(after.state)
        self.weights.append(after.green_weight)
        self.lines += [line for _, line in told(before, events)]

    def lost(self, why: str) -> None:
        self.losses.append(why)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> Iterator[None]:
    """A region, and a ledger without a plan."""
    with mock_aws():
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("TABLE_NAME", "deployments")
        boto3.setup_default_session(region_name="us-east-1")
        answers.answer("GetItem", lambda _: {})
        yield


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every pause, none of which takes time."""
    pauses: list[float] = []
    monkeypatch.setattr(following, "pause", pauses.append)
    return pauses


def test_the_command_follows_state_by_state_to_the_end(answers: Answers, pauses: list[float]) -> None:
    history = History()
    answers.answer(
        "GetExecutionHistory",
        Script(
            [history.started()],
            history.did("OpenDeployment", OPENED),
            [],
            flat(history.did("PublishVersion", GREEN), history.did("ShiftAlias", TENTH)),
            history.did("ShiftAlias", WHOLE),
            history.succeeded("Deployed"),
        ),
    )
    notebook = Notebook()

    progress = follow(ARN, notebook)

    assert progress.end == "Deployed"
    assert progress.status == "SUCCEEDED"
    assert notebook.states == ["", "OpenDeployment", "OpenDeployment", "ShiftAlias", "ShiftAlias", "Deployed"]
    assert notebook.weights == [0, 0, 0, 0.1, 1.0, 1.0]
    assert pauses == [2.0] * 5


def test_the_schedule_comes_from_the_ledger_in_time_for_the_first_shift(
    answers: Answers, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def plan_of(deployment: str) -> SimpleNamespace:
        asked.append(deployment)
        return SimpleNamespace(schedule=CANARY)

    monkeypatch.setattr(deployments, "plan_of", plan_of)
    history = History()
    answers.answer("GetExecutionHistory", Script(history.to_the_first_shift(), [], history.succeeded("Deployed")))
    notebook = Notebook()

    progress = follow(ARN, notebook)

    assert progress.schedule == CANARY
    assert notebook.lines[-1].endswith("version 3 gets 10 %, version 2 keeps 90 %; step 1 of 2; baked for 5 min")
    assert asked == ["Shop-1"]


@pytest.mark.parametrize(
    "trouble", [("AccessDeniedException", 403), ("ThrottlingException", 400)], ids=["not allowed", "throttled"]
)
def test_the_command_follows_without_the_ledger_all_the_same(
    answers: Answers, pauses: list[float], trouble: tuple[str, int]
) -> None:
    answers.refuse("GetItem", trouble[0], status=trouble[1])
    history = History()
    answers.answer("GetExecutionHistory", Script(history.to_the_first_shift(), [], history.succeeded("Deployed")))
    notebook = Notebook()

    progress = follow(ARN, notebook)

    assert (progress.end, progress.schedule) == ("Deployed", None)
    assert notebook.lines[-1].endswith("version 3 gets 10 %, version 2 keeps 90 %")
    assert notebook.losses == []


def test_the_ledger_is_asked_for_the_schedule_only_after_new_events(answers: Answers, pauses: list[float]) -> None:
    asked: list[object] = []

    def answer(request: object) -> object:
        asked.append(request)
        return {}

    answers.answer("GetItem", answer)
    history = History()
    answers.answer(
        "GetExecutionHistory", Script(history.to_the_first_shift(), *[[]] * 20, history.succeeded("Deployed"))
    )

    follow(ARN, Notebook())

    assert len(asked) == 3, "the plan after each, and at the end the record"


def test_a_long_history_is_read_page_by_page_and_only_as_far_as_it_is_new(
    answers: Answers, pauses: list[float]
) -> None:
    history = History()
    history.document = document(bake=TENTH)
    checks = [history.did("CheckHealth", look((0, number), (0, 10))) for number in range(9)]
    script = Script(flat(history.started(), *checks), history.succeeded("Deployed"), page=2)
    asked: list[bool] = []

    def answer(request: dict[str, object]) -> object:
        asked.append("nextToken" in request)
        return script(request)

    answers.answer("GetExecutionHistory", answer)

    assert follow(ARN, Notebook()).last_event == 21
    assert asked == [False, *[True] * 9, False, True]


@pytest.mark.parametrize(
    "trouble",
    [
        aws_error("GetExecutionHistory", "ThrottlingException", "Rate exceeded"),
        aws_error("GetExecutionHistory", "InternalServerError", "oops", 500),
        aws_error("GetExecutionHistory", "ExecutionDoesNotExist", "not there yet"),
        LOST,
    ],
    ids=["throttled", "server error", "not found yet", "connection lost"],
)
def test_an_error_that_passes_does_not_end_the_following(
    answers: Answers, pauses: list[float], trouble: Exception
) -> None:
    history = History()
    answers.answer("GetExecutionHistory", Script(trouble, trouble, history.succeeded("Deployed")))
    notebook = Notebook()

    assert follow(ARN, notebook).end == "Deployed"
    assert len(notebook.losses) == 2
    assert pauses == [2.0, 2.0]


def test_the_command_asks_less_often_the_longer_aws_is_silent(answers: Answers, pauses: list[float]) -> None:
    answers.answer("GetExecutionHistory", Script(*[LOST] * 8, History().succeeded("Deployed")))

    follow(ARN, Notebook())

    assert pauses == [2, 2, 4, 8, 16, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_after_a_quarter_of_an_hour_of_silence_the_command_gives_up_and_says_how_to_go_on(
    answers: Answers, pauses: list[float]
) -> None:
    answers.answer("GetExecutionHistory", Script(*[LOST] * 100))

    with pytest.raises(Lost) as failed:
        follow(ARN, Notebook())

    assert sum(pauses) >= 900
    assert failed.value.exit_code == 4
    assert failed.value.untouched.startswith("How it ends is unknown: it goes on without this command")
    assert "bluegreen watch Shop-1" in failed.value.advice


def test_a_caller_who_may_no_longer_read_the_history_is_told_at_once(answers: Answers, pauses: list[float]) -> None:
    answers.refuse("GetExecutionHistory", "AccessDeniedException", "not authorized to states:GetExecutionHistory")

    with pytest.raises(Lost, match="not authorized to states:GetExecutionHistory"):
        follow(ARN, Notebook())

    assert pauses == []


@pytest.mark.parametrize(("last", "status"), [("ExecutionAborted", "ABORTED"), ("ExecutionTimedOut", "TIMED_OUT")])
def test_an_execution_that_was_cut_short_is_over_without_an_end(
    answers: Answers, pauses: list[float], last: str, status: str
) -> None:
    history = History()
    answers.answer("GetExecutionHistory", Script(history.to_the_first_shift(), [history.event(last)]))

    progress = follow(ARN, Notebook())

    assert (progress.status, progress.end) == (status, "")


def test_a_failed_execution_keeps_its_error_and_its_cause(answers: Answers, pauses: list[float]) -> None:
    history = History()
    events = history.ended_badly("RolledBack", "GreenUnhealthy", "green failed 9 of 10")
    answers.answer("GetExecutionHistory", Script(events))

    progress = follow(ARN, Notebook())

    assert (progress.end, progress.error, progress.cause) == ("RolledBack", "GreenUnhealthy", "green failed 9 of 10")


def test_before_the_first_look_there_are_no_rates() -> None:
    assert Progress().sides == {}
    assert Progress(document=document(green=GREEN, bake=TENTH)).sides == {}
    looked = TENTH.model_copy(update={"look": look((1, 10), (2, 100))})
    assert Progress(document=document(green=GREEN, bake=looked)).sides["green"].failed == 1


def test_credentials_that_expire_leave_the_end_unknown_and_say_what_to_do(
    answers: Answers, pauses: list[float]
) -> None:
    gone = "The security token included in the request is expired"
    expired = aws_error("GetExecutionHistory", "ExpiredTokenException", gone)
    answers.answer("GetExecutionHistory", Script([History().started()], expired))

    with pytest.raises(Lost) as lost:
        follow(ARN, Notebook())

    assert lost.value.exit_code == 4
    assert gone in lost.value.what
    assert lost.value.advice == (
        "Your credentials have expired or are not known to AWS: sign in again, as with `aws sso login`. "
        "`bluegreen watch Shop-1` goes on watching, and exits as the deployment ends."
    )
