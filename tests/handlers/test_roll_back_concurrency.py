"""RollBack tells the weights of an alias whose provisioned concurrency Lambda moves from another user's."""

import pytest

from bluegreen.errors import StillInProgress
from tests.handlers.desk import Desk, another_user_points_the_alias, aws_answers, put
from tests.handlers.rolling_back import blue_is_back


class TestProvisionedConcurrency:
    """Lambda gives the version before a weight of 1 until it has moved it, and leaves that if it cannot."""

    def test_that_lambda_could_not_allocate_is_told_from_another_users_weight(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        another_user_points_the_alias("2", {"1": 1.0})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "FAILED"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")

    def test_whose_weight_stays_on_green_is_taken_from_it(self, shifting: Desk) -> None:
        another_user_points_the_alias("1", {"2": 1.0})
        put(shifting.record() | {"weights": [0.1, 1]})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "FAILED"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_that_moves_back_to_blue_is_waited_for_and_not_begun_anew(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")

        moving = {
            "FunctionVersion": "1",
            "RoutingConfig": {"AdditionalVersionWeights": {"2": 1.0}},
            "RevisionId": "another",
        }
        with (
            aws_answers("lambda", "UpdateAlias", moving),
            pytest.raises(StillInProgress, match="was put back to version 1, and version 2 serves until"),
        ):
            shifting.run("RollBack")
        another_user_points_the_alias("1", {"2": 1.0})
        before = shifting.deployer.everything()[0]
        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress, match="was put back to version 1, and version 2 serves until"),
        ):
            shifting.run("RollBack", retries=1)
        assert shifting.deployer.everything()[0] == before
        another_user_points_the_alias("1")

        shifting.run("RollBack", retries=2)

        assert blue_is_back(shifting)
