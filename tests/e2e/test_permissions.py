"""The tag is what a role's permissions hang on: a function of the deployer cannot touch others even when told to."""

import json
import time
from typing import Any

import pytest

from tests.e2e.conftest import Calculators
from tests.e2e.installed import Calculator, Installed

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture(scope="module")
def stranger(calculators: Calculators) -> Calculator:
    """A function that never opted in."""
    return calculators(opted_in=False)


@pytest.fixture(scope="module")
def documents(installed: Installed, calculators: Calculators, stranger: Calculator) -> dict[str, Any]:
    """What each state of a real deployment was given, forged so that it is about the stranger."""
    deployment = installed.start(calculators().request("v2"))
    assert installed.ended(deployment).end == "Deployed"
    entered = [event.get("stateEnteredEventDetails") for event in installed.history(installed.execution(deployment))]
    documents = {details["name"]: json.loads(details["input"]) for details in entered if details}
    documents["RollBack"] = documents["CheckHealth"] | {"failure": {"Error": "Forged", "Cause": "forged"}}
    for document in documents.values():
        document["function"] = stranger.name
        if "plan" in document:
            document["plan"]["function"] = stranger.name
    documents["RollBack"]["plan"] = documents["RollBack"]["plan"] | {"deployment": "without a record"}
    return documents


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("UpdateCode", "lambda:GetFunction"),
        ("SmokeTest", "lambda:InvokeFunction"),
        ("PublishVersion", "lambda:GetFunction"),
        ("SmokeTestGreen", "lambda:GetFunction"),
        ("ShiftAlias", "lambda:GetAlias"),
        ("CheckHealth", "lambda:GetAlias"),
        ("RollBack", "lambda:GetAlias"),
    ],
)
def test_a_state_cannot_touch_a_function_that_did_not_opt_in(
    installed: Installed, stranger: Calculator, documents: dict[str, Any], state: str, action: str
) -> None:
    before = stranger.everything()
    event = {
        "document": documents[state],
        "execution": installed.execution("forged"),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "state": state,
        "retries": 0,
    }

    answer = installed.client("lambda").invoke(
        FunctionName=installed.physical(f"{state}Function"), Payload=json.dumps(event)
    )

    raised = json.load(answer["Payload"])
    assert raised["errorType"] == "AccessDenied"
    assert f"is not authorized to perform: {action}" in raised["errorMessage"]
    assert stranger.everything() == before
