"""Looking at both versions: the metrics of all settled buckets since the first shift, and what they say together."""

from bluegreen.aws import metrics
from bluegreen.deployment import Plan
from bluegreen.health import bucket_of, settled_until
from bluegreen.traffic import Shift
from bluegreen.verdict import Bucket, Counts, Sides, Verdict, judge

COUNTED = ("Invocations", "Errors", "Throttles")


def look(plan: Plan, green: str, shift: Shift, now: float) -> Verdict:
    """The verdict on everything that is settled by now."""
    health = plan.health
    since, until = bucket_of(shift.shifts[0].at, health), settled_until(now, health)
    queries = [(version, metric, "Sum") for version in (plan.blue.version, green) for metric in COUNTED]
    series = metrics.read(plan.function, plan.alias, queries, since, until, health.period_seconds)

    def counts(version: str, start: int) -> dict[str, Counts]:
        invocations, errors, throttles = (round(series[version, metric, "Sum"].get(start, 0)) for metric in COUNTED)
        return {"errors": Counts(invocations, errors), "throttles": Counts(invocations + throttles, throttles)}

    def sides(start: int) -> dict[str, Sides]:
        blue, of_green = counts(plan.blue.version, start), counts(green, start)
        return {signal: Sides(blue=blue[signal], green=of_green[signal]) for signal in blue}

    return judge(
        Bucket(start, sides(start), weight_throughout(shift, start, health.period_seconds), health.period_seconds)
        for start in range(since, until, health.period_seconds)
    )


def weight_throughout(shift: Shift, start: int, period_seconds: int) -> float | None:
    """Green's weight in a bucket, None if it was shifted in the middle of it."""
    if any(start < each.at < start + period_seconds for each in shift.shifts):
        return None
    before = [each.weight for each in shift.shifts if each.at <= start]
    return before[-1] if before else 0.0
