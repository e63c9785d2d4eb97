"""A fixed part of the crash matrix: every kind of fault, each at one place."""

import pytest

from tests.crash.matrix import quick, run
from tests.crash.world.places import Case


@pytest.mark.parametrize("case", list(quick()), ids=str)
def test_after_any_fault_the_alias_is_whole(case: Case) -> None:
    outcome = run(case)

    assert outcome.violations == []
    assert not outcome.unmet, "the fault met nothing"
