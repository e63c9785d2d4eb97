"""Setting every alarm of the stack off, and reading in its history whether CloudWatch ran its actions."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bluegreen import clock
from bluegreen.aws.alarms import RED
from bluegreen_cli.doctor.patient import Patient

REASON = "`bluegreen doctor` sets it off to see whether its actions run; nothing is wrong"
DONE = "Successfully executed action"
"""The beginning of CloudWatch's summary of an action that was done. Any other summary has the error."""
MOST_NAMES = 100
"""Alarms that one call of DescribeAlarms may name."""


@dataclass(frozen=True)
class Rung:
    """
    An alarm that was set off: its actions, and what CloudWatch's history says of each, "" where it says nothing.

    `red` was in ALARM already, and was not set off.
    """

    name: str
    actions: tuple[str, ...]
    red: bool = False
    told: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def silent(self) -> tuple[str, ...]:
        """The actions of which the history says nothing."""
        return tuple(action for action in self.actions if action not in self.told)


def ring(patient: Patient) -> tuple[Rung, ...]:
    """Set all alarms off at once, and set each back that did not go back by itself."""
    api = patient.services.alarms
    alarms = [
        alarm for names in _pages(_names(patient)) for alarm in api.describe_alarms(AlarmNames=names)["MetricAlarms"]
    ]
    quiet = [alarm for alarm in alarms if alarm["StateValue"] != RED]
    began = datetime.fromtimestamp(int(time.time()) - 1, UTC)
    try:
        for alarm in quiet:
            api.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=RED, StateReason=REASON)
        heard = _heard(patient, quiet, began)
    finally:
        for alarm in quiet:
            api.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=alarm["StateValue"], StateReason=REASON)
    return tuple(
        Rung(
            alarm["AlarmName"],
            _actions(alarm),
            red=alarm["StateValue"] == RED,
            told=tuple(each for each in _actions(alarm) if heard.get((alarm["AlarmName"], each)) == ""),
            failed=tuple(filter(None, (heard.get((alarm["AlarmName"], each)) for each in _actions(alarm)))),
        )
        for alarm in alarms
    )


def _names(patient: Patient) -> list[str]:
    pages = patient.services.stacks.get_paginator("list_stack_resources").paginate(StackName=patient.stack.name)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == "AWS::CloudWatch::Alarm"]


def _pages(names: list[str]) -> Iterable[list[str]]:
    return (names[first : first + MOST_NAMES] for first in range(0, len(names), MOST_NAMES))


def _actions(alarm: Any) -> tuple[str, ...]:
    """Its actions when it goes off; none if its actions are switched off."""
    return tuple(alarm.get("AlarmActions", [])) if alarm.get("ActionsEnabled", True) else ()


def _heard(patient: Patient, alarms: list[Any], began: datetime) -> dict[tuple[str, str], str]:
    """By alarm and action: "" for an action that was done, or why it failed. An alarm without an action is left out."""
    wanted = {(alarm["AlarmName"], action) for alarm in alarms for action in _actions(alarm)}
    heard: dict[tuple[str, str], str] = {}
    until = time.monotonic() + patient.pace.patience_for_settings
    while wanted - heard.keys() and time.monotonic() < until:
        for name in sorted({name for name, _ in wanted - heard.keys()}):
            answer = patient.services.alarms.describe_alarm_history(
                AlarmName=name, HistoryItemType="Action", StartDate=began, ScanBy="TimestampDescending"
            )
            for item in answer["AlarmHistoryItems"]:
                for alarm, action in wanted:
                    if alarm == name and action in item["HistorySummary"]:
                        heard.setdefault((name, action), _failure(item["HistorySummary"]))
        clock.sleep(min(2.0, patient.pace.between_looks))
    return heard


def _failure(summary: str) -> str:
    """Why an action failed; "" if it did not. (The entry's data may be cut off in the middle of its JSON.)"""
    return "" if summary.startswith(DONE) else summary
