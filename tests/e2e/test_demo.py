"""The demo itself, from nothing to its table."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from sandbox.demo.__main__ import counted
from sandbox.server import ROOT
from tests.docs.test_demo import shown
from tests.e2e.installed import PREPARED, SHIFT, STAGED, without_repeated_looks

pytestmark = pytest.mark.xdist_group("e2e")

PATIENCE_SECONDS = 900


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the demo found, and what it printed."""
    result = tmp_path_factory.mktemp("demo") / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.demo", "--json", result, "--per-second", "20"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return {"printed": done.stdout, **json.loads(result.read_text())}


@pytest.fixture(scope="module")
def chapters(demo: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{chapter['function']} {chapter['code']}": chapter for chapter in demo["chapters"]}


def test_no_caller_is_harmed(demo: dict[str, Any]) -> None:
    assert demo["complaints"] == []
    assert [chapter["harmed"] for chapter in demo["chapters"]] == [0, 0, 0, 0, 0]
    assert [chapter["lost"] for chapter in demo["chapters"]] == [[], [], [], [], []]


def test_they_take_the_paths_that_the_readme_shows(chapters: dict[str, dict[str, Any]]) -> None:
    """How often a state was entered depends on the machine that it runs on."""
    for row in shown():
        chapter = chapters[row.deployment.partition(",")[0]]

        assert re.sub(r" x\d+", "", row.path) == re.sub(r" x\d+", "", counted(chapter["path"]))
        assert row.serves == f"version {chapter['serving']}"


def test_a_good_version_takes_over_step_by_step(chapters: dict[str, dict[str, Any]]) -> None:
    good = chapters["BonusCalculatorLambda v2"]

    assert without_repeated_looks(good["path"]) == [
        *PREPARED,
        *STAGED,
        *SHIFT * 4,
        "CompleteDeployment",
        "OldVersions?",
        "Deployed",
    ]
    assert (good["blue"], good["serving"]) == ("1", "2")
    assert set(good["served"]) == {"1", "2"}
    assert good["failed"] == {}


def test_a_version_that_fails_under_traffic_only_is_put_back_by_itself(chapters: dict[str, dict[str, Any]]) -> None:
    bad = chapters["BonusCalculatorLambda v3"]

    assert bad["path"][: len(PREPARED + STAGED)] == [*PREPARED, *STAGED]
    assert bad["path"][-3:] == ["CheckHealth", "RollBack", "RolledBack"]
    assert bad["error"] == "GreenUnhealthy"
    assert (bad["blue"], bad["green"], bad["serving"]) == ("2", "3", "2")
    assert set(bad["failed"]) == {"3"}


def test_a_version_that_fails_its_smoke_test_meets_no_user(chapters: dict[str, dict[str, Any]]) -> None:
    bad = chapters["BonusCalculatorLambda v4"]

    assert bad["path"] == [*PREPARED, "UpdateCode", "SmokeTest", "RollBack", "RolledBack"]
    assert bad["error"] == "SmokeTestFailed"
    assert (set(bad["served"]), bad["failed"], bad["serving"]) == ({"2"}, {}, "2")


def test_a_python_function_goes_there_and_back(chapters: dict[str, dict[str, Any]]) -> None:
    there, back = chapters["BonusCalculatorPython v2"], chapters["BonusCalculatorPython back to v1"]

    assert [(chapter["ended"], chapter["serving"]) for chapter in (there, back)] == [
        ("Deployed", "2"),
        ("Deployed", "1"),
    ]
    assert "UpdateCode" not in back["path"]


def test_the_end_of_what_is_printed_is_a_table(demo: dict[str, Any]) -> None:
    assert " 0 harmed by anything but the bad version itself." in demo["printed"].splitlines()[-1]
    assert all(chapter["function"] in demo["printed"].partition("== After")[2] for chapter in demo["chapters"])
