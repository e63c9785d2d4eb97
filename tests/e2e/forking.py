"""
Runs `bluegreen` again and again without importing it anew: `python -m tests.e2e.forking`.

Each line of stdin is a JSON object with the arguments and with variables of the environment. A process of its own,
forked from this one, runs that command with its output in files, and its answer is a line of JSON: exit code, stdout
and stderr.
"""

import importlib
import json
import os
import sys
import tempfile
from typing import BinaryIO, NoReturn

from bluegreen_cli.main import COMMANDS, OF_A_CHECKOUT, main


def run(arguments: list[str], variables: dict[str, str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if not child:
            os.environ.update(variables)
            become(arguments, stdout, stderr)
        _, status = os.waitpid(child, 0)
        return {
            "exit_code": os.waitstatus_to_exitcode(status),
            "stdout": written(stdout),
            "stderr": written(stderr),
        }


def become(arguments: list[str], stdout: BinaryIO, stderr: BinaryIO) -> NoReturn:
    """The command; it ends the process."""
    with open(os.devnull, "rb") as nothing:
        for number, file in enumerate((nothing, stdout, stderr)):
            os.dup2(file.fileno(), number)
    sys.argv = ["bluegreen", *arguments]
    main()
    raise AssertionError("the command has come back")


def written(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    for name in COMMANDS:
        if name not in OF_A_CHECKOUT:
            importlib.import_module(f"bluegreen_cli.commands.{name}")
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)
