"""Who may import whom, so that the layers stay real. Imports inside functions and under TYPE_CHECKING count as well."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HANDLERS = ROOT / "handlers"
PACKAGE = HANDLERS / "bluegreen"
POWERTOOLS = "aws_lambda_powertools"
AWS_SDK = ("boto3", "botocore", "mypy_boto3", "s3transfer")

PURE = ("adaptive", "deployment", "errors", "health", "model", "smoke", "traffic", "upload", "verdict")
"""They decide: the same answer for the same arguments, whenever and wherever."""

OUTSIDE_WORLD = {"datetime", "logging", "os", "random", "socket", "subprocess", "time", "urllib", "uuid"}
"""Standard modules that bring a clock, a log, dice or the network."""

EVENT_CLASSES = (
    f"{POWERTOOLS}.event_handler",
    f"{POWERTOOLS}.utilities.data_classes",
    f"{POWERTOOLS}.utilities.typing",
    f"{POWERTOOLS}.metrics.MetricUnit",
)
"""Of Powertools, what a handler with an event of its own may use; the rest comes through `bluegreen.step`."""

BELOW_AWS = ("step", "undo", "recovery", "shifting", "watch", "smoke_run")
"""What is built on `bluegreen.aws`, and so may not be imported by it."""


def name_of(file: Path) -> str:
    """The module's dotted name, as Lambda imports it."""
    base = HANDLERS if file.is_relative_to(HANDLERS) else ROOT
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[str]:
    """Every name that a file imports, in full: `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    """Whether a name is one of these packages or below one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def files(folder: Path, pattern: str = "**/*.py") -> list[Path]:
    return sorted(file for file in folder.glob(pattern) if "__pycache__" not in file.parts)


def named(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=[name_of(file) for file in files])


HANDLER_FILES = files(HANDLERS, "*.py")
PACKAGE_FILES = files(PACKAGE)
AWS_FILES = files(PACKAGE / "aws")
PURE_FILES = [file for file in PACKAGE_FILES if within(name_of(file), *(f"bluegreen.{name}" for name in PURE))]
HANDLER_NAMES = {name_of(file) for file in HANDLER_FILES}


def test_there_is_something_to_look_at() -> None:
    assert len(HANDLER_FILES) > 10
    assert len(AWS_FILES) > 5
    assert {name_of(file).split(".")[1] for file in PURE_FILES} == set(PURE)


@named(HANDLER_FILES)
def test_a_handler_imports_the_package_and_no_other_handler(file: Path) -> None:
    for name in imports(file):
        top = name.partition(".")[0]
        assert name not in HANDLER_NAMES
        assert top not in HANDLER_NAMES
        assert top == "bluegreen" or top in sys.stdlib_module_names or within(name, *EVENT_CLASSES), name


@named(HANDLER_FILES)
def test_a_handler_is_the_state_that_its_docstring_begins_with(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""

    assert docstring.partition(":")[0] == "".join(word.capitalize() for word in file.stem.split("_"))


@named(PACKAGE_FILES)
def test_the_package_imports_no_handler(file: Path) -> None:
    assert not [name for name in imports(file) if name.partition(".")[0] in HANDLER_NAMES]


@named([file for file in [*HANDLER_FILES, *PACKAGE_FILES] if file not in AWS_FILES])
def test_only_the_adapters_import_the_aws_sdk(file: Path) -> None:
    assert not [name for name in imports(file) if name.startswith(AWS_SDK)]


@named([file for file in PACKAGE_FILES if name_of(file) not in ("bluegreen.step", "bluegreen.smoke")])
def test_only_step_imports_powertools(file: Path) -> None:
    assert not [name for name in imports(file) if within(name, POWERTOOLS)]


def test_smoke_takes_only_its_jmespath_functions_from_powertools() -> None:
    taken = [name for name in imports(PACKAGE / "smoke.py") if within(name, POWERTOOLS)]

    assert taken == [f"{POWERTOOLS}.utilities.jmespath_utils.PowertoolsFunctions"]


@named(PURE_FILES)
def test_a_pure_module_knows_neither_aws_nor_clock_nor_log(file: Path) -> None:
    for name in imports(file):
        top = name.partition(".")[0]
        assert top not in OUTSIDE_WORLD, name
        if top == "bluegreen":
            assert within(name, *(f"bluegreen.{pure}" for pure in PURE)), name
        else:
            assert top in sys.stdlib_module_names or top in {"pydantic", "pydantic_core", "jmespath", POWERTOOLS}, name


@named([PACKAGE / "errors.py"])
def test_errors_import_nothing_of_ours(file: Path) -> None:
    assert not [name for name in imports(file) if name.partition(".")[0] not in sys.stdlib_module_names]


@named(AWS_FILES)
def test_an_adapter_imports_nothing_that_is_built_on_it(file: Path) -> None:
    assert not [name for name in imports(file) if within(name, *(f"bluegreen.{above}" for above in BELOW_AWS))]


def test_no_import_comes_back_to_where_it_began() -> None:
    modules = {name_of(file): file for file in PACKAGE_FILES}
    leads_to = {
        module: {found for name in imports(file) for found in (name, name.rpartition(".")[0]) if found in modules}
        - {module, "bluegreen"}
        for module, file in modules.items()
    }
    for package in [name for name, file in modules.items() if file.name == "__init__.py"]:
        for module in modules:
            if within(module, package) and module != package:
                leads_to[module].discard(package)

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in cleared:
            for follower in sorted(leads_to[module]):
                walk(follower, (*path, module))
            cleared.add(module)

    cleared: set[str] = set()
    for module in sorted(modules):
        walk(module, ())


@named(files(ROOT / "sandbox"))
def test_the_sandbox_imports_nothing_of_the_handlers(file: Path) -> None:
    assert not [name for name in imports(file) if within(name, "bluegreen", "handlers", *HANDLER_NAMES)]


@named(files(ROOT / "bluegreen_cli"))
def test_the_command_line_imports_no_handler(file: Path) -> None:
    assert not [name for name in imports(file) if name.partition(".")[0] in {*HANDLER_NAMES, "sandbox", "statemachine"}]


@named([*HANDLER_FILES, *PACKAGE_FILES, *files(ROOT / "bluegreen_cli"), *files(ROOT / "sandbox")])
def test_only_the_authors_of_the_machine_import_its_sdk(file: Path) -> None:
    assert not [name for name in imports(file) if within(name, "stepfunctions", "sagemaker")]


@named(files(ROOT / "statemachine"))
def test_the_machine_is_authored_without_handlers(file: Path) -> None:
    assert not [
        name for name in imports(file) if within(name, *HANDLER_NAMES, "sandbox", "bluegreen_cli") or "boto" in name
    ]
