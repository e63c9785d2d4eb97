"""Deployments, minute by minute to their true end: what a rule does in a scenario, many times over."""

import math
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.verdict.rules import End, Opening, Rule, from_user
from benchmarks.verdict.scenario import HOURS, Scenario
from benchmarks.verdict.strategies import RULES
from benchmarks.verdict.world import Bools, Floats, Ints, Minute, World

MINUTES = 60 * HOURS
REMEMBERED = 60
"""So many minutes back a rule may look."""
SEED = 20240229


@dataclass
class Runs:
    """Many deployments, an entry each: how and in which minute they ended, and what was harmed until then and later."""

    end: Ints
    minute: Ints
    harmed: Floats
    harmed_in_the_hour: Floats
    at_ninety: Floats
    at_hundred: Floats


@dataclass(frozen=True)
class Outcome:
    """
    A rule in a scenario. Harmed are green's bad requests beyond what blue would have had: `harmed` on average within a
    day, also by a bad green that was promoted, `harmed_in_the_hour` within the first hour,
    `harmed_if_found` by those that were rolled back.

    `rolled_back` are all that were, for whatever reason: `worse`, `suspected`, `unmeasured` or `probe_failed`. Minutes
    are medians, but for `nine_in_ten_at_100`: until then nine of ten had all of the traffic.
    """

    rule: str
    scenario: Scenario
    runs: int
    rolled_back: float
    worse: float
    suspected: float
    unmeasured: float
    probe_failed: float
    promoted: float
    harmed: float
    harmed_error: float
    harmed_if_found: float
    harmed_in_the_hour: float
    minutes_to_rollback: float | None
    minutes_to_90: float | None
    minutes_to_100: float | None
    nine_in_ten_at_100: float | None

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON knows it."""
        return asdict(self)


def play(scenario: Scenario, rule: Rule, runs: int, random: np.random.Generator) -> Runs:
    """Follow deployments until the last one has ended, or for a day."""
    world = World(scenario, runs, random)
    playing = rule(Opening(scenario, world.past(), world.first_second))
    done = Runs(
        end=np.zeros(runs, np.int64),
        minute=np.zeros(runs, np.int64),
        harmed=np.zeros(runs),
        harmed_in_the_hour=np.zeros(runs),
        at_ninety=np.full(runs, math.inf),
        at_hundred=np.full(runs, math.inf),
    )
    left, weight = np.arange(runs), np.zeros(runs)
    seen: dict[int, Minute] = {}
    for number in range(MINUTES):
        decision = playing.look(number, weight, seen)
        minute = world.minute(number, weight, decision.weight, decision.second)
        seen[number] = minute
        seen.pop(number - REMEMBERED, None)
        done.harmed[left] += minute.harmed
        if number < 60:
            done.harmed_in_the_hour[left] += minute.harmed
        for at, share in ((done.at_ninety, 0.9), (done.at_hundred, 1.0)):
            at[left] = np.minimum(at[left], np.where(decision.weight >= share, number, math.inf))
        weight = decision.weight
        over = decision.end != End.UNDER_WAY
        if over.any():
            done.end[left[over]], done.minute[left[over]] = decision.end[over], number
            for harmed, until in ((done.harmed, MINUTES), (done.harmed_in_the_hour, 60)):
                harmed[left] += np.where(decision.end == End.PROMOTED, _afterwards(scenario, number, until), 0.0)
            stays: Bools = ~over
            left, weight = left[stays], weight[stays]
            world.keep(stays)
            playing.keep(stays)
            seen = {each: minute.keep(stays) for each, minute in seen.items()}
        if not len(left):
            break
    return done


def _afterwards(scenario: Scenario, number: int, until: int) -> float:
    """What a green with all of the traffic harms after that minute, on average."""
    minutes = max(0, until - max(number + 1, scenario.fails_from))
    return scenario.per_minute * max(0.0, scenario.green - scenario.blue) * minutes


def outcome(name: str, scenario: Scenario, runs: int) -> Outcome:
    """What a rule does in a scenario, so many times; the same every time it is asked."""
    random = np.random.default_rng([SEED, zlib.crc32(f"{name} {scenario}".encode())])
    played = play(scenario, RULES[name] if name in RULES else from_user(name), runs, random)
    back = ~np.isin(played.end, (End.PROMOTED, End.UNDER_WAY))

    def share(of: Bools) -> float:
        return float(np.mean(of))

    return Outcome(
        rule=name,
        scenario=scenario,
        runs=runs,
        rolled_back=share(back),
        worse=share(played.end == End.WORSE),
        suspected=share(played.end == End.SUSPECTED),
        unmeasured=share(played.end == End.UNMEASURED),
        probe_failed=share(played.end == End.PROBE_FAILED),
        promoted=share(played.end == End.PROMOTED),
        harmed=float(np.mean(played.harmed)),
        harmed_if_found=float(np.mean(played.harmed[back])) if back.any() else 0.0,
        harmed_error=float(np.std(played.harmed)) / math.sqrt(runs),
        harmed_in_the_hour=float(np.mean(played.harmed_in_the_hour)),
        minutes_to_rollback=float(np.median(played.minute[back])) if back.any() else None,
        minutes_to_90=_if_ever(np.median(played.at_ninety)),
        minutes_to_100=_if_ever(np.median(played.at_hundred)),
        nine_in_ten_at_100=_if_ever(np.sort(played.at_hundred)[math.ceil(0.9 * runs) - 1]),
    )


def _if_ever(minute: Any) -> float | None:
    return float(minute) if math.isfinite(minute) else None


def outcomes(
    work: list[tuple[str, Scenario, int]], workers: int, progress: Callable[[int, int], None]
) -> Iterator[Outcome]:
    """All outcomes, as they come in."""
    with ProcessPoolExecutor(workers) as pool:
        asked = [pool.submit(outcome, *item) for item in work]
        for number, future in enumerate(as_completed(asked), start=1):
            progress(number, len(asked))
            yield future.result()
