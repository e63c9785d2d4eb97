"""A green that nobody calls is promoted, probed or rolled back, as the request says."""

from typing import Any

import pytest

from tests.machine.callers import CANARY_10, looks
from tests.machine.deployer import Deployer


@pytest.mark.parametrize(
    ("health", "ended", "reason"),
    [
        ({}, "Deployed", "nobody called green in the 7 min that CloudWatch shows; going on, as the default says"),
        ({"no_traffic": "proceed"}, "Deployed", "going on, as the request says"),
        ({"no_traffic": "probe"}, "Deployed", "answered no probe wrongly"),
        ({"no_traffic": "roll_back"}, "RolledBack", "the request says to roll back"),
        ({"no_traffic": "wait", "max_bake_seconds": 1800}, "RolledBack", ", for 30 min"),
    ],
)
def test_without_any_traffic_the_request_decides(
    deployer: Deployer, health: dict[str, Any], ended: str, reason: str
) -> None:
    run = deployer.deploy(traffic=CANARY_10, health=health)

    assert run.ended == ended
    assert any(reason in look for look in looks(deployer))


def test_a_probe_that_fails_rolls_back_a_green_without_callers(deployer: Deployer) -> None:
    fails_after_a_while = """
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if calls > 2:
        raise MemoryError('leak')
    return {}
"""

    run = deployer.deploy(fails_after_a_while, traffic=CANARY_10, health={"no_traffic": "probe"})

    assert run.error == "GreenUnhealthy"
    assert "failed the probe" in run.cause


@pytest.mark.parametrize(
    ("asked", "probed"),
    [
        ({"smoke_tests": [{"name": "bonus"}]}, True),
        ({"smoke_tests": [{"name": "bonus"}], "health": {"no_traffic": "proceed"}}, False),
        ({}, False),
        ({"smoke_tests": "off"}, False),
    ],
    ids=str,
)
def test_a_green_without_callers_is_probed_where_people_gave_smoke_tests(
    deployer: Deployer, asked: dict[str, Any], probed: bool
) -> None:
    run = deployer.deploy(traffic=CANARY_10, **asked)

    assert run.ended == "Deployed"
    assert (run.document["bake"]["look"]["probes"] > 0) is probed
    assert any("answered no probe wrongly" in look for look in looks(deployer)) is probed
