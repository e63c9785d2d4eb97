"""The command's own lock has what the command needs, in the versions that the tests run with, and nothing of theirs."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements/*.txt"))


def pinned(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each package's version and hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    found = re.findall(r"^([a-z0-9.-]+)==(\S+)[^\n]*\\\n((?:    --hash=.*\n?)+)", text, re.MULTILINE)
    return {name: (version, frozenset(re.findall("sha256:[0-9a-f]+", hashes))) for name, version, hashes in found}


def test_the_command_s_lock_is_for_what_the_project_depends_on() -> None:
    asked = {line for line in (ROOT / "requirements" / "cli.in").read_text().splitlines() if not line.startswith("#")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert asked == {*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"}
    assert asked <= {*pinned("cli")}


def test_the_command_has_the_versions_that_are_tested() -> None:
    tested = pinned("dev")

    assert {name: pin for name, pin in pinned("cli").items() if tested.get(name) != pin} == {}
    assert "pytest" in tested
    assert "pytest" not in pinned("cli")


@pytest.mark.parametrize("lock", LOCKS, ids=[lock.stem for lock in LOCKS])
def test_a_lock_names_no_host(lock: Path) -> None:
    assert "://" not in re.sub(r"^#.*$", "", lock.read_text(), flags=re.MULTILINE)
