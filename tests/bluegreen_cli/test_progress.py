"""What stderr shows of a history: lines for logs, a panel for terminals."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO, TextIOWrapper

import pytest
from rich.console import Console

from bluegreen.request.traffic import Schedule
from bluegreen.text import is_sign
from bluegreen_cli.display import Lines, Panel, display, last, standing
from bluegreen_cli.outcome import EXIT_CODES, Ending
from bluegreen_cli.progress import SENTENCES, Event, Progress, told
from tests.bluegreen_cli.history import (
    BEGAN,
    CANARY,
    GREEN,
    OPENED,
    TARGET,
    TENTH,
    WHOLE,
    History,
    document,
    flat,
    look,
)
from tests.handlers.desk import TASKS
from tests.machine.walk import DEPLOY_ASL

NOW = BEGAN.timestamp()
ADAPTIVE = Schedule(name="Adaptive", first_weight=0.05, longest_seconds=3600)


def lines(events: list[Event], before: Progress | None = None) -> list[str]:
    return [line for _, line in told(before or Progress(schedule=CANARY), events)]


def test_each_step_of_the_way_is_one_line() -> None:
    history = History()
    events = flat(
        history.to_the_first_shift(),
        history.entered("Bake", "Wait"),
        history.did("CheckHealth", look((0, 12), (1, 110), "green failed 0 of 12, blue 1 of 110")),
        history.entered("WhatNext?", "Choice"),
        history.did("ShiftAlias", WHOLE),
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


def test_without_the_schedule_a_shift_says_the_weights() -> None:
    assert lines(History().to_the_first_shift(), Progress())[-1] == (
        "ShiftAlias         version 3 gets 10 %, version 2 keeps 90 %"
    )


def test_under_adaptive_a_shift_says_the_weights() -> None:
    assert lines(History().to_the_first_shift(), Progress(schedule=ADAPTIVE))[-1] == (
        "ShiftAlias         version 3 gets 10 %, version 2 keeps 90 %"
    )


def test_every_task_state_of_the_state_machine_is_told() -> None:
    assert set(TASKS) == {*SENTENCES, "ShiftAlias", "CheckHealth"}


def test_every_end_of_the_state_machine_has_an_exit_code() -> None:
    states = json.loads(DEPLOY_ASL.read_text())["States"]
    ends = {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")}

    assert set(EXIT_CODES) == ends


def test_each_line_has_the_time_of_its_event() -> None:
    events = History().to_the_first_shift()

    assert [at for at, _ in told(Progress(), events)] == [BEGAN + timedelta(seconds=seconds) for seconds in (1, 3, 6)]


def test_the_requests_own_fields_are_not_taken_for_answers_of_states() -> None:
    history = History()
    progress = Progress(schedule=CANARY).after([history.started()])

    assert progress.document == {"function": "Shop", "traffic": {"steps": []}, "health": {"period_seconds": 60}}
    assert (progress.green_weight, progress.reason, progress.sides) == (0, "", {})
    assert progress.seconds_left(NOW) == 300


def test_the_alias_is_known_from_the_request_and_then_from_the_deployment() -> None:
    history = History()
    asked = Progress().after([history.started()])
    opened = asked.after(history.did("OpenDeployment", OPENED))

    assert (asked.function, asked.alias, asked.name) == ("Shop", "", "")
    assert (opened.function, opened.alias, opened.name) == ("Shop", "PROD", "Shop:PROD")


def test_a_retry_says_why() -> None:
    history = History()
    events = [history.entered("UpdateCode"), history.failed("AwsUnavailable", "Rate\nexceeded")]

    assert lines(events)[-1] == "UpdateCode         AwsUnavailable: Rate exceeded"


def test_polling_is_shown_as_waiting_and_not_as_an_error() -> None:
    history = History()
    events = [history.entered("UpdateCode"), history.failed("StillInProgress", "Shop:$LATEST is Pending")]

    assert lines(events)[-1] == "UpdateCode         waits: Shop:$LATEST is Pending"


def test_an_error_that_repeats_is_told_once() -> None:
    history = History()
    events = [history.entered("UpdateCode"), *(history.failed("StillInProgress", "Pending") for _ in range(5))]

    assert len(lines(events)) == 2


def test_a_handler_that_times_out_is_told_as_an_error() -> None:
    history = History()
    events = [
        history.entered("SmokeTest"),
        history.event("LambdaFunctionTimedOut", lambdaFunctionTimedOutEventDetails={}),
    ]

    assert lines(events)[-1].startswith("SmokeTest          States.TaskFailed")


def test_no_event_is_told_twice() -> None:
    events = History().to_the_first_shift()

    assert lines(events, Progress().after(events)) == []


@pytest.mark.parametrize(
    ("progress", "now", "left"),
    [
        (Progress(document=document(), schedule=CANARY), NOW, 300),
        (Progress(document=document(green=GREEN, bake=TENTH), schedule=CANARY), NOW + 60, 240),
        (Progress(document=document(green=GREEN, bake=TENTH), schedule=CANARY), NOW + 400, 0),
        (Progress(document=document(green=GREEN, bake=WHOLE), schedule=CANARY), NOW + 300, 0),
        (Progress(document=document(green=GREEN, bake=TENTH, failure={}), schedule=CANARY), NOW, None),
        (Progress(document=document(green=GREEN, bake=TENTH), schedule=ADAPTIVE), NOW, None),
        (Progress(document=document(green=GREEN, bake=TENTH)), NOW, None),
        (Progress(), NOW, None),
    ],
    ids=[
        "not begun",
        "in the first bake",
        "a look late",
        "all shifted",
        "going back",
        "adaptive",
        "no schedule",
        "nothing known",
    ],
)
def test_the_time_left_is_the_sum_of_the_bakes_to_come(progress: Progress, now: float, left: float | None) -> None:
    assert progress.seconds_left(now) == left


def test_a_deployment_that_is_over_has_no_time_left() -> None:
    assert Progress(document=document(), schedule=CANARY, status="SUCCEEDED").seconds_left(NOW) is None


def test_a_document_of_another_release_is_read_as_far_as_it_goes() -> None:
    strange = {"deployment": {"new": 1}, "bake": {"shifts": [{"weight": 0.5}], "look": {"evidence": {}}}, "green": 3}
    progress = Progress(document=strange, schedule=CANARY)

    assert (progress.name, progress.blue, progress.green, progress.sides) == ("", "", "", {})
    assert progress.green_weight == 0.5
    assert progress.seconds_left(NOW) == 0


def test_an_output_that_step_functions_cut_changes_nothing() -> None:
    history = History()
    known = Progress().after(history.did("OpenDeployment", OPENED))
    cut = history.event("TaskStateExited", stateExitedEventDetails={"name": "SmokeTest", "output": "{not json"})

    assert known.after([cut]).blue == "2"


def test_the_panel_shows_state_weights_rates_verdict_and_time_left() -> None:
    history = History()
    progress = Progress(schedule=CANARY).after(
        flat(
            history.to_the_first_shift(),
            history.did("CheckHealth", look((9, 812), (2, 7331), "odds 8,000 to 1 [sic]")),
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


def bar_of(console: Console) -> str:
    """Of a panel after the first shift."""
    panel = Panel(console)
    events = History().to_the_first_shift()
    panel.learned(Progress(), [], Progress(schedule=CANARY).after(events))
    with console.capture() as captured:
        console.print(panel._now())
    return next(line for line in captured.get().splitlines() if "weights" in line)


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "███" + "░" * 27), ("ascii", "###" + "-" * 27)])
def test_without_colours_the_bar_shows_both_versions_by_shape(
    monkeypatch: pytest.MonkeyPatch, encoding: str, bar: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = TextIOWrapper(BytesIO(), encoding=encoding)

    assert f"{bar}  version 3 has 10 %" in bar_of(Console(file=file, force_terminal=True, width=100))


@pytest.mark.parametrize(
    ("exit_code", "encoding", "colour", "begins"),
    [
        (0, "utf-8", True, "\x1b[32m✓ Said."),
        (1, "utf-8", True, "\x1b[31m✗ Said."),
        (5, "utf-8", True, "\x1b[33m◌ Said."),
        (3, "utf-8", False, "✗ Said."),
        (0, "ascii", False, "OK: Said."),
        (3, "ascii", False, "FAILED: Said."),
        (5, "ascii", False, "WAITS: Said."),
    ],
)
def test_on_a_terminal_the_last_line_has_a_mark_and_a_colour(
    monkeypatch: pytest.MonkeyPatch, exit_code: int, encoding: str, colour: bool, begins: str
) -> None:
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(file, encoding=encoding, write_through=True))

    last("Said.", exit_code)

    assert file.getvalue().decode().startswith(begins)


def test_a_program_gets_the_last_line_without_a_mark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    last("Said.", 1)

    assert capsys.readouterr().out == "Said.\n"


def test_every_line_has_the_time_of_one_clock_in_utc(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    began = f"{datetime.now(UTC):%H:%M}"
    try:
        shown = Lines(Console(stderr=True))
        shown.learned(Progress(), (events := History().to_the_first_shift()), Progress().after(events))
        shown.say("of its own")
    finally:
        monkeypatch.undo()
        time.tzset()

    *of_aws, own = capsys.readouterr().err.splitlines()
    assert of_aws[0].startswith("09:00:01Z OpenDeployment ")
    assert own[:5] in {began, f"{datetime.now(UTC):%H:%M}"}
    assert own[8:] == "Z of its own"


def test_a_panel_before_the_first_event_says_that_it_is_starting() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(standing(Progress(), NOW))

    assert "starting" in captured.get()


def test_a_lost_connection_is_told_once_and_so_is_its_return(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Lines(Console(stderr=True))

    shown.lost("Rate exceeded")
    shown.lost("Rate exceeded")
    shown.learned(Progress(), [], Progress())

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].endswith("AWS does not answer just now, the deployment goes on: Rate exceeded")
    assert said[1].endswith("AWS answers again")


def test_who_started_a_deployment_has_its_place_among_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    events = History().to_the_first_shift()
    after = replace(Progress().after(events), started_by="a pipeline")

    Lines(Console(stderr=True)).learned(Progress(), events, after)

    *of_aws, who = capsys.readouterr().err.splitlines()
    assert who.endswith("Started by: a pipeline")
    assert sorted([*of_aws, who]) == [*of_aws, who]
    assert who[:8] >= of_aws[-1][:8] >= "09:00"
    assert who.startswith(f"{after.at:%H:%M:%S}Z ")


def test_a_terminal_gets_a_panel_and_everything_else_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
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


FOREIGN = "\x1b[2J[bold]\x9b31m[/bold]\u202e"
SHOWN = "\N{REPLACEMENT CHARACTER}[2J[bold]\N{REPLACEMENT CHARACTER}31m[/bold]\N{REPLACEMENT CHARACTER}"


def test_foreign_text_reaches_no_terminal_raw_and_its_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    history = History()
    history.document = {"function": FOREIGN, "alias": FOREIGN}
    checked = document(green=GREEN, bake=TENTH.model_copy(update={"look": look((1, 9), (1, 90), FOREIGN)}))
    events = [
        history.started(),
        history.entered("CheckHealth"),
        history.failed(FOREIGN, FOREIGN),
        history.event("TaskStateExited", stateExitedEventDetails={"name": "x", "output": json.dumps(checked)}),
        *history.ended_badly("RolledBack", FOREIGN, FOREIGN),
    ]
    after = Progress().after(events)

    with Panel(Console(stderr=True, width=200, force_terminal=True, color_system=None)) as panel:
        panel.learned(Progress(), events, after)
    Console(stderr=True, width=200).print(standing(after, 0))
    ended = Ending("arn:x:Shop-1", TARGET, after, None, {"case": FOREIGN, "mismatches": [FOREIGN]})
    said = [ended.said(), *ended.in_full(), Progress().after(events[:2]).name, capsys.readouterr().err]

    assert all("\x1b[2J" not in text and "\x9b" not in text and "\u202e" not in text for text in said)
    assert SHOWN in ended.said()
    assert SHOWN in said[-1]


@pytest.mark.parametrize("levels", [1_500, 50_000])
def test_a_request_that_is_too_deep_to_read_is_followed_all_the_same(levels: int) -> None:
    started = {"executionStartedEventDetails": {"input": '{"x":' + "[" * levels + "]" * levels + "}"}}
    progress = Progress().after([{"id": 1, "timestamp": BEGAN, "type": "ExecutionStarted", **started}])

    assert (progress.name, progress.began) == ("", BEGAN)


@pytest.mark.parametrize(
    "section",
    [
        {"bake": {"shifts": [{"at": 1, "weight": 0.1}], "look": {"verdict": "x", "reason": "\ud83d\x1b[2J"}}},
        {"bake": {"shifts": ["x", {"weight": "\x1b[2J"}], "look": {"verdict": 1, "reason": 1, "green": "x"}}},
        {"bake": {"look": {"verdict": "x", "blue": {"requests": "\x1b[2J", "failed": None}}}},
        {"bake": "x", "deployment": [], "green": 1, "tested": "x"},
    ],
    ids=["raw", "shifts", "counts", "no sections"],
)
def test_a_request_that_looks_like_a_document_steers_no_terminal_and_stops_no_command(
    section: dict[str, object],
) -> None:
    """Until OpenDeployment has answered the document is what somebody has sent."""
    raw = "\ud83d\x1b[2J\u202e"
    target = {"function": raw, "alias": raw}
    sent = {"deployment": {"id": "x", "blue": raw, "target": target}, "green": {"version": raw}} | section
    details = {"executionStartedEventDetails": {"input": json.dumps(sent)}}
    event = {"id": 1, "timestamp": BEGAN, "type": "ExecutionStarted", **details}

    progress = Progress().after([event])
    panel = Console(width=200)
    with panel.capture() as shown:
        panel.print(standing(progress, NOW))

    for text in [*shown.get().splitlines(), *lines([event]), *(str(side) for side in progress.sides.values())]:
        assert all(map(is_sign, text)), ascii(text)
