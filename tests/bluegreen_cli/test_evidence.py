"""The evidence of a failed step: which of the audit's steps the command shows."""

from typing import Any

import pytest

from bluegreen.errors import AccessDenied, DeploymentError
from bluegreen.ledger import audit
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen_cli.evidence import in_full, of_failure
from bluegreen_cli.progress import Progress
from tests.bluegreen_cli.history import BEGAN, OPENED, History, document, flat

WRONG = {"error": "SmokeTestFailed", "case": "adds", "mismatches": ['expected "a" at reply, but "b" came']}


def step(state: str, evidence: dict[str, Any], at: str = "2026-01-05T09:00:03.000Z") -> audit.Step:
    return audit.Step(at=at, state=state, evidence=evidence)


def failed() -> Progress:
    history = History()
    return Progress().after(
        flat(
            history.started(),
            history.did("OpenDeployment", OPENED),
            history.entered("SmokeTest"),
            history.failed("SmokeTestFailed", "it failed"),
            history.ended_badly("RolledBack", "SmokeTestFailed", "it failed"),
        )
    )


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[audit.Step]:
    """The audit of the deployment, a step a page."""
    found: list[audit.Step] = []

    def page(owner: Owner, after: str = "") -> tuple[list[audit.Step], str]:
        assert owner == of_deployment("Shop-1")
        number = int(after or 0)
        return found[number : number + 1], str(number + 1) if number + 1 < len(found) else ""

    monkeypatch.setattr(audit, "steps", page)
    return found


def test_the_evidence_is_that_of_the_step_that_failed(steps: list[audit.Step]) -> None:
    steps += [
        step("OpenDeployment", {"error": "DeploymentInterrupted"}),
        step("OpenDeployment", {"blue": "2"}),
        step("SmokeTest", WRONG),
        step("RollBack", {"error": "SmokeTestFailed", "cause": "it failed"}),
    ]

    assert of_failure("Shop-1", failed()) == WRONG


def test_the_evidence_is_never_that_of_the_rollback(steps: list[audit.Step]) -> None:
    steps += [step("OpenDeployment", {"blue": "2"}), step("RollBack", {"error": "SmokeTestFailed"})]

    assert of_failure("Shop-1", failed()) is None


def test_after_a_failed_rollback_the_evidence_is_that_of_the_step_before(steps: list[audit.Step]) -> None:
    steps += [step("SmokeTest", WRONG), step("RollBack", {"error": "RollbackImpossible"})]
    progress = Progress(
        began=BEGAN,
        document=document(failure={"Error": "SmokeTestFailed"}),
        end="RollbackFailed",
        error="RollbackFailed",
    )

    assert of_failure("Shop-1", progress) == WRONG


def test_the_evidence_is_never_that_of_an_older_execution_with_the_same_name(steps: list[audit.Step]) -> None:
    steps += [step("SmokeTest", WRONG, "2025-09-01T09:00:00.000Z")]

    assert of_failure("Shop-1", failed()) is None


def test_a_deployment_that_went_well_has_no_evidence(steps: list[audit.Step]) -> None:
    steps += [step("SmokeTest", WRONG)]

    assert of_failure("Shop-1", Progress(began=BEGAN, end="Deployed", status="SUCCEEDED")) is None


@pytest.mark.parametrize("trouble", [AccessDenied("not authorized"), ValueError("an unknown key")], ids=str)
def test_a_ledger_that_cannot_be_read_gives_no_evidence(
    monkeypatch: pytest.MonkeyPatch, trouble: DeploymentError | ValueError
) -> None:
    def unreadable(owner: Owner, after: str = "") -> tuple[list[audit.Step], str]:
        raise trouble

    monkeypatch.setattr(audit, "steps", unreadable)

    assert of_failure("Shop-1", failed()) is None


def test_a_failed_smoke_test_is_shown_in_full() -> None:
    assert in_full(WRONG) == ["The smoke test 'adds' in full:", '  expected "a" at reply, but "b" came']


@pytest.mark.parametrize("evidence", [None, {}, {"error": "GreenUnhealthy"}, {"bytes_left_out": 200_000}], ids=str)
def test_other_evidence_is_shown_as_json_only(evidence: dict[str, Any] | None) -> None:
    assert in_full(evidence) == []
