"""A role's permissions depend on the tag: without it a state can do nothing, even for its own execution."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Calculators
from tests.e2e.installed import Calculator, Installed

pytestmark = pytest.mark.xdist_group("e2e")

TAG = "bluegreen:managed"
CANARY = {"steps": [{"weight": 0.1, "bake_seconds": 600}]}
LONGEST_WAIT_SECONDS = 60


class Untagged:
    """A deployment under way whose function has lost its tag, and the events of its execution."""

    def __init__(self, installed: Installed, function: Calculator) -> None:
        self._installed = installed
        self.function = function
        self.deployment = installed.start(function.request("v2", traffic=CANARY))
        self._execution = installed.execution(self.deployment)
        self.documents = self._documents()
        self._tags = installed.client("lambda")
        self._arn = self._tags.get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
        self._tags.untag_resource(Resource=self._arn, TagKeys=[TAG])

    def _documents(self) -> dict[str, Any]:
        """What each state was given, as soon as the deployment bakes."""
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            history = self._installed.history(self._execution)
            entered = [event["stateEnteredEventDetails"] for event in history if "stateEnteredEventDetails" in event]
            documents = {details["name"]: json.loads(details["input"]) for details in entered}
            if "Bake" in documents:
                bake = documents["Bake"]["bake"]
                due = bake | {"look": bake["look"] | {"due_at": 0}}  # before that the handler reads orders only
                documents["CheckHealth"] = documents["Bake"] | {"bake": due}
                return documents
            assert time.monotonic() < until, [details["name"] for details in entered]
            time.sleep(0.2)

    def event(self, state: str) -> dict[str, Any]:
        """What Step Functions sends for this state of this execution."""
        return {
            "document": self.documents[state],
            "execution": self._execution,
            "started": self._installed.record(self.deployment)["started_at"],
            "state": state,
            "retries": 0,
        }

    def give_back(self) -> None:
        """The function has its tag again, and the deployment ends."""
        self._tags.tag_resource(Resource=self._arn, Tags={TAG: "true"})
        self._installed.client("stepfunctions").stop_execution(executionArn=self._execution)


@pytest.fixture(scope="module")
def untagged(installed: Installed, calculators: Calculators) -> Iterator[Untagged]:
    untagged = Untagged(installed, calculators())
    yield untagged
    untagged.give_back()


@pytest.mark.parametrize(
    ("state", "function", "action"),
    [
        ("SmokeTest", "SmokeTest", "lambda:InvokeFunction"),
        ("PublishVersion", "PublishVersion", "lambda:GetFunction"),
        ("SmokeTestGreen", "SmokeTest", "lambda:GetFunction"),
        ("CheckHealth", "CheckHealth", "lambda:GetAlias"),
    ],
)
def test_a_state_cannot_touch_a_function_without_the_tag(
    installed: Installed, untagged: Untagged, state: str, function: str, action: str
) -> None:
    before = untagged.function.everything()

    answer = installed.client("lambda").invoke(
        FunctionName=installed.physical(f"{function}Function"), Payload=json.dumps(untagged.event(state))
    )

    raised = json.load(answer["Payload"])
    assert raised["errorType"] == "Untagged"
    assert f"is not authorized to perform: {action}" in raised["errorMessage"]
    assert untagged.function.everything() == before


def test_an_event_without_the_proof_is_refused_before_aws_is_asked(installed: Installed, untagged: Untagged) -> None:
    event = untagged.event("ShiftAlias")
    event["document"] = event["document"] | {"deployment": event["document"]["deployment"] | {"proof": "guessed"}}

    answer = installed.client("lambda").invoke(
        FunctionName=installed.physical("ShiftAliasFunction"), Payload=json.dumps(event)
    )

    assert json.load(answer["Payload"])["errorType"] == "NotTheHolder"
