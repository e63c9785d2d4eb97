import contextlib
import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from benchmarks.__main__ import PARTS, main
from benchmarks.deployment import counts, gates, prices, report
from benchmarks.deployment.counts import Counts
from bluegreen.decisions.pace import EVENTS_PER_HOOK

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Quick:
    """A quick run: its exit code, what it wrote and printed, and what it counted, by traffic."""

    exit_code: int
    folder: Path
    printed: str
    counted: dict[str, Counts]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    folder, printed = tmp_path_factory.mktemp("docs"), io.StringIO()
    counted: dict[str, Counts] = {}
    count = counts.count

    def seen(traffic: str, /, **gate: Any) -> Counts:
        found = count(traffic, **gate)
        counted.setdefault(traffic, found)
        return found

    with mock.patch.object(counts, "count", seen), contextlib.redirect_stdout(printed):
        exit_code = main(["--quick", "--out", str(folder)])
    return Quick(exit_code, folder, printed.getvalue(), counted)


@pytest.fixture(scope="module")
def all_at_once(quick: Quick) -> Counts:
    return quick.counted["AllAtOnce"]


@pytest.fixture(scope="module")
def canary(quick: Quick) -> Counts:
    return quick.counted["Canary10Percent5Minutes"]


def test_transitions_are_the_states_that_were_entered(all_at_once: Counts, canary: Counts) -> None:
    for each in (all_at_once, canary):
        assert each.retries == 0
        assert each.transitions == len(each.path)
        assert each.path[0] == "OpenDeployment"
        assert each.path[-1] == "Deployed"


def test_every_task_that_was_entered_is_an_invocation(all_at_once: Counts, canary: Counts) -> None:
    states = json.loads((ROOT / "statemachine" / "deploy.asl.json").read_text())["States"]

    for each in (all_at_once, canary):
        assert each.handlers == sum(states[state]["Type"] == "Task" for state in each.path)


def test_a_canary_takes_more_of_everything_than_all_at_once(all_at_once: Counts, canary: Counts) -> None:
    assert (all_at_once.shifts, canary.shifts) == (1, 2)
    assert all_at_once.transitions < canary.transitions
    assert all_at_once.handlers < canary.handlers
    assert all_at_once.metrics < canary.metrics
    assert all_at_once.write_units < canary.write_units
    assert sum(all_at_once.calls.values()) < sum(canary.calls.values())


def test_the_users_function_is_invoked_by_the_two_smoke_tests_alone(all_at_once: Counts, canary: Counts) -> None:
    assert all_at_once.invokes == canary.invokes == 2


def test_what_handlers_wait_for_lambda_is_billed(all_at_once: Counts) -> None:
    assert all_at_once.waited_seconds > 0

    idle = dataclasses.replace(all_at_once, waited_seconds=0)
    more = prices.price(all_at_once, 0.5).lambda_ - prices.price(idle, 0.5).lambda_

    assert more == pytest.approx(all_at_once.waited_seconds * 0.5 * 0.0000133334)


def test_dollars_are_the_counts_at_list_price() -> None:
    used = Counts(
        traffic="AllAtOnce",
        control_plane=7,
        get_function=13,
        pace=20,
        events=50,
        history_bytes=35_000,
        path=[],
        shifts=1,
        looks=1,
        retries=0,
        transitions=1_000,
        handlers=1_000_000,
        invokes=2,
        waited_seconds=500_000,
        calls={},
        metrics=2_000,
        read_units=1_000_000,
        write_units=1_000_000,
    )

    dollars = prices.price(used, gb=1)

    assert dollars.step_functions == pytest.approx(0.025)
    assert dollars.lambda_ == pytest.approx(0.20 + 1_500_000 * 0.0000133334)
    assert dollars.dynamodb == pytest.approx(0.75)
    assert dollars.cloudwatch == pytest.approx(0.02)
    assert dollars.total == pytest.approx(0.025 + 0.20 + 20.0001 + 0.75 + 0.02)


def test_the_memory_is_the_templates() -> None:
    assert f"    MemorySize: {prices.memory_gb() * 1024:g}\n" in (ROOT / "template.yaml").read_text()


def test_a_template_without_memory_cannot_be_priced(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")

    with pytest.raises(ValueError, match=r"template\.yaml does not say MemorySize"):
        prices.memory_gb(tmp_path / "template.yaml")


COUNTED = {
    *("traffic", "path", "shifts", "looks", "retries", "transitions", "handlers", "invokes", "calls"),
    *("control_plane", "get_function", "pace", "events", "metrics"),
}
"""What is the same in every run."""


def test_a_quick_run_counts_what_the_docs_say_and_prints_it(quick: Quick) -> None:
    assert quick.exit_code == 0

    written = json.loads((quick.folder / "benchmarks.json").read_text())
    committed = json.loads((ROOT / "docs" / "benchmarks.json").read_text())
    for now, docs in zip(written["counts"], committed["counts"][:-1], strict=True):
        assert {name: now[name] for name in COUNTED} == {name: docs[name] for name in COUNTED}, "run `make bench`"
    linear = written["counts"][2]
    assert [each["shifts"] for each in written["counts"]][:3] == [1, 2, 10]
    assert linear["peer_transitions"] == 52
    assert (
        linear["dollars"]["total"]
        > linear["dollars"]["step_functions"]
        == pytest.approx(linear["transitions"] * 0.000025)
    )
    assert (
        f"| state transitions | {written['counts'][0]['transitions']} |" in (quick.folder / "benchmarks.md").read_text()
    )
    assert "What a deployment uses" in quick.printed


@pytest.fixture(scope="module")
def gated(quick: Quick) -> dict[str, gates.Gate]:
    """By what the table says of it."""
    measured = report.from_json((quick.folder / "benchmarks.json").read_text()).gates
    assert measured is not None
    return {each.what: each for each in (measured.without, *measured.gates)}


def test_the_canary_without_a_gate_is_the_one_that_is_counted(gated: dict[str, gates.Gate], canary: Counts) -> None:
    without = gated["no gate"]

    assert without.transitions == canary.transitions
    assert (without.events, without.handlers) == (canary.events, canary.handlers)
    assert without.calls == sum(canary.calls.values())


def test_a_gate_adds_its_state_and_what_the_person_asks_of_the_api(gated: dict[str, gates.Gate]) -> None:
    without, approved = gated["no gate"], gated["approval before the first shift"]
    aborted, hooked = gated["abort after 100 s, in the bake"], gated["hook before_traffic"]

    assert approved.transitions - without.transitions == 1, "AwaitApproval"
    assert approved.handlers - without.handlers == 2, "AwaitApproval and ServeApi"
    assert approved.events - without.events == 6, (
        "as a Task by token: entered, scheduled, started, submitted, done, left"
    )
    assert hooked.transitions - without.transitions == 2, "RunHook and WhatNext?"
    assert hooked.events - without.events == EVENTS_PER_HOOK
    assert hooked.handlers - without.handlers == 1, "RunHook"
    assert aborted.ends == "RolledBack"
    assert gated["freeze, which refuses it"].transitions == 3, "OpenDeployment, RejectDeployment, Rejected"


def test_an_abort_takes_an_invocation_of_the_api_and_one_of_recovery() -> None:
    tasks = ["OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]
    case = gates.CASES["abort after 100 s, in the bake"]

    used = counts.count(gates.CANARY, prepare=case.prepare, ends=case.ends)

    by_machine = [state for state in used.path if state in (*tasks, "CheckHealth", "RollBack")]
    assert used.handlers == len(by_machine) + 2
    assert used.retries == 0
    assert used.invokes == 2, "the smoke tests; not the invocation of RecoverDeployments"


def test_gates_add_what_the_docs_say(gated: dict[str, gates.Gate]) -> None:
    committed = report.from_json((ROOT / "docs" / "benchmarks.json").read_text()).gates

    assert committed is not None
    assert list(gated.values()) == [committed.without, *committed.gates], "run `make bench`"


def test_a_deployment_that_ends_otherwise_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended Deployed"):
        counts.count("AllAtOnce", ends="RolledBack")


def test_the_page_is_what_the_figures_come_to() -> None:
    measured = report.from_json((ROOT / "docs" / "benchmarks.json").read_text())

    assert (ROOT / "docs" / "benchmarks.md").read_text() == report.as_markdown(measured)
    assert report.as_json(measured) == (ROOT / "docs" / "benchmarks.json").read_text()
    assert "From `abort` to everybody on blue" in report.as_markdown(measured)


def test_one_part_is_measured_anew_and_the_rest_is_kept(tmp_path: Path) -> None:
    docs = (ROOT / "docs" / "benchmarks.json").read_text()
    (tmp_path / "benchmarks.json").write_text(docs)
    before = report.from_json(docs)
    new = gates.Gates(gates.Gate("no gate", "Deployed", 10, 20, 5, 40), [])

    with mock.patch.dict(PARTS, gates=("counting", lambda: new)), contextlib.redirect_stdout(io.StringIO()):
        assert main(["--only", "gates", "--out", str(tmp_path)]) == 0

    written = report.from_json((tmp_path / "benchmarks.json").read_text())
    assert written == dataclasses.replace(before, gates=new)
    assert "| no gate | Deployed | 10 | 1.00 | 20 | 5 | 40 |" in (tmp_path / "benchmarks.md").read_text()
