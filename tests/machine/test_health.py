"""What the watch concludes under traffic, and what comes of it. Metrics are simulated; machine, handlers are real."""

import json
from typing import Any, ClassVar

import pytest

from tests.machine.callers import CANARY_10, Users, looked_at, looks, took, weights
from tests.machine.deployer import Deployer, alarm


def test_a_green_with_two_per_cent_errors_on_a_blue_with_a_tenth_of_that_is_rolled_back(deployer: Deployer) -> None:
    Users(deployer, 6000, blue=0.002, green=0.02)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.error == "GreenUnhealthy"
    assert "green failed" in run.cause
    assert "to 1 that green is worse" in run.cause
    assert deployer.alias() == ("1", {})


def test_a_green_that_fails_as_rarely_as_blue_is_promoted(deployer: Deployer) -> None:
    Users(deployer, 6000, blue=0.01, green=0.01)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.ended == "Deployed"
    assert run.output["bake"]["look"]["verdict"] in ("fine", "not_enough")


def test_too_few_requests_to_tell_are_never_called_healthy(deployer: Deployer) -> None:
    Users(deployer, 10)

    run = deployer.deploy(traffic=CANARY_10)

    assert run.ended == "Deployed"
    assert run.output["bake"]["look"]["verdict"] == "not_enough"
    assert any("nothing speaks against green" in look for look in looks(deployer))


def test_a_bake_goes_on_until_there_is_enough_evidence(deployer: Deployer) -> None:
    Users(deployer, 200)

    patient = deployer.deploy(traffic=CANARY_10, health={"max_bake_seconds": 7200})

    assert patient.ended == "Deployed"
    assert patient.path.count("CheckHealth") > 12
    first, last = (shift["at"] for shift in patient.output["bake"]["shifts"])
    assert 600 < last - first < 7200


def test_a_bake_does_not_go_on_for_ever(deployer: Deployer) -> None:
    Users(deployer, 10)

    run = deployer.deploy(traffic=CANARY_10, health={"max_bake_seconds": 1200})

    first, last = (shift["at"] for shift in run.output["bake"]["shifts"])
    assert last - first == pytest.approx(1200, abs=60)


@pytest.mark.parametrize(
    ("traffic", "per_minute", "kind", "seconds"),
    [
        ("Canary10Percent5Minutes", 0, "nobody_called", 300),
        ("Canary10Percent5Minutes", 600, "judged", 300),
        ("AllAtOnce", 600, "not_watched", 0),
        ("Adaptive", 0, "nobody_called", 600),
    ],
)
def test_the_record_says_what_is_known_of_green_under_traffic(
    deployer: Deployer, traffic: str, per_minute: int, kind: str, seconds: int
) -> None:
    if per_minute:
        Users(deployer, per_minute)

    run = deployer.deploy(traffic=traffic)

    watched = deployer.record(run)["watched"]
    assert (watched["kind"], watched["seconds"]) == (kind, pytest.approx(seconds, abs=60))
    assert (watched["requests"] > 0) is (kind == "judged")


class TestTheFinalBake:
    TRAFFIC: ClassVar[dict[str, Any]] = {"steps": [{"weight": 0.5, "bake_seconds": 300}], "final_bake_seconds": 1800}

    @pytest.mark.parametrize(("keep_control", "last"), [({}, [0.95, 1.0]), ({"keep_control": 0.2}, [0.8, 1.0])])
    def test_keeps_blue_as_control_and_then_green_gets_everything(
        self, deployer: Deployer, keep_control: dict[str, float], last: list[float]
    ) -> None:
        Users(deployer, 6000)
        routes: list[Any] = []
        deployer.aws.after(1500, lambda: routes.append(deployer.alias()))

        run = deployer.deploy(traffic=self.TRAFFIC | keep_control)

        assert run.ended == "Deployed"
        assert weights(run) == [0.5, *last]
        assert took(run) == pytest.approx(2100, abs=5)
        assert routes == [("1", {"2": last[0]})]
        assert deployer.alias() == ("2", {})
        assert run.path[-7:-3] == ["ShiftAlias", "Bake", "CheckHealth", "WhatNext?"]

    def test_compares_a_green_that_goes_bad_in_it_with_blue(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(3600)

        def worse() -> None:
            users.fails["2"] = 0.05

        deployer.aws.after(400, worse)
        run = deployer.deploy(traffic=self.TRAFFIC)

        assert run.error == "GreenUnhealthy"
        assert weights(run) == [0.5, 0.95]
        assert deployer.alias() == ("1", {})

    def test_rolls_nothing_back_for_an_outage_of_both_versions(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(3600)

        def outage(share: float) -> None:
            users.fails = {"1": share, "2": share}

        deployer.aws.after(900, lambda: outage(0.5))
        deployer.aws.after(1200, lambda: outage(0.002))
        run = deployer.deploy(traffic=self.TRAFFIC)

        assert run.ended == "Deployed"

    def test_without_control_leaves_the_verdict_to_the_alarms(self, deployer: Deployer) -> None:
        users = Users(deployer, 6000)
        deployer.aws.clock.sleep(3600)
        alarm("sales", "OK")

        def worse() -> None:
            users.fails["2"] = 1.0

        deployer.aws.after(400, worse)
        deployer.aws.after(1000, lambda: alarm("sales", "ALARM"))
        run = deployer.deploy(traffic=self.TRAFFIC | {"keep_control": 0}, health={"alarms": ["sales"]})

        assert weights(run) == [0.5, 1.0]
        assert run.error == "GreenUnhealthy"
        assert "the alarm sales went off" in run.cause
        assert took(run) == 300
        assert deployer.alias() == ("1", {})


class TestASuspectedGreen:
    """Two of its requests failed: odds of more than 10 to 1 against it, and less than the 100 to 1 of a proof."""

    @pytest.mark.parametrize(
        ("asked", "ended", "said"),
        [
            ({}, "RolledBack", "are no proof (100 to 1 is); the default says (when_suspected) to roll back then"),
            ({"when_suspected": "roll_back"}, "RolledBack", "the request says (when_suspected) to roll back then"),
            ({"when_suspected": "promote"}, "Deployed", "going on, as the request says (when_suspected)"),
        ],
    )
    def test_is_the_requests_to_decide(self, deployer: Deployer, asked: dict[str, str], ended: str, said: str) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(1, after=400)

        run = deployer.deploy(traffic=CANARY_10, health=asked)

        assert run.ended == ended
        assert took(run) == (0 if ended == "RolledBack" else 600)
        assert deployer.alias() == (("1", {}) if ended == "RolledBack" else ("2", {}))
        (look,) = (look for look in looks(deployer) if "when_suspected" in look)
        assert said in look
        assert "the odds against green, 47 to 1" in look

    def test_is_held_until_it_is_cleared(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(1, after=400)
        deployer.aws.after(600, lambda: users.fails.update({"1": 0.02}))  # blue fails as well from then on

        run = deployer.deploy(traffic=CANARY_10, health={"when_suspected": "hold"})

        assert run.ended == "Deployed"
        assert any("holding on, as the request says (when_suspected)" in look for look in looks(deployer))
        assert 600 < took(run) < 900

    def test_is_held_until_it_is_found_worse(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        users.fail(2, after=340)
        users.fail(2, after=400)
        users.fail(2, after=520)

        run = deployer.deploy(traffic=CANARY_10, health={"when_suspected": "hold"})

        assert (run.error, deployer.alias()) == ("GreenUnhealthy", ("1", {}))
        assert "to 1 that green is worse" in run.cause
        assert any("holding on" in look for look in looks(deployer))


def test_a_look_remembers_no_more_and_reads_no_more_at_the_end_of_a_long_bake(deployer: Deployer) -> None:
    hours = 6
    Users(deployer, 600)

    run = deployer.deploy(traffic={"steps": [{"weight": 0.5, "bake_seconds": hours * 3600}]})

    entered = [event.get("stateEnteredEventDetails", {}) for event in run.history]
    documents = [json.loads(each["input"]) for each in entered if each.get("name") == "CheckHealth"]
    remembered = [document["bake"]["look"]["memory"] for document in documents]
    sizes = [len(json.dumps(memory)) for memory in remembered if memory["watch"]]
    assert max(sizes) < min(sizes) + 50
    assert max(sizes) < 4000
    left = [
        look - after["until"]
        for look, before, after in zip(looked_at(run), remembered, remembered[1:], strict=False)
        if after["until"] and after != before  # between two looks CheckHealth reads people's orders only
    ]
    assert max(left) < 600
    assert sum(memory["until"] == 0 for memory in remembered) < 15
    assert not any('"memory"' in look for look in looks(deployer))
    counted = run.document["bake"]["look"]["green"]["requests"]
    assert counted == pytest.approx(300 * 60 * hours, rel=0.02)
