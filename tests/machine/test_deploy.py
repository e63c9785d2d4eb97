"""A deployment from end to end: the states it goes through, what the alias says, what callers get."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, GOOD, Deployer

OPENED = ["OpenDeployment", "WhatToDeploy?"]
STAGED = [*OPENED, "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "WhatNext?"]
LOOK = ["Bake", "CheckHealth", "WhatNext?"]
COMPLETED = ["CompleteDeployment", "OldVersions?", "Deployed"]
UNDONE = ["RollBack", "RolledBack"]


def shift(looks: int) -> list[str]:
    return ["ShiftAlias", *LOOK * looks]


CANARY_5 = [*STAGED, *shift(5), *shift(1), *COMPLETED]


@pytest.mark.parametrize(
    ("traffic", "shifts"),
    [
        ("AllAtOnce", shift(1)),
        ("Canary10Percent5Minutes", [*shift(5), *shift(1)]),
        ("Canary10Percent10Minutes", [*shift(10), *shift(1)]),
        ("Canary10Percent15Minutes", [*shift(15), *shift(1)]),
        ("Canary10Percent30Minutes", [*shift(30), *shift(1)]),
        ("Linear10PercentEvery1Minute", [*shift(1) * 9, *shift(1)]),
        ("Linear10PercentEvery2Minutes", [*shift(2) * 9, *shift(1)]),
        ("Linear10PercentEvery3Minutes", [*shift(3) * 9, *shift(1)]),
        ("Linear10PercentEvery10Minutes", [*shift(10) * 9, *shift(1)]),
        (
            {
                "steps": [{"weight": 0.01, "bake_seconds": 60}, {"weight": 0.5, "bake_seconds": 90}],
                "final_bake_seconds": 120,
            },
            [*shift(1), *shift(1), *shift(2), *shift(1)],
        ),
        (
            {"steps": [{"weight": 0.5, "bake_seconds": 240}], "final_bake_seconds": 120, "keep_control": 0},
            [*shift(4), *shift(2)],
        ),
    ],
    ids=str,
)
def test_a_good_green_takes_over_shift_by_shift(deployer: Deployer, traffic: Any, shifts: list[str]) -> None:
    run = deployer.deploy(traffic=traffic)

    assert run.path == [*STAGED, *shifts, *COMPLETED]
    assert deployer.alias() == ("2", {})
    assert deployer.record(run)["state"] == "Deployed"


def test_without_a_word_about_traffic_the_stack_says_how(deployer: Deployer) -> None:
    assert deployer.deploy().path == CANARY_5


def test_a_strategy_takes_exactly_its_time(deployer: Deployer) -> None:
    begun = deployer.aws.clock.now()
    run = deployer.deploy(traffic="Linear10PercentEvery1Minute")

    shifts = run.output["bake"]["shifts"]
    assert [shift["weight"] for shift in shifts] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert [round(later["at"] - shift["at"]) for shift, later in pairwise(shifts)] == [60] * 9
    assert deployer.aws.clock.now() - begun == pytest.approx(540, abs=15)


def test_users_never_get_an_error_from_a_good_deployment(deployer: Deployer) -> None:
    deployer.users_call(times_a_second=2)

    assert deployer.deploy().ended == "Deployed"
    assert not deployer.harmed
    assert deployer.served["1"] > 400
    assert deployer.served["2"] > 20


def test_a_green_that_fails_under_traffic_is_put_back_by_itself(deployer: Deployer) -> None:
    deployer.users_call(times_a_second=2)

    run = deployer.deploy(BAD_UNDER_TRAFFIC, traffic="Canary10Percent30Minutes")

    assert run.path[: len(STAGED) + 1] == [*STAGED, "ShiftAlias"]
    assert run.path[-3:] == ["CheckHealth", "RollBack", "RolledBack"]
    assert run.error == "GreenUnhealthy"
    assert deployer.record(run)["alias_outcome"] == "back"
    assert deployer.alias() == ("1", {})
    assert set(deployer.harmed) == {"2"}


def test_after_a_rollback_latest_has_the_code_it_had(deployer: Deployer) -> None:
    before = deployer.digest()

    run = deployer.deploy(BROKEN)

    assert run.ended == "RolledBack"
    assert deployer.digest() == before
    assert deployer.record(run)["latest_outcome"] == "put_back"


def test_a_green_that_fails_its_smoke_test_never_sees_a_user(deployer: Deployer) -> None:
    deployer.users_call(times_a_second=10)

    run = deployer.deploy(BROKEN)

    assert run.path == [*STAGED[:4], *UNDONE]
    assert run.error == "SmokeTestFailed"
    assert "it raised RuntimeError" in run.cause
    assert deployer.versions() == ["1"]
    assert not deployer.harmed


def test_the_same_code_again_is_nothing_to_deploy(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2)
    before = deployer.everything()

    run = deployer.deploy(GOOD % 2)

    assert run.path == [*OPENED, "NothingToDeploy"]
    assert deployer.everything() == before
    assert deployer.record(run)["state"] == "NothingToDeploy"
    assert deployer.items("lock#") == []


def test_an_older_version_is_deployed_without_touching_latest(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    latest = deployer.digest()

    run = deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})

    assert run.path == [*OPENED, "SmokeTestGreen", "WhatNext?", *shift(1), *COMPLETED]
    assert deployer.alias() == ("1", {})
    assert deployer.digest() == latest


def test_the_record_tells_the_whole_story(deployer: Deployer) -> None:
    run = deployer.deploy(started_by="a person", traffic="AllAtOnce")

    record = deployer.record(run)
    steps = [item["sk"].split("#")[1] for item in deployer.items("steps#")]
    told = {"state": "Deployed", "serving": "2", "green": "2", "started_by": "a person, as the request says"}
    assert {name: record[name] for name in told} == told
    assert sorted(steps) == sorted(
        name for name in run.path if not name.endswith("?") and name not in ("Bake", "Deployed")
    )
    assert deployer.items("lock#") == []


def test_ten_steps_take_50_transitions(deployer: Deployer) -> None:
    assert len(deployer.deploy(traffic="Linear10PercentEvery1Minute").path) == 50


def test_half_a_day_of_baking_is_looked_at_ever_more_seldom(deployer: Deployer) -> None:
    half_a_day = {"steps": [{"weight": 0.1, "bake_seconds": 12 * 3600}]}
    looks = []

    def watcher(call: Any, make: Callable[[], Any]) -> Any:
        if call.state == "CheckHealth" and call.operation == "GetMetricData":
            looks.append(call)
        return make()

    with deployer.aws.watched(watcher):
        run = deployer.deploy(traffic=half_a_day)

    first, last = (shift["at"] for shift in run.output["bake"]["shifts"])
    assert run.ended == "Deployed"
    assert last - first == pytest.approx(12 * 3600, rel=0.01)
    assert 60 < len(looks) < 105
    assert run.path.count("CheckHealth") < 270  # at least every four minutes it reads people's orders
    assert len(run.history) < 2_700


def test_people_are_told_of_each_shift_where_the_stack_says_so(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY", "shifted")

    deployer.deploy(traffic="Canary10Percent5Minutes")

    place = f"{FUNCTION}:PROD"
    assert deployer.notified() == [f"Shifted: {place} is at {share} % of version 2" for share in (10, 100)]


def test_people_are_told_how_it_ended(deployer: Deployer) -> None:
    deployer.deploy(traffic="AllAtOnce")
    deployer.deploy(BROKEN)
    deployer.deploy(traffic="Sideways")

    assert deployer.notified() == [
        "Deployed: BonusCalculatorLambda:PROD is at version 2",
        "Rolled back: BonusCalculatorLambda:PROD is at version 2",
        "Rejected: BonusCalculatorLambda:PROD was not touched",
    ]
