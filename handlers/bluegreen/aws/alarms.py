"""The CloudWatch alarms that users name."""

from collections.abc import Sequence

from bluegreen.aws.client import client, in_our_words
from bluegreen.target import Target

RED, UNKNOWN, GREEN = "ALARM", "INSUFFICIENT_DATA", "OK"


MOST_NAMES = 100
"""DescribeAlarms takes so many in a call (API reference), and has them on one page."""


def states(target: Target, names: Sequence[str]) -> dict[str, str]:
    """The state of each that exists: ALARM, INSUFFICIENT_DATA or OK."""
    found: dict[str, str] = {}
    for first in range(0, len(names), MOST_NAMES):
        with in_our_words():
            answer = client("cloudwatch", target).describe_alarms(
                AlarmNames=list(names[first : first + MOST_NAMES]),
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                MaxRecords=MOST_NAMES,
            )
            alarms = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
            found |= {str(alarm["AlarmName"]): str(alarm["StateValue"]) for alarm in alarms}
    return found
