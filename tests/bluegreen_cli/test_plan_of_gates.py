"""What `bluegreen plan` says of hooks and of approvals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bluegreen_cli.conftest import Bluegreen, Ran
from tests.machine.deployer import FUNCTION, GOOD, Deployer

HOOK = "ShopHook"
STEPS = [{"weight": 0.5, "bake_seconds": 300}, {"weight": 0.8, "bake_seconds": 300, "approve": True}]
Planned = Callable[..., Ran]


@pytest.fixture
def plan(deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str], tmp_path: Path) -> Planned:
    """Of a request with these fields; the hook exists."""
    deployer.aws.create_function(HOOK, "def handler(event, context): return None")

    def run(*options: str, **more: Any) -> Ran:
        rest = tmp_path / "rest.json"
        rest.write_text(json.dumps({"traffic": {"steps": STEPS[:1]}} | more))
        return bluegreen("plan", FUNCTION, package(GOOD % 2), "--request", str(rest), *options)

    return run


def test_a_hook_is_named_with_its_moment_and_its_time(plan: Planned) -> None:
    hooks = {"before_traffic": HOOK, "after_traffic": {"function": f"{HOOK}:PROD", "timeout_seconds": 7}}

    said = plan(hooks=hooks).stdout

    of_hooks = [line for line in said.splitlines() if line.startswith("  hook ")]
    assert of_hooks == [
        f"  hook before_traffic: {HOOK} is invoked for real, up to 1 min; it may roll the deployment back",
        f"  hook after_traffic: {HOOK}:PROD is invoked for real, up to 7 s; it may roll the deployment back",
    ]
    assert plan("--json", hooks=hooks).json["hooks"] == {"before_traffic": HOOK, "after_traffic": f"{HOOK}:PROD"}


@pytest.mark.parametrize(
    ("other", "by_whom"), [(False, ""), (True, ", by another principal than the one that starts it")]
)
def test_each_step_that_waits_for_a_person_is_named_with_its_time(plan: Planned, other: bool, by_whom: str) -> None:
    asked = {
        "approval": {"required": True, "timeout_seconds": 3600, "other_than_starter": other},
        "traffic": {"steps": STEPS},
    }

    said = plan(**asked).stdout

    for step in (1, 2):
        assert f"\n  before step {step} it waits up to 1 h for a person's approval{by_whom}\n" in said
    assert plan("--json", **asked).json["approvals"] == [1, 2]


def test_without_hooks_and_approvals_nothing_is_said_of_them(plan: Planned) -> None:
    said, as_json = plan().stdout, plan("--json").json

    assert "hook" not in said
    assert "approval" not in said
    assert (as_json["hooks"], as_json["approvals"]) == ({}, [])


def test_the_transitions_are_those_of_the_execution(deployer: Deployer, plan: Planned) -> None:
    hooks = dict.fromkeys(["before_traffic", "after_step", "after_traffic"], HOOK)
    planned = plan("--json", hooks=hooks).json

    run = deployer.run(planned["request"] | {"artifact": deployer.upload(GOOD % 2)})

    assert run.ended == "Deployed"
    assert len(run.path) == planned["transitions"]


def test_a_hook_without_the_tag_is_refused(deployer: Deployer, plan: Planned) -> None:
    deployer.aws.create_function("Stranger", "def handler(event, context): return None", tags={})

    ran = plan(hooks={"before_traffic": "Stranger"})

    assert ran.exit_code == 2
    assert "hooks.before_traffic: Stranger has no tag bluegreen:managed = true" in ran.stderr
