"""A throw-away function is forgotten in full, and no other."""

import pytest

from bluegreen.ledger import forgetting, starts
from tests.bluegreen.examples import SHOP, opened
from tests.machine.deployer import FUNCTION, GOOD, TARGET, Deployer


def test_nothing_is_left_of_a_function_whose_deployments_have_ended(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    deployer.deploy("def handler(event, context): raise RuntimeError", traffic="AllAtOnce")
    deployer.run({"function": FUNCTION, "artifact": {"version": "77"}}, "refused")
    starts.note("refused", "a trigger", {})
    assert {str(item["pk"]).partition("#")[0] for item in deployer.items("")} >= {"deployment", "steps", "serving"}

    forgetting.forget(TARGET)

    assert {item["pk"] for item in deployer.items("")} == {"pace#123456789012:us-east-1"}, "which is of no function"


@pytest.mark.usefixtures("deployer")
def test_a_deployment_that_has_not_ended_is_told() -> None:
    assert not forgetting.is_live(SHOP)
    opened("first")

    assert forgetting.is_live(SHOP)


def test_other_functions_stay(deployer: Deployer) -> None:
    opened("first")
    before = deployer.items("")

    forgetting.forget(TARGET)

    assert deployer.items("") == before
