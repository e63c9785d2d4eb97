"""What is said of a history: lines for logs, a panel for people."""

from datetime import timedelta

import pytest
from rich.console import Console

from bluegreen_cli.display import Lines, Panel, display, standing
from bluegreen_cli.progress import Event, Progress, told
from tests.bluegreen_cli.history import BEGAN, PLAN, TENTH, WHOLE, History, flat, look

NOW = BEGAN.timestamp()


def lines(events: list[Event], before: Progress | None = None) -> list[str]:
    return [line for _, line in told(before or Progress(), events)]


def test_each_step_of_the_way_is_one_line() -> None:
    history = History()
    events = flat(
        history.to_the_first_shift(),
        history.entered("Bake", "Wait"),
        history.did("CheckHealth", look=look((0, 12), (1, 110), "green failed 0 of 12, blue 1 of 110")),
        history.entered("BakeOver?", "Choice"),
        history.did("ShiftAlias", shift=WHOLE),
        history.did("CompleteDeployment"),
        history.succeeded("Deployed"),
    )

    assert lines(events) == [
        "OpenDeployment     checks the request, notes what serves, takes the alias's lock",
        "PublishVersion     publishes $LATEST as the green version",
        "ShiftAlias         version 3 gets 10 %, version 2 keeps 90 %; step 1 of 2; baked for 5 min",
        "CheckHealth        green failed 0 of 12, blue 1 of 110",
        "ShiftAlias         version 3 gets 100 %; step 2 of 2",
        "CompleteDeployment closes the record, frees the lock",
    ]


def test_each_line_has_the_time_of_what_it_tells() -> None:
    history = History()
    events = history.to_the_first_shift()

    assert [at for at, _ in told(Progress(), events)] == [BEGAN + timedelta(seconds=seconds) for seconds in (1, 3, 6)]


def test_the_steps_and_the_health_of_the_request_are_not_taken_for_what_states_learned() -> None:
    history = History()
    progress = Progress().after([history.event("ExecutionStarted"), history.exited("OpenDeployment", plan=PLAN)])

    assert progress.green_weight == 0
    assert progress.reason == ""
    assert progress.seconds_left(NOW) == 300


def test_a_retry_says_why() -> None:
    history = History()
    events = [history.entered("UpdateCode"), history.failed("AwsUnavailable", "Rate\nexceeded")]

    assert lines(events)[-1] == "UpdateCode         AwsUnavailable: Rate exceeded"


def test_polling_is_waiting_and_no_error() -> None:
    history = History()
    events = [history.entered("UpdateCode"), history.failed("StillInProgress", "Shop:$LATEST is Pending")]

    assert lines(events)[-1] == "UpdateCode         waits: Shop:$LATEST is Pending"


def test_the_same_trouble_again_is_said_once() -> None:
    history = History()
    events = [history.entered("UpdateCode"), *(history.failed("StillInProgress", "Pending") for _ in range(5))]

    assert len(lines(events)) == 2


def test_a_timeout_of_a_function_is_trouble_too() -> None:
    history = History()
    events = [
        history.entered("SmokeTest"),
        history.event("LambdaFunctionTimedOut", lambdaFunctionTimedOutEventDetails={}),
    ]

    assert lines(events)[-1].startswith("SmokeTest          States.TaskFailed")


def test_events_that_were_told_before_are_passed_over() -> None:
    history = History()
    events = history.to_the_first_shift()

    assert lines(events, Progress().after(events)) == []


@pytest.mark.parametrize(
    ("learned", "now", "left"),
    [
        ({"plan": PLAN}, NOW, 300),
        ({"plan": PLAN, "shift": TENTH}, NOW + 60, 240),
        ({"plan": PLAN, "shift": TENTH}, NOW + 400, 0),
        ({"plan": PLAN, "shift": WHOLE}, NOW, 0),
        ({"plan": PLAN, "shift": TENTH, "failure": {}}, NOW, None),
        ({"plan": PLAN | {"schedule": {"name": "Adaptive", "steps": []}}, "shift": TENTH}, NOW, None),
        ({}, NOW, None),
    ],
    ids=["not begun", "in the first bake", "a look late", "all shifted", "going back", "adaptive", "nothing known"],
)
def test_the_time_left_is_that_of_the_bakes_to_come(learned: dict[str, object], now: float, left: float | None) -> None:
    assert Progress(document=learned).seconds_left(now) == left


def test_nothing_is_left_when_it_is_over() -> None:
    assert Progress(document={"plan": PLAN}, status="SUCCEEDED").seconds_left(NOW) is None


def test_a_document_of_another_release_is_read_as_far_as_it_goes() -> None:
    progress = Progress(document={"plan": {"new": 1}, "shift": {"green_weight": 0.5}, "look": {"evidence": {}}})

    assert (progress.name, progress.blue, progress.green, progress.sides) == ("", "", "", {})
    assert progress.green_weight == 0.5


def test_output_that_was_left_out_changes_nothing() -> None:
    history = History()
    known = Progress().after(history.did("OpenDeployment", plan=PLAN))
    cut = history.event("TaskStateExited", stateExitedEventDetails={"name": "SmokeTest", "output": "{not json"})

    assert known.after([cut]).blue == "2"


def test_the_panel_shows_state_weights_rates_verdict_and_time_left() -> None:
    history = History()
    progress = Progress().after(
        flat(
            history.to_the_first_shift(),
            history.did("CheckHealth", look=look((9, 812), (2, 7331), "odds 8,000 to 1 [sic]")),
            history.entered("Bake", "Wait"),
        )
    )
    console = Console(width=100, record=True, file=None, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(standing(progress, NOW + 60))
    shown = captured.get()

    assert "Shop:PROD" in shown
    assert "Bake  lets users meet green until the next look" in shown
    assert "version 3 has 10 %" in shown
    assert "version 3: 9 of 812 failed (1.108 %)" in shown
    assert "version 2: 2 of 7,331 failed (0.02728 %)" in shown
    assert "odds 8,000 to 1 [sic]" in shown
    assert "about 4 min" in shown


def test_a_panel_before_the_first_event_says_that_it_is_starting() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(standing(Progress(), NOW))

    assert "starting" in captured.get()


def test_a_lost_connection_is_said_once_and_so_is_its_return(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Lines(Console(stderr=True))

    shown.lost("Rate exceeded")
    shown.lost("Rate exceeded")
    shown.learned(Progress(), [], Progress())

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].endswith("AWS does not answer just now, the deployment goes on: Rate exceeded")
    assert said[1].endswith("AWS answers again")


def test_a_terminal_gets_a_panel_and_everything_else_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert type(display()) is Lines

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert type(display()) is Panel

    monkeypatch.setenv("CI", "true")
    assert type(display()) is Lines


def test_the_panel_goes_and_the_lines_stay(capsys: pytest.CaptureFixture[str]) -> None:
    history = History()
    events = history.to_the_first_shift()
    with Panel(Console(stderr=True, force_terminal=True, width=120)) as panel:
        panel.learned(Progress(), events, Progress().after(events))

    assert "version 3 gets 10 %, version 2 keeps 90 %" in capsys.readouterr().err
