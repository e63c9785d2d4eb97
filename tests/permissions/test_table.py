"""docs/permissions.md: what each role may do is what the template says, and each of it is needed."""

from typing import Any

import pytest

from tests.permissions import policies, table
from tests.permissions.judge import Asked
from tests.permissions.policies import Grant
from tests.permissions.seen import END_TO_END, MATRIX, RUNS, WALKS, Seen
from tests.permissions.table import DOCS, as_json, as_page, exception, in_words, known, needs, rows, unused

FOUND = ("seen", "exception")
TABLE = "arn:aws:dynamodb:region:account:table/DeploymentsTable"


def granted(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in FOUND}


def test_the_committed_table_has_what_the_template_allows_and_nothing_else() -> None:
    assert list(map(granted, known())) == list(map(granted, rows([]))), "`make permissions` writes it anew"


def test_the_committed_page_is_that_table() -> None:
    assert (DOCS / "permissions.json").read_text() == as_json(known())
    assert (DOCS / "permissions.md").read_text() == as_page(known())


def test_no_permission_is_unused() -> None:
    assert unused(known()) == []


def test_every_run_shows_something_and_there_are_no_others() -> None:
    assert {run for row in known() for run in row["seen"]} == set(RUNS)


def test_an_exception_is_for_what_no_run_shows_and_has_its_reason() -> None:
    for row in known():
        assert row.get("exception", "") == ("" if row["seen"] else exception(row["role"], row["action"]))


@pytest.mark.parametrize("rule", table.EXCEPTIONS, ids=lambda rule: f"{rule[0]} {rule[1]}")
def test_every_exception_is_needed(rule: tuple[str, str, str]) -> None:
    assert [row for row in known() if row.get("exception") == rule[2]]


FREES = Grant("RollBack", "dynamodb:DeleteItem", TABLE, "lock#*", "", "FreeLocks")


@pytest.mark.parametrize(
    ("role", "action", "key", "needed"),
    [
        ("RollBack", "dynamodb:DeleteItem", "lock#x", True),
        ("RollBack", "dynamodb:DeleteItem", "waiting#x", False),
        ("RollBack", "dynamodb:GetItem", "lock#x", False),
        ("UpdateCode", "dynamodb:DeleteItem", "lock#x", False),
    ],
)
def test_a_call_needs_the_permission_that_is_about_it(role: str, action: str, key: str, needed: bool) -> None:
    assert needs(Seen(WALKS, Asked(role, action, TABLE, (key,)), "allowed"), FREES) is needed


def test_a_permission_has_the_runs_whose_calls_needed_it() -> None:
    asked = Asked("RollBack", "dynamodb:DeleteItem", TABLE, ("lock#x",))
    denied = Asked("RollBack", "lambda:GetAlias", "arn:aws:lambda:region:account:function:x")
    seen = [Seen(MATRIX, asked, "allowed"), Seen(END_TO_END, asked, "allowed"), Seen(WALKS, denied, "without tag")]
    found = {(row["role"], row["action"], row.get("key")): row["seen"] for row in rows(seen)}

    assert found["RollBack", "dynamodb:DeleteItem", "lock#*"] == [END_TO_END, MATRIX]
    assert found["RollBack", "lambda:GetAlias", None] == []


def test_a_permission_that_no_call_needed_is_unused_unless_aws_needs_it() -> None:
    idle = set(unused(rows([])))

    assert "RollBack: dynamodb:DeleteItem on DeploymentsTable, keys lock#*" in idle
    assert not [each for each in idle if "logs:Put" in each or "xray:" in each]
    assert len(idle) + sum("exception" in row for row in rows([])) == len(policies.all_grants())
    assert in_words(rows([])[0]) in idle


def test_a_role_is_introduced_by_its_handlers_own_words() -> None:
    page = as_page(rows([]))

    assert "## UpdateCode\n\nPut the new code into $LATEST, which no production caller invokes." in page
    for role in policies.roles():
        assert f"\n## {role}\n" in page
