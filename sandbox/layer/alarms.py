"""Metric alarms look by themselves, as CloudWatch's do: M of N periods, what missing data means, and back to OK."""

from __future__ import annotations

import contextvars
import json
import logging
import operator
import time
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch

from sandbox.layer import metrics, statistics

LOOK_EVERY_SECONDS = 1.0
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}

log = logging.getLogger("sandbox.alarms")


def evaluate_alarm(original: Any) -> Any:
    """Move one alarm to the state it should be in, and tell whom it tells."""

    def _evaluate_alarm(alarm: dict[str, Any]) -> None:
        old, new = alarm["StateValue"], state_of(alarm)
        if new is None or new == old:
            return
        reason = (
            f"{alarm['ComparisonOperator']} {alarm['Threshold']} over {alarm['EvaluationPeriods']} period(s): {new}"
        )
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    return _evaluate_alarm


def dispatch_alarm_actions(original: Any) -> Any:
    """Tell whom the alarm tells, and write into its history that it did: an entry for each of them."""

    def _dispatch_alarm_actions(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
        original(alarm, old, new, reason)
        if not alarm.get("ActionsEnabled", True):
            return
        for action in alarm.get(ACTIONS[new]) or []:
            entry = {
                "AlarmName": alarm["AlarmName"],
                "AlarmType": "MetricAlarm" if alarm["AlarmName"] in cloudwatch._alarms else "CompositeAlarm",
                "Timestamp": cloudwatch._ts_iso(time.time()),
                "HistoryItemType": "Action",
                "HistorySummary": f"Successfully executed action {action}",
                "HistoryData": json.dumps({"actionState": "Succeeded", "notificationResource": action}),
            }
            cloudwatch._history_entries().append(entry)

    return _dispatch_alarm_actions


def metric_alarm_record(original: Any) -> Any:
    """A template's alarm, also one on an expression."""

    def _cw_metric_alarm_record(name: str, props: dict[str, Any]) -> dict[str, Any]:
        queries = props.get("Metrics")
        if not queries:
            record: dict[str, Any] = original(name, props)
            return record
        single = {key: value for key, value in props.items() if key != "Metrics"}
        period = next(query["MetricStat"]["Period"] for query in queries if "MetricStat" in query)
        record = original(name, single | {"MetricName": "-", "Namespace": "-", "Period": period})
        return record | {"Metrics": queries, "MetricName": None, "Namespace": None}

    return _cw_metric_alarm_record


def state_of(alarm: dict[str, Any]) -> str | None:
    """The state by the last periods whose data is out; None where it stays as it is, or we cannot tell."""
    if alarm["ComparisonOperator"] not in COMPARISONS:
        return None
    period, periods = alarm["Period"], alarm["EvaluationPeriods"]
    end = metrics.published_until(namespace_of(alarm)) // period * period
    found = watched(alarm, end - period * periods, end)
    breaching = [COMPARISONS[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in found.values()]
    missing = alarm.get("TreatMissingData", "missing")
    if not found and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else None
    breaching += [missing == "breaching"] * (periods - len(found)) if missing != "missing" else []
    return "ALARM" if sum(breaching) >= min(alarm.get("DatapointsToAlarm", periods), periods) else "OK"


def namespace_of(alarm: dict[str, Any]) -> str:
    """Whose metric the alarm watches; the first metric's, where it watches an expression."""
    metrics_watched = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics") or [] if "MetricStat" in query]
    named: str = metrics_watched[0]["Namespace"] if metrics_watched else alarm["Namespace"]
    return named


def watched(alarm: dict[str, Any], start: float, end: float) -> statistics.Series:
    """The series that the alarm compares: its one metric, or the one of its queries that returns data."""
    if queries := alarm.get("Metrics"):
        shown = next(query["Id"] for query in queries if str(query.get("ReturnData", True)).lower() != "false")
        return statistics.evaluate(queries, start, end)[shown]
    metric = {"Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"]}
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    return statistics.series({"Metric": metric, "Period": alarm["Period"], "Stat": statistic}, start, end)


def look_for_ever() -> None:
    """Evaluate every account's and region's alarms, each in its own scope."""
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        for account, region in {key[:2] for key, _ in cloudwatch._alarms.all_items()}:
            contextvars.copy_context().run(look, account, region)


def look(account: str, region: str) -> None:
    """Evaluate the alarms of one account and region."""
    responses._request_account_id.set(account)
    responses._request_region.set(region)
    for alarm in cloudwatch._alarms.values():
        try:
            cloudwatch._evaluate_alarm(alarm)
        except Exception:
            log.exception("alarm %s", alarm["AlarmName"])
