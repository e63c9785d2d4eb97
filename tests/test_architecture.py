"""What import-linter cannot say of the layout (pyproject.toml has its contracts): which handler is which state."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HANDLERS = ROOT / "handlers"
HANDLER_FILES = sorted(HANDLERS.glob("*.py"))
PACKAGE_FILES = sorted((HANDLERS / "bluegreen").rglob("*.py"))
HANDLER_NAMES = {file.stem for file in HANDLER_FILES}

EVENT_CLASSES = tuple(
    f"aws_lambda_powertools.{name}"
    for name in ("event_handler", "utilities.data_classes", "utilities.typing", "metrics.MetricUnit")
)
"""Of Powertools, what a handler with an event of its own may use; the rest comes through `bluegreen.edge`."""


def imports(file: Path) -> Iterator[str]:
    """Every name that a file imports, in full: `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=[file.stem for file in files])


def test_there_are_handlers() -> None:
    assert len(HANDLER_FILES) > 10


@named(HANDLER_FILES)
def test_a_handler_imports_the_package_and_no_other_handler(file: Path) -> None:
    for name in imports(file):
        top = name.partition(".")[0]
        assert top not in HANDLER_NAMES
        assert top == "bluegreen" or top in sys.stdlib_module_names or name.startswith(EVENT_CLASSES), name


@named(HANDLER_FILES)
def test_a_handler_is_the_state_that_its_docstring_begins_with(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""

    assert docstring.partition(":")[0] == "".join(word.capitalize() for word in file.stem.split("_"))


@named(PACKAGE_FILES)
def test_the_package_imports_no_handler(file: Path) -> None:
    assert not [name for name in imports(file) if name.partition(".")[0] in HANDLER_NAMES]


@named([*HANDLER_FILES, *PACKAGE_FILES, *sorted((ROOT / "bluegreen_cli").rglob("*.py"))])
def test_no_message_says_ledger_which_people_know_as_records_and_a_table(file: Path) -> None:
    tree = ast.parse(file.read_text())
    notes = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    constants = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in notes]

    assert not [each.value for each in constants if isinstance(each.value, str) and "ledger" in each.value]
