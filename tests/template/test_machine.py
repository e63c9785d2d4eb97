"""States, handlers, files, resources and substitutions: one name each."""

import re

import pytest

from bluegreen.document import ENDS
from tests.template.stack import ROOT, file_of, handler_of, machine, stack, tasks

SUBSTITUTIONS = stack().properties("DeployStateMachine")["DefinitionSubstitutions"]


def test_every_substitution_is_defined_and_none_is_idle() -> None:
    asl = (ROOT / "statemachine" / "deploy.asl.json").read_text()

    assert set(re.findall(r"\$\{(\w+)\}", asl)) == set(SUBSTITUTIONS)


def test_a_state_runs_the_handler_of_its_name_but_for_two() -> None:
    others = {state: handler_of(state) for state in tasks() if handler_of(state) != state}

    assert others == {"SmokeTestGreen": "SmokeTest", "MendLatest": "UpdateCode"}


@pytest.mark.parametrize("handler", sorted({handler_of(state) for state in tasks()}))
def test_a_handler_has_one_name_everywhere(handler: str) -> None:
    file = file_of(handler)

    assert SUBSTITUTIONS[f"{handler}FunctionArn"] == {"Fn::GetAtt": [f"{handler}Function", "Arn"]}
    assert stack().functions[f"{handler}Function"]["Handler"] == f"{file}.handler"
    assert (ROOT / "handlers" / f"{file}.py").read_text().startswith(f'"""\n{handler}: ')


@pytest.mark.parametrize("state", tasks())
def test_a_function_gives_up_before_its_state_does(state: str) -> None:
    """A state that waits for a token waits for a minute at least, and for its function as long as that runs."""
    if "TimeoutSeconds" in tasks()[state]:
        assert stack().functions[f"{handler_of(state)}Function"]["Timeout"] < tasks()[state]["TimeoutSeconds"]


def test_every_handler_is_deployed() -> None:
    files = {path.stem for path in (ROOT / "handlers").glob("*.py")}

    assert {function["Handler"].removesuffix(".handler") for function in stack().functions.values()} == files


def test_the_machine_may_invoke_its_states_and_nothing_else() -> None:
    of_machine = stack().statements("DeployStateMachineRole")
    (invoking,) = [each for each in of_machine if "lambda:InvokeFunction" in each.actions]

    invoked = [resource["Fn::GetAtt"] for resource in invoking.resources]
    assert sorted(invoked) == [[f"{handler}Function", "Arn"] for handler in sorted(set(map(handler_of, tasks())))]


def test_the_machine_is_logged_and_traced() -> None:
    properties = stack().properties("DeployStateMachine")

    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    (destination,) = properties["LoggingConfiguration"]["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["DeployStateMachineLogs", "Arn"]}


def test_the_machines_log_has_what_users_sent_only_if_the_installer_says_so() -> None:
    logging = stack().properties("DeployStateMachine")["LoggingConfiguration"]
    parameter = stack().parameters["LogExecutionData"]

    assert logging["IncludeExecutionData"] == {"Ref": "LogExecutionData"}
    assert (parameter["Default"], parameter["AllowedValues"]) == ("false", ["false", "true"])


def test_the_functions_know_the_machine_by_the_name_it_has() -> None:
    name = stack().properties("DeployStateMachine")["StateMachineName"]["Fn::Sub"]

    for function in stack().functions.values():
        arn = function["Environment"]["Variables"]["STATE_MACHINE_ARN"]["Fn::Sub"]
        assert arn.endswith(f":stateMachine:{name}")


def test_every_end_of_the_contract_is_there() -> None:
    ends = {name for name, state in machine()["States"].items() if state["Type"] in ("Succeed", "Fail")}

    assert ends == set(ENDS)
