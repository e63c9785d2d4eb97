"""What each state did, in a sentence."""

from typing import Any

import pytest

from bluegreen.ledger.audit import Step
from bluegreen_cli.steps import did


@pytest.mark.parametrize(
    ("state", "noted", "said"),
    [
        ("OpenMember", {"blue": "7"}, "Version 7 serves."),
        ("OpenMember", {"refused": "No alias PROD"}, "Refused: No alias PROD."),
        ("NoteStaged", {"green": "8"}, "Version 8 is ready for its wave."),
        ("SmokeTest", {"untested": "Version 7 fails {}.", "passed_ms": {}}, "Version 7 fails {}."),
        ("SmokeTest", {"version": "$LATEST", "passed_ms": {}}, "Passed on $LATEST: no test."),
        ("MendLatest", {"sha256": "abc="}, "$LATEST has the code abc=."),
        ("UpdateCode", {"published": "8"}, "Sent no code, since version 8 is published."),
        (
            "RunHook",
            {"hook": "Ask", "moment": "before_traffic", "seconds": 1.5},
            "The hook Ask (before_traffic) let the deployment go on after 1.5 s.",
        ),
        (
            "RecoverPrevious",
            {"recovered": ["a", "b"]},
            "Freed the locks of deployments whose executions had ended: a, b.",
        ),
        ("RecoverPrevious", {"recovered": []}, "Found no lock of an execution that had ended."),
        ("RecoverDeployments", {"cause": "It is STOPPED"}, "It is STOPPED."),
        ("DeleteVersions", {"deleted": [], "stopped": "no right"}, "Old versions deleted: none. It stopped: no right."),
        ("Unknown", {"told": True}, ""),
    ],
)
def test_a_step_is_told_in_a_sentence(state: str, noted: dict[str, Any], said: str) -> None:
    assert did(Step(at="2026-01-05T09:00:00.000Z", state=state, evidence=noted)) == said
