"""What the parameters limit: numbers have two limits, and images come from the accounts that one parameter names."""

import re

import pytest

from tests.template.stack import stack

REGISTRIES = stack().parameters["ImageRegistries"]
NUMBERS = {name: each for name, each in stack().parameters.items() if each["Type"] == "Number"}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_parameter_that_is_a_number_has_both_limits(name: str) -> None:
    assert NUMBERS[name].get("AllowedValues") or {"MinValue", "MaxValue"} <= NUMBERS[name].keys()


def test_roles_read_images_of_their_own_account_unless_the_parameter_names_others() -> None:
    everywhere = "arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"
    here = everywhere.replace("*", "${AWS::AccountId}", 1)

    reading = [each for each in stack().all_statements() if "ecr:BatchGetImage" in each.actions]

    assert reading
    for each in reading:
        assert each.resources == ({"Fn::If": ["HasImageRegistries", {"Fn::Sub": everywhere}, {"Fn::Sub": here}]},)
        only = {"StringEquals": {"aws:ResourceAccount": {"Ref": "ImageRegistries"}}}
        assert each.condition == {"Fn::If": ["HasImageRegistries", only, {"Ref": "AWS::NoValue"}]}


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
