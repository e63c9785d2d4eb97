"""
The sandbox against answers that were recorded on AWS, see `sandbox/README.md`.

A fact that differs is named, with its reason, in `facts/differences/named.json`. One that is named and is as on AWS
fails, too.
"""

import json
from typing import Any

import pytest

from sandbox.testing import Clients, allow, trusted_role
from tests.sandbox.facts import driver

NAMED: dict[str, Any] = json.loads((driver.HERE / "differences" / "named.json").read_text())
STORIES = [pytest.param(story, id=story["test"].split("::", 1)[1]) for _, story in driver.stories()]
FEWEST = 250


@pytest.fixture(scope="module")
def role(client: Clients) -> str:
    return trusted_role(client, "asked-for-facts", allow(["lambda:*", "states:*"]))


@pytest.mark.parametrize("story", STORIES)
def test_the_sandbox_answers_as_aws_did(story: dict[str, Any], client: Clients, role: str) -> None:
    different = {fact.id: fact.differs for fact in driver.tell(story, client, role) if fact.differs}
    named = {name for name in NAMED if name.startswith(story["test"] + " ")}
    assert {name: differs for name, differs in different.items() if name not in named} == {}
    assert named <= set(different), "named as different, and the same"


def test_there_are_enough_facts_each_with_its_source_and_date() -> None:
    facts = 0
    for _, story in driver.stories():
        assert "::" in story["test"]
        assert story["recorded"] >= "2022"
        facts += sum("answers" in step for step in story["steps"])
        facts += sum(len(step.get("cases", ())) for step in story["steps"])
    assert facts >= FEWEST
