"""
The metrics of the stack's dashboard: lines of the log in CloudWatch's embedded metric format, which need no call.

docs/dashboard.md says what each of them means.
"""

import logging
from typing import NamedTuple

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from bluegreen import clock
from bluegreen.document import DEPLOYED
from bluegreen.ledger.record import Record

logger = logging.getLogger(__name__)


class Metric(NamedTuple):
    """Its unit, and its dimensions beside `service`, which is the stack's name."""

    unit: MetricUnit
    dimensions: tuple[str, ...] = ()


METRICS = {
    "Deployments": Metric(MetricUnit.Count, ("end",)),
    "TimeToVerdict": Metric(MetricUnit.Seconds, ("end",)),
    "TimeToBlue": Metric(MetricUnit.Seconds),
    "RequestsHarmed": Metric(MetricUnit.Count),
    "DeploymentFrequency": Metric(MetricUnit.Count, ("function", "alias")),
    "ChangeFailureRate": Metric(MetricUnit.Percent, ("function", "alias")),
    "DeploymentsRunning": Metric(MetricUnit.Count),
    "DeploymentsWaiting": Metric(MetricUnit.Count),
    "UploadsWaiting": Metric(MetricUnit.Count),
}


def ended(record: Record) -> None:
    """Count an end, at its own moment. The caller makes sure that each end is counted once."""
    target = record.target
    function = target.function_key if target.elsewhere else target.function
    dimensions = {"end": record.state, "function": function, "alias": target.alias}
    _write(_of_end(record), dimensions, record.ended_at)


def standing(**figures: float) -> None:
    """How many deployments or uploads there are now. To write that again is harmless: the dashboard shows the most."""
    _write(figures, {}, None)


def _of_end(record: Record) -> dict[str, float]:
    """Only a deployment that began to shift its alias is a change to users."""
    if not record.weights or record.alias_outcome == "never_moved":
        return {"Deployments": 1}
    failed = record.state != DEPLOYED or record.goes_back
    found = {
        "Deployments": 1,
        "DeploymentFrequency": 1,
        "ChangeFailureRate": 100 if failed else 0,
        "TimeToVerdict": _seconds(record.shifted_at, record.undoing_at or record.ended_at),
        "TimeToBlue": _seconds(record.undoing_at, record.alias_returned_at),
        "RequestsHarmed": record.harmed,
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _seconds(start: str | None, end: str | None) -> float | None:
    return max(0.0, clock.moment(end) - clock.moment(start)) if start and end else None


def _write(figures: dict[str, float], values: dict[str, str], at: str | None) -> None:
    """A line for each set of dimensions. A fault here must not stop a deployment."""
    try:
        for dimensions in {METRICS[name].dimensions for name in figures}:
            line = EphemeralMetrics()
            for dimension in dimensions:
                line.add_dimension(dimension, values[dimension])
            for name, figure in figures.items():
                if METRICS[name].dimensions == dimensions:
                    line.add_metric(name, METRICS[name].unit, figure)
            line.timestamp = round(clock.moment(at) * 1000) if at else None
            line.flush_metrics()
    except Exception:
        logger.exception("not counted: %s", figures)
