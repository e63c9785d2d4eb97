"""A plan says which preparations of Lambda come before users meet green, and how long they take."""

from typing import Any

import pytest

from bluegreen.aws.aliases import Provisioned
from bluegreen.decisions.settings import settings_of
from bluegreen.document import Brings
from bluegreen_cli.preparations import FIRST_WAIT_SECONDS, PATIENCE_SECONDS, Preparation, preparations
from statemachine import states
from tests.bluegreen.examples import a_function
from tests.bluegreen.opening.test_checks import situation
from tests.bluegreen_cli.conftest import Bluegreen
from tests.handlers.desk import aws_answers
from tests.machine.deployer import FUNCTION, GOOD, Deployer

pytestmark = pytest.mark.usefixtures("deployer")

SNAP_START = settings_of({"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}})


def prepared(brought: Brings, traffic: str = "AllAtOnce", **known: Any) -> tuple[Preparation, ...]:
    facts = {"provisioned": None, "latest": a_function(), "blue": a_function(version="1")} | known
    return preparations(situation(traffic=traffic, known=facts), brought)


def test_an_ordinary_function_needs_none() -> None:
    assert prepared("new_code") == ()


@pytest.mark.parametrize(("brought", "told"), [("new_code", True), ("latest", True), ("version", False)])
def test_a_snapshot_is_taken_of_each_version_that_is_published(brought: Brings, told: bool) -> None:
    found = prepared(brought, latest=a_function(settings=SNAP_START))

    assert [(each.what, each.usual_seconds) for each in found] == [("snap_start", 180)] * told


@pytest.mark.parametrize(("brought", "told"), [("new_code", True), ("latest", False), ("version", False)])
def test_an_image_is_prepared_where_it_is_put(brought: Brings, told: bool) -> None:
    found = prepared(brought, latest=a_function(package_type="Image"))

    assert [each.what for each in found] == ["image"] * told


@pytest.mark.parametrize(
    ("traffic", "shared"), [("AllAtOnce", False), ("Canary10Percent5Minutes", True), ("Adaptive", True)]
)
@pytest.mark.parametrize("brought", ["new_code", "latest", "version"])
def test_provisioned_concurrency_is_told_and_whether_green_meets_users_before_it(
    brought: Brings, traffic: str, shared: bool
) -> None:
    (found,) = prepared(brought, traffic, provisioned=Provisioned(status="READY", amount=5))

    assert found.said.startswith("provisioned concurrency (5): ")
    assert ("may meet cold starts" in found.said) == shared
    assert "lets version 1 serve until it is ready, usually 2 to 8 min (15 min at most)" in found.said


def test_the_longest_waits_are_those_of_the_state_machine() -> None:
    waits = {row.name: row.retry for row in (states.PUBLISH_VERSION, states.CHECK_HEALTH, states.SHIFT_ALIAS)}
    until_done = states.until_done(PATIENCE_SECONDS)

    assert {name: _looks(retry) for name, retry in waits.items()} == dict.fromkeys(waits, _looks(until_done))
    assert _looks(states.UPDATE_CODE.retry) == _looks(states.until_done(FIRST_WAIT_SECONDS))


def _looks(retry: list[Any]) -> Any:
    return retry[-1].to_dict()


def test_the_command_says_it_in_words_and_as_json(deployer: Deployer, bluegreen: Bluegreen, package: Any) -> None:
    answer = {"Status": "READY", "RequestedProvisionedConcurrentExecutions": 3}
    with aws_answers("lambda", "GetProvisionedConcurrencyConfig", answer):
        said = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce").stdout
        (shown,) = bluegreen("plan", FUNCTION, package(GOOD % 2), "--json").json["preparations"]

    assert "  provisioned concurrency (3): at the last shift Lambda allocates it to green" in said
    assert (shown["what"], shown["usual_seconds"], shown["most_seconds"]) == ("provisioned_concurrency", 480, 900)
