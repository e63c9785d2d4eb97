"""No input is too strange: it ends in an answer, a rejection or a record. `make fuzz` plays many more."""

import pytest

from tests.fuzz.entrances import ENTRANCES
from tests.fuzz.playing import Entrance, fuzz


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")
@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda entrance: entrance.name)
def test_whatever_comes_in_is_answered(entrance: Entrance) -> None:
    fuzz(entrance, examples=entrance.examples, deterministic=True)
