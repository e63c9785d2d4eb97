"""The one clock of the handlers, so that a test can hold it."""

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since 1970, as CloudWatch's timestamps are."""
    return time.time()


def sleep(seconds: float) -> None:
    """Wait inside a handler: for AWS to finish what takes seconds, never for a bake."""
    time.sleep(seconds)


def moment(text: str) -> float:
    """The seconds since 1970 of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


def iso(moment: float) -> str:
    """A moment as people and DynamoDB sort it: UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
