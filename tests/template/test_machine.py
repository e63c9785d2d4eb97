"""States, handlers, files, resources and substitutions: one name each."""

import re
from typing import Any

import pytest

from bluegreen.document import ENDS
from tests.template.stack import MACHINES, ROOT, Statement, file_of, machine, named_in, stack, tasks_of

TASKS = [(resource, state) for resource, name in MACHINES.items() for state in tasks_of(machine(name))]
every_machine = pytest.mark.parametrize("resource", MACHINES)
every_task = pytest.mark.parametrize(("resource", "state"), TASKS)


def handler_of(resource: str, state: str) -> str:
    return named_in(task(resource, state))


def task(resource: str, state: str) -> dict[str, Any]:
    found: dict[str, Any] = tasks_of(machine(MACHINES[resource]))[state]
    return found


def handlers_of(resource: str) -> set[str]:
    return {handler_of(resource, state) for of, state in TASKS if of == resource}


def substitutions(resource: str) -> dict[str, Any]:
    found: dict[str, Any] = stack().properties(resource)["DefinitionSubstitutions"]
    return found


def said(resource: str, action: str) -> Statement:
    """The statement by which the machine may do that."""
    (found,) = [each for each in stack().statements(f"{resource}Role") if action in each.actions]
    return found


@every_machine
def test_every_substitution_is_defined_and_none_is_idle(resource: str) -> None:
    asl = (ROOT / "statemachine" / f"{MACHINES[resource]}.asl.json").read_text()

    assert set(re.findall(r"\$\{(\w+)\}", asl)) == set(substitutions(resource))


def test_a_state_runs_the_handler_of_its_name_but_for_some() -> None:
    others = {state: handler_of(of, state) for of, state in TASKS if handler_of(of, state) != state}

    assert others == {
        "SmokeTestGreen": "SmokeTest",
        "MendLatest": "UpdateCode",
        "ConfirmOpen": "ConfirmFunctions",
        "ConfirmStaged": "ConfirmFunctions",
        "PutBackFailed": "RollBackRelease",
        "NoteStaged": "NoteMember",
        "NoteFailure": "NoteMember",
    }


@pytest.mark.parametrize(
    ("resource", "handler"), [(each, handler) for each in MACHINES for handler in sorted(handlers_of(each))]
)
def test_a_handler_has_one_name_everywhere(resource: str, handler: str) -> None:
    file = file_of(handler)

    assert substitutions(resource)[f"{handler}FunctionArn"] == {"Fn::GetAtt": [f"{handler}Function", "Arn"]}
    assert stack().functions[f"{handler}Function"]["Handler"] == f"{file}.handler"
    assert (ROOT / "handlers" / f"{file}.py").read_text().startswith(f'"""\n{handler}: ')


@every_task
def test_a_function_gives_up_before_its_state_does(resource: str, state: str) -> None:
    """A state that waits for a token waits for a minute at least, and for its function as long as that runs."""
    if "TimeoutSeconds" in task(resource, state):
        function = stack().functions[f"{handler_of(resource, state)}Function"]
        assert function["Timeout"] < task(resource, state)["TimeoutSeconds"]


def test_every_handler_is_deployed() -> None:
    files = {path.stem for path in (ROOT / "handlers").glob("*.py")}

    assert {function["Handler"].removesuffix(".handler") for function in stack().functions.values()} == files


@every_machine
def test_a_machine_may_invoke_its_states_and_nothing_else(resource: str) -> None:
    invoked = [each["Fn::GetAtt"] for each in said(resource, "lambda:InvokeFunction").resources]

    assert sorted(invoked) == [[f"{handler}Function", "Arn"] for handler in sorted(handlers_of(resource))]


@every_machine
def test_a_machine_may_do_nothing_beside_but_what_step_functions_does_as_it(resource: str) -> None:
    """To wait for another machine, and for a Distributed Map. (Step Functions developer guide.)"""
    follows = {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}
    beside = {
        "DeployStateMachine": set[str](),
        "ReleaseStateMachine": follows | {"events:PutTargets", "events:PutRule", "events:DescribeRule"},
        "FunctionsStateMachine": follows | {"s3:GetObject", "s3:ListBucket"},
    }
    actions = {action for each in stack().statements(f"{resource}Role") for action in each.actions}

    assert {each for each in actions if not each.startswith(("logs:", "lambda:"))} == beside[resource]


def test_a_release_starts_the_machine_of_its_functions_and_hears_of_its_end() -> None:
    functions = {"Ref": "FunctionsStateMachine"}
    rule = said("ReleaseStateMachine", "events:PutRule").resources[0]["Fn::Sub"]

    assert substitutions("ReleaseStateMachine")["FunctionsStateMachineArn"] == functions
    assert said("ReleaseStateMachine", "states:StartExecution").resources == (functions,)
    assert rule.endswith(":rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")


def test_the_machine_of_the_functions_starts_children_of_its_own_and_reads_their_items() -> None:
    name = stack().properties("FunctionsStateMachine")["StateMachineName"]["Fn::Sub"]
    (started,) = said("FunctionsStateMachine", "states:StartExecution").resources
    reader = machine("functions")["States"]["EachFunction"]["ItemReader"]

    assert started["Fn::Sub"].endswith(f":stateMachine:{name}")
    assert reader["Resource"].endswith(":s3:getObject")
    assert said("FunctionsStateMachine", "s3:GetObject").resources == (
        {"Fn::Sub": "${ArtifactBucket.Arn}/internal/releases/*"},
    )
    for resource in ("ReleaseStateMachine", "FunctionsStateMachine"):
        (followed,) = said(resource, "states:StopExecution").resources
        assert followed["Fn::Sub"].endswith(f":execution:{name}:*")


@every_machine
def test_a_machine_is_logged_where_the_alarms_look_and_traced(resource: str) -> None:
    properties = stack().properties(resource)

    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    (destination,) = properties["LoggingConfiguration"]["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["DeployStateMachineLogs", "Arn"]}


@every_machine
def test_a_machines_log_has_what_users_sent_only_if_the_installer_says_so(resource: str) -> None:
    logging = stack().properties(resource)["LoggingConfiguration"]
    parameter = stack().parameters["LogExecutionData"]

    assert logging["IncludeExecutionData"] == {"Ref": "LogExecutionData"}
    assert (parameter["Default"], parameter["AllowedValues"]) == ("false", ["false", "true"])


@pytest.mark.parametrize(
    ("variable", "resource"),
    [("STATE_MACHINE_ARN", "DeployStateMachine"), ("RELEASE_MACHINE_ARN", "ReleaseStateMachine")],
)
def test_the_functions_know_a_machine_by_the_name_it_has(variable: str, resource: str) -> None:
    name = stack().properties(resource)["StateMachineName"]["Fn::Sub"]

    for function in stack().functions.values():
        assert function["Environment"]["Variables"][variable]["Fn::Sub"].endswith(f":stateMachine:{name}")


def test_every_end_of_the_contract_is_there() -> None:
    ends = {name for name, state in machine()["States"].items() if state["Type"] in ("Succeed", "Fail")}

    assert ends == set(ENDS)
