"""The committed ASL: that it is what Python writes, that it is sound, and what the contract promises of it."""

import importlib
import json
import logging
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from statelint.linter import Linter

from bluegreen import document
from bluegreen.document import Answered, Bake, Done, Ended, Green, Look, Opening
from bluegreen.errors import DeploymentError
from statemachine.__main__ import DEPLOY_ASL, MACHINES, asl
from statemachine.sdk import Fail, Retry
from tests.template.stack import named_in

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text()
MACHINE: dict[str, Any] = json.loads(DEPLOY_ASL.read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}

BEFORE_A_CHANGE = ("OpenDeployment", "RecoverPrevious")
LAST_RESORTS = ("RollBack", "RejectDeployment")
AFTER_THE_SUCCESS = ("DeleteVersions",)

OPENING = TASKS["OpenDeployment"]

RUNS = {"SmokeTestGreen": "SmokeTest", "MendLatest": "UpdateCode"}
"""States whose handler has another name."""


def targets(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[field] for field in ("Next", "Default") if field in state)
    yield from (exit_["Next"] for field in ("Choices", "Catch") for exit_ in state.get(field, []))


def retried(task: str) -> set[str]:
    """The errors after which a task is tried again."""
    return {error for retry in TASKS[task]["Retry"] if retry["MaxAttempts"] for error in retry["ErrorEquals"]}


def last_catch(task: str) -> dict[str, Any]:
    """Where every error leads that no other catch of the task takes."""
    caught: dict[str, Any] = TASKS[task]["Catch"][-1]
    return caught


def file_of(handler: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", handler).lower()


def answer_of(task: str) -> Any:
    """The section that the task's handler answers."""
    return typing.get_type_hints(importlib.import_module(file_of(RUNS.get(task, task))).handler)["return"]


@pytest.mark.parametrize("file", MACHINES, ids=lambda file: file.name)
def test_the_committed_asl_is_what_python_writes(file: Path) -> None:
    assert file.read_text() == asl(file), "run `python -m statemachine`"


def test_statelint_accepts_the_machine() -> None:
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

    assert set(ends) == set(document.ENDS)
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


def test_the_machine_gives_up_after_a_week() -> None:
    assert MACHINE["TimeoutSeconds"] == 7 * 24 * 60 * 60


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_a_time_limit_of_its_own(task: str) -> None:
    if task == "AwaitApproval":
        assert TASKS[task]["TimeoutSecondsPath"] == "$.bake.look.next_seconds"
    else:
        assert 0 < TASKS[task]["TimeoutSeconds"] <= 300


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_retried_when_aws_is_busy(task: str) -> None:
    ours = "AwsUnavailable"
    aws = {
        f"Lambda.{name}"
        for name in (
            *("ClientExecutionTimeoutException", "ServiceException", "AWSLambdaException", "SdkClientException"),
            "TooManyRequestsException",
        )
    }

    assert retried(task) >= {ours} | aws or retried(task) == {"States.ALL"}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_whose_handler_is_killed_or_out_of_memory_is_retried(task: str) -> None:
    killed = {"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "States.Timeout"}

    assert retried(task) >= killed or retried(task) == {"States.ALL"}


@pytest.mark.parametrize(
    ("task", "seconds"),
    [
        ("OpenDeployment", 900),
        ("RecoverPrevious", 900),
        ("UpdateCode", 300),
        ("MendLatest", 300),
        ("SmokeTest", 300),
        ("SmokeTestGreen", 300),
        ("PublishVersion", 900),
        ("RunHook", 300),
        ("ShiftAlias", 900),
        ("CheckHealth", 900),
    ],
)
def test_what_lambda_still_does_is_looked_at_less_often_after_the_first_minute(task: str, seconds: int) -> None:
    (again,) = [retry for retry in TASKS[task]["Retry"] if retry["ErrorEquals"] == ["StillInProgress"]]
    pauses = [
        min(again["IntervalSeconds"] * again["BackoffRate"] ** look, again["MaxDelaySeconds"])
        for look in range(again["MaxAttempts"])
    ]
    in_the_first_minute = [pause for look, pause in enumerate(pauses) if sum(pauses[:look]) < 60]

    assert all(5 <= pause < 8 for pause in in_the_first_minute)
    assert max(pauses) <= 30
    assert seconds <= sum(pauses) < seconds + 30
    assert len(pauses) < seconds / 5


def test_what_is_gone_is_not_waited_for() -> None:
    (never,) = [retry for retry in TASKS["CompleteDeployment"]["Retry"] if retry["MaxAttempts"] == 0]

    assert {"NotFound", "FunctionGone", "UpdateFailed"} <= set(never["ErrorEquals"])


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("AwaitApproval", "RejectDeployment")])
def test_a_task_waits_for_what_lambda_still_does(task: str) -> None:
    assert retried(task) & {"StillInProgress", "States.ALL"}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_retries_and_catches_by_names_that_errors_have(task: str) -> None:
    ours = {kind.__name__ for kind in _all_below(DeploymentError)} | {"ValidationError"}
    exits = [*TASKS[task]["Retry"], *TASKS[task]["Catch"]]
    named = {error for exit_ in exits for error in exit_["ErrorEquals"] if "." not in error}

    assert named <= ours


def _all_below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from _all_below(each)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_catches_everything_beside_what_went_wrong_before(task: str) -> None:
    caught = last_catch(task)

    assert caught["ErrorEquals"] == ["States.ALL"]
    assert caught["ResultPath"] not in {other["ResultPath"] for other in TASKS.values() if other is not OPENING}
    if task in LAST_RESORTS:
        assert caught["ResultPath"] != "$.failure"
        assert STATES[caught["Next"]]["Type"] == "Fail"


def test_what_comes_after_the_success_cannot_undo_it() -> None:
    for task in AFTER_THE_SUCCESS:
        assert last_catch(task)["Next"] == TASKS[task]["Next"] == "Deployed"
        assert last_catch(task)["ResultPath"] not in ("$", "$.failure")


@pytest.mark.parametrize("task", [task for task in TASKS if task not in LAST_RESORTS + AFTER_THE_SUCCESS])
def test_before_the_first_change_a_failure_is_a_rejection_and_a_rollback_after_it(task: str) -> None:
    assert last_catch(task)["ResultPath"] == ("$" if task in BEFORE_A_CHANGE else "$.failure")
    assert last_catch(task)["Next"] == ("RejectDeployment" if task in BEFORE_A_CHANGE else "RollBack")


def test_only_a_lock_that_an_ended_execution_left_leads_to_another_exit() -> None:
    others = {task: state["Catch"][:-1] for task, state in TASKS.items() if len(state["Catch"]) > 1}

    assert others == {
        "OpenDeployment": [
            {"ErrorEquals": ["DeploymentInterrupted"], "ResultPath": None, "Next": "RecoverPrevious"},
        ]
    }


def test_after_the_recovery_of_the_previous_deployment_the_request_is_opened_again_as_it_was() -> None:
    assert TASKS["RecoverPrevious"]["Next"] == "OpenDeployment"
    assert TASKS["RecoverPrevious"]["ResultPath"] is None
    assert [task for task in TASKS if "RecoverPrevious" in targets(TASKS[task])] == ["OpenDeployment"]


def test_no_state_overwrites_what_another_learned() -> None:
    """RunHook alone does: it passes the last look on, with another way to go."""
    learned = [state["ResultPath"] for name, state in TASKS.items() if state["ResultPath"] and name != "RunHook"]

    assert len(set(learned)) == len(learned)


@pytest.mark.parametrize("task", TASKS)
def test_a_tasks_answer_is_kept_where_the_document_has_it(task: str) -> None:
    kept = {
        "$": Opening,
        "$.tested": Answered,
        "$.green": Green,
        "$.bake": Bake,
        "$.bake.look": Look,
        "$.rollback": Ended,
        "$.rejection": Ended,
        None: Done,
    }

    as_green = "SmokeTestGreen" if task == "SmokeTest" else task  # one handler; what it says of green is kept
    assert issubclass(answer_of(task), kept[TASKS[as_green]["ResultPath"]])


def test_a_section_of_the_document_lies_where_the_opening_puts_it() -> None:
    assert {"deployment", "green", "bake"} == set(Opening.model_fields) - {"evidence"}
    assert "look" in Bake.model_fields


def test_the_opening_alone_replaces_the_request() -> None:
    assert [task for task, state in TASKS.items() if state["ResultPath"] == "$"] == ["OpenDeployment"]


def test_a_catch_replaces_a_request_which_may_be_no_object_or_have_no_room() -> None:
    kept = {exit_["ResultPath"] for task in BEFORE_A_CHANGE for exit_ in (TASKS[task], *TASKS[task]["Catch"])}

    assert kept == {"$", None}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_told_the_document_and_what_step_functions_knows(task: str) -> None:
    parameters = TASKS[task]["Parameters"]
    token = {"token.$": "$$.Task.Token"} if task == "AwaitApproval" else {}
    assert (parameters["Payload"] if token else parameters) == token | {
        "document.$": "$",
        "execution.$": "$$.Execution.Id",
        "started.$": "$$.Execution.StartTime",
        "state.$": "$$.State.Name",
        "retries.$": "$$.State.RetryCount",
    }


@pytest.mark.parametrize(
    ("question", "about", "words", "ways"),
    [
        (
            "WhatToDeploy?",
            "$.deployment.brings",
            typing.get_args(document.Brings),
            {
                "nothing": "NothingToDeploy",
                "version": "SmokeTestGreen",
                "latest": "SmokeTest",
                "mending": "MendLatest",
                "new_code": "UpdateCode",
            },
        ),
        (
            "WhatNext?",
            "$.bake.look.next",
            [word for word in typing.get_args(document.Next) if word != "roll_back"],
            {
                "bake_on": "Bake",
                "hook": "RunHook",
                "approve": "AwaitApproval",
                "shift": "ShiftAlias",
                "complete": "CompleteDeployment",
            },
        ),
        (
            "OldVersions?",
            "$.deployment.old_versions",
            typing.get_args(document.OldVersions),
            {"delete": "DeleteVersions", "keep": "Deployed"},
        ),
    ],
)
def test_a_question_has_a_way_for_every_word_that_the_document_may_have(
    question: str, about: str, words: list[str], ways: dict[str, str]
) -> None:
    state = STATES[question]
    led = {rule["StringEquals"]: rule["Next"] for rule in state["Choices"]}
    (otherwise,) = set(words) - set(led)

    assert {rule["Variable"] for rule in state["Choices"]} == {about}
    assert led | {otherwise: state["Default"]} == ways


@pytest.mark.parametrize("state", STATES)
def test_a_state_says_what_it_is_for(state: str) -> None:
    assert STATES[state]["Comment"].endswith(".")


def resource(name: str) -> str:
    """What the template says of a resource, as it is written there."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", TEMPLATE, re.MULTILINE)
    assert found, f"{name} is not in template.yaml"
    return found[1]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_runs_the_handler_of_its_name_in_all_six_places(task: str) -> None:
    handler = RUNS.get(task, task)
    file = file_of(handler)

    assert named_in(TASKS[task]) == handler
    assert f" {handler}FunctionArn: !GetAtt {handler}Function.Arn\n" in resource("DeployStateMachine")
    assert f" Handler: {file}.handler\n" in resource(f"{handler}Function")
    assert (ROOT / "handlers" / f"{file}.py").read_text().startswith(f'"""\n{handler}: ')
    assert (ROOT / "tests" / "handlers" / f"test_{file}.py").exists()


class TestTheSdk:
    def test_the_sdk_comes_without_its_side_effects(self) -> None:
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
