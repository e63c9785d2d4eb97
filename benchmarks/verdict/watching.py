"""
`bluegreen.decisions.past`, `figures` and `silence` for many deployments at once: what a look sees of both versions.

tests/benchmarks/test_vectorised.py holds whole deployments against the product's own. Times are in minutes since the
first shift's, and a bucket has the number of its minute.
"""

import copy
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdict.evidence import Buckets, Sides, Watches
from benchmarks.verdict.rules import Seen
from benchmarks.verdict.world import Bools, Floats, Ints, Minute, Past
from bluegreen.baking.watch import NEARLY_ALL
from bluegreen.decisions.bake import PATIENCE_SECONDS
from bluegreen.decisions.figures import RECENT_BUCKETS
from bluegreen.decisions.past import (
    DEVIATIONS,
    FEWEST_FAILURES,
    LATEST_SECONDS,
    LEAST_ICC,
    LONGER,
    MOST_ICC,
    NO_CHANCE,
    RECENT,
)
from bluegreen.decisions.silence import LEAST_LOG
from bluegreen.decisions.silence import NO_CHANCE as HIDDEN_CHANCE
from bluegreen.verdict import Policy

SETTLED = 3
"""A look in minute m sees the buckets up to m - 3: `delay_seconds` is two minutes."""
PATIENCE = PATIENCE_SECONDS // 60
REMEMBERED = 30
"""The newest figures are at most so much older than a look."""
LEARNT_UNTIL = -2
"""The end of the past, which the opening reads in the minute of the first shift."""


@dataclass
class Learnt:
    """`decisions.past.Past`, in minutes."""

    usual: Floats
    recent: Floats
    busiest: Floats
    last_at: Floats
    silence: Floats
    icc: Floats

    def keep(self, left: Bools) -> "Learnt":
        """Of those deployments that are under way."""
        return Learnt(*(value[left] for value in vars(self).values()))

    def explains(self, silence: Floats) -> Bools:
        """So long without a request may be chance, or a pause as the alias has had two."""
        explained: Bools = (silence <= LONGER * self.silence) | (-self.usual * silence >= math.log(NO_CHANCE))
        return explained


def learn(past: Past) -> Learnt:
    """What the minutes of the past tell."""
    requests, (runs, minutes) = past.requests, past.requests.shape
    busy = requests > 0
    longest, silence, gap, began = np.zeros(runs), np.zeros(runs), np.zeros(runs), np.zeros(runs, bool)
    for column in busy.T:
        ended = np.where(column & began, gap, 0.0)
        silence = np.maximum(silence, np.minimum(longest, ended))
        longest = np.maximum(longest, ended)
        gap, began = np.where(column, 0, gap + 1), began | column
    silence = np.where(began & (gap > LATEST_SECONDS // 60), np.maximum(silence, gap), silence)
    total, busiest = requests.sum(axis=1), requests.max(axis=1)
    return Learnt(
        usual=total / np.maximum(1, minutes - gap),
        recent=requests[:, -RECENT:].sum(axis=1) / RECENT,
        busiest=np.maximum(0.0, busiest - DEVIATIONS * np.sqrt(busiest)),
        last_at=np.where(began, LEARNT_UNTIL - gap, -math.inf),
        silence=silence,
        icc=correlation(requests, past.bad),
    )


def correlation(requests: Ints, bad: Ints) -> Floats:
    """How alike the requests of a minute fail."""
    of_all, failures = requests.sum(axis=1), bad.sum(axis=1)
    tells = (failures >= FEWEST_FAILURES) & (failures < of_all)
    share = np.where(tells, failures / np.maximum(of_all, 1), 0.5)
    variance = (share * (1 - share))[:, None]
    known = (requests[:, :-1] > 0) & (requests[:, 1:] > 0)
    count = np.maximum(requests, 1)
    by_chance = 1 / count[:, :-1] + 1 / count[:, 1:]
    weight = np.where(known, 1 / (by_chance + 2 * LEAST_ICC), 0.0)
    rate = bad / count
    difference = rate[:, :-1] - rate[:, 1:]
    beyond = (weight * (difference**2 / variance - by_chance)).sum(axis=1)
    most = (weight * (2 - by_chance)).sum(axis=1)
    tells &= most > 0
    icc = beyond / np.where(tells, most, 1.0)
    return np.where(tells, np.clip(icc, LEAST_ICC, MOST_ICC), LEAST_ICC)


@dataclass
class Figures:
    """What CloudWatch shows of a minute at a look: as `decisions.figures.Measured`, without throttled requests."""

    alias: Ints
    ran: Sides
    counted: Sides
    slow: Sides
    busy: Floats
    settled: Bools
    covered: Bools

    @property
    def shows_any(self) -> Bools:
        """Some request."""
        shown: Bools = (self.alias + self.ran.green + self.ran.blue + self.counted.green + self.counted.blue) > 0
        return shown

    @property
    def agrees(self) -> Bools:
        """It is known of every request whether it failed and, if the bucket is covered, which version had it."""
        known = (self.ran.green == self.counted.green) & (self.ran.blue == self.counted.blue)
        known &= self.ran.green + self.ran.blue <= self.alias
        agreed: Bools = known & ~self.unattributed
        return agreed

    @property
    def unattributed(self) -> Bools:
        """The alias had requests that are neither version's, in a bucket of which Lambda counts all by version."""
        more: Bools = self.covered & (self.alias > self.ran.green + self.ran.blue)
        return more

    @property
    def comparable(self) -> Bools:
        """A version without figures had no requests."""
        both: Bools = ((self.counted.green > 0) & (self.counted.blue > 0)) | (self.agrees & self.covered)
        return both


def figures(minute: Minute, of: int, number: int) -> Figures:
    """Of a minute, at the look of minute `number`. They are settled when nothing is missing any more."""
    none = np.zeros_like(minute.green)

    def shown(count: Ints, at: Ints) -> Ints:
        return np.where(at <= number, count, none)

    ran = Sides(shown(minute.green, minute.green_at), none, shown(minute.blue, minute.blue_at), none)
    counted = Sides(
        shown(minute.green, minute.green_errors_at),
        shown(minute.green_bad, minute.green_errors_at),
        shown(minute.blue, minute.blue_errors_at),
        shown(minute.blue_bad, minute.blue_errors_at),
    )
    latest = np.maximum(minute.alias_at, np.maximum(minute.green_errors_at, minute.blue_errors_at))
    covered = (minute.second == 0) | (of > 0)
    settled = np.maximum(latest, np.maximum(minute.green_at, minute.blue_at)) <= number
    slow = Sides(
        ran.green, shown(minute.green_slow, minute.green_at), ran.blue, shown(minute.blue_slow, minute.blue_at)
    )
    mean = (minute.before * minute.second + minute.after * (60 - minute.second)) / 60
    most = np.maximum(np.where(minute.second > 0, minute.before, 0.0), minute.after)
    busy = np.where(minute.green_at <= number, minute.busy * most / np.maximum(mean, 1e-9), 0.0)
    return Figures(shown(minute.green + minute.blue, minute.alias_at), ran, counted, slow, busy, settled, covered)


@dataclass
class View:
    """What a look found, as `decisions.figures.Seen`; `watches` have the evidence."""

    watches: Watches
    cannot_measure: Bools
    pending: Bools
    silent: Bools
    requests_per_minute: Floats
    late: Floats
    waits: Bools


@dataclass
class State:
    """What the buckets so far come to: `decisions.figures.Tally`."""

    watches: Watches
    green_chance: Floats
    blue_chance: Floats
    requests: Ints

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        self.watches.keep(left)
        self.green_chance, self.blue_chance = self.green_chance[left], self.blue_chance[left]
        self.requests = self.requests[left]

    def add(self, some: NDArray[np.intp], minute: Minute, shown: Figures) -> None:
        """Take in a bucket of these deployments."""
        if not len(some):
            return
        there = shown.comparable
        nothing = np.zeros_like(shown.alias)
        signals = {
            name: Sides(*(np.where(there, each, nothing) for each in vars(sides).values())).of(some)
            for name, sides in (("errors", shown.counted), ("throttles", shown.ran), ("slow", shown.slow))
        }
        shifted_within = minute.second > 0
        least = np.where(shifted_within, np.minimum(minute.before, minute.after), minute.after)
        most = np.where(shifted_within, np.maximum(minute.before, minute.after), minute.after)
        bucket = Buckets(
            signals,
            weight=most[some],
            changed=least[some] != most[some],
            lasting=np.where(minute.second <= NEARLY_ALL * 60, minute.after, math.nan)[some],
            covered=shown.covered[some],
            busy=shown.busy[some],
        )
        self.watches.add(some, bucket)
        alias, unattributed = shown.alias[some], shown.unattributed[some]
        for chance, counted, ran, weight in (
            (self.green_chance, shown.counted.green[some], shown.ran.green[some], least[some]),
            (self.blue_chance, shown.counted.blue[some], shown.ran.blue[some], 1 - most[some]),
        ):
            missing = (ran > 0) | unattributed | (weight >= 1)
            log_of_none = np.where(missing, LEAST_LOG, np.log1p(-np.minimum(weight, 1 - 1e-16)))
            gained = np.where(weight > 0, alias * log_of_none, 0.0)
            chance[some] = np.where(counted > 0, 0.0, np.maximum(LEAST_LOG, chance[some] + gained))
        self.requests[some] += alias

    @property
    def hidden(self) -> Bools:
        """A version whose series cannot be believed."""
        low: Bools = np.minimum(self.green_chance, self.blue_chance) < math.log(HIDDEN_CHANCE)
        return low


class Watching:
    """The looks at many deployments, one after the other."""

    def __init__(self, past: Past, signals: frozenset[str]) -> None:
        runs = len(past.requests)
        self.past = learn(past)
        self._state = State(
            Watches(signals, Policy(), self.past.icc), np.zeros(runs), np.zeros(runs), np.zeros(runs, np.int64)
        )
        self._taken, self._newest = np.zeros(runs, np.int64), np.full(runs, -math.inf)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        self._state.keep(left)
        self.past = self.past.keep(left)
        self._taken, self._newest = self._taken[left], self._newest[left]

    def look(self, number: int, seen: Seen, due: Bools) -> View:
        """What is seen at the look of that minute, by those that have one."""
        settled_until = number - SETTLED + 1
        open_ones = range(int(self._taken.min()), settled_until)
        shown = {each: figures(seen[each], each, number) for each in open_ones}
        newest = self._newest
        for each, of in shown.items():
            newest = np.where(of.shows_any, np.maximum(newest, each + 1), newest)
        last = np.maximum(newest, self.past.last_at)
        quiet = settled_until - last
        of_the_alias = np.isfinite(newest) & (quiet >= LATEST_SECONDS // 60)
        late = ~self.past.explains(quiet) & (settled_until > 0) & ~of_the_alias
        for each, of in shown.items():
            final = (self._taken == each) & of.settled & (each + 1 <= newest)
            self._state.add(np.flatnonzero(final), seen[each], of)
            self._taken += final
        state = copy.deepcopy(self._state) if (self._taken < settled_until).any() else self._state
        pending = np.zeros(len(late), bool)
        for each, of in shown.items():
            there = (each >= self._taken) & ((each + 1 <= newest) | ~late)
            waits = there & ~of.agrees & (settled_until - (each + 1) < PATIENCE)
            pending |= waits
            state.add(np.flatnonzero(there & ~waits), seen[each], of)
        missed = late & (newest <= self._newest)
        unmeasured = ~state.watches.judged_worse & (state.hidden | missed)
        view = View(
            watches=state.watches,
            cannot_measure=unmeasured,
            waits=missed & ~state.hidden & (state.watches.green > 0),
            pending=pending,
            silent=state.requests == 0,
            requests_per_minute=np.maximum(
                self.past.busiest, recent(number, seen, np.where(late, newest, settled_until))
            ),
            late=np.where(late, settled_until - last, 0.0),
        )
        self._newest = np.where(due, newest, self._newest)
        return view


def recent(number: int, seen: Seen, until: Floats) -> Floats:
    """Requests a minute of the alias in its last minutes before that one, as far as they are visible."""
    total, minutes = np.zeros(len(until)), np.zeros(len(until))
    for each in range(max(0, number - SETTLED + 1 - REMEMBERED), number - SETTLED + 1):
        counts = (each < until) & (each >= until - RECENT_BUCKETS)
        total += np.where(counts & (seen[each].alias_at <= number), seen[each].green + seen[each].blue, 0)
        minutes += counts
    return total / np.maximum(minutes, 1)
