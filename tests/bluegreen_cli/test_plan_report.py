"""`bluegreen plan --report`: the plan as one HTML page."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen.request.gates import Hook, Hooks
from bluegreen.request.health import Health
from bluegreen.request.traffic import Schedule, Step, schedule
from bluegreen_cli.preparations import Preparation
from bluegreen_cli.report.plan import Due, Planned, dues, report
from tests.bluegreen_cli.conftest import Bluegreen
from tests.bluegreen_cli.test_report import EVIL, LOADING, Page
from tests.machine.deployer import FUNCTION, GOOD, Deployer

DAY = 86_400
STEPS = (
    Step(weight=0.1, bake_seconds=300),
    Step(weight=0.5, bake_seconds=600, approve=True),
    Step(weight=1, bake_seconds=0),
)
GATES = Hooks(
    before_traffic=Hook(function="Gate", timeout_seconds=60), after_step=Hook(function="Gate", timeout_seconds=30)
)
SNAPSHOT = Preparation("snap_start", 180, 900, "the snapshot")
ALLOCATION = Preparation("provisioned_concurrency", 480, 900, "the allocation")


def planned(
    plan: Schedule, health: Health | None = None, hooks: Hooks | None = None, *prepared: Preparation
) -> Planned:
    return Planned(
        target="Shop:PROD",
        heading="Shop:PROD would go:",
        warnings=(),
        differ=(),
        schedule=plan,
        health=health or Health(),
        hooks=hooks or Hooks(),
        prepared=prepared,
    )


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        (planned(Schedule(name="Steps", steps=STEPS)), [(0, 0), (300, 300), (900, 900)]),
        (planned(Schedule(name="Steps", steps=STEPS, longest_seconds=3600)), [(0, 0), (300, 3600), (900, 7200)]),
        (
            planned(Schedule(name="Steps", steps=STEPS, approve_first=True, approval_seconds=DAY), None, GATES),
            [(0, DAY + 60), (300, 2 * DAY + 390), (900, 2 * DAY + 1020)],
        ),
        (
            planned(Schedule(name="Steps", steps=STEPS), Health(when_suspected="hold"), None, SNAPSHOT, ALLOCATION),
            [(0, 900), (300, 1200), (900, 1800 + 12 * 3600)],
        ),
        (planned(schedule("AllAtOnce")), [(0, 0)]),
        (planned(schedule("Adaptive").model_copy(update={"first_weight": 0.03})), [(0, 0), (240, 3600)]),
    ],
)
def test_each_step_has_its_earliest_and_its_latest_time(plan: Planned, found: list[tuple[int, int]]) -> None:
    assert [(each.earliest, each.latest) for each in dues(plan)] == found


def test_adaptive_goes_from_its_first_weight_to_everything() -> None:
    assert dues(planned(schedule("Adaptive").model_copy(update={"first_weight": 0.03}))) == (
        Due(0.03, 0, 0),
        Due(1.0, 240, 3600),
    )


def test_the_page_has_what_the_command_says_and_times_looks_and_cost(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str], tmp_path: Path
) -> None:
    path, asked = tmp_path / "plan.html", tmp_path / "request.json"
    asked.write_text(json.dumps({"smoke_tests": [{"name": EVIL}], "health": {"max_bake_seconds": 1200}}))
    arguments = ("plan", FUNCTION, package(GOOD % 2), "--request", str(asked), "--report", str(path))

    ran = bluegreen(*arguments)

    page = Page(path.read_text())
    *said, last = ran.stdout.splitlines()
    assert last == f"{path}: {path.stat().st_size:,} bytes. A browser shows it, without a network."
    for line in said[1:]:
        if not line.startswith(("  step ", "  in all")):
            assert line.strip() in page.texts
    assert EVIL in page.text
    assert {name for _, attributes in page.tags for name in attributes}.isdisjoint(LOADING)
    assert "script" not in {tag for tag, _ in page.tags}
    rows = " ".join(page.texts)
    assert "1 10 % at once at once baked for 5 min, 5 looks" in " ".join(rows.split())
    assert "2 100 % +5 min +20 min 1 look" in " ".join(rows.split())
    assert "In all 5 min of baking, 30 state transitions, $0.00075." in page.texts

    again = bluegreen(*arguments)
    assert again.exit_code == 2
    assert again.stderr.startswith(f"Error: {path} is there already.\nIt was not changed.\nName another file")


def test_the_page_alone_is_on_stdout_or_the_json(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str], tmp_path: Path
) -> None:
    arguments = ("plan", FUNCTION, package(GOOD % 2), "--traffic", "Adaptive")

    page = Page(bluegreen(*arguments, "--report", "-").stdout)
    as_json = bluegreen(*arguments, "--report", str(tmp_path / "plan.html"), "--json").json
    both = bluegreen(*arguments, "--report", "-", "--json")

    assert "Green's share" not in page.texts
    assert any("1,000 of them cost $0.025" in text for text in page.texts)
    assert as_json["traffic"] == "Adaptive"
    assert (tmp_path / "plan.html").is_file()
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)


def test_warnings_come_first_and_foreign_text_is_no_markup() -> None:
    page = Page(report(replace(planned(schedule("Adaptive")), warnings=(EVIL,), target=f"{EVIL}:PROD")))

    assert f"Warning: {EVIL}" in page.texts
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_plan_with_nothing_to_deploy_says_so(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str]
) -> None:
    page = Page(bluegreen("plan", FUNCTION, package(GOOD % 1), "--report", "-").stdout)

    assert any(text.startswith("Nothing to deploy: ") for text in page.texts)
    assert "Steps" not in page.texts
