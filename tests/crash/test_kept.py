"""A matrix that was stopped goes on where it was."""

from pathlib import Path

from tests.crash.kept import Kept
from tests.crash.matrix import Outcome
from tests.crash.world.places import Case


def test_a_run_that_is_started_again_knows_the_outcomes_so_far(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    outcomes = [Outcome(Case(name), "Deployed", [], 3, 0, 0, None) for name in ("good", "bad")]
    first = Kept(path)
    first.keep(outcomes[0])

    second = Kept(path)
    assert second.cases == {Case("good")}
    second.keep(outcomes[1])

    third = Kept(path)
    assert third.outcomes == outcomes
    assert third.seconds > first.seconds


def test_without_a_file_nothing_is_known_before() -> None:
    assert Kept(None).outcomes == []
