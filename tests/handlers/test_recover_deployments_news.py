"""RecoverDeployments tells people of every end that nobody told them of, once."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from bluegreen.aws import functions
from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.news import words
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, alarms_in, put, stopped_beside_an_unwell_blue, told
from tests.handlers.recovering import SWEEP, ended_badly, is_whole, recover, the_last_first, the_tag_is_gone
from tests.machine.deployer import ALIAS, FUNCTION, GOOD
from tests.machine.faults import HandlerTimedOut

pytestmark = pytest.mark.usefixtures("role_of_recovery")


def fails_the_first_time(do: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A fault of the handler that only one deployment meets."""
    first = [ValueError("a fault of the handler")]

    def sometimes(asked: Any) -> Any:
        if first:
            raise first.pop()
        return do(asked)

    return sometimes


def test_people_are_told_that_blue_is_unwell(desks: Desks) -> None:
    desk = stopped_beside_an_unwell_blue(desks)

    recover(SWEEP)

    assert (desk.state(), desk.deployer.alias()) == ("RolledBack", ("2", {}))
    (text,) = told(desk.deployer)
    assert "But version 2 is unwell itself: it raised RuntimeError." in text


def test_items_that_the_handler_cannot_read_keep_no_other_end_untold(stopped: Desk) -> None:
    put({"pk": "deployment#odd", "sk": "record", "kind": "untold", "function": FUNCTION, "started_at": "2026"})
    put({"pk": "lock#odd", "sk": "lock", "kind": "lock"})
    with stopped.aws.fails("Publish", "InternalError", times=None):
        recover(ended_badly(stopped))
    assert stopped.deployer.notified() == []

    with pytest.raises(DeploymentError, match="lock#odd"):
        recover(SWEEP)

    assert len(stopped.deployer.notified()) == 1


@pytest.mark.parametrize("name", ["nope", "running"])
def test_an_event_about_an_execution_that_runs_tells_people_nothing(desks: Desks, name: str) -> None:
    running = desks("running").to("ShiftAlias")
    event = ended_badly(running)

    recover(event | {"detail": event["detail"] | {"name": name, "status": "RUNNING"}})

    assert running.deployer.notified() == []


def test_people_are_told_also_if_many_recoveries_take_long(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda ends the function after ten minutes."""
    for name in ("a", "b", "c", "d", "e", "f", "told"):
        stopped.aws.create_function(f"Of-{name}", GOOD % 1)
        desk = desks(name, function=f"Of-{name}").to("SmokeTest")
        if name == "told":
            with desk.aws.fails("Publish", "InternalError", times=None):
                desk.failed().run("RollBack")
        desk.stop()
    the_tag_is_gone()
    describe = functions.describe

    def hangs(target: Target, *version: str) -> functions.Function:
        found = describe(target, *version)
        return found.model_copy(update={"updating": "InProgress"}) if target.function.startswith("Of-") else found

    monkeypatch.setattr(functions, "describe", hangs)
    monkeypatch.setattr(random, "sample", the_last_first)

    def times_out() -> None:
        raise HandlerTimedOut

    stopped.aws.after(600, times_out)

    with pytest.raises(DeploymentError, match="first, f, e, d, c, b, a"):
        recover(SWEEP)

    assert "Rolled back: Of-told:PROD is at version 1" in stopped.deployer.notified()
    assert alarms_in(caplog) == ["RollbackFailed"]


def test_people_are_told_once(stopped: Desk) -> None:
    recover(ended_badly(stopped))
    recover(ended_badly(stopped))
    recover(SWEEP)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


@pytest.mark.parametrize("event", [True, False], ids=["event", "sweep"])
def test_people_who_could_not_be_told_of_an_end_are_told_later(stopped: Desk, event: bool) -> None:
    with stopped.aws.fails("Publish", "InternalFailure", times=None):
        recover(ended_badly(stopped))
    assert is_whole(stopped)
    assert stopped.deployer.notified() == []

    recover(ended_badly(stopped) if event else SWEEP)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_an_end_that_cannot_be_told_keeps_back_no_other_and_is_seen(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.aws.create_function("Other", GOOD % 1)
    other = desks("other", function="Other").to("SmokeTest")
    with stopped.aws.fails("Publish", "InternalError", times=None):
        for desk in (stopped, other):
            desk.failed().run("RollBack")

    monkeypatch.setattr(words, "of_end", fails_the_first_time(words.of_end))

    with pytest.raises(DeploymentError, match=r"people were not told: (first|other)\."):
        recover(SWEEP)

    (told,) = stopped.deployer.notified()
    recover(SWEEP)
    (told_later,) = stopped.deployer.notified()
    assert {told, told_later} == {f"Rolled back: {name}:{ALIAS} is at version 1" for name in (FUNCTION, "Other")}


def test_people_are_told_of_what_was_stopped_before_it_touched_anything(desk: Desk) -> None:
    with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.run("OpenDeployment")
    desk.stop()

    recover(ended_badly(desk))

    assert (desk.state(), desk.holder()) == ("Rejected", None)
    assert desk.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]


def test_people_are_told_of_what_could_not_even_be_written_down(desk: Desk) -> None:
    desk.stop()

    recover(ended_badly(desk, "FAILED"))

    assert desk.deployer.notified() == ["Rejected: first touched nothing"]


def test_people_are_told_once_of_what_could_not_be_written_down_however_often_its_event_comes(desk: Desk) -> None:
    desk.stop()
    with desk.aws.fails("Publish", "InternalError", times=None):
        recover(ended_badly(desk, "FAILED"))
    assert desk.deployer.notified() == []

    for _ in range(4):
        recover(ended_badly(desk, "FAILED"))

    assert desk.deployer.notified() == ["Rejected: first touched nothing"]
