"""Figures as people write them."""

from datetime import UTC, datetime


def percent(share: float) -> str:
    """A fraction in percent: `10 %`."""
    return f"{100 * share:.4g} %"


def time_of_day(moment: datetime) -> str:
    """In UTC, as records, approvals and logs have it: `09:00:05Z`."""
    return f"{moment.astimezone(UTC):%H:%M:%SZ}"
