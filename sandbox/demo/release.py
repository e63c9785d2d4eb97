"""
`python -m sandbox.demo.release [--json FILE] [--per-second N]`: five functions, released together, twice.

The first release is good. In the second one function is bad under traffic, and all five go back. Exit code 0 only if
both ended so, and no request failed that the bad version itself did not fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from sandbox import Sandbox
from sandbox.demo.account import ALIAS, Account, zipped
from sandbox.demo.callers import Callers, Tally
from sandbox.demo.chapter import answers, path_of
from sandbox.demo.story import BY_THE_SECOND, NODE, PYTHON, Subject
from sandbox.errors import SandboxError
from sandbox.stack import deploy_stack

WIDTH = 118
FUNCTIONS = (
    replace(NODE, name="BonusOfSales"),
    replace(NODE, name="BonusOfSupport"),
    replace(PYTHON, name="BonusOfEngineering"),
    replace(PYTHON, name="BonusOfOperations"),
    replace(NODE, name="BonusOfFinance"),
)
BAD = "BonusOfFinance"
"""In the second release it gets v3, which fails for some employees."""

TRAFFIC = {"steps": [{"weight": 0.3, "bake_seconds": 8}], "final_bake_seconds": 4}
WAVES = [{"most": 2}, {}]
POLL_SECONDS = 0.5
LONGEST_SECONDS = 240


@dataclass(frozen=True)
class Told:
    """A release that is over: how it ended and why, by which states, and what callers got meanwhile."""

    what: str
    expected: str
    ended: str
    cause: str
    path: Sequence[str]
    serving: Mapping[str, str]
    tallies: Mapping[str, Tally]
    bad: str
    seconds: float

    @property
    def requests(self) -> int:
        """Of all functions."""
        return sum(each.requests for each in self.tallies.values())

    @property
    def harmed(self) -> int:
        """Requests that went wrong otherwise than by the bad version itself."""
        return sum(tally.harmed("3" if name == self.bad else None) for name, tally in self.tallies.items())

    def to_json(self) -> dict[str, Any]:
        """Everything, for a test to read."""
        failed = {name: dict(tally.failed) for name, tally in self.tallies.items() if tally.failed}
        shown = {"ended": self.ended, "cause": self.cause, "path": [*self.path], "serving": dict(self.serving)}
        return shown | {"requests": self.requests, "harmed": self.harmed, "failed": failed}

    def complaints(self) -> Iterator[str]:
        """What is not as it should be."""
        if self.ended != self.expected:
            yield f"{self.what} ended {self.ended}, not {self.expected}: {self.cause}"
        if len(set(self.serving.values())) != 1:
            yield f"{self.what} left a mixture: {dict(self.serving)}"
        if self.harmed:
            yield f"{self.what} harmed {self.harmed} requests"
        if self.bad and not self.tallies[self.bad].failed:
            yield f"{self.what}: no caller met the bad version of {self.bad}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo.release")
    parser.add_argument("--per-second", type=float, default=20, metavar="N", help="how often each is called (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        told = list(show(options.per_second))
    except SandboxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"\n== After {time.monotonic() - began:.0f} seconds")
    Console(width=WIDTH).print(table_of(told))
    complaints = [complaint for each in told for complaint in each.complaints()]
    print(f"{sum(each.requests for each in told):,} requests,", end=" ")
    print(f"{sum(each.harmed for each in told)} harmed by anything but the bad version itself.")
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    if options.json:
        result = {"complaints": complaints, "releases": [each.to_json() for each in told]}
        options.json.write_text(json.dumps(result, indent=2))
    return 1 if complaints else 0


def show(per_second: float) -> Iterator[Told]:
    """Both releases, printed as they happen."""
    with Sandbox(quiet=False, minute_seconds=1) as aws:
        print("sam build and sam deploy put the stack into it", flush=True)
        account = Account(aws, deploy_stack(aws))
        role = account.create_role("bonus-calculator")
        for each in FUNCTIONS:
            account.bluegreen(
                *("create", each.name, "--dir", each.folder / "v1"),
                *("--runtime", each.runtime, "--handler", "index.handler", "--role", role),
            )
        with _called(account, per_second) as callers:
            yield _released(account, callers, "a good release, over the HTTP API", "Released")
            yield _released(account, callers, f"a release with a bad {BAD}, by upload", "RolledBack", BAD)


@contextmanager
def _called(account: Account, per_second: float) -> Iterator[dict[str, Callers]]:
    with ExitStack() as calling:
        yield {
            each.name: calling.enter_context(
                Callers(account.caller(), each.name, ALIAS, callers=2, per_second=per_second)
            )
            for each in FUNCTIONS
        }


def _released(account: Account, callers: Mapping[str, Callers], what: str, expected: str, bad: str = "") -> Told:
    print(f"\n== {what}: should end {expected}", flush=True)
    tallies, began = {name: each.during() for name, each in callers.items()}, time.monotonic()
    document = {"functions": [_entry(account, each, bad) for each in FUNCTIONS], "traffic": TRAFFIC, "waves": WAVES}
    document |= {"defaults": {"health": BY_THE_SECOND}}
    if bad:
        known = account.executions(account.release_machine)
        account.upload("releases/friday.json", json.dumps(document).encode())
        name = account.started_beside(known, account.release_machine)
    else:
        name = account.post("/releases", document)["id"]
    arn = f"{account.release_machine.replace(':stateMachine:', ':execution:')}:{name}"
    ended = _ended(account, arn)
    told = Told(
        what=what,
        expected=expected,
        ended=_end(account, arn),
        cause=ended.get("cause", ""),
        path=path_of(account.history(arn)),
        serving={each.name: account.serving(each.name) for each in FUNCTIONS},
        tallies=tallies,
        bad=bad,
        seconds=time.monotonic() - began,
    )
    print(f"{told.ended} after {told.seconds:.0f} s. {told.cause}".rstrip())
    for function, tally in tallies.items():
        print(f"  {function}: version {told.serving[function]} serves. {answers(tally)}.", flush=True)
    return told


def _entry(account: Account, subject: Subject, bad: str) -> dict[str, Any]:
    """v2 for the first release; for the second v1 again, whose code is new then, and v3 for the bad one."""
    code = "v2" if not bad else "v3" if subject.name == bad else "v1"
    artifact = account.upload(f"functions/{subject.name}/by-request/{code}.zip", zipped(subject.folder / code))
    return {"function": subject.name, "artifact": artifact, "smoke_tests": subject.settings()["smoke_tests"]}


def _ended(account: Account, arn: str) -> dict[str, Any]:
    states, shown = account.client("stepfunctions"), ""
    until = time.monotonic() + LONGEST_SECONDS
    while True:
        described: dict[str, Any] = states.describe_execution(executionArn=arn)
        path = path_of(account.history(arn))
        if path and path[-1] != shown:
            shown = path[-1]
            print(f"  {shown}", flush=True)
        if described["status"] != "RUNNING":
            return described
        if time.monotonic() > until:
            raise SandboxError(f"the release does not end within {LONGEST_SECONDS} seconds; it is in {shown}")
        time.sleep(POLL_SECONDS)


def _end(account: Account, arn: str) -> str:
    return path_of(account.history(arn))[-1]


def table_of(told: Sequence[Told]) -> Table:
    """A row for each function of each release."""
    table = Table(box=box.ROUNDED, show_lines=True, width=WIDTH)
    for column in ("release", "function", "serves now", "requests served", "harmed"):
        table.add_column(column, ratio=3 if column in ("release", "requests served") else 2)
    for each in told:
        for name, tally in each.tallies.items():
            harmed = tally.harmed("3" if name == each.bad else None)
            table.add_row(f"{each.what}\n{each.ended}", name, each.serving[name], answers(tally), str(harmed))
    return table


if __name__ == "__main__":
    sys.exit(main())
