"""Releases, minute by minute: their evidence, and what is harmed until it is enough."""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from benchmarks.verdict.evidence import Buckets, Sides, Watches
from benchmarks.verdict.release.fleet import Cell, Columns, Fleet, Minute, in_parts
from benchmarks.verdict.release.sums import Sums
from benchmarks.verdict.simulation import SEED
from benchmarks.verdict.strategies import ALWAYS
from benchmarks.verdict.watching import SETTLED
from benchmarks.verdict.world import Floats
from bluegreen.verdict import Bucket, Counts, Policy
from bluegreen.verdict import Sides as OfOne
from bluegreen.verdict.judgement import Watch
from bluegreen.verdict.release import together

POLICY = Policy()
ENOUGH = -math.log(POLICY.false_alarm)
NEVER = math.inf


@dataclass
class Played:
    """
    Releases of a kind: their `sums`, minute by minute; the most that the log of the evidence on any function by itself
    ever was; and green's bad requests beyond blue's, minute by minute.
    """

    sums: Sums
    highest: Floats
    harmed: Floats


def play(cell: Cell, runs: int, minutes: int) -> Played:
    """So many releases for so many minutes of figures; the same every time it is asked."""
    random = dice(cell)
    parts = [_some(cell, some, minutes, random) for some in in_parts(runs, cell.functions)]
    odds = np.concatenate([part.sums.odds for part in parts], axis=-1)
    bets = np.concatenate([part.sums.bets for part in parts], axis=-1)
    highest = np.concatenate([part.highest for part in parts])
    return Played(Sums(cell.of, odds, bets), highest, np.concatenate([part.harmed for part in parts], axis=-1))


def dice(cell: Cell) -> np.random.Generator:
    """Of a kind of release."""
    return np.random.default_rng([SEED, zlib.crc32(str(cell).encode())])


def _some(cell: Cell, runs: int, minutes: int, random: np.random.Generator) -> Played:
    fleet, shape = Fleet(cell, runs, random), (runs, cell.functions)
    watches = Watches(ALWAYS, POLICY, fleet.icc().ravel())
    beyond = 1 - fleet.blue_rate / np.maximum(fleet.green_rate, 1e-9)
    sums, harmed = [], []
    for number in range(minutes):
        minute = fleet.minute(number)
        shifted = np.flatnonzero(minute.weight > 0)
        watches.add(shifted, _buckets(minute, shifted))
        sums.append(Sums.over(watches.log_confirmed.reshape(shape), cell.of))
        harmed.append((minute.green_bad * beyond).sum(axis=1))
    together = Sums(cell.of, np.stack([each.odds for each in sums]), np.stack([each.bets for each in sums], axis=1))
    return Played(together, watches.log_peak.reshape(shape).max(axis=1), np.stack(harmed))


def _buckets(minute: Minute, shifted: Columns) -> Buckets:
    green, green_bad, blue, blue_bad = (
        counts.ravel()[shifted] for counts in (minute.green, minute.green_bad, minute.blue, minute.blue_bad)
    )
    weight, began, none = minute.weight.ravel()[shifted], minute.began.ravel()[shifted], np.zeros_like(green)
    signals = {"errors": Sides(green, green_bad, blue, blue_bad), "throttles": Sides(green, none, blue, none)}
    return Buckets(signals, weight, began, np.full(len(weight), math.nan), ~began, np.zeros(len(weight)))


def first_at(logs: Floats, enough: float = ENOUGH) -> Floats:
    """The minute of the look that first sees so much; NEVER where none does. Rows are minutes of figures."""
    reached = logs >= enough
    return np.where(reached.any(axis=0), reached.argmax(axis=0) + SETTLED, NEVER)


def harmed_until(harmed: Floats, minute: Floats) -> Floats:
    """The sum of the minutes before that one."""
    upto = np.concatenate([np.zeros((1, harmed.shape[1])), harmed.cumsum(axis=0)])
    last = np.minimum(minute, len(harmed)).astype(np.intp)
    total: Floats = upto[last, np.arange(harmed.shape[1])]
    return total


def of_the_product(cell: Cell, runs: int, minutes: int) -> Floats:
    """The evidence of `play`, by the product's own watches and `together`: a row a minute, a column a release."""
    fleet = Fleet(cell, runs, dice(cell))
    icc = fleet.icc()
    watches = [
        [Watch(ALWAYS, Policy(icc=float(icc[run, column]))) for column in range(cell.functions)] for run in range(runs)
    ]
    evidence = np.zeros((minutes, runs))
    for number in range(minutes):
        minute = fleet.minute(number)
        for run, of_release in enumerate(watches):
            for column, watch in enumerate(of_release):
                if minute.weight[run, column]:
                    watch.add(_bucket(minute, run, column, number))
            logs = {str(column): watch.verdict().log_confirmed for column, watch in enumerate(of_release)}
            evidence[number, run] = together(logs, cell.of)
    return evidence


def _bucket(minute: Minute, run: int, column: int, number: int) -> Bucket:
    green, green_bad, blue, blue_bad = (
        int(each[run, column]) for each in (minute.green, minute.green_bad, minute.blue, minute.blue_bad)
    )
    began = bool(minute.began[run, column])
    signals = {
        "errors": OfOne(blue=Counts(blue, blue_bad), green=Counts(green, green_bad)),
        "throttles": OfOne(blue=Counts(blue, 0), green=Counts(green, 0)),
    }
    return Bucket(60 * number, signals, float(minute.weight[run, column]), covered=not began, changed=began)
