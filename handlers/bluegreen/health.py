"""How the health of green is watched: the request's settings, and when metrics may be believed."""

from typing import Annotated

from pydantic import Field, field_validator

from bluegreen.model import Frozen

HIGH_RESOLUTION_PERIODS = (1, 5, 10, 30)


class Health(Frozen):
    """
    Settings of the watch. Metrics come in buckets of `period_seconds` and are believed
    `delay_seconds` after a bucket ended (Lambda publishes minutes about two minutes late).
    """

    period_seconds: int = 60
    delay_seconds: Annotated[int, Field(ge=0, le=900)] = 120

    @field_validator("period_seconds")
    @classmethod
    def a_period_of_cloudwatch(cls, seconds: int) -> int:
        """CloudWatch aggregates over these periods only."""
        if seconds in HIGH_RESOLUTION_PERIODS or (seconds > 0 and seconds % 60 == 0):
            return seconds
        raise ValueError(f"{seconds} is no period of CloudWatch; write 1, 5, 10, 30 or a multiple of 60")


def settled_until(now: float, health: Health) -> int:
    """The end of the last bucket that is complete and published, in seconds since 1970."""
    return int((now - health.delay_seconds) // health.period_seconds) * health.period_seconds


def bucket_of(moment: float, health: Health) -> int:
    """The start of the bucket that a moment falls into."""
    return int(moment // health.period_seconds) * health.period_seconds
