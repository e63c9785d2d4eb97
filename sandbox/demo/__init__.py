"""The demo: functions go from blue to green and back in an AWS of their own, while callers keep asking."""
