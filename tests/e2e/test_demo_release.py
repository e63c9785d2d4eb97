"""The demo of a release, from nothing to its table: the stack, IAM, the Distributed Map, callers of five functions."""

import json
import subprocess
import sys
from typing import Any

import pytest

from sandbox.demo.release import BAD, FUNCTIONS
from sandbox.server import ROOT

pytestmark = pytest.mark.xdist_group("e2e")

PATIENCE_SECONDS = 900


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the demo found."""
    result = tmp_path_factory.mktemp("demo") / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.demo.release", "--json", result, "--per-second", "20"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def test_no_caller_of_any_function_is_harmed(demo: dict[str, Any]) -> None:
    assert demo["complaints"] == []
    assert [each["harmed"] for each in demo["releases"]] == [0, 0]


def test_a_good_release_gives_every_function_its_new_version(demo: dict[str, Any]) -> None:
    good, _ = demo["releases"]
    assert good["ended"] == "Released"
    assert good["serving"] == {each.name: "2" for each in FUNCTIONS}
    assert "StageFunctions" in good["path"]


def test_one_bad_function_puts_all_five_back(demo: dict[str, Any]) -> None:
    _, bad = demo["releases"]
    assert bad["ended"] == "RolledBack"
    assert bad["serving"] == {each.name: "2" for each in FUNCTIONS}
    assert BAD in bad["cause"]
    assert [*bad["failed"]] == [BAD]
