"""What a plan says of the watch: what it is going to know of green, and what each of its settings promises."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bluegreen.decisions.bake import HELD_SECONDS, SUSPECTED_ODDS
from bluegreen.decisions.past import LEAST_ICC, Past
from bluegreen.decisions.words import excluded, of_signals
from bluegreen.request.health import SLOW, Health
from bluegreen.request.traffic import DECIMALS, Schedule, Steps
from bluegreen.text import duration
from bluegreen_cli.forecast import Forecast, before
from bluegreen_cli.format import percent


@dataclass(frozen=True)
class Outlook:
    """
    A schedule with a bake, and how green is watched meanwhile.

    `given` are the settings of `health` that the request has itself. `tested`: people wrote smoke tests. `past` and
    `forecast` are None if CloudWatch does not say what the alias did before; `unread` is why.
    """

    schedule: Schedule
    traffic: Steps | None
    health: Health
    given: frozenset[str]
    tested: bool
    past: Past | None
    forecast: Forecast | None
    unread: str = ""

    def lines(self) -> Iterator[str]:
        """For people, one fact a line."""
        yield f"what will be known: {self._known()}"
        if self.schedule.adaptive and self.past:
            yield f"green begins with {percent(self.schedule.first_weight)}, which follows the traffic"
        yield f"no_traffic is {self.health.no_traffic} ({self._whose('no_traffic')}): {self._without_traffic()}"
        yield f"when_suspected is {self.health.when_suspected} ({self._whose('when_suspected')}): {self._suspected()}"
        if self.health.promote_by_seconds is not None:
            yield f"promote_by_seconds is {self.health.promote_by_seconds}: {self._hurried()}"
        if self._has_final_bake():
            yield f"keep_control is {self.traffic.keep_control if self.traffic else 0:g}: {self._control()}"
        yield f"slow requests: {self._slow()}"
        yield f"icc is {self._icc()}"

    def to_json(self) -> dict[str, Any]:
        """For programs; what is not known is null."""
        health = self.health
        return {
            "past": self.past.model_dump(mode="json") if self.past else None,
            "forecast": asdict(self.forecast) if self.forecast else None,
            "first_weight": self.schedule.first_weight if self.schedule.adaptive and self.past else None,
            "no_traffic": health.no_traffic,
            "when_suspected": health.when_suspected,
            "promote_by_seconds": health.promote_by_seconds,
            "keep_control": self.traffic.keep_control if self.traffic else None,
            "slow_ms": self._slow_ms(),
            "slow_acts": self._slow_ms() is not None and SLOW not in health.dry_run,
            "icc": health.icc if health.icc is not None else self.past.icc if self.past else None,
        }

    @property
    def signals(self) -> str:
        """
        What is watched, and what is not.

        Slow requests are watched only if a limit is known: `health.slow_ms`, or blue's 95th percentile.
        """
        return of_signals(self.health.model_copy(update={"slow_ms": self._slow_ms()}) if self.past else self.health)

    def _known(self) -> str:
        if self.past is None or self.forecast is None:
            return f"CloudWatch does not say what the alias did before ({self.unread})"
        number, bound = self.forecast.requests, self.forecast.bound
        past = self._before(self.past)
        if not number:
            tests = "what the smoke tests say" if self.tested else "that it was deployed"
            probes = ", which are asked again as probes" if self.health.no_traffic == "probe" and self.tested else ""
            return f"{past}; nothing will be known of green under traffic but {tests}{probes}"
        requests = "about 1 request" if number == 1 else f"about {number:,} requests"
        ends = f"green is expected to be seen with {requests} in {duration(self.forecast.seconds)}"
        if bound >= 1:
            return f"{past}; {ends}, and that proves nothing"
        little = "" if bound <= self.health.margin else f", and {percent(self.health.margin)} would be fine"
        return f"{past}; {ends}. If none of them fails, {excluded(bound)} is excluded{little}"

    @staticmethod
    def _before(past: Past) -> str:
        per_minute, seconds = before(past)
        when = f"in the last {duration(seconds)}"
        if not past.requests:
            return f"the alias had no request {when}"
        if per_minute < 1:
            return f"the alias had {past.requests} request{'s' if past.requests > 1 else ''} {when}"
        return f"the alias had about {per_minute:,.0f} requests a minute {when}"

    def _whose(self, setting: str) -> str:
        if setting in self.given:
            return "as the request says"
        if setting == "no_traffic" and self.health.no_traffic == "probe":
            return "the default with smoke tests"
        return "the default"

    def _without_traffic(self) -> str:
        match self.health.no_traffic:
            case "probe":
                return "a green with hardly any requests gets the smoke tests again, and then everything"
            case "wait":
                longest = duration(self.health.max_bake_seconds or 0)
                return f"the deployment waits for a first request to green, and rolls back after {longest}"
            case "roll_back":
                return "the deployment rolls back a green without requests"
            case _:
                return "a green without requests gets everything, and the watch knows nothing of it"

    def _suspected(self) -> str:
        odds = f"when green is to get everything while the odds are {SUSPECTED_ODDS} to 1 or more that it is worse"
        match self.health.when_suspected:
            case "promote":
                return f"{odds}, it gets everything all the same, and the record says the odds"
            case "hold":
                return f"{odds}, it keeps its share for up to {duration(HELD_SECONDS)}, and is then rolled back"
            case _:
                return f"{odds}, it is rolled back{self._measured()}"

    def _measured(self) -> str:
        """The benchmark plays the default `false_alarm` only."""
        if self.health.false_alarm != Health().false_alarm:
            return ""
        greens = f"{percent(self.health.false_alarm)} of the greens that are no worse"
        return f"; with those found worse before, that happens to {greens} at most"

    def _hurried(self) -> str:
        by = duration(self.health.promote_by_seconds or 0)
        return (
            f"green has everything after {by} unless the odds are worse than even, in {HURRIED_TWINS} cases if "
            f"it is no worse; a bad one harms {HURRIED_HARM}"
        )

    def _has_final_bake(self) -> bool:
        if self.traffic is None:
            return False
        last = self.traffic.steps[-1]
        return self.traffic.final_bake_seconds > 0 or (last.weight == 1 and last.bake_seconds > 0)

    def _control(self) -> str:
        kept = round(self.traffic.keep_control, DECIMALS) if self.traffic else 0
        if not kept:
            return "blue has no share in the bake at the end, so green is compared with nothing then"
        return f"blue keeps {percent(kept)} in the bake at the end, so that green is compared with it to the last"

    def _slow_ms(self) -> int | None:
        if self.health.slow_ms == "learn":
            return self.past.slow_ms if self.past else None
        return self.health.slow_ms

    def _slow(self) -> str:
        slow_ms = self._slow_ms()
        if slow_ms is None:
            why = "as the request says" if self.health.slow_ms is None else "the alias had none to learn from"
            return f"not watched, {why}"
        learnt = "blue's 95th percentile of late" if self.health.slow_ms == "learn" else "as the request says"
        dry = "in a dry run: they are shown and decide nothing" if SLOW in self.health.dry_run else "they count as bad"
        return f"slower than {slow_ms:,} ms ({learnt}), {dry}"

    def _icc(self) -> str:
        if self.health.icc is not None:
            return f"{self.health.icc:g}, as the request says"
        if self.past is None:
            return "learnt when the deployment opens"
        if self.past.icc <= LEAST_ICC:
            return f"{LEAST_ICC:g}, the least: blue's failures do not come in bursts, or are too few to tell"
        return f"{self.past.icc:.2g}: the alias's failures come in bursts, and a minute counts for less"


HURRIED_TWINS = "nine of ten"
HURRIED_HARM = (
    "at most ten times as many requests as without it, or 25 times if it fails at most twice as often as blue"
)
"""With 600 seconds, simulated: `python -m benchmarks.verdict` repeats it."""
