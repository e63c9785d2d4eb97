"""The audit: what each state did, with its evidence, in order and page by page."""

from typing import Any

import pytest

from bluegreen.aws import table
from bluegreen.ledger import audit
from bluegreen.ledger.audit import PAGE, Step
from bluegreen.ledger.owner import of_deployment
from tests.bluegreen.examples import opened, record
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")


def steps() -> list[Step]:
    """Every page."""
    found, following = audit.steps(of_deployment("first"))
    while following:
        more, following = audit.steps(of_deployment("first"), following)
        found += more
    return found


def test_the_audit_has_every_step_in_order(deployer: Deployer) -> None:
    for name in ("OpenDeployment", "UpdateCode", "SmokeTest"):
        audit.note(of_deployment("first"), name, {"learned": name})
        deployer.aws.clock.sleep(1)

    assert steps() == [
        Step(at="2026-01-05T09:00:00.000Z", state="OpenDeployment", evidence={"learned": "OpenDeployment"}),
        Step(at="2026-01-05T09:00:01.000Z", state="UpdateCode", evidence={"learned": "UpdateCode"}),
        Step(at="2026-01-05T09:00:02.000Z", state="SmokeTest", evidence={"learned": "SmokeTest"}),
    ]


def test_the_audit_keeps_two_steps_of_one_moment() -> None:
    audit.note(of_deployment("first"), "SmokeTest", {"attempt": 1})
    audit.note(of_deployment("first"), "SmokeTest", {"attempt": 2})

    assert sorted(step.evidence["attempt"] for step in steps()) == [1, 2]


@pytest.mark.parametrize(
    "evidence",
    [
        {"": "an empty key", "deep": {"": [{"": None}]}},
        {"large": 1e300, "small": 5e-324, "precise": 0.1 + 0.2, "integer": 2**80},
        {"letters": "größer \x00 😀", "half a letter": "\ud83d", "empty": "", "nothing": None, "yes": True},
        {"lists": [[], [[]], [1, "1", None]]},
        {},
    ],
    ids=["keys", "numbers", "letters", "lists", "nothing"],
)
def test_evidence_of_any_json_comes_back_as_it_was(evidence: dict[str, Any]) -> None:
    audit.note(of_deployment("first"), "SmokeTest", evidence)

    (step,) = steps()
    assert step.evidence == evidence


def test_evidence_that_no_item_can_hold_is_left_out_and_the_audit_says_so() -> None:
    evidence = {"reply": "x" * 1_000_000, "error": "SmokeTestFailed", "cause": "c"}
    audit.note(of_deployment("first"), "SmokeTest", evidence)

    (step,) = steps()
    assert step.evidence == {
        "bytes_left_out": step.evidence["bytes_left_out"],
        "error": "SmokeTestFailed",
        "cause": "c",
    }
    assert step.evidence["bytes_left_out"] > 1_000_000


def test_a_page_has_a_hundred_steps_and_says_what_comes_next(deployer: Deployer) -> None:
    for number in range(PAGE + 3):
        audit.note(of_deployment("first"), "CheckHealth", {"number": number})
        deployer.aws.clock.sleep(60)

    first, following = audit.steps(of_deployment("first"))
    second, after_that = audit.steps(of_deployment("first"), following)

    assert [step.evidence["number"] for step in first] == list(range(100))
    assert [step.evidence["number"] for step in second] == [100, 101, 102]
    assert following.startswith(first[-1].at)
    assert after_that == ""


def test_a_page_ends_where_dynamodb_has_read_enough(deployer: Deployer) -> None:
    for number in range(12):
        audit.note(of_deployment("first"), "CheckHealth", {"number": number, "evidence": "x" * 99_000})
        deployer.aws.clock.sleep(1)

    first, following = audit.steps(of_deployment("first"))

    assert 0 < len(first) < 12
    assert following
    assert [step.evidence["number"] for step in steps()] == list(range(12))


def test_the_audit_of_one_deployment_is_not_that_of_another() -> None:
    audit.note(of_deployment("first"), "SmokeTest", {})

    assert audit.steps(of_deployment("first-2")) == ([], "")


def test_audit_entries_have_another_partition_than_the_record(deployer: Deployer) -> None:
    opened()
    audit.note(of_deployment("first"), "SmokeTest", {})

    assert [item["sk"] for item in deployer.items("deployment#")] == ["record"]
    assert {item["pk"] for item in deployer.items("steps#")} == {"steps#first"}
    assert audit.partition(of_deployment("first")) != table.item_of(record().to_item())["pk"]
