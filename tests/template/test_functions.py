"""What every function has."""

import ast

import pytest

from tests.template.stack import ROOT, stack

FUNCTIONS = stack().functions


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_runs_the_newest_python_on_arm(function: str) -> None:
    assert FUNCTIONS[function]["Runtime"] == "python3.14"
    assert FUNCTIONS[function]["Architectures"] == ["arm64"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_traced(function: str) -> None:
    assert FUNCTIONS[function]["TracingConfig"] == {"Mode": "Active"}


def test_none_shares_its_role() -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]

    assert len(set(roles)) == len(FUNCTIONS)


def test_none_shares_its_log_group_and_no_log_is_kept_for_ever() -> None:
    groups = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]

    assert len(set(groups)) == len(FUNCTIONS)
    for group in stack().of_type("AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


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
