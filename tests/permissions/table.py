"""
The table of permissions: each role's grants, and in which runs a call needed one; docs/permissions.* has it.

A grant that no run needed is unused, unless AWS itself needs it: those are the EXCEPTIONS.
"""

import ast
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.permissions import policies
from tests.permissions.policies import Grant
from tests.permissions.seen import RUNS, Seen
from tests.template.stack import ROOT, file_of, stack

DOCS = ROOT / "docs"
PAGE = Path(__file__).with_name("permissions.template.md")

EXCEPTIONS = (
    ("*", "logs:CreateLogStream", "Lambda writes the function's log with its role"),
    ("*", "logs:PutLogEvents", "Lambda writes the function's log with its role"),
    ("*", "xray:PutTraceSegments", "Lambda and Step Functions send traces with the role"),
    ("*", "xray:PutTelemetryRecords", "Lambda and Step Functions send traces with the role"),
    ("*", "xray:GetSampling*", "in AWS's own policy, which SAM attaches for tracing; it reads sampling rules"),
    ("ReceiveUpload", "sqs:SendMessage", "Lambda sends an event there that failed three times, with the role"),
    ("*StateMachine", "logs:*", "Step Functions asks for it when it creates a state machine that logs"),
    ("FunctionsStateMachine", "states:*", "Step Functions starts and follows the children of a Distributed Map"),
)
"""
Role, action and reason, for what no run can show: AWS itself needs it, AWS's own policy has it, or the handler has code
for it that another role runs. A reason counts for those roles alone that no run has shown to need the action.
"""

Row = dict[str, Any]


def rows(seen: Iterable[Seen]) -> list[Row]:
    """Every grant of every role, with the runs whose calls needed it."""
    allowed = [each for each in seen if each.answer == "allowed"]
    return [_row(grant, allowed) for grant in policies.all_grants()]


def _row(grant: Grant, allowed: list[Seen]) -> Row:
    runs = {each.run for each in allowed if needs(each, grant)}
    shown: Row = {
        "role": grant.role,
        "action": grant.action,
        "resource": grant.resource,
        "key": grant.key,
        "only_if": grant.only_if,
        "except": list(grant.but),
        "statement": grant.statement,
        "seen": [run for run in RUNS if run in runs],
        "exception": "" if runs else exception(grant.role, grant.action),
    }
    return {name: value for name, value in shown.items() if value or name == "seen"}


def needs(each: Seen, grant: Grant) -> bool:
    """Whether a call needed this grant, perhaps beside others."""
    asked = each.asked
    return (
        (asked.role, asked.action) == (grant.role, grant.action)
        and policies.matches(grant.resource, asked.resource)
        and (not grant.key or any(policies.matches(grant.key, key) for key in asked.keys))
    )


def exception(role: str, action: str) -> str:
    """The reason why a grant is there that no run needed; "" if there is none."""
    return next((why for who, what, why in EXCEPTIONS if fnmatchcase(role, who) and fnmatchcase(action, what)), "")


def unused(table: Iterable[Row]) -> list[str]:
    """Grants without a call and without a reason."""
    return [in_words(row) for row in table if not row["seen"] and "exception" not in row]


def in_words(row: Row) -> str:
    """`RollBack: lambda:UpdateAlias on function:*`."""
    key = f", keys {row['key']}" if "key" in row else ""
    return f"{row['role']}: {row['action']} on {short(row['resource'])}{key}"


def short(arn: str) -> str:
    """Without what is the same in all ARNs of the stack."""
    if not arn.startswith("arn:aws:"):
        return arn
    _, _, service, region, account, resource = arn.split(":", 5)
    if (region, account) not in {("region", "account"), ("", "")}:
        return arn
    return resource.removeprefix("table/") if service == "dynamodb" else resource


def known() -> list[Row]:
    """The committed table; empty before there is one."""
    file = DOCS / "permissions.json"
    return list(json.loads(file.read_text())["grants"]) if file.exists() else []


def write(table: list[Row]) -> None:
    """Into docs/."""
    (DOCS / "permissions.json").write_text(as_json(table))
    (DOCS / "permissions.md").write_text(as_page(table))


def as_json(table: list[Row]) -> str:
    """The file docs/permissions.json."""
    lines = ",\n".join(json.dumps(row) for row in table)
    return f'{{"totals": {json.dumps(totals(table))}, "grants": [\n{lines}\n]}}\n'


def totals(table: list[Row]) -> dict[str, dict[str, int]]:
    """Of each role, and of all: how many grants it has, how many a call needed, how many only AWS needs."""
    return {role: _counts(list(of)) for role, of in groupby(table, lambda row: str(row["role"]))} | {
        "all": _counts(table)
    }


def _counts(of: list[Row]) -> dict[str, int]:
    seen = sum(bool(row["seen"]) for row in of)
    excepted = sum("exception" in row for row in of)
    return {"allowed": len(of), "seen": seen, "excepted": excepted, "unused": len(of) - seen - excepted}


def as_page(table: list[Row]) -> str:
    """The file docs/permissions.md."""
    parts = {"totals": _totals(table), "roles": _roles(table)}
    page = PAGE.read_text()
    for name, lines in parts.items():
        page = page.replace(f"<!-- {name} -->", "\n".join(lines))
    return page


def _totals(table: list[Row]) -> Iterator[str]:
    yield "| role | allowed | needed by a call | needed for a reason below | unused |"
    yield "|---|--:|--:|--:|--:|"
    for role, of in totals(table).items():
        name = f"[{role}](#{role.lower()})" if role != "all" else "**all**"
        yield f"| {name} | {' | '.join(str(number) for number in of.values())} |"


def _roles(table: list[Row]) -> Iterator[str]:
    for role, of in groupby(table, lambda row: str(row["role"])):
        yield f"## {role}\n"
        yield f"{_purpose(role)}\n"
        yield "| action | on | only if | needed in |"
        yield "|---|---|---|---|"
        yield from _lines(list(of))
        yield ""


def _purpose(role: str) -> str:
    """What the role is for: the first sentence of its handler."""
    if f"{role}Function" not in stack().functions:
        return "The state machine's own role: Step Functions runs the handlers and delivers the log with it."
    handler = ROOT / "handlers" / f"{file_of(role)}.py"
    first = (ast.get_docstring(ast.parse(handler.read_text())) or "").partition("\n\n")[0].replace("\n", " ")
    sentence = first.partition(": ")[2]
    return sentence[:1].upper() + sentence[1:]


def _lines(of: list[Row]) -> Iterator[str]:
    """What is the same but for the action is one line, and then what is the same but for the key."""
    by_place: dict[tuple[str, ...], list[str]] = {}
    for row in of:
        why = row.get("exception") or ", ".join(row["seen"]) or "**unused**"
        own = all(short(each).startswith("function:stack-") for each in row.get("except", ["*"]))
        but = ["the stack's own functions"] if own else [f"`{short(each)}`" for each in row.get("except", [])]
        only_if = "; ".join([*filter(None, [row.get("only_if")]), *[f"not on {each}" for each in but]])
        by_place.setdefault((row["resource"], row.get("key", ""), only_if, why), []).append(row["action"])
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for (resource, key, only_if, why), actions in by_place.items():
        by_actions.setdefault((", ".join(f"`{each}`" for each in actions), resource, only_if, why), []).append(key)
    for (actions_, resource, only_if, why), keys in by_actions.items():
        of_keys = f" ({', '.join(f'`{key}`' for key in keys)})" if any(keys) else ""
        yield f"| {actions_} | `{short(resource)}`{of_keys} | {only_if} | {why} |"
