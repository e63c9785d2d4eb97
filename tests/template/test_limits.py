"""
What limits the stack. Numbers that are parameters have two limits, and images come from the accounts that one names.

IAM and CloudFormation have quotas for what a template makes.
"""

import json
import re
from typing import Any

import pytest

from tests.permissions.resolved import Resolver
from tests.template.stack import stack

REGISTRIES = stack().parameters["ImageRegistries"]
LONGEST_NAME = 64 - max(len(stack().name_of(each).removeprefix("${AWS::StackName}")) for each in stack().functions)
"""Of a stack, in characters: Lambda takes 64 for the name of a function."""

OF_A_KEY = "arn:aws-us-gov:kms:ap-southeast-2:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
MOST_RESOURCES, MOST_POLICIES = 500, 10
LARGEST_MANAGED, LARGEST_INLINE = 6144, 10_240
"""
Of a stack; managed policies of a role; characters of a managed policy and of all inline ones of a role, without blanks.

(AWS CloudFormation and IAM user guides. Those of IAM are its defaults.)
"""

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


class Longest(Resolver):
    """In the region with the longest ARNs, for a stack with the longest name. An API has ten letters."""

    _LONG = {
        "region": "ap-southeast-2",
        "account": "123456789012",
        "stack": "s" * LONGEST_NAME,
        "arn:aws:": "arn:aws-us-gov:",
    }

    def size(self, document: Any) -> int:
        """Characters, as IAM counts them."""
        text = json.dumps(self.resolve(document), separators=(",", ":"))
        for short, long in self._LONG.items():
            text = re.sub(rf"\b{short}" + ("" if short.endswith(":") else r"\b"), long, text)
        return len(text)

    def _name(self, name: str) -> str:
        resource = stack().resources[name]
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            return "a" * 10
        named = super()._name(name)
        return named if named != name else f"stack-{name}-{'x' * 13}"


LONGEST = Longest(stack(), {"KmsKeyArn": OF_A_KEY})


@pytest.mark.parametrize("policy", stack().of_type("AWS::IAM::ManagedPolicy"))
def test_iam_takes_each_managed_policy(policy: str) -> None:
    assert LONGEST.size(stack().properties(policy)["PolicyDocument"]) <= LARGEST_MANAGED


@pytest.mark.parametrize("role", stack().of_type("AWS::IAM::Role"))
def test_iam_attaches_all_policies_to_each_role(role: str) -> None:
    properties = stack().properties(role)
    inline = [*properties.get("Policies", []), *stack().of_type("AWS::IAM::Policy").values()]
    own = [each["PolicyDocument"] for each in inline if {"Ref": role} in each.get("Roles", [{"Ref": role}])]

    assert len(properties["ManagedPolicyArns"]) <= MOST_POLICIES
    assert sum(map(LONGEST.size, own)) <= LARGEST_INLINE


def test_cloudformation_takes_as_many_resources() -> None:
    assert len(stack().resources) <= MOST_RESOURCES
