"""From nothing, or from a function that is there, to one that can be deployed to."""

import pytest

from tests.e2e.conftest import Calculators
from tests.e2e.installed import CALCULATOR, Installed

pytestmark = pytest.mark.xdist_group("e2e")


def test_create_makes_what_the_write_up_made_by_hand(installed: Installed, role: str) -> None:
    exit_code, said = installed.forked_command(
        *("create", "BonusCalculatorLambda", "--dir", CALCULATOR / "v1"),
        *("--runtime", "nodejs24.x", "--handler", "index.handler", "--role", role),
    )

    assert (exit_code, said["version"], said["alias"]) == (0, "1", "PROD")
    found = installed.client("lambda").get_function(FunctionName="BonusCalculatorLambda", Qualifier="PROD")
    assert found["Configuration"]["Version"] == "1"
    assert found["Tags"] == {"bluegreen:managed": "true"}


def test_adopt_opts_a_function_in_and_leaves_its_alias_alone(installed: Installed, calculators: Calculators) -> None:
    stranger = calculators(opted_in=False)

    exit_code, said = installed.forked_command("adopt", stranger.name)

    assert (exit_code, said["version"], said["alias"]) == (0, "1", "PROD")
    assert stranger.serving == "1"
    (warning,) = said["warnings"]
    assert warning.startswith(f"alias: {stranger.name}:PROD is at version 1, and this product did not point it there")
    assert installed.deploy(stranger.request("v2")).end == "Deployed"
    assert installed.command("history", stranger.name)[1][0]["warnings"] == []


def test_adopt_takes_a_function_that_was_made_with_publish(installed: Installed, calculators: Calculators) -> None:
    stranger = calculators(opted_in=False, published=True)

    exit_code, said = installed.command("adopt", stranger.name)

    assert (exit_code, said["version"], said["alias"]) == (0, "1", "PROD")
    assert installed.deploy(stranger.request("v2")).end == "Deployed"
