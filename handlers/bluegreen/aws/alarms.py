"""The CloudWatch alarms that users name."""

from bluegreen.aws.client import client, in_our_words
from bluegreen.target import Target

RED, UNKNOWN, GREEN = "ALARM", "INSUFFICIENT_DATA", "OK"


def states(target: Target, names: tuple[str, ...]) -> dict[str, str]:
    """The state of each that exists: ALARM, INSUFFICIENT_DATA or OK."""
    if not names:
        return {}
    with in_our_words():
        answer = client("cloudwatch", target).describe_alarms(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=100
        )
        found = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
        return {str(alarm["AlarmName"]): str(alarm["StateValue"]) for alarm in found}
