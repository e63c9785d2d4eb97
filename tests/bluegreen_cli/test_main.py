"""The list of commands. It needs neither the AWS SDK nor pydantic."""

import subprocess
import sys

import pytest
from click import Context

from bluegreen_cli.main import COMMANDS, cli

HEAVY = {"boto3", "botocore", "pydantic", "rich"}

PRINT_IMPORTED = """
import sys
from bluegreen_cli.main import cli
try:
    cli([{option!r}])
finally:
    print(",".join(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_neither_boto3_nor_pydantic(option: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PRINT_IMPORTED.format(option=option)], capture_output=True, text=True, check=True
    )

    assert ran.stdout
    assert not HEAVY & set(ran.stderr.strip().splitlines()[-1].split(","))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_has_the_first_sentence_of_each_commands_help(name: str) -> None:
    command = cli.get_command(Context(cli), name)

    assert command is not None
    assert " ".join((command.help or "").split()).startswith(COMMANDS[name])


def test_the_help_says_which_commands_take_a_release() -> None:
    names = list(COMMANDS)
    said = [name for name in names[names.index("rollback") : names.index("open") + 1] if name != "list"]
    helps = {name: " ".join((cli.get_command(Context(cli), name).help or "").split()) for name in names}  # type: ignore[union-attr]

    assert "From `rollback` to `open`, every command but `list` takes a release's id" in (cli.help or "")
    assert [name for name in names if "release's id" in helps[name]] == said


def test_an_unknown_command_is_refused() -> None:
    ran = subprocess.run([sys.executable, "-m", "bluegreen_cli", "deplyo"], capture_output=True, text=True)

    assert ran.returncode == 2
    assert "deplyo" in ran.stderr
