"""`bluegreen demo` and `bluegreen sandbox`: they run modules of a checkout, which no installation has."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluegreen_cli import dev
from tests.bluegreen_cli.conftest import Bluegreen

WRITE_DOWN = """
import pathlib, sys
pathlib.Path("was").write_text(" ".join([__name__, *sys.argv[1:]]))
sys.exit({code})
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose demo fails and whose sandbox does not."""
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "__init__.py").write_text("")
    (tmp_path / "sandbox" / "demo.py").write_text(WRITE_DOWN.format(code=1))
    (tmp_path / "sandbox" / "__main__.py").write_text(WRITE_DOWN.format(code=0))
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


@pytest.mark.parametrize(("command", "code"), [("demo", 1), ("sandbox", 0)])
def test_the_command_runs_the_module_of_the_checkout_and_has_its_exit_code(
    root: Path, bluegreen: Bluegreen, command: str, code: int
) -> None:
    ran = bluegreen(command, "--port", "4567")

    assert ran.exit_code == code
    assert (root / "was").read_text() == "__main__ --port 4567"


@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_outside_a_checkout_the_command_is_refused(
    bluegreen: Bluegreen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(dev, "ROOT", tmp_path)

    ran = bluegreen(command)

    assert ran.exit_code == 2
    assert "it comes with a checkout of this project, not with the installed command" in ran.stderr
    assert f"run `make {command}` in it" in ran.stderr


def test_ctrl_c_leaves_the_module_time_to_clean_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []

    class Process:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def wait(self) -> int:
            waited.append("once")
            if len(waited) == 1:
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)

    assert dev.run("sandbox", root / "sandbox" / "__main__.py", ()) == 0
    assert len(waited) == 2


def test_the_installed_command_starts_without_a_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from bluegreen_cli.main import main; main()", "deploy"],
        cwd=Path(dev.__file__).parents[1],
        env={"PYTHONPATH": "handlers:."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert ran.stderr.startswith("Usage: bluegreen deploy")
