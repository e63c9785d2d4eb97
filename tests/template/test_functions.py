"""What every function has."""

import ast

import pytest

from tests.template.stack import ROOT, TEMPLATE, stack

FUNCTIONS = stack().functions


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_the_newest_python_on_arm(function: str) -> None:
    assert FUNCTIONS[function]["Runtime"] == "python3.14"
    assert FUNCTIONS[function]["Architectures"] == ["arm64"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_traced(function: str) -> None:
    assert FUNCTIONS[function]["TracingConfig"] == {"Mode": "Active"}


def test_no_function_shares_its_role() -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]

    assert len(set(roles)) == len(FUNCTIONS)


def test_all_functions_share_one_log_group_which_the_template_names_once() -> None:
    groups = [function["LoggingConfig"] for function in FUNCTIONS.values()]

    assert groups == [{"LogGroup": {"Ref": "FunctionLogs"}}] * len(FUNCTIONS)
    assert stack().properties("FunctionLogs")["LogGroupName"]["Fn::Sub"][0] == "/aws/lambda/${AWS::StackName}-${Id}"
    assert TEMPLATE.read_text().count("LoggingConfig:") == 1


def test_a_function_is_told_from_the_others_of_its_log_group_by_its_name() -> None:
    names = [stack().name_of(function) for function in FUNCTIONS]

    assert names == [f"${{AWS::StackName}}-{function.removesuffix('Function')}" for function in FUNCTIONS]


def test_no_log_is_kept_for_ever() -> None:
    groups = stack().of_type("AWS::Logs::LogGroup")

    assert sorted(groups) == ["ApiLogs", "DeployStateMachineLogs", "FunctionLogs"]
    for group in groups.values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_logs_outlive_the_stack_but_not_an_install_that_failed_and_are_in_no_later_stacks_way() -> None:
    for name, group in stack().of_type("AWS::Logs::LogGroup").items():
        assert stack().resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert stack().resources[name]["UpdateReplacePolicy"] == "Retain"
        pattern, values = group["LogGroupName"]["Fn::Sub"]
        assert pattern.endswith("-${Id}")
        assert "AWS::StackId" in str(values)


def test_what_ends_a_bad_deployment_has_concurrency_of_its_own() -> None:
    reserving = {name for name, each in FUNCTIONS.items() if "ReservedConcurrentExecutions" in each}

    assert reserving == {"RollBackFunction", "RollBackReleaseFunction", "RecoverDeploymentsFunction"}
    for name in reserving:
        of_its_own = {"Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
        assert FUNCTIONS[name]["ReservedConcurrentExecutions"] == of_its_own


def test_the_environment_has_every_variable_that_the_handlers_read() -> None:
    read = {name for path in (ROOT / "handlers").rglob("*.py") for name in _variables(ast.parse(path.read_text()))}

    assert "TABLE_NAME" in read
    for function in FUNCTIONS.values():
        assert read <= set(function["Environment"]["Variables"])


def _variables(module: ast.Module) -> set[str]:
    """The NAMEs of every `os.environ["NAME"]`."""
    return {
        node.slice.value
        for node in ast.walk(module)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "os.environ"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }
