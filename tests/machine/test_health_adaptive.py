"""Adaptive traffic gives green more as the evidence grows, and takes it back from a suspected green."""

import pytest

from tests.machine.callers import Users, looked_at, looks, took, weights
from tests.machine.deployer import GOOD, Deployer


class TestAdaptive:
    def test_a_good_green_gets_everything_as_the_evidence_grows(self, deployer: Deployer) -> None:
        Users(deployer, 60_000, blue=0.001, green=0.001)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        weights = [shift["weight"] for shift in run.output["bake"]["shifts"]]
        took = run.output["bake"]["shifts"][-1]["at"] - run.output["bake"]["shifts"][0]["at"]
        assert run.ended == "Deployed"
        assert weights[0] < 0.05
        assert weights == sorted(weights)
        assert weights[-1] == 1.0
        assert took <= 11 * 60

    @pytest.mark.parametrize("recovers", [True, False])
    def test_a_green_that_is_suspected_goes_back_to_a_small_weight_until_it_is_cleared_or_worse(
        self, deployer: Deployer, recovers: bool
    ) -> None:
        users = Users(deployer, 6000, blue=0.002, green=0.002)
        deployer.aws.clock.sleep(1200)

        def rate(fails: float) -> None:
            users.fails["2"] = fails

        deployer.aws.after(420, lambda: rate(0.006))
        if recovers:
            deployer.aws.after(490, lambda: rate(0.001))
        run = deployer.deploy(traffic="Adaptive")

        weights = [shift["weight"] for shift in run.document["bake"]["shifts"]]
        lowest = min(range(1, len(weights)), key=lambda number: weights[number] - weights[number - 1])
        assert weights[lowest] <= 0.1 <= weights[lowest - 1]
        assert any("goes back from" in look for look in looks(deployer))
        assert run.path.count("ShiftAlias") == len(weights)
        if recovers:
            assert (run.ended, weights[-1], deployer.alias()) == ("Deployed", 1.0, ("2", {}))
        else:
            assert (run.error, deployer.alias()) == ("GreenUnhealthy", ("1", {}))

    def test_a_green_that_always_fails_harms_no_more_than_its_budget(self, deployer: Deployer) -> None:
        users = Users(deployer, 60_000, green=1.0)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        assert run.error == "GreenUnhealthy"
        assert users.harmed < 2000

    def test_is_looked_at_and_shifted_when_a_minute_begins(self, deployer: Deployer) -> None:
        deployer.aws.clock.sleep(17)
        Users(deployer, 6000)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        shifts = [shift["at"] % 60 for shift in run.document["bake"]["shifts"]]
        assert run.ended == "Deployed"
        assert shifts[0] == pytest.approx(17, abs=5)
        assert max(shifts[1:]) < 5
        assert len(shifts) > 4
        assert max(moment % 60 for moment in looked_at(run)) < 5

    @pytest.mark.parametrize("second", [3, 17, 44])
    def test_a_first_failed_request_alone_does_not_hold_green_back(self, deployer: Deployer, second: int) -> None:
        deployer.aws.clock.sleep(second)
        Users(deployer, 600).fails_first = {"2"}
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive")

        assert run.ended == "Deployed"
        assert run.document["bake"]["look"]["green"]["failed"] == 1
        assert took(run) < 1200

    def test_a_deployment_in_a_hurry_is_over_by_its_time(self, deployer: Deployer) -> None:
        Users(deployer, 60)
        deployer.aws.clock.sleep(1200)

        run = deployer.deploy(traffic="Adaptive", health={"promote_by_seconds": 600})

        assert (run.ended, deployer.alias()) == ("Deployed", ("2", {}))
        assert 540 <= took(run) <= 600
        assert weights(run)[0] == 0.1

    def test_a_deployment_in_a_hurry_promotes_no_green_that_is_suspected(self, deployer: Deployer) -> None:
        users = Users(deployer, 600)
        deployer.aws.clock.sleep(1200)

        def worse() -> None:
            users.fails["2"] = 0.05

        deployer.aws.after(360, worse)
        run = deployer.deploy(traffic="Adaptive", health={"promote_by_seconds": 600})

        assert (run.ended, deployer.alias()) == ("RolledBack", ("1", {}))
        assert max(weights(run)) < 1

    def test_a_function_without_callers_gets_there_too(self, deployer: Deployer) -> None:
        run = deployer.deploy(GOOD % 2, traffic="Adaptive")

        assert run.ended == "Deployed"
        assert deployer.alias() == ("2", {})
