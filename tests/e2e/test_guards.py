"""A stack in an account with rules: with a key of the account's own, and a permissions boundary on every role."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.stack import deploy_stack
from sandbox.testing import Clients, client
from tests.e2e.installed import ALL_AT_ONCE, Calculator, Installed

pytestmark = pytest.mark.xdist_group("e2e")
__all__ = ["client"]

NAME = "guarded"
LONGEST_WAIT_SECONDS = 60


class Boundary:
    """The managed policy that the account demands on every role."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self.arn = str(iam.create_policy(PolicyName="at-most", PolicyDocument=but())["Policy"]["Arn"])

    def forbid(self, *actions: str) -> None:
        """From now on the roles may do everything of their policies but that."""
        self._iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=but(*actions), SetAsDefault=True)


def but(*actions: str) -> str:
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    statements += [{"Effect": "Deny", "Action": list(actions), "Resource": "*"}] if actions else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def boundary(client: Clients) -> Boundary:
    return Boundary(client("iam"))


@pytest.fixture(scope="module")
def key(client: Clients) -> str:
    return str(client("kms").create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def guarded(aws: Sandbox, client: Clients, boundary: Boundary, key: str) -> Iterator[Installed]:
    parameters = {"KmsKeyArn": key, "PermissionsBoundaryArn": boundary.arn}
    with closing(Installed(aws, deploy_stack(aws, name=NAME, parameters=parameters))) as guarded:
        yield guarded
    client("cloudformation").delete_stack(StackName=NAME)


@pytest.fixture
def shop(guarded: Installed, role: str, request: pytest.FixtureRequest) -> Calculator:
    return Calculator(guarded, f"guarded-{len(request.node.name)}", role)


def test_deployments_go_through_with_a_key_and_a_boundary(
    aws: Sandbox, guarded: Installed, shop: Calculator, key: str
) -> None:
    assert guarded.deploy(shop.request("v2")).path == ALL_AT_ONCE

    assert shop.serving == "2"
    asked = [each for each in aws.control("asked") if each["resource"] == key]
    assert {(each["session"].removeprefix(f"{NAME}-"), each["action"]) for each in asked} == {
        ("OpenDeployment", "kms:Decrypt"),  # of the zip
        ("OpenDeployment", "kms:GenerateDataKey"),  # of the topic
        ("CompleteDeployment", "kms:Decrypt"),
        ("CompleteDeployment", "kms:GenerateDataKey"),
    }
    assert all(each["allowed"] for each in asked)


def test_what_the_boundary_forbids_no_role_does_until_it_is_allowed_again(
    guarded: Installed, shop: Calculator, boundary: Boundary
) -> None:
    boundary.forbid("lambda:UpdateAlias")
    deployment = guarded.start(shop.request("v2"))
    failed = first_failure(guarded, deployment)
    boundary.forbid()

    ended = guarded.ended(deployment)

    assert (failed["error"], "lambda:UpdateAlias" in failed["cause"]) == ("AccessDenied", True)
    assert (ended.end, ended.error, shop.serving) == ("RolledBack", "AccessDenied", "1")


def first_failure(guarded: Installed, deployment: str) -> Any:
    """Of a state of this deployment, as soon as there is one."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        history = guarded.history(guarded.execution(deployment))
        failures = [
            event["lambdaFunctionFailedEventDetails"]
            for event in history
            if "lambdaFunctionFailedEventDetails" in event
        ]
        if failures:
            return failures[0]
        assert time.monotonic() < until, "no state failed"
        time.sleep(0.2)
