"""The committed ASL: that it is what Python writes, that it is sound, and what the contract promises of it."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from statelint.linter import Linter

from bluegreen.request.request import Request
from statemachine.__main__ import DEPLOY_ASL, deploy_asl
from statemachine.sdk import Fail, Retry

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text()
MACHINE: dict[str, Any] = json.loads(DEPLOY_ASL.read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def targets(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[field] for field in ("Next", "Default") if field in state)
    yield from (exit_["Next"] for field in ("Choices", "Catch") for exit_ in state.get(field, []))


def test_the_committed_asl_is_what_python_writes() -> None:
    assert DEPLOY_ASL.read_text() == deploy_asl(), "run `python -m statemachine`"


def test_statelint_accepts_it() -> None:
    deployed = re.sub(r"\$\{\w+\}", "arn:aws:lambda:eu-west-1:123456789012:function:x", DEPLOY_ASL.read_text())

    assert Linter.validate(json.loads(deployed)) == []


def test_every_state_leads_to_states_that_exist_and_is_led_to() -> None:
    led_to = {target for state in STATES.values() for target in targets(state)}

    assert led_to | {MACHINE["StartAt"]} == set(STATES)


def test_from_every_state_there_is_a_way_to_an_end() -> None:
    ending = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    while more := {name for name, state in STATES.items() if name not in ending and ending & set(targets(state))}:
        ending |= more

    assert ending == set(STATES)


def test_the_ends_are_those_of_the_contract() -> None:
    ends = {name: state["Type"] for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}

    assert ends == {
        "Deployed": "Succeed",
        "NothingToDeploy": "Succeed",
        "Rejected": "Fail",
        "RejectedWithoutRecord": "Fail",
        "RolledBack": "Fail",
        "RollbackFailed": "Fail",
    }


@pytest.mark.parametrize("end", [name for name, state in STATES.items() if state["Type"] == "Fail"])
def test_a_failed_end_has_an_error_and_a_cause(end: str) -> None:
    assert {"Error", "ErrorPath"} & set(STATES[end])
    assert {"Cause", "CausePath"} & set(STATES[end])


def test_the_machine_gives_up_after_three_days() -> None:
    assert MACHINE["TimeoutSeconds"] == 3 * 24 * 60 * 60


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_a_time_limit_of_its_own(task: str) -> None:
    assert 0 < TASKS[task]["TimeoutSeconds"] <= 300


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_retried_when_aws_is_busy(task: str) -> None:
    retried = {error for retry in TASKS[task]["Retry"] if retry["MaxAttempts"] for error in retry["ErrorEquals"]}
    ours, aws = "AwsUnavailable", {"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"}

    assert retried >= {ours, "Lambda.TooManyRequestsException"} | aws or retried == {"States.ALL"}


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("OpenDeployment", "RejectDeployment")])
def test_a_task_waits_for_what_lambda_still_does(task: str) -> None:
    retried = {error for retry in TASKS[task]["Retry"] if retry["MaxAttempts"] for error in retry["ErrorEquals"]}

    assert retried & {"StillInProgress", "States.ALL"}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_catches_everything_beside_what_went_wrong_before(task: str) -> None:
    (catch,) = TASKS[task]["Catch"]

    assert catch["ErrorEquals"] == ["States.ALL"]
    assert catch["ResultPath"] not in {"$", *(other["ResultPath"] for other in TASKS.values())}
    if task in ("RollBack", "RejectDeployment"):
        assert catch["ResultPath"] != "$.failure"
        assert STATES[catch["Next"]]["Type"] == "Fail"


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("RollBack", "RejectDeployment")])
def test_before_the_first_change_a_failure_is_a_rejection_and_a_rollback_after_it(task: str) -> None:
    (catch,) = TASKS[task]["Catch"]

    assert catch["Next"] == ("RejectDeployment" if task == "OpenDeployment" else "RollBack")


def test_no_state_overwrites_what_another_learned() -> None:
    learned = [state["ResultPath"] for state in STATES.values() if state["Type"] == "Task"]

    assert len(set(learned)) == len(learned)


def test_no_state_overwrites_the_request() -> None:
    asked = {f"$.{field.alias or name}" for name, field in Request.model_fields.items()}

    assert not asked & {state["ResultPath"] for state in STATES.values() if "ResultPath" in state}


@pytest.mark.parametrize("state", STATES)
def test_a_state_says_what_it_is_for(state: str) -> None:
    assert STATES[state]["Comment"].endswith(".")


def resource(name: str) -> str:
    """What the template says of a resource, as it is written there."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", TEMPLATE, re.MULTILINE)
    assert found, f"{name} is not in template.yaml"
    return found[1]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_one_name_in_all_six_places(task: str) -> None:
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", task).lower()

    assert TASKS[task]["Resource"] == f"${{{task}FunctionArn}}"
    assert f" {task}FunctionArn: !GetAtt {task}Function.Arn\n" in resource("DeployStateMachine")
    assert f" Handler: {file}.handler\n" in resource(f"{task}Function")
    assert (ROOT / "handlers" / f"{file}.py").read_text().startswith(f'"""\n{task}: ')
    assert (ROOT / "tests" / "handlers" / f"test_{file}.py").exists()


class TestTheSdk:
    def test_it_comes_without_its_side_effects(self) -> None:
        script = "import logging, sys, statemachine.sdk; print(logging.getLogger().level, 'sagemaker' in sys.modules)"
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )

        assert ran.stdout.split() == [str(logging.WARNING), "False"]
        assert ran.stderr == ""

    def test_younger_fields_are_known_and_misspelt_ones_are_not(self) -> None:
        assert Retry(error_equals=["x"], max_delay_seconds=3).to_dict()["MaxDelaySeconds"] == 3
        assert Fail("x", cause_path="$.c").to_dict()["CausePath"] == "$.c"
        with pytest.raises(TypeError, match="jiter_strategy"):
            Retry(error_equals=["x"], jiter_strategy="FULL")
