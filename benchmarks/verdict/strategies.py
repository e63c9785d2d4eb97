"""
The strategies of the product, as shipped, for many deployments at once; and the rules of others.

`decisions.adaptive`, `decisions.bake` and `baking.conclude` with arrays. tests/benchmarks/test_vectorised.py holds
whole deployments against the product's own.
"""

import math
from functools import cache, partial

import numpy as np

from benchmarks.verdict.peers import PEERS
from benchmarks.verdict.rules import Decision, End, Opening, Rule, Seen
from benchmarks.verdict.watching import View, Watching
from benchmarks.verdict.world import Bools, Floats, Ints
from bluegreen.decisions.adaptive import CAREFUL, first_weight
from bluegreen.decisions.bake import FEW_REQUESTS, PATIENCE_SECONDS, SUSPECTED_ODDS
from bluegreen.decisions.pace import at_the_beginning, seconds_to_next_look
from bluegreen.decisions.past import LONGER
from bluegreen.decisions.shift import SILENCE_SECONDS
from bluegreen.request.health import Health
from bluegreen.request.traffic import ADAPTIVE, ADAPTIVE_SECONDS, ALMOST_ALL, DECIMALS, Step, Steps, schedule

HEALTH = Health()
PERIOD = HEALTH.period_seconds
ALWAYS = frozenset({"errors", "throttles"})
"""The signals that act, whatever the request says."""
SLOW_TOO = ALWAYS | {"slow"}
LOOK_SECOND, SHIFT_SECOND = 1, 4
"""Under Adaptive, of a minute: a look, and the shift that follows it."""


class Strategy:
    """What all strategies of the product have in common."""

    def __init__(self, opening: Opening, signals: frozenset[str] = ALWAYS) -> None:
        self.scenario, self.first_second = opening.scenario, opening.first_second
        self.watching = Watching(opening.past, signals)
        self.unmeasured = np.zeros(len(self.first_second), np.int64)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        self.watching.keep(left)
        self.first_second, self.unmeasured = self.first_second[left], self.unmeasured[left]

    def ends(self, view: View, due: Bools) -> Ints:
        """The deployments that a look rolls back, whatever the bake: worse, or unmeasured too often."""
        counted = np.where(view.cannot_measure, self.unmeasured + ~view.waits, 0)
        self.unmeasured = np.where(due, counted, self.unmeasured)
        end = np.zeros(len(due), np.int64)
        end[due & (self.unmeasured > HEALTH.unmeasured_looks)] = End.UNMEASURED
        if self.scenario.probe and self.scenario.green == 1:
            few = (view.watches.green < FEW_REQUESTS) & (view.watches.covered > 0) & ~view.cannot_measure
            end[due & few] = End.PROBE_FAILED
        end[due & view.watches.judged_worse] = End.WORSE
        return end

    @staticmethod
    def waits(view: View, baked: Floats, bake_seconds: Floats, last: Bools) -> Bools:
        """The bake is over, and figures are late or pending that are worth waiting for."""
        late, pending = baked < bake_seconds + 60 * view.late, baked < bake_seconds + PATIENCE_SECONDS
        return (baked >= bake_seconds) & ((late & last) | (view.pending & pending)) & ~view.cannot_measure

    @classmethod
    def is_over(cls, view: View, baked: Floats, bake_seconds: Floats, last: Bools) -> Bools:
        """The bake is, and nothing is worth waiting for."""
        return (baked >= bake_seconds) & ~cls.waits(view, baked, bake_seconds, last) & ~view.cannot_measure

    @staticmethod
    def suspected(view: View) -> Bools:
        """The odds are too high to give green everything."""
        return view.watches.log_evidence >= math.log(SUSPECTED_ODDS)


class Fixed(Strategy):
    """A schedule of steps. Its looks come whole minutes after the first shift, and the shifts with them."""

    def __init__(self, opening: Opening, *, steps: tuple[Step, ...], signals: frozenset[str] = ALWAYS) -> None:
        super().__init__(opening, signals)
        self._weights = np.array([step.weight for step in steps])
        self._bakes = np.array([step.bake_seconds for step in steps], float)
        self._step = np.zeros(len(self.first_second), np.int64)
        self._since = np.zeros(len(self.first_second))

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        super().keep(left)
        self._step, self._since = self._step[left], self._since[left]

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        end = np.zeros(len(weight), np.int64)
        if number > 0:
            always = np.ones(len(weight), bool)
            view = self.watching.look(number, seen, always)
            end = self.ends(view, always)
            last = self._weights[self._step + 1] == 1
            over = self.is_over(view, PERIOD * (number - self._since), self._bakes[self._step], last)
            goes_on = over & (end == End.UNDER_WAY)
            end[goes_on & last & self.suspected(view)] = End.SUSPECTED
            goes_on &= end == End.UNDER_WAY
            end[goes_on & last] = End.PROMOTED
            self._step += goes_on
            self._since = np.where(goes_on, number, self._since)
        weights = np.where(np.isin(end, (End.UNDER_WAY, End.PROMOTED)), self._weights[self._step], 0.0)
        return Decision(weights, self.first_second, end)


class Adaptive(Strategy):
    """The weight follows the evidence. A look comes at the beginning of a minute, its shift a few seconds later."""

    def __init__(
        self, opening: Opening, *, promote_by_seconds: int | None = None, signals: frozenset[str] = ALWAYS
    ) -> None:
        super().__init__(opening, signals)
        self._promote_by = promote_by_seconds
        past, hurried = self.watching.past, promote_by_seconds is not None
        traffic = np.maximum(past.recent, past.busiest)
        self._first = np.array([first_weight(float(each), hurried=hurried) for each in traffic])
        self._due = np.zeros(len(traffic), np.int64)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        super().keep(left)
        self._first, self._due = self._first[left], self._due[left]

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        end = np.zeros(len(weight), np.int64)
        if number == 0:
            self._due = np.array([_next_due(int(second), int(second)) for second in self.first_second])
            return Decision(self._first, self.first_second, end)
        due = self._due <= number
        view = self.watching.look(number, seen, due)
        end = self.ends(view, due)
        baked = PERIOD * number + LOOK_SECOND - self.first_second
        silence = np.maximum(SILENCE_SECONDS, LONGER * 60 * self.watching.past.silence + HEALTH.sight_seconds)
        bake_seconds = np.where(view.silent, np.minimum(silence, ADAPTIVE_SECONDS), ADAPTIVE_SECONDS)
        always = np.ones(len(weight), bool)
        over = due & self.is_over(view, baked, bake_seconds, always) & (end == End.UNDER_WAY)
        soon = view.cannot_measure | self.waits(view, baked, bake_seconds, always)
        end[over & self.suspected(view)] = End.SUSPECTED
        over &= end == End.UNDER_WAY
        following = self._next_due(number, LOOK_SECOND, soon)
        next_look = PERIOD * following - self.first_second
        wanted = np.where(over, 1.0, np.where(due, self._wanted(weight, view, next_look), weight))
        after_shift = self._next_due(number, SHIFT_SECOND, np.zeros(len(weight), bool))
        self._due = np.where(due, np.where(wanted != weight, after_shift, following), self._due)
        end[(end == End.UNDER_WAY) & (wanted >= 1)] = End.PROMOTED
        weights = np.where(np.isin(end, (End.UNDER_WAY, End.PROMOTED)), wanted, 0.0)
        return Decision(weights, np.full(len(weight), float(SHIFT_SECOND)), end)

    def _next_due(self, number: int, second: int, soon: Bools) -> Ints:
        """The minute of the next look after a look or a shift at that second of a minute."""
        pairs = zip(self.first_second, soon, strict=True)
        return np.array([_next_due(int(first), PERIOD * number + second, bool(each)) for first, each in pairs])

    def _wanted(self, weight: Floats, view: View, next_look: Floats) -> Floats:
        allowed = np.where(view.cannot_measure, weight, trusted_weight(weight, view, self._first))
        if self._promote_by is None:
            return allowed
        hurries = (next_look > self._promote_by) & ~view.cannot_measure & ~suspicious(view)
        return np.where(hurries, 1.0, allowed)


SIGHT_MINUTES = (PERIOD + HEALTH.delay_seconds) / 60


def trusted_weight(weight: Floats, view: View, first: Floats) -> Floats:
    """`decisions.adaptive.next_weight`, where green is not found worse and can be measured."""
    watches, verdicts = view.watches, view.watches.verdicts()
    margins = {name: watches.margin(name) for name in verdicts.bounds}
    narrowest = min(margins.values())
    harm = np.maximum.reduce([bound * narrowest / margins[name] for name, bound in verdicts.bounds.items()])
    noisy = watches.signals["errors"].blue_bad >= CAREFUL.noisy_from
    unseen = view.requests_per_minute * (SIGHT_MINUTES + view.late)
    trusted = budget(view.requests_per_minute, noisy) / np.maximum(unseen * harm, 1e-9)
    reach = np.maximum(weight, CAREFUL.times * watches.weight_seen)
    back = np.minimum(np.maximum(trusted, first), np.maximum(CAREFUL.first_at_most, first))
    old = PERIOD * watches.buckets >= CAREFUL.canary_seconds
    at_almost_all = np.where(watches.weight_seen >= ALMOST_ALL, watches.seconds_at, 0)
    seen_at_almost_all = verdicts.fine & (at_almost_all >= CAREFUL.buckets_at_almost_all * PERIOD)
    about_fine = np.logical_and.reduce(
        [bound <= CAREFUL.margins * margins[name] for name, bound in verdicts.bounds.items()]
    )
    allowed = np.minimum(trusted, CAREFUL.at_most)
    allowed = np.where(verdicts.fine & ~verdicts.leans, ALMOST_ALL, allowed)
    allowed = np.where((seen_at_almost_all | (about_fine & old)) & ~verdicts.leans, 1.0, allowed)
    wider = np.minimum(np.maximum(weight, allowed), reach)
    held = np.minimum(wider, np.maximum(CAREFUL.while_leaning, first))
    unsuspected = np.where(verdicts.leans & old, held, wider)
    return kept(np.where(suspicious(view), np.minimum(back, reach), unsuspected))


def budget(requests_per_minute: Floats, noisy: Bools) -> Floats:
    """`Caution.budget`."""
    spotless = np.minimum(CAREFUL.requests, CAREFUL.spotless * np.sqrt(requests_per_minute))
    return np.maximum(np.where(noisy, CAREFUL.requests, spotless), CAREFUL.share_of_minute * requests_per_minute)


def suspicious(view: View) -> Bools:
    """The odds that green is worse are better than even."""
    return view.watches.log_evidence > math.log(CAREFUL.suspicious_odds)


def kept(weight: Floats) -> Floats:
    """Rounded down to as many decimals as an alias keeps."""
    thousandths = 10.0**DECIMALS
    return np.maximum(0.001, np.floor(np.round(weight * thousandths, 6)) / thousandths)


@cache
def _next_due(first_second: int, second: int, soon: bool = False) -> int:
    """The minute of Adaptive's next look, after one at that second or a shift, from the first shift's minute on."""
    pause = PERIOD if soon else seconds_to_next_look(second - first_second, ADAPTIVE_SECONDS, PERIOD)
    return (second + at_the_beginning(second, pause, PERIOD)) // PERIOD


def as_shipped(name: str, signals: frozenset[str] = ALWAYS) -> Rule:
    """A strategy of CodeDeploy's names, with the verdict."""
    return partial(Fixed, steps=schedule(name, None, HEALTH.sight_seconds).steps, signals=signals)


FINAL_BAKE = "Canary10Percent5Minutes, final bake of 10 minutes"
IN_A_HURRY = "Adaptive, promote_by_seconds 600"
CANARIES = ("Canary10Percent5Minutes", "Canary10Percent10Minutes", "Canary10Percent30Minutes")
OURS: dict[str, Rule] = {
    ADAPTIVE: Adaptive,
    IN_A_HURRY: partial(Adaptive, promote_by_seconds=600),
    **{name: as_shipped(name) for name in (*CANARIES, "Linear10PercentEvery1Minute")},
}
WITH_A_FINAL_BAKE = {
    FINAL_BAKE: partial(
        Fixed, steps=Steps(steps=(Step(weight=0.1, bake_seconds=300),), final_bake_seconds=600).to_the_end()
    )
}
WITH_SLOW_MS: dict[str, Rule] = {
    f"{ADAPTIVE}, slow_ms": partial(Adaptive, signals=SLOW_TOO),
    f"{CANARIES[1]}, slow_ms": as_shipped(CANARIES[1], SLOW_TOO),
}
RULES: dict[str, Rule] = {**OURS, **WITH_A_FINAL_BAKE, **WITH_SLOW_MS, **PEERS}
