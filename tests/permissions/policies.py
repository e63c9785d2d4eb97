"""
What each role of the stack may do: its own policies, this template's managed ones and AWS's, as SAM gives them to it.

A `Grant` is the least of it that can be told apart: an action, on one resource, and of the table on one kind of key.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.permissions import services
from tests.permissions.resolved import Resolver
from tests.template.stack import Stack, as_list, stack

AWS_MANAGED: dict[str, Any] = json.loads(Path(__file__).with_name("aws_managed.json").read_text())
KEYS = "dynamodb:LeadingKeys"

Statement = dict[str, Any]
"""Of a policy, in IAM's words, with text only; `From` is the policy that it comes from."""


@dataclass(frozen=True, order=True)
class Grant:
    """
    A thing that a role may do, after its denials.

    `key` is the kind of the table's keys, "" if the statement is not limited to some. `only_if` is the rest of the
    condition, and `but` what a denial takes out.
    """

    role: str
    action: str
    resource: str
    key: str
    only_if: str
    statement: str
    but: tuple[str, ...] = field(default=())


def roles() -> tuple[str, ...]:
    """
    Their names: a function's without `FunctionRole`, any other's without `Role`.

    The role for pipelines is none of the stack's own: people have it (tests/e2e/test_people.py).
    """
    return tuple(sorted(named(role) for role in stack().of_type("AWS::IAM::Role") if role != "CiRole"))


def named(role: str) -> str:
    """The name of a role of the template here."""
    return re.sub(r"(Function)?Role$", "", role)


@cache
def statements(role: str) -> tuple[Statement, ...]:
    """Allowing and denying ones."""
    return tuple(statements_of(stack(), role, {}))


def statements_of(of: Stack, role: str, given: Mapping[str, str]) -> Iterator[Statement]:
    """The same of a role of any stack, with these parameters."""
    ((resource, properties),) = (each for each in of.of_type("AWS::IAM::Role").items() if named(each[0]) == role)
    resolver = Resolver(of, given)
    documents = [(role, policy["PolicyDocument"]) for policy in properties.get("Policies", [])]
    for policy in properties.get("ManagedPolicyArns", []):
        if isinstance(policy, dict):
            documents.append((policy["Ref"], of.properties(policy["Ref"])["PolicyDocument"]))
        else:
            name = policy.rpartition("/")[2]
            documents.append((name, AWS_MANAGED["policies"][name]["document"]))
    for name, policy in of.of_type("AWS::IAM::Policy").items():
        condition = of.resources[name].get("Condition")
        if {"Ref": resource} in policy["Roles"] and (condition is None or resolver.holds(condition)):
            documents.append((name, policy["PolicyDocument"]))
    for source, document in documents:
        for each in resolver.resolve(document["Statement"]):
            lists = {name: as_list(each[name]) for name in ("Action", "Resource", "NotResource") if name in each}
            yield each | lists | {"From": source}


def grants(role: str) -> list[Grant]:
    """In order. What is denied altogether is not among them."""
    allowed = [grant for each in statements(role) if each["Effect"] == "Allow" for grant in _grants(role, each)]
    denials = [each for each in statements(role) if each["Effect"] == "Deny" and "Condition" not in each]
    return sorted({left for grant in allowed if (left := _without(denials, grant))})


def all_grants() -> list[Grant]:
    """Of all roles."""
    return [grant for role in roles() for grant in grants(role)]


def _grants(role: str, statement: Statement) -> Iterator[Grant]:
    condition = {operator: dict(tests) for operator, tests in statement.get("Condition", {}).items()}
    keys = as_list(condition.get("ForAllValues:StringLike", {}).pop(KEYS, ""))
    rest = {operator: tests for operator, tests in condition.items() if tests}
    for action in statement["Action"]:
        for resource in statement["Resource"]:
            for key in keys:
                yield Grant(role, action, resource, key, in_words(rest), statement.get("Sid") or statement["From"])


def in_words(condition: Mapping[str, Mapping[str, Any]]) -> str:
    """`aws:ResourceTag/bluegreen:managed = true`."""
    signs = {"StringEquals": "=", "StringLike": "like", "ForAllValues:StringEquals": "in", "Bool": "="}
    return " and ".join(
        f"{key} {signs.get(operator, operator)} {', '.join(map(str, as_list(value)))}"
        for operator, tests in condition.items()
        for key, value in tests.items()
    )


def _without(denials: list[Statement], grant: Grant) -> Grant | None:
    for denial in denials:
        if not any(matches(action, grant.action) for action in denial["Action"]):
            continue
        if "NotResource" in denial and grant.resource == "*":
            (kept,) = denial["NotResource"]
            if not services.is_one(grant.action, kept):
                return None
            grant = replace(grant, resource=kept)
        for resource in denial.get("Resource", []):
            if matches(resource, grant.resource):
                return None
            if matches(grant.resource, resource):
                grant = replace(grant, but=(*grant.but, resource))
    return grant


def matches(pattern: str, text: str) -> bool:
    """As IAM matches: `*` is any text, `?` any letter."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
