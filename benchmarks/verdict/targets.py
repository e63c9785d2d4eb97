"""The targets, each with what was measured and whether that meets it."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.verdict.floor import AboveFloor
from benchmarks.verdict.rules import ADAPTIVE, ALARM, OURS
from benchmarks.verdict.scenario import Scenario, identical_to_blue
from benchmarks.verdict.simulation import Outcome
from bluegreen.decisions.adaptive import CAREFUL
from bluegreen.verdict import Policy

ONE_PER_CENT = 0.01
MARGIN = Policy().tolerance.margin


@dataclass(frozen=True)
class Target:
    """What is claimed, whether it was met, and the figures."""

    claim: str
    met: bool
    measured: str


class Measured:
    """The outcomes of the grid, by rule and scenario."""

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

    def keeps_it(self, rule: str, scenario: Scenario) -> bool:
        """The rule spares the identical green of this cell in 99 cases of 100."""
        return self[rule, identical_to_blue(scenario)].rolled_back <= ONE_PER_CENT

    def rivals(self, scenario: Scenario) -> list[Outcome]:
        """The peers that keep the level of false rollbacks here."""
        return [self[rule, scenario] for rule in self.rules if rule not in OURS and self.keeps_it(rule, scenario)]


def targets(measured: Measured, above: list[AboveFloor]) -> list[Target]:
    """All targets."""
    return [
        *(false_rollbacks(measured, rule) for rule in OURS),
        fewer_harmed(measured),
        fewer_harmed_until_rollback(measured),
        three_per_cent(measured),
        within_the_budget(measured),
        near_the_floor(above),
        quick_to_ninety(measured),
        quick_to_hundred(measured),
        quick_to_hundred_in_thin_traffic(measured),
    ]


def false_rollbacks(measured: Measured, rule: str) -> Target:
    """At most 1 % everywhere."""
    worst = max((measured[rule, scenario] for scenario in measured.good), key=lambda each: each.rolled_back)
    figure = f"{worst.rolled_back:.2%} at most, of {worst.runs} each ({worst.scenario.cell()})"
    return Target(
        f"{rule}: false rollbacks of an identical green at most 1 % in every cell",
        worst.rolled_back <= ONE_PER_CENT,
        figure,
    )


def fewer_harmed(measured: Measured) -> Target:
    """Counted over the first hour, in the mean."""
    lost = []
    for scenario in measured.bad:
        ours = measured[ADAPTIVE, scenario]
        best = min(measured.rivals(scenario), key=lambda each: each.harmed, default=None)
        if best and best.harmed <= ours.harmed:
            lost.append(f"{_named(scenario)}: {ours.harmed:,.1f}, {best.rule} {best.harmed:,.1f}")
    claim = f"{ADAPTIVE}: fewer requests harmed (mean, first hour) than every peer that keeps 1 %, in every cell"
    return Target(claim, not lost, _lost(lost, len(measured.bad)))


def fewer_harmed_until_rollback(measured: Measured) -> Target:
    """Counted until the rollback, in the median, of promoted runs too: the reading that favours the peers."""
    lost = []
    for scenario in measured.bad:
        ours = measured[ADAPTIVE, scenario].harmed_until_rollback
        found = [
            (each.harmed_until_rollback, each)
            for each in measured.rivals(scenario)
            if each.harmed_until_rollback is not None
        ]
        theirs, best = min(found, key=lambda pair: pair[0], default=(None, None))
        if ours is not None and theirs is not None and best is not None and theirs <= ours:
            lost.append(
                f"{_named(scenario)}: {ours:,.1f}, {best.rule} {theirs:,.1f} (which promotes {best.promoted:.0%})"
            )
    claim = f"{ADAPTIVE}: the same in the median until rollback, leaving out the bad greens that a rule promotes"
    return Target(claim, not lost, _lost(lost, len(measured.bad)))


def _named(scenario: Scenario) -> str:
    within = scenario.green - scenario.blue < MARGIN
    return f"{scenario.cell()} (within the margin)" if within else scenario.cell()


def _lost(lost: list[str], cells: int) -> str:
    return f"lost {len(lost)} of {cells}: {'; '.join(lost)}" if lost else f"in all {cells} cells"


def three_per_cent(measured: Measured) -> Target:
    """Against CodeDeploy's canary, where green fails outright under much traffic."""
    cells = [scenario for scenario in measured.bad if scenario.traffic == 1000 and scenario.green == 1]
    worst = max(measured[ADAPTIVE, cell].harmed / measured[ALARM, cell].harmed for cell in cells)
    return Target(
        "At 1,000 req/s, a green that always fails: at most 3 % of what Canary10Percent5Minutes with an alarm harms",
        worst <= 0.03,
        f"{worst:.1%}",
    )


def within_the_budget(measured: Measured) -> Target:
    """What a bad green can harm does not grow with the traffic, but for the share of a minute it takes to see it."""

    def of_budget(scenario: Scenario) -> float:
        return measured[ADAPTIVE, scenario].harmed / CAREFUL.budget(scenario.per_minute, noisy=True)

    worst = max((scenario for scenario in measured.bad if scenario.green == 1), key=of_budget)
    budget = f"{CAREFUL.requests:g} requests, or {CAREFUL.share_of_minute:.1%} of a minute's traffic"
    return Target(
        f"{ADAPTIVE}: a green that always fails harms its budget at most ({budget}; 5 % more for chance)",
        of_budget(worst) <= 1.05,
        f"{of_budget(worst):.0%} of it at most ({worst.cell()})",
    )


def near_the_floor(above: list[AboveFloor]) -> Target:
    """Against Wald's bound."""
    worst = max(above, key=lambda each: each.ratio)
    mean = sum(each.ratio for each in above) / len(above)
    where = f"at weight {worst.weight:g}, {worst.blue:g} -> {worst.green:g}"
    return Target(
        "Requests to a verdict at most 1.7 times Wald's bound at weights of 10 % and more",
        worst.ratio <= 1.7,
        f"{worst.ratio:.2f} at most ({where}), {mean:.2f} on average",
    )


def quick_to_ninety(measured: Measured) -> Target:
    """A good green is not kept waiting."""
    return _quick(measured, "at 90 % of the traffic by median minute 15", 15, _busy(measured), hundred=False)


def quick_to_hundred(measured: Measured) -> Target:
    """No later than CodeDeploy's ten-minute canary."""
    return _quick(measured, AS_THE_CANARY, 10, _busy(measured), hundred=True)


def quick_to_hundred_in_thin_traffic(measured: Measured) -> Target:
    """Where ten minutes show next to nothing."""
    thin = [cell for cell in measured.good if cell.traffic < BUSY]
    return _quick(measured, AS_THE_CANARY, 10, thin, hundred=True)


BUSY = 10
"""Requests per second from which ten minutes are enough to tell."""
AS_THE_CANARY = "at 100 % by median minute 10, as with Canary10Percent10Minutes"


def _busy(measured: Measured) -> list[Scenario]:
    return [cell for cell in measured.good if cell.traffic >= BUSY]


def _quick(measured: Measured, claim: str, limit: int, cells: list[Scenario], *, hundred: bool) -> Target:
    arrived = []
    for cell in cells:
        each = measured[ADAPTIVE, cell]
        minute = each.minutes_to_100 if hundred else each.minutes_to_90
        arrived.append((minute if minute is not None else float("inf"), cell))
    worst = max(minute for minute, _ in arrived)
    late = [f"{cell.cell()}: {_minute(minute)}" for minute, cell in arrived if minute > limit]
    where = f"{BUSY} req/s and more" if cells[0].traffic >= BUSY else f"less than {BUSY} req/s"
    return Target(
        f"{ADAPTIVE}: an identical green {claim}, at {where}",
        not late,
        f"later: {'; '.join(late)}" if late else f"minute {worst:g} at the latest",
    )


def _minute(minute: float) -> str:
    return f"{minute:g}" if minute < float("inf") else "later than the hour"
