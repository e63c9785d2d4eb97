"""What Lambda prepares is there before users meet green: here provisioned concurrency of the alias."""

import pytest

from sandbox.demo.account import ALIAS
from sandbox.testing import eventually
from tests.e2e.conftest import Calculators
from tests.e2e.installed import Installed

pytestmark = pytest.mark.xdist_group("e2e")

ALLOCATED_IN_SECONDS = 6


def test_provisioned_concurrency_is_allocated_to_green_while_blue_still_serves(
    installed: Installed, calculators: Calculators
) -> None:
    calculator, api = calculators(), installed.client("lambda")
    of_alias = {"FunctionName": calculator.name, "Qualifier": ALIAS}

    def ready() -> bool:
        return bool(api.get_provisioned_concurrency_config(**of_alias)["Status"] == "READY")

    api.put_provisioned_concurrency_config(**of_alias, ProvisionedConcurrentExecutions=1)
    eventually(ready)

    with installed.lasting(provision_seconds=ALLOCATED_IN_SECONDS):
        deployment, served = installed.start(calculator.request("v2")), []
        eventually(lambda: api.get_alias(FunctionName=calculator.name, Name=ALIAS)["FunctionVersion"] == "2")
        while not ready():
            answer = api.invoke(**of_alias, Payload=b"{}")
            if not ready():
                served.append(answer["ExecutedVersion"])
        ended = installed.ended(deployment)

    assert ended.end == "Deployed"
    assert set(served) == {"1"}
    assert api.invoke(**of_alias, Payload=b"{}")["ExecutedVersion"] == "2"
    assert "StillInProgress" in errors(installed, deployment)


def errors(installed: Installed, deployment: str) -> list[str]:
    """Of attempts that were repeated."""
    failed = "lambdaFunctionFailedEventDetails"
    history = installed.history(installed.execution(deployment))
    return [event[failed]["error"] for event in history if failed in event]
