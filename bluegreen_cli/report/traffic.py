"""The charts of a deployment: weights, requests, bad ones among them, and the odds that green is worse."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from bluegreen import clock
from bluegreen.verdict.words import odds
from bluegreen_cli.format import percent
from bluegreen_cli.report import chart
from bluegreen_cli.report.chart import Chart, Line, Mark
from bluegreen_cli.report.told import Counts, Look, Stretch, Told, merged

T = TypeVar("T")

MOST_POINTS = 120
"""Of a line. Beyond it, neighbours are added up; of the odds the highest ones stay."""
MOST_ROWS = 60
"""Of a table beside a chart, for the same reason."""
LEAD = 0.06
"""The part of a chart that lies before the first shift."""
EVEN = 1e-9
"""Odds that are a whole number must not be said one lower."""
LEAST_SECONDS = 60
"""A shorter time under traffic has no figures, and nothing to draw."""
LEAST_POWER, MOST_POWER = -1, 9

BAD = {
    "errors": ("Failed requests", "failed", "The share of each version's requests that failed, from look to look."),
    "slow": ("Latency: slow requests", "slow", ""),
    "throttles": ("Throttled requests", "throttled", "The share of each version's requests that Lambda throttled."),
    "http": ("Replies with status 500", "bad", "The share of each version's replies with statusCode 500 or more."),
    "batch": ("Failed items of batches", "failed", "The share of each version's items that failed."),
    "logs": ("Bad lines in the log", "bad", "The share of each version's requests that logged the pattern."),
}
"""By signal: the chart's title, what bad ones are, and what the chart shows."""
ALWAYS = ("errors", "slow")
"""Other signals get a chart if anything of them was bad."""


def charts(told: Told) -> Iterator[Chart]:
    """What there is to show. Nothing if green never had a share, or all of it at once."""
    span = _span(told)
    if span is None:
        return
    marks = tuple(_marks(told, span))
    yield _weights(told, span, marks)
    stretches = list(told.stretches("errors"))
    if any(each.green.requests or each.blue.requests for each in stretches):
        yield _requests(told, stretches, span, marks)
    for signal in told.signals():
        of_signal = list(told.stretches(signal))
        counted = [side for each in of_signal for side in (each.green, each.blue)]
        if any(side.requests for side in counted) and (signal in ALWAYS or any(side.bad for side in counted)):
            yield _bad(told, signal, of_signal, span, marks)
    if any(look.sees_green for look in told.looks):
        yield _odds(told, span, marks)


def limit(told: Told) -> float:
    """The log of the odds at which green is rolled back."""
    return -math.log(told.health.false_alarm)


def _span(told: Told) -> tuple[float, float] | None:
    if not told.shifts:
        return None
    first, last = told.shifts[0].at, max(told.ended_at, told.shifts[-1].at)
    if last - first < LEAST_SECONDS:
        return None
    return max(told.began_at, first - LEAD * (last - first)), last


def _marks(told: Told, span: tuple[float, float]) -> Iterator[Mark]:
    """What people and hooks did, and the end if it was no good one."""
    found = [Mark(order.at, order.order) for order in told.orders]
    found += [Mark(clock.moment(each["at"]), each["decision"]) for each in told.approvals if each.get("at")]
    found += [
        Mark(clock.moment(step.at), f"hook {step.evidence.get('moment')}")
        for step in told.steps
        if step.state == "RunHook" and step.evidence.get("moment")
    ]
    if told.record.alias_returned_at:
        found.append(Mark(clock.moment(told.record.alias_returned_at), "rolled back", "stop"))
    yield from (mark for mark in found if span[0] <= mark.at <= span[1])


def _weights(told: Told, span: tuple[float, float], marks: tuple[Mark, ...]) -> Chart:
    returned = told.record.alias_returned_at
    changes = [(span[0], 0.0), *((each.at, each.weight) for each in told.shifts)]
    changes += [(clock.moment(returned), 0.0)] if returned else []
    points = tuple(_stepped(changes, span[1]))
    green, blue = f"version {told.record.green} (green)", f"version {told.record.blue} (blue)"
    return Chart(
        title="Share of the alias",
        about=f"Green's share of {told.record.target}. Blue has the rest.",
        lines=(
            Line(green, "green", (points,), filled=True),
            Line(green, "green", (points,)),
            Line(blue, "blue", (tuple((at, 1 - weight) for at, weight in points),)),
        ),
        scale=chart.linear(1.0, percent),
        span=span,
        marks=marks,
        headings=("from", "green", "blue"),
        rows=tuple((_at(at, span), percent(weight), percent(1 - weight)) for at, weight in changes),
    )


def _requests(told: Told, stretches: Sequence[Stretch], span: tuple[float, float], marks: tuple[Mark, ...]) -> Chart:
    shown = merged(stretches, MOST_POINTS)
    rates = {
        side: [60 * getattr(each, side).requests / (each.end - each.begin) for each in shown]
        for side in ("green", "blue")
    }
    return Chart(
        title="Requests a minute",
        about="What each version got, when it came. CloudWatch's figures follow two to three minutes later.",
        lines=tuple(_line(told, side, shown, rates[side]) for side in ("green", "blue")),
        scale=chart.linear(max(*rates["green"], *rates["blue"]), lambda value: f"{value:,.4g}"),
        span=span,
        marks=marks,
        headings=("from", "to", "green", "blue"),
        rows=tuple(
            (_at(each.begin, span), _at(each.end, span), f"{each.green.requests:,}", f"{each.blue.requests:,}")
            for each in merged(stretches, MOST_ROWS)
        ),
    )


def _bad(
    told: Told, signal: str, stretches: Sequence[Stretch], span: tuple[float, float], marks: tuple[Mark, ...]
) -> Chart:
    shown = merged(stretches, MOST_POINTS)
    title, bad, about = BAD.get(signal, (signal, "bad", f"The share of each version that {signal} counts as bad."))
    if signal == "slow":
        about = _of_slow(told)
    rates = {side: [getattr(each, side).rate for each in shown] for side in ("green", "blue")}
    most = max((rate for of_side in rates.values() for rate in of_side if rate), default=0.0)
    return Chart(
        title=title,
        about=about,
        lines=tuple(_line(told, side, shown, rates[side]) for side in ("green", "blue")),
        scale=chart.linear(min(1.0, max(most, 0.01)), percent),
        span=span,
        marks=marks,
        headings=("from", "to", f"green, {bad}", f"blue, {bad}"),
        rows=tuple(
            (_at(each.begin, span), _at(each.end, span), counted(each.green), counted(each.blue))
            for each in merged(stretches, MOST_ROWS)
        ),
    )


def _of_slow(told: Told) -> str:
    learnt = told.health.slow_ms == "learn"
    slow_ms = (told.plan.past.slow_ms if told.plan else None) if learnt else told.health.slow_ms
    than = f"longer than {slow_ms:,} ms" if isinstance(slow_ms, int) else "longer than usual"
    whose = ", blue's 95th percentile before the deployment" if learnt else ""
    dry = " They were shown and decided nothing." if "slow" in told.health.dry_run else ""
    return f"The share of each version's requests that took {than}{whose}.{dry}"


def _odds(told: Told, span: tuple[float, float], marks: tuple[Mark, ...]) -> Chart:
    power = math.log(10)
    points = [(look.at, look.found.log_odds / power) for look in told.looks if look.found.findings]
    most = max([*(value for _, value in points), limit(told) / power])
    measured = [look for look in told.looks if look.found.findings]
    return Chart(
        title="Odds that green is worse",
        about="As each look knew them, to 1. Above the line green is rolled back.",
        lines=(Line("odds that green is worse", "odds", (tuple(_highest(points, MOST_POINTS)),) if points else ()),),
        scale=chart.logarithmic(LEAST_POWER, min(MOST_POWER, math.ceil(most + 0.3)), _of_power),
        span=span,
        marks=marks,
        limits=((limit(told) / power, f"{odds(limit(told) + EVEN)} rolls back"),),
        headings=("look at", "odds", "green failed", "blue failed"),
        rows=tuple(_of_look(look, span) for look in _highest_looks(measured, MOST_ROWS)),
    )


def _of_look(look: Look, span: tuple[float, float]) -> tuple[object, ...]:
    found = look.finding("errors")
    sides = (counted(found.green), counted(found.blue)) if found else ("-", "-")
    return (_at(look.at, span), odds(look.found.log_odds + EVEN), *sides)


def counted(counts: Counts) -> str:
    """Bad ones, all of them, and the share."""
    rate = f" ({percent(counts.rate)})" if counts.rate is not None else ""
    return f"{counts.bad:,} of {counts.requests:,}{rate}"


def _of_power(power: float) -> str:
    if power < 0:
        return f"1:{10**-power:,.0f}"
    return f"{10**power:,.0f}" if power < 6 else f"{10 ** (power - 6):,.0f} M"


def _line(told: Told, side: str, shown: Sequence[Stretch], values: Sequence[float | None]) -> Line:
    """A step for each stretch, with a gap where there is no value."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for each, value in zip(shown, values, strict=True):
        if value is None:
            pieces.append([])
        else:
            pieces[-1] += [(each.begin, value), (each.end, value)]
    version = told.record.green if side == "green" else told.record.blue
    return Line(f"version {version} ({side})", side, tuple(tuple(piece) for piece in pieces if piece))


def _stepped(changes: Sequence[tuple[float, float]], until: float) -> Iterator[tuple[float, float]]:
    for (at, value), (following, _) in pairwise([*changes, (until, 0.0)]):
        yield at, value
        yield following, value


def _highest(points: Sequence[tuple[float, float]], most: int) -> Iterator[tuple[float, float]]:
    for group in _groups(points, most):
        yield max(group, key=lambda point: point[1])


def _highest_looks(looks: Sequence[Look], most: int) -> Iterator[Look]:
    for group in _groups(looks, most):
        yield max(group, key=lambda look: look.found.log_odds)


def _groups(several: Sequence[T], most: int) -> Iterable[Sequence[T]]:
    size = max(1, math.ceil(len(several) / most))
    return (several[first : first + size] for first in range(0, len(several), size))


def _at(at: float, span: tuple[float, float]) -> str:
    """With the day, if there is more than one; with seconds, if minutes are too few."""
    begin, end = span
    day = f"{clock.iso(at)[5:10]} " if clock.iso(begin)[:10] != clock.iso(end)[:10] else ""
    return day + chart.clock(at, seconds=True)
