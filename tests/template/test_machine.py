"""States, files, resources and substitutions: one name each."""

import re

import pytest

from tests.template.stack import ROOT, machine, stack, tasks

SUBSTITUTIONS = stack().properties("DeployStateMachine")["DefinitionSubstitutions"]


def test_every_substitution_is_defined_and_none_is_idle() -> None:
    asl = (ROOT / "statemachine" / "deploy.asl.json").read_text()

    assert set(re.findall(r"\$\{(\w+)\}", asl)) == set(SUBSTITUTIONS)


@pytest.mark.parametrize("state", tasks())
def test_a_state_has_one_name_everywhere(state: str) -> None:
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", state).lower()

    assert tasks()[state]["Resource"] == f"${{{state}FunctionArn}}"
    assert SUBSTITUTIONS[f"{state}FunctionArn"] == {"Fn::GetAtt": [f"{state}Function", "Arn"]}
    assert stack().functions[f"{state}Function"]["Handler"] == f"{file}.handler"
    assert (ROOT / "handlers" / f"{file}.py").read_text().startswith(f'"""\n{state}: ')


@pytest.mark.parametrize("state", tasks())
def test_a_function_gives_up_before_its_state_does(state: str) -> None:
    assert stack().functions[f"{state}Function"]["Timeout"] < tasks()[state]["TimeoutSeconds"]


def test_every_handler_is_deployed() -> None:
    files = {path.stem for path in (ROOT / "handlers").glob("*.py")}

    assert {function["Handler"].removesuffix(".handler") for function in stack().functions.values()} == files


def test_the_machine_may_invoke_its_states_and_nothing_else() -> None:
    of_machine = stack().statements("DeployStateMachineRole")
    (invoking,) = [each for each in of_machine if "lambda:InvokeFunction" in each.actions]

    invoked = [resource["Fn::GetAtt"] for resource in invoking.resources]
    assert sorted(invoked) == sorted([f"{state}Function", "Arn"] for state in tasks())


def test_the_machine_is_logged_and_traced() -> None:
    properties = stack().properties("DeployStateMachine")

    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    (destination,) = properties["LoggingConfiguration"]["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["DeployStateMachineLogs", "Arn"]}


def test_the_functions_know_the_machine_by_the_name_it_has() -> None:
    name = stack().properties("DeployStateMachine")["StateMachineName"]["Fn::Sub"]

    for function in stack().functions.values():
        arn = function["Environment"]["Variables"]["STATE_MACHINE_ARN"]["Fn::Sub"]
        assert arn.endswith(f":stateMachine:{name}")


def test_every_end_of_the_contract_is_there() -> None:
    ends = {name for name, state in machine()["States"].items() if state["Type"] in ("Succeed", "Fail")}

    assert {"Deployed", "NothingToDeploy", "Rejected", "RolledBack", "RollbackFailed"} <= ends
