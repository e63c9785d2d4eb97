"""README shows what `make demo` prints: the demo's own table, of deployments that the demo makes."""

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, cast

from rich.console import Console

from sandbox.demo.__main__ import WIDTH, table_of
from sandbox.demo.account import Account
from sandbox.demo.callers import Tally
from sandbox.demo.chapter import DEPLOYED, Chapter, Expected
from sandbox.demo.story import STORIES, Story, Subject

ROOT = Path(__file__).parents[2]
[SHOWN] = re.findall(r"^```text\n(╭.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
STATES = json.loads((ROOT / "statemachine" / "deploy.asl.json").read_text())["States"]


class Row(NamedTuple):
    """A row of the table as README has it, each cell in one line."""

    deployment: str
    path: str
    serves: str
    served: str
    harmed: str


def shown() -> list[Row]:
    parts = re.split(r"^├.*┤$", SHOWN.partition("╯")[0], flags=re.MULTILINE)[1:]
    lines = [[line.strip("│").split("│") for line in part.splitlines() if line.startswith("│")] for part in parts]
    return [Row(*(" ".join(" ".join(cell).split()) for cell in zip(*each, strict=True))) for each in lines]


def chapter_of(row: Row) -> Chapter:
    """A deployment that has this row."""
    function, code, how = re.fullmatch(r"(\S+) (.+), by (.+)", row.deployment).groups()  # type: ignore[union-attr]
    path: list[str] = []
    for step in row.path.split(" → "):
        name, _, times = step.partition(" x")
        path += [name] * int(times or 1)
    counted = re.findall(r"([\d,]+) (by|errors of) version (\d+)", row.served)
    served, failed = (
        Counter({version: int(number.replace(",", "")) for number, kind, version in counted if kind == wanted})
        for wanted in ("by", "errors of")
    )
    serving = row.serves.removeprefix("version ")
    bad = next(iter(failed), None)
    expected = Expected("RolledBack", "GreenUnhealthy") if bad else DEPLOYED
    facts: dict[str, Any] = {"ended": "", "error": None, "cause": None, "blue": "", "seconds": 0.0}
    return Chapter(
        function, code, how, expected, path=path, green=bad, serving=serving, tally=Tally(served, failed), **facts
    )


class Listened:
    """A story that is told without a deployment."""

    def __init__(self, subject: Subject, told: list[tuple[str, Expected]]) -> None:
        self._subject, self._told = subject, told

    def tell(self, code: str, how: str, expected: Expected, deploy: Any) -> None:
        self._told.append((f"{self._subject.name} {code}, by {how}", expected))


def told(scratch: Path) -> dict[str, Expected]:
    """The deployments of the demo and their ends."""
    found: list[tuple[str, Expected]] = []
    for subject, tell in STORIES:
        tell(cast(Account, None), cast(Story, Listened(subject, found)), scratch)
    return dict(found)


def test_the_table_is_written_as_the_demo_writes_it() -> None:
    written = io.StringIO()

    Console(width=WIDTH, file=written).print(table_of([chapter_of(row) for row in shown()]))

    assert written.getvalue().strip() == SHOWN.partition("╯")[0] + "╯"


def test_the_demo_makes_these_deployments(tmp_path: Path) -> None:
    makes = told(tmp_path)

    assert len(makes) == 5
    assert [row.deployment for row in shown()] == list(makes)[:3]
    for row in shown():
        steps = [step.partition(" x")[0] for step in row.path.split(" → ")]
        assert {*steps} <= {*STATES}
        assert steps[-1] == makes[row.deployment].end


def test_the_last_line_is_the_demo_s() -> None:
    source = (ROOT / "sandbox" / "demo" / "__main__.py").read_text()
    _, _, said = SHOWN.strip().rpartition("\n")

    assert re.fullmatch(r"[\d,]+ requests, 0 harmed by anything but the bad version itself\.", said)
    assert 'harmed by anything but the bad version itself."' in source
