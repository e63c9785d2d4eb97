"""The last day of a function in CloudWatch, by one call."""

from collections.abc import Iterable

from bluegreen import clock
from bluegreen.aws import metrics
from bluegreen.aws.functions import Function
from bluegreen.aws.metrics import Query, Series
from bluegreen.model import Frozen
from bluegreen.request.health import MetricPair
from bluegreen.target import Target

DAY, HOUR = 24 * 3600, 3600


class Day(Frozen):
    """
    Invocations of the function itself and of the alias, the highest concurrency, and the metrics without data that the
    function should write.

    `peak` is the function's own if it has a reserved concurrency, and else that of all functions that share the
    account's; None if there is no figure.
    """

    of_itself: int = 0
    of_alias: int = 0
    peak: int | None = None
    without_data: tuple[str, ...] = ()


def read(target: Target, blue: str, function: Function, pairs: Iterable[MetricPair]) -> Day:
    """Only the metric of blue's requests must have data; the one of bad requests may have none."""
    itself = metrics.of_resource(target, target.function, "Invocations")
    alias = metrics.of_resource(target, str(target), "Invocations")
    peak = (
        metrics.of_account("UnreservedConcurrentExecutions", "Maximum")
        if function.reserved_concurrency is None
        else metrics.of_function(target, "ConcurrentExecutions", "Maximum")
    )
    own = {pair.name: metrics.of_pair(pair, blue, pair.requests) for pair in pairs}
    until = int(clock.now()) + 1
    found = metrics.read(target, [itself, alias, peak, *own.values()], until - DAY, until, HOUR)
    return Day(
        of_itself=_sum(found, itself),
        of_alias=_sum(found, alias),
        peak=round(max(found[peak].values())) if found[peak] else None,
        without_data=tuple(name for name, query in own.items() if not found[query]),
    )


def _sum(found: dict[Query, Series], query: Query) -> int:
    return round(sum(found[query].values()))
