"""The targets, each with what was measured, how often, and whether that meets it."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.verdict.floor import AboveFloor
from benchmarks.verdict.peers import ANY_ERROR_5, ANY_ERROR_10
from benchmarks.verdict.scenario import RATES, Scenario, identical_to_blue
from benchmarks.verdict.simulation import Outcome
from benchmarks.verdict.strategies import IN_A_HURRY, OURS, WITH_A_FINAL_BAKE, WITH_SLOW_MS
from bluegreen.decisions.adaptive import CAREFUL
from bluegreen.request.traffic import ADAPTIVE

ONE_PER_CENT = 0.01
OF_PRODUCT = (*OURS, *WITH_A_FINAL_BAKE, *WITH_SLOW_MS)
REFERENCE = Path(__file__).with_name("reference.json")
"""
What Adaptive harmed within the first hour with independent requests, shifts at the beginning of a minute and metrics
in time, before the verdict allowed for anything else: rows of requests per second, blue's rate, green's rate, harm.
"""


@dataclass(frozen=True)
class Target:
    """A line: what is asked, what is reached, the runs of the cell that decides, its standard error, if it is met."""

    line: str
    asked: str
    reached: str
    runs: str
    error: str
    met: bool


class Measured:
    """The outcomes of a group, by rule and scenario."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._of = {(each.rule, each.scenario): each for each in outcomes}
        self.scenarios = list(dict.fromkeys(scenario for _, scenario in self._of))
        self.rules = list(dict.fromkeys(rule for rule, _ in self._of))

    def __getitem__(self, key: tuple[str, Scenario]) -> Outcome:
        return self._of[key]

    @property
    def good(self) -> list[Scenario]:
        """The cells with an identical green."""
        return [scenario for scenario in self.scenarios if scenario.identical]

    @property
    def bad(self) -> list[Scenario]:
        """The cells with a green that is worse."""
        return [scenario for scenario in self.scenarios if not scenario.identical]

    def ours(self, cells: Iterable[Scenario]) -> list[Outcome]:
        """Of every strategy of the product, in these cells."""
        return [self[rule, cell] for cell in cells for rule in self.rules if rule in OF_PRODUCT]

    def keeps_it(self, rule: str, scenario: Scenario) -> bool:
        """The rule spares the identical green of this cell in 99 cases of 100."""
        return self[rule, identical_to_blue(scenario)].rolled_back <= ONE_PER_CENT

    def best_peer(self, scenario: Scenario, harm: Callable[[Outcome], float]) -> Outcome | None:
        """The peer that harms least, of those that keep the level of false rollbacks here."""
        rivals = [self[rule, scenario] for rule in self.rules if rule not in OF_PRODUCT]
        return min((each for each in rivals if self.keeps_it(each.rule, scenario)), key=harm, default=None)


Groups = Mapping[str, Measured]


def targets(groups: Groups, above: Sequence[AboveFloor]) -> list[Target]:
    """All targets whose groups were measured."""
    found = [target for needed, lines in LINES.items() if needed in groups for target in lines(groups)]
    return [*found, near_the_floor(above)]


def percent(share: float) -> str:
    """As people read it."""
    return f"{100 * share:.3g} %"


def at_most(
    line: str,
    asked: str,
    limit: float,
    outcomes: Sequence[Outcome],
    share: Callable[[Outcome], float],
) -> Target:
    """A share of runs, in the worst of some cells."""
    worst = max(outcomes, key=share)
    value, runs = share(worst), worst.runs
    error = math.sqrt(value * (1 - value) / runs)
    said = f"{100 * error:.2f} points" if error else f"below {percent(3 / runs)} with 95 %"
    where = f"{percent(value)} at most" + (f" ({place(worst)})" if value else "")
    return Target(line, asked, f"{where}, {len(outcomes)} cells", f"{runs:,}", said, value <= limit)


def place(outcome: Outcome) -> str:
    """Rule and cell."""
    return f"{outcome.rule}, {outcome.scenario.described()}"


def back(outcome: Outcome) -> float:
    """All rollbacks, those at the end included."""
    return outcome.rolled_back


def promoted(outcome: Outcome) -> float:
    """All promotions."""
    return outcome.promoted


def budget(scenario: Scenario) -> float:
    """What Adaptive may harm unseen, by the busiest minutes."""
    return CAREFUL.budget(scenario.busiest_minute, noisy=True)


def within_a_day(outcome: Outcome) -> float:
    """What is harmed on average."""
    return outcome.harmed


def ratio(
    line: str,
    asked: str,
    limit: float,
    pairs: Sequence[tuple[Outcome, float]],
    harm: Callable[[Outcome], float] = within_a_day,
) -> Target:
    """Harm as a multiple of something, in the worst cell."""
    worst, of = max(pairs, key=lambda pair: harm(pair[0]) / pair[1])
    reached = f"{harm(worst) / of:.3g} times at most ({place(worst)}: {harm(worst):,.1f} of {of:,.1f})"
    error = f"{worst.harmed_error / of:.3f}" if harm is within_a_day else ""
    return Target(line, asked, reached, f"{worst.runs:,}", error, harm(worst) <= limit * of)


def late_metrics(groups: Groups) -> list[Target]:
    """Line 1."""
    measured = groups["late_metrics"]
    failing = measured.ours(measured.bad)
    by_lateness = [
        (each, budget(each.scenario) * (each.scenario.late + 1) / 3)
        for each in failing
        if each.rule == ADAPTIVE and not each.scenario.silent
    ]
    unseen = [each for each in failing if each.scenario.silent or each.scenario.late >= 10]
    return [
        at_most(
            "1", "CloudWatch late or silent, from 1 req/s: no green that always fails is promoted", 0, failing, promoted
        ),
        at_most(
            "1",
            "... and where nothing comes for ten minutes every verdict is *cannot measure*",
            0,
            unseen,
            lambda each: 1 - each.unmeasured,
        ),
        ratio("1", f"... and {ADAPTIVE} harms at most (L + 1)/3 of the budget", 1, by_lateness),
    ]


THIN_LIMITS = {0.2: 0.65, 1.0: 0.01, 6.0: 0.005, 30.0: 0.005}


def thin(groups: Groups) -> list[Target]:
    """Line 2."""
    measured = groups["thin"]
    found = []
    for cell in measured.bad:
        ours, rate = measured[ADAPTIVE, cell], round(cell.per_minute, 3)
        limit = 0.0 if cell.probe else THIN_LIMITS[rate]
        asked = f"{rate:g} requests a minute, 0 -> 100 %{', with a probe' if cell.probe else ''}: promoted at most"
        found.append(at_most("2", f"{asked} {percent(limit)}", limit, [ours], promoted))
    pairs = [
        (measured[ADAPTIVE, cell], measured[ANY_ERROR_10, replace(cell, probe=False)].harmed) for cell in measured.bad
    ]
    asked = "... harm at most that of CodeDeploy's 10 %/10 min with an alarm on any error, in each"
    twins = [measured[ADAPTIVE, cell] for cell in measured.good]
    return [
        *found,
        ratio("2", asked, 1, pairs),
        at_most("2", "... identical greens rolled back at most 1 %", ONE_PER_CENT, twins, back),
    ]


def spotless(groups: Groups) -> list[Target]:
    """Line 3."""
    cells = groups["spotless"].ours(groups["spotless"].scenarios)
    asked = "No failed request of green: never *worse*, with errors that come late (a property test shows it for any)"
    return [at_most("3", asked, 0, cells, lambda each: each.worse)]


def first_request(groups: Groups) -> list[Target]:
    """Line 4."""
    measured = groups["first_request"]
    busy = [cell for cell in measured.good if cell.traffic >= 1]
    clean = [cell for cell in busy if cell.blue == 0]
    some = [cell for cell in busy if cell.blue and cell.traffic <= 10]
    more = [cell for cell in busy if cell.blue and cell.traffic > 10]
    waits = [measured[ADAPTIVE, cell] for cell in busy]
    longest = max(waits, key=lambda each: _minute(each.minutes_to_100))
    return [
        at_most(
            "4",
            "Only green's first request fails, spotless blue, from 1 req/s: rolled back at most 0.5 %",
            0.005,
            measured.ours(clean),
            back,
        ),
        at_most("4", "... blue 0.1 %, 1 and 10 req/s: at most 5 %", 0.05, measured.ours(some), back),
        at_most("4", "... blue 0.1 %, above: at most 0.5 %", 0.005, measured.ours(more), back),
        Target(
            "4",
            f"... and {ADAPTIVE} does not hold it back for the hour (median minute at 100 %)",
            f"minute {_minute(longest.minutes_to_100):g} at the latest ({longest.scenario.cell()})",
            f"{longest.runs:,}",
            "",
            _minute(longest.minutes_to_100) < 60,
        ),
    ]


def late_errors(groups: Groups) -> list[Target]:
    """Line 5."""
    measured = groups["late_errors"]
    asked = "Errors of one version up to three minutes later than its invocations: identical greens back at most 1 %"
    return [at_most("5", asked, ONE_PER_CENT, measured.ours(measured.good), back)]


def outages(groups: Groups) -> list[Target]:
    """Line 6."""
    measured = groups["outages"]
    asked = "Outages of both versions with edges anywhere: at most 0.5 %"
    return [at_most("6", asked, 0.005, measured.ours(measured.good), back)]


def final_bake(groups: Groups) -> list[Target]:
    """Line 6, at the end of a schedule."""
    measured = groups["final_bake"]
    asked = "... in a final bake (outage of 20 % for a minute, doubled rate): at most 1 %"
    return [at_most("6", asked, ONE_PER_CENT, measured.ours(measured.good), back)]


def bursts(groups: Groups) -> list[Target]:
    """Line 7."""
    measured = groups["bursts"]
    asked = "Bursts in both versions, icc 0.0002 to 0.01: at most 1 %"
    return [at_most("7", asked, ONE_PER_CENT, measured.ours(measured.good), back)]


def bursts_in_green(groups: Groups) -> list[Target]:
    """Line 7, where only green has bursts."""
    measured = groups["bursts_in_green"]
    asked = "... in green alone, icc up to 0.01: at most 2 %"
    return [at_most("7", asked, 0.02, measured.ours(measured.good), back)]


def grid(groups: Groups) -> list[Target]:
    """Lines 7 and 8, and what is asked of the plain grid besides."""
    measured = groups["grid"]
    twins = measured.ours(measured.good)
    hurried = [each for each in twins if each.rule == IN_A_HURRY]
    return [
        *against_the_reference(measured),
        *not_lost(measured),
        at_most("8", "Identical greens back at most 1 %, the end included, by any strategy", ONE_PER_CENT, twins, back),
        at_most(
            "8",
            "`promote_by_seconds` 600: nine of ten identical greens have everything at minute 10",
            0,
            hurried,
            lambda each: float(_minute(each.nine_in_ten_at_100) > 10),
        ),
        *harm_and_time(measured),
    ]


def against_the_reference(measured: Measured) -> list[Target]:
    """Harm of Adaptive in the first hour, next to what it was under easier conditions."""
    found = [
        (measured[ADAPTIVE, cell].harmed_in_the_hour / before, measured[ADAPTIVE, cell])
        for cell, before in reference(measured).items()
    ]
    found.sort(key=lambda pair: -pair[0])
    beyond = [f"{each.scenario.cell()} {times:.2f}" for times, each in found if times > 1.6]
    (most, worst), said = found[0], f"beyond in {len(beyond)} of {len(found)}: {'; '.join(beyond)}"
    error = f"{most * worst.harmed_error / worst.harmed:.2f}"
    asked = "Harm in the first hour at most 1.6 times the reference in all but two cells"
    return [
        Target(
            "7", asked, said if beyond else f"in all {len(found)} cells", f"{worst.runs:,}", error, len(beyond) <= 2
        ),
        Target(
            "7",
            "... and 3.5 times in any",
            f"{most:.2f} times at most ({worst.scenario.cell()})",
            f"{worst.runs:,}",
            error,
            most <= 3.5,
        ),
    ]


def reference(measured: Measured) -> dict[Scenario, float]:
    """The cells of the reference that were measured, and the harm in each."""
    rows = {tuple(row[:3]): float(row[3]) for row in json.loads(REFERENCE.read_text())}
    known = {cell: rows.get((cell.traffic, cell.blue, cell.green)) for cell in measured.bad}
    return {cell: harmed for cell, harmed in known.items() if harmed is not None}


def not_lost(measured: Measured) -> list[Target]:
    """Every cell of the reference was won: the least harm of all rules that keep 1 %."""

    def in_the_hour(outcome: Outcome) -> float:
        return outcome.harmed_in_the_hour

    asked = "... and none of its cells, all of which were won, lost by more than a tenth to a peer that keeps 1 %"
    return [fewer_harmed(measured, "7", asked, list(reference(measured)), in_the_hour, within=1.1)]


def fewer_harmed(
    measured: Measured,
    line: str,
    asked: str,
    cells: Sequence[Scenario],
    harm: Callable[[Outcome], float] = within_a_day,
    within: float = 1.0,
) -> Target:
    """Against the best peer that keeps 1 % of false rollbacks in the cell."""
    lost = []
    for cell in cells:
        ours, best = measured[ADAPTIVE, cell], measured.best_peer(cell, harm)
        if best and harm(ours) > within * harm(best):
            lost.append(f"{cell.cell()}: {harm(ours):,.1f}, {best.rule} {harm(best):,.1f}")
    reached = f"lost {len(lost)} of {len(cells)}: {'; '.join(lost)}" if lost else f"in all {len(cells)} cells"
    return Target(line, asked, reached, f"{measured[ADAPTIVE, cells[0]].runs:,}", "", not lost)


def clumps(groups: Groups) -> list[Target]:
    """Line 9."""
    measured = groups["clumps"]
    failing = [measured[ADAPTIVE, cell] for cell in measured.bad]
    return [
        at_most(
            "9",
            "Clumps (3,000 or 30,000 in one of ten minutes), 0.1 -> 100 %: promoted at most 1 %",
            ONE_PER_CENT,
            failing,
            promoted,
        ),
        ratio(
            "9",
            "... and those that are found out harm at most two budgets of the busiest minute",
            2,
            [(each, budget(each.scenario)) for each in failing],
            lambda each: each.harmed_if_found,
        ),
        at_most("9", "... identical greens back at most 1 %", ONE_PER_CENT, measured.ours(measured.good), back),
    ]


def slow(groups: Groups) -> list[Target]:
    """Line 10."""
    measured = groups["slow"]
    asked = "`slow_ms` on functions of 0.1 to 10 s that start cold: identical greens back at most 1 %"
    slower = measured.ours(measured.bad)
    return [
        at_most("10", asked, ONE_PER_CENT, measured.ours(measured.good), back),
        at_most("10", "... and a green that takes half as long again is promoted at most 1 %", 0.01, slower, promoted),
    ]


def harm_and_time(measured: Measured) -> list[Target]:
    """What is asked of the plain grid besides."""
    outright = [cell for cell in measured.bad if cell.green == 1 and cell.blue in RATES]
    busiest = [cell for cell in reference(measured) if cell.green == 1 and cell.traffic == 1000]
    less = f"{ADAPTIVE} harms less within a day than every peer that keeps 1 %, in every cell"
    return [
        fewer_harmed(measured, "", less, measured.bad),
        ratio(
            "",
            "1,000 req/s, a green that always fails: at most 3 % of what CodeDeploy's 10 %/5 min with an alarm harms",
            0.03,
            [(measured[ADAPTIVE, cell], measured[ANY_ERROR_5, cell].harmed) for cell in busiest],
        ),
        ratio(
            "",
            f"{ADAPTIVE}: a green that always fails harms its budget at most (5 % more for chance)",
            1.05,
            [(measured[ADAPTIVE, cell], budget(cell)) for cell in outright],
        ),
        *_quick(measured, "at 90 % by median minute 15, from 10 req/s, blue up to 1 %", 15, busy=True, hundred=False),
        *_quick(measured, "at 100 % by median minute 10, from 10 req/s, blue up to 1 %", 10, busy=True, hundred=True),
        *_quick(measured, "at 100 % by median minute 10, below 10 req/s, blue up to 1 %", 10, busy=False, hundred=True),
    ]


BUSY = 10
"""Requests per second from which ten minutes are enough to tell."""
MOST_FAILURES = 0.01
"""Blue's error rate up to which they are."""


def _quick(measured: Measured, asked: str, limit: int, *, busy: bool, hundred: bool) -> list[Target]:
    cells = [cell for cell in measured.good if (cell.traffic >= BUSY) == busy and cell.blue <= MOST_FAILURES]
    if not cells:
        return []
    arrived = []
    for cell in cells:
        outcome = measured[ADAPTIVE, cell]
        arrived.append((_minute(outcome.minutes_to_100 if hundred else outcome.minutes_to_90), cell))
    late = [f"{cell.cell()}: {minute:g}" for minute, cell in arrived if minute > limit]
    latest = max(minute for minute, _ in arrived)
    reached = f"later: {'; '.join(late)}" if late else f"minute {latest:g} at the latest"
    runs = measured[ADAPTIVE, cells[0]].runs
    return [Target("", f"{ADAPTIVE}: an identical green {asked}", reached, f"{runs:,}", "", not late)]


def _minute(minute: float | None) -> float:
    return math.inf if minute is None else minute


def near_the_floor(above: Sequence[AboveFloor]) -> Target:
    """Against Wald's bound."""
    worst = max(above, key=lambda each: each.ratio)
    mean = sum(each.ratio for each in above) / len(above)
    where = f"at weight {worst.weight:g}, {100 * worst.blue:g} -> {100 * worst.green:g} %"
    return Target(
        "",
        "Requests to a verdict at most 1.7 times Wald's bound at weights of 10 % and more",
        f"{worst.ratio:.2f} at most ({where}), {mean:.2f} on average",
        "",
        "",
        worst.ratio <= 1.7,
    )


LINES: dict[str, Callable[[Groups], list[Target]]] = {
    "late_metrics": late_metrics,
    "thin": thin,
    "spotless": spotless,
    "first_request": first_request,
    "late_errors": late_errors,
    "outages": outages,
    "final_bake": final_bake,
    "bursts": bursts,
    "bursts_in_green": bursts_in_green,
    "grid": grid,
    "clumps": clumps,
    "slow": slow,
}
"""The lines of targets, by the group that they are measured in."""
