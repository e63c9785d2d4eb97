"""What the parameters limit: numbers have two limits, and images come from the accounts that one parameter names."""

import re

import pytest

from tests.permissions.resolved import Resolver
from tests.template.stack import stack

REGISTRIES = stack().parameters["ImageRegistries"]
NUMBERS = {name: each for name, each in stack().parameters.items() if each["Type"] == "Number"}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_parameter_that_is_a_number_has_both_limits(name: str) -> None:
    assert NUMBERS[name].get("AllowedValues") or {"MinValue", "MaxValue"} <= NUMBERS[name].keys()


@pytest.mark.parametrize(
    ("named", "resource", "accounts"),
    [
        ("", "arn:aws:ecr:region:account:repository/*", None),
        ("111111111111,222222222222", "arn:aws:ecr:region:*:repository/*", ["account", "111111111111", "222222222222"]),
    ],
)
def test_roles_read_images_of_their_own_account_and_of_those_that_the_parameter_names(
    named: str, resource: str, accounts: list[str] | None
) -> None:
    resolve = Resolver(stack(), {"ImageRegistries": named}).resolve

    reading = [each for each in stack().all_statements() if "ecr:BatchGetImage" in each.actions]

    assert reading
    for each in reading:
        assert resolve(list(each.resources)) == [resource]
        assert resolve([each.condition]) == ([{"StringEquals": {"aws:ResourceAccount": accounts}}] if accounts else [])


def test_the_checks_know_the_same_accounts() -> None:
    for function in stack().functions.values():
        variables = function["Environment"]["Variables"]
        assert variables["IMAGE_REGISTRIES"] == {"Fn::Join": [",", {"Ref": "ImageRegistries"}]}


@pytest.mark.parametrize(
    ("part", "taken"),
    [
        ("", True),
        ("123456789012", True),
        ("12345678901", False),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", False),
        ("*", False),
    ],
)
def test_the_parameter_takes_numbers_of_accounts(part: str, taken: bool) -> None:
    """Lambda takes images of its own region only, so an account says which registry."""
    assert REGISTRIES["Type"] == "CommaDelimitedList"
    assert (re.fullmatch(REGISTRIES["AllowedPattern"], part) is not None) == taken
