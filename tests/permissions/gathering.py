"""
Pytest's part: what every process of a session saw of the roles' calls, gathered and held against the table.

A worker hands over what it saw. An embedded AWS writes what its IAM was asked into a folder before it stops. At the
session's end the run fails if a role was denied something, or if a call is not in docs/permissions.json.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import KEEPS_ASKED
from tests.permissions import judge, policies, table
from tests.permissions.judge import Asked
from tests.permissions.names import Place, key_of
from tests.permissions.resolved import Resolver
from tests.permissions.seen import END_TO_END, Seen, seen
from tests.template.stack import stack

STACK, REGION, ACCOUNT = "bluegreen", "eu-central-1", "000000000000"
WRITES = "PERMISSIONS_SEEN"
"""A file: the session writes there what was seen, for `python -m tests.permissions`."""

ASSUMES = "sts:AssumeRole"
"""The table is of a stack without targets. tests/e2e/test_targets.py has one with targets, and judges these calls."""

PROBLEMS = pytest.StashKey[list[str]]()
FOLDER = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Embedded AWSs of this session and of its workers write into one folder."""
    if not hasattr(config, "workerinput"):
        config.stash[FOLDER] = folder = tempfile.TemporaryDirectory(prefix="bluegreen-asked-")
        os.environ[KEEPS_ASKED] = folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker is done."""
    seen.update(map(from_json, getattr(node, "workeroutput", {}).get("seen", [])))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it saw; the session judges, when every embedded AWS has stopped."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["seen"] = list(map(to_json, seen))
        return
    for file in Path(config.stash[FOLDER].name).glob("*.json"):
        seen.update(of_embedded_aws(json.loads(file.read_text())))
    config.stash[FOLDER].cleanup()
    if file_name := os.environ.get(WRITES):
        Path(file_name).write_text(json.dumps(list(map(to_json, sorted(seen)))))
        return
    config.stash[PROBLEMS] = found = list(problems(seen))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What is wrong with the roles."""
    found: list[str] = config.stash.get(PROBLEMS, [])
    for number, problem in enumerate(found):
        if not number:
            terminalreporter.section("what the roles may do", red=True)
        terminalreporter.line(problem)


def problems(all_seen: Iterable[Seen]) -> Iterator[str]:
    """Denials, and calls that the committed table does not know of."""
    known = {(row["role"], row["action"]) for row in table.known() if row["seen"] or "exception" in row}
    unknown = set()
    for each in sorted(all_seen):
        asked = each.asked
        keys = f", keys {', '.join(asked.keys)}" if asked.keys else ""
        what = f"{asked.role}: {asked.action} on {table.short(asked.resource)}{keys}"
        if each.answer == "denied":
            yield f"{what} was denied ({each.where}): template.yaml lacks it, or the handler should not ask for it"
        elif each.answer == "allowed wrongly":
            yield f"{what} was allowed by the embedded AWS ({each.where}), and no policy of template.yaml allows it"
        elif each.answer == "allowed" and (asked.role, asked.action) not in known:
            unknown.add(what)
    yield from (f"{what} is not in docs/permissions.json; `make permissions` writes that" for what in sorted(unknown))


def to_json(each: Seen) -> list[Any]:
    """For another process."""
    asked = each.asked
    return [each.run, asked.role, asked.action, asked.resource, asked.keys, asked.attributes, each.answer, each.where]


def from_json(told: list[Any]) -> Seen:
    """From another process."""
    run, role, action, resource, keys, attributes, answer, where = told
    return Seen(run, Asked(role, action, resource, tuple(keys), tuple(attributes)), answer, where)


def of_embedded_aws(asked: Iterable[dict[str, Any]]) -> Iterator[Seen]:
    """What its IAM was asked for the roles of the stack."""
    place = Place(REGION, ACCOUNT, own)
    for each in asked:
        role = policies.named(own(each["role"]))
        if role not in policies.roles() or each["action"] == ASSUMES:
            continue
        keys = tuple(sorted({key_of(key) for key in each["keys"]}))
        question = Asked(role, each["action"], place.named(each["resource"]), keys, tuple(each["attributes"]))
        answer = judge.answer(question, tagged=each["allowed"])
        if each["allowed"] != (answer == "allowed") and answer != "without tag":
            answer = "allowed wrongly" if each["allowed"] else "denied"
        yield Seen(END_TO_END, replace(question, attributes=()), answer, "" if answer == "allowed" else each["session"])


def own(name: str) -> str:
    """What the template calls a resource of the stack in an embedded AWS; "" for any other."""
    if not name.startswith(f"{STACK}-"):
        return ""
    rest = name.removeprefix(f"{STACK}-")
    return _generated().get(rest.rpartition("-")[0].lower()) or _given().get(rest, "")


@cache
def _generated() -> dict[str, str]:
    """By the part of its name that CloudFormation takes from its logical id."""
    return {name.lower(): name for name in stack().resources}


@cache
def _given() -> dict[str, str]:
    """By the part of its name that the template gives it."""
    named = [name.removeprefix("stack-") for name in Resolver(stack(), {}).given_names()]
    return {name: f"stack-{name}" for name in named}
