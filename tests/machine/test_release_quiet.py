"""A release of functions that nobody calls: their smoke tests are sent again, some at each look."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bluegreen.releasing import watching
from tests.machine.deployer import GOOD
from tests.machine.faults import Call
from tests.machine.shop import at, open_shop
from tests.machine.test_release_orders import tell

NAMES = tuple(f"Quiet{number:02}" for number in range(14))
TESTED = {"smoke_tests": [{"name": "answers", "payload": {}}]}


def test_a_look_probes_ten_quiet_functions_and_later_looks_the_others() -> None:
    with open_shop(NAMES) as shop:
        at_a_look: Counter[float] = Counter()
        probed: Counter[str] = Counter()

        def count(call: Call, attempt: Callable[[], Any]) -> Any:
            if call.state == "LookAtWave" and call.operation == "Invoke":
                at_a_look[shop.aws.clock.now()] += 1
                probed[call.url.partition("/functions/")[2].partition("/")[0]] += 1
            return attempt()

        with shop.aws.watched(count):
            run = shop.release({name: GOOD % 2 for name in NAMES}, waves=[{}], defaults=TESTED)

    assert run.ended == "Released"
    assert max(at_a_look.values()) == watching.PROBED_AT_ONCE
    assert set(probed) == {*NAMES}


@pytest.mark.parametrize(("hours", "ended"), [(2, "Released"), (0.2, "RolledBack")])
def test_users_who_left_half_an_hour_before_a_wave_began_explain_its_silence(hours: float, ended: str) -> None:
    """CloudWatch's figures come within half an hour. Those who left since may have figures that are late."""
    with open_shop(NAMES[:2]) as shop:
        shop.users_call(2)
        shop.aws.clock.sleep(3600)

        def leave() -> None:
            shop.users_are_gone = True
            shop.aws.after(hours * 3600, lambda: tell("approve"))

        with at(shop, "Bake", leave):
            run = shop.release(name="monday", waves=[{"approve": True}])

    assert run.ended == ended
    assert ("has shown no request of the alias" in run.cause) == (ended == "RolledBack")
