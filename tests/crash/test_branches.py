"""Cases that branch off one run come to the same ends as cases that are run alone."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from tests.crash import branches, matrix
from tests.crash.branches import by_visit
from tests.crash.kept import Kept
from tests.crash.matrix import Outcome
from tests.crash.releases import matrix as releases
from tests.crash.world.places import Case, Place

ROOT = Path(__file__).parents[2]

COMMANDS: dict[str, tuple[list[str], Callable[[Case], Outcome]]] = {
    "of a deployment": (
        ["--scenarios", "stopped,unanswered", "--only", "killed before @ RecoverDeployments.U"],
        matrix.run,
    ),
    "of a release": (
        ["--release", "--scenarios", "refused", "--only", "killed before @ RollBackRelease.T"],
        releases.run,
    ),
}


def _facts(outcome: Outcome) -> Outcome:
    return replace(outcome, seconds=0.0, asked=frozenset())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_finds_what_runs_of_their_own_find(command: str, tmp_path: Path) -> None:
    options, run = COMMANDS[command]
    kept = tmp_path / "kept"
    arguments = [sys.executable, "-m", "tests.crash", "--pairs", "0", "--kept", str(kept), *options]

    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = Kept(kept).outcomes
    assert len(outcomes) > 2, done.stdout
    assert not any(outcome.unmet for outcome in outcomes)
    assert [_facts(outcome) for outcome in outcomes] == [_facts(run(outcome.case)) for outcome in outcomes]


def test_a_machine_without_room_for_a_process_holds_the_next_copy_up(tmp_path: Path) -> None:
    kept: list[int] = []
    processes = branches.Processes(2, tmp_path, lambda _, result, __: kept.append(result))
    fork, refused = branches._fork, iter([False, True, False])

    with mock.patch.object(branches, "_fork", side_effect=lambda: -1 if next(refused) else fork()):
        for number in (1, 2):
            if processes.branch(number):
                processes.leave(partial(int, number))
        processes.wait()

    assert kept == [1, 2]


def test_a_copy_that_another_part_of_the_program_has_reaped_has_left(tmp_path: Path) -> None:
    kept: list[int] = []
    processes = branches.Processes(2, tmp_path, lambda _, result, __: kept.append(result))

    for number in (1, 2):
        if processes.branch(number):
            processes.leave(partial(int, number))
        os.wait4(-1, 0)
    processes.wait()

    assert sorted(kept) == [1, 2]


def test_a_copy_whose_work_fails_leaves_the_folder_to_the_others(tmp_path: Path) -> None:
    kept: list[int | None] = []

    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        processes = branches.Processes(2, Path(folder), lambda _, result, __: kept.append(result))
        for text in ("no number", "7"):
            if processes.branch(text):
                processes.leave(partial(int, text))
        processes.wait()

    assert sorted(kept, key=str) == [7, None]


def test_a_machine_without_room_for_any_process_is_told(tmp_path: Path) -> None:
    processes = branches.Processes(2, tmp_path, mock.Mock())

    with mock.patch.object(branches, "_fork", return_value=-1), pytest.raises(OSError, match="fork"):
        processes.branch(1)


def test_a_case_branches_where_the_state_of_its_first_fault_is_entered() -> None:
    course = matrix.fault_free("bad")
    shift = next(number for number, visit in enumerate(course.visits, start=1) if str(visit) == "ShiftAlias#1")
    case = Case("bad", (("", Place("RollBack", "UpdateAlias", 1)), ("", Place("ShiftAlias", "UpdateAlias", 1))))

    found = by_visit([case, Case("bad")], course)

    assert found == {course.same_until[Place("ShiftAlias", "", 1)]: [case], 0: [Case("bad")]}, shift
