"""A fixed part of the crash matrix of a release."""

import pytest

from tests.crash.releases.matrix import quick, run
from tests.crash.world.places import Case


@pytest.mark.parametrize("case", list(quick()), ids=str)
def test_after_any_fault_a_release_is_all_green_or_all_blue(case: Case) -> None:
    outcome = run(case)

    assert outcome.violations == []
    assert not outcome.unmet, "the fault met nothing"
