"""The figures as tables in Markdown and as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from benchmarks.verdict.release.fleet import RATES, TRAFFIC, WAVE_MINUTES, WEIGHT
from benchmarks.verdict.release.measure import BAKE, LONG_BAKE, Found, Measured, Spared, Staked
from benchmarks.verdict.release.play import POLICY
from benchmarks.verdict.report import markdown_table, number
from bluegreen.verdict.release import failures_needed, needed_for_one

SIZES = (1, 2, 5, 10, 20, 100, 1000, 10_000)
_RATES = ", ".join(f"{100 * rate:g}" for rate in RATES)
CONDITIONS = f"""\
Each function has {TRAFFIC[0]:g} to {TRAFFIC[1]:g} requests a second, evenly over the logarithm, and a blue that fails
in {_RATES} % of them, each in a third of the functions, unless a row says otherwise. Greens have {100 * WEIGHT:g} %.
Traffic is Poisson. Figures come in time: a look sees the minutes up to the third before it. A minute is that of the
look that rolls back, from the first shift on; putting n aliases back takes n / 14 seconds more. Where greens fail more
than blues do, harmed requests are those beyond blue's until that look."""
SPARED = f"""\
Releases of identical greens, {BAKE} minutes of figures. Each cell: rolled back of so many · the probability that is
excluded with 95 % confidence · in how many some function would have been rolled back by itself, with a `false_alarm` of
its own · in how many the odds at the end were 10 to 1 or more. In waves one function is shifted first, a fifth of them
{WAVE_MINUTES} minutes later, the others {WAVE_MINUTES} minutes after that."""
ONE_BAD = """\
One bad function among identical ones. Each cell: median minute of the rollback · requests harmed on average. A release
of one function is its own deployment. *Shifted first* is in a wave of its own."""
SHARED = f"""\
Each cell: median minute of the rollback · requests harmed on average, of all functions together. A dash is later than
{LONG_BAKE} minutes. In a release of one it is a single function with such traffic, by itself."""
NEEDED = """\
What one bad function needs for a rollback of all: nats, and how many requests of a green that always fails at 10 %
(blue without errors) that is."""
STAKED = """\
What other stakes would do in a release of 100: nats that one bad function needs, and the median minute of a rollback.
*Mean and product* bets half of its stake on all functions being bad, and nothing on some of them being bad."""


def spared_table(spared: Sequence[Spared]) -> str:
    """Identical greens."""

    def cell(each: Spared) -> str:
        return (
            f"{each.rolled_back:,} of {each.runs:,} · {100 * each.at_most:.2g} % · {each.alone:,} · {each.suspected:,}"
        )

    return _by_size(((each.what, each.of, cell(each)) for each in spared), "identical greens")


def found_table(found: Sequence[Found], head: str) -> str:
    """Worse greens."""
    rows = ((each.what, each.of, f"{number(each.minute)} · {number(each.harmed)}") for each in found)
    return _by_size(rows, head)


def _by_size(cells: Iterable[tuple[str, int, str]], head: str) -> str:
    of = {(what, size): text for what, size, text in cells}
    sizes = sorted({size for _, size in of})
    whats = [what for what, size in of if size == sizes[-1]]
    rows = [[what, *(of.get((what, size), "") for size in sizes)] for what in whats]
    return markdown_table([head, *(_functions(size) for size in sizes)], rows)


def _functions(size: int) -> str:
    return "1 function" if size == 1 else f"{size:,}"


def needed_table(sizes: Iterable[int] = SIZES) -> str:
    """What one bad function needs."""
    rows = []
    for size in sizes:
        nats = needed_for_one(size, POLICY.false_alarm)
        rows.append([_functions(size), f"{nats:.1f}", f"{nats / -math.log(POLICY.false_alarm):.1f}"])
        rows[-1].append(str(failures_needed(nats)))
    return markdown_table(["of", "nats", "times a single one's", "failed requests"], rows)


def staked_table(staked: Sequence[Staked]) -> str:
    """Other ways to reckon."""
    whats = staked[0].minutes
    rows = [
        [
            f"{each.rule}, {each.for_one:g} on single functions",
            f"{each.nats:.1f}",
            *(number(each.minutes[what]) for what in whats),
        ]
        for each in staked
    ]
    return markdown_table(["stakes", "nats", *whats], rows)


def everything(measured: Measured) -> str:
    """The whole report."""
    return "\n\n".join(
        [
            "# Releases, measured",
            "Written by `python -m benchmarks.verdict.release` (a part of `make bench-verdict`; fixed seed); "
            "[verdict.md](verdict.md#a-release) says what it means. Everything is simulated; nothing of it was "
            "measured on AWS.",
            CONDITIONS,
            "The evidence is summed with arrays of functions. The product's own watches and `together` came to the "
            f"same with the same dice, to {max(measured.furthest, 1e-12):.0e} nats.",
            "## Identical greens",
            SPARED,
            spared_table(measured.spared),
            "## One bad function",
            NEEDED,
            needed_table(),
            ONE_BAD,
            found_table(measured.one_bad, "bad function"),
            "## A fault that functions share",
            SHARED,
            found_table(measured.shared, "fault"),
            "## Stakes",
            STAKED,
            staked_table(measured.staked),
            "",
        ]
    )


def as_json(measured: Measured) -> str:
    """The figures for programs: one row a line."""
    parts = {
        "identical": [asdict(each) | {"at_most": round(each.at_most, 5)} for each in measured.spared],
        "one_bad": [asdict(each) for each in measured.one_bad],
        "shared": [asdict(each) for each in measured.shared],
        "staked": [asdict(each) for each in measured.staked],
    }
    lines = {name: ",\n".join(json.dumps(_short(row)) for row in rows) for name, rows in parts.items()}
    return "{\n" + ",\n".join(f'"{name}": [\n{rows}\n]' for name, rows in lines.items()) + "\n}\n"


def _short(row: dict[str, object]) -> dict[str, object]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
