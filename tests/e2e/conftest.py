"""One embedded AWS with the stack in it, for all tests of a session."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sandbox import Sandbox
from sandbox.stack import deploy_stack
from sandbox.testing import ACCOUNT
from tests.e2e.elsewhere import TARGET_ROLES
from tests.e2e.installed import Calculator, Installed

Calculators = Callable[..., Calculator]
_numbers = itertools.count(1)

CLEAN_UP_ROLE = "clean-up"
CI_PROVIDER, CI_SUBJECT = "token.actions.githubusercontent.com", "repo:octo-org/shop:ref:refs/heads/main"
PARAMETERS = {
    "CleanUpRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{CLEAN_UP_ROLE}",
    "CiProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{CI_PROVIDER}",
    "CiSubject": CI_SUBJECT,
    "UploadPrefix": "functions/bonus-*",
    "TargetRoles": TARGET_ROLES,
}
"""What the stack is installed with beside its defaults."""


@pytest.fixture(scope="session")
def aws() -> Iterator[Sandbox]:
    with Sandbox(update_seconds=0.3, pending_seconds=0.15, minute_seconds=1) as aws:
        yield aws


@pytest.fixture(scope="session")
def installed(aws: Sandbox) -> Iterator[Installed]:
    with closing(Installed(aws, deploy_stack(aws, parameters=PARAMETERS))) as installed:
        yield installed


@pytest.fixture(scope="session")
def role(installed: Installed) -> str:
    return installed.create_role("bonus-calculators")


@pytest.fixture(scope="session")
def calculators(installed: Installed, role: str) -> Calculators:
    """`calculators()`: a new function, `calculators(opted_in=False)`: one that is not ours to touch."""
    return lambda **settings: Calculator(installed, f"bonus-{next(_numbers)}", role, **settings)


@pytest.fixture
def calculator(calculators: Calculators) -> Calculator:
    return calculators()
