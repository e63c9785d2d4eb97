"""What Lambda prepares is there before users meet green: provisioned concurrency, and the snapshot of SnapStart."""

import pytest

from sandbox.demo.account import ALIAS
from sandbox.testing import eventually
from tests.e2e.conftest import Calculators
from tests.e2e.installed import Installed

pytestmark = pytest.mark.xdist_group("e2e")


def test_provisioned_concurrency_is_allocated_to_green_while_blue_still_serves(
    installed: Installed, calculators: Calculators
) -> None:
    calculator, api = calculators(), installed.client("lambda")
    of_alias = {"FunctionName": calculator.name, "Qualifier": ALIAS}
    api.put_provisioned_concurrency_config(**of_alias, ProvisionedConcurrentExecutions=1)
    eventually(lambda: api.get_provisioned_concurrency_config(**of_alias)["Status"] == "READY")

    deployment = installed.start(calculator.request("v2"))
    eventually(lambda: api.get_alias(FunctionName=calculator.name, Name=ALIAS)["FunctionVersion"] == "2")
    while api.get_provisioned_concurrency_config(**of_alias)["Status"] != "READY":
        answer = api.invoke(**of_alias, Payload=b"{}")
        if api.get_provisioned_concurrency_config(**of_alias)["Status"] != "READY":
            assert answer["ExecutedVersion"] == "1"

    assert installed.ended(deployment).end == "Deployed"
    assert api.invoke(**of_alias, Payload=b"{}")["ExecutedVersion"] == "2"
    waited = [
        event["lambdaFunctionFailedEventDetails"]["error"]
        for event in installed.history(installed.execution(deployment))
        if "lambdaFunctionFailedEventDetails" in event
    ]
    assert "StillInProgress" in waited
    assert api.get_alias(FunctionName=calculator.name, Name=ALIAS).get("RoutingConfig", {}) in (
        {},
        {"AdditionalVersionWeights": {}},
    )
