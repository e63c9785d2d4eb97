"""What Lambda grants the account."""

import pytest

from bluegreen.aws import accounts
from bluegreen.aws.client import client
from tests.bluegreen.aws.answers import answered
from tests.machine.deployer import TARGET

pytestmark = pytest.mark.usefixtures("deployer")


def test_usage_and_limits_are_told_apart() -> None:
    answer = {
        "AccountLimit": {"TotalCodeSize": 75, "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900},
        "AccountUsage": {"TotalCodeSize": 7, "FunctionCount": 3},
    }

    with answered(client("lambda", TARGET), "GetAccountSettings", lambda: answer):
        assert accounts.settings(TARGET) == accounts.Account(code_bytes=7, most_code_bytes=75, shared_concurrency=900)
