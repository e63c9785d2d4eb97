"""What the watch sees: requests and bad ones among them, for blue and for green, in buckets of time."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """
    Requests of one version, and how many of them were bad.

    CloudWatch may publish a failure before the invocation it belongs to: more bad ones than requests
    are that many requests.
    """

    requests: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if self.requests < 0 or self.bad < 0:
            raise ValueError(f"counts cannot be negative: {self.bad} bad of {self.requests}")
        if self.bad > self.requests:
            object.__setattr__(self, "requests", self.bad)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.requests + other.requests, self.bad + other.bad)

    def without(self, bad: int) -> "Counts":
        """Without up to so many bad ones."""
        left_out = min(bad, self.bad)
        return Counts(self.requests - left_out, self.bad - left_out)


@dataclass(frozen=True, slots=True)
class Sides:
    """
    The same figures of both versions, side by side.

    At most so many of the requests were routed `together`, as the items of a batch are.
    """

    blue: Counts = Counts()
    green: Counts = Counts()
    together: int = 1

    def __add__(self, other: "Sides") -> "Sides":
        return Sides(self.blue + other.blue, self.green + other.green, max(self.together, other.together))


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    A settled stretch of time: `signals` has the sides of every signal that was measured in it.

    `start` is in seconds since 1970 and names the bucket: of two with the same start the later in
    the sequence counts, which is how a revised one replaces what it revises. `green_weight` is the largest weight that
    green had in the bucket, None if it is not known. If it `changed` within the bucket, `lasting_weight` is the one
    that green had for nearly all of it, if there is one. `covered` is False if green got its first share within the
    bucket. `busy` is how many requests green served at a time, on average.
    """

    start: int
    signals: Mapping[str, Sides]
    green_weight: float | None = None
    period_seconds: int = 60
    covered: bool = True
    changed: bool = False
    lasting_weight: float | None = None
    busy: float = 0.0

    def __post_init__(self) -> None:
        if self.green_weight is not None and not 0 <= self.green_weight <= 1:
            raise ValueError(f"a weight is a fraction from 0 to 1, not {self.green_weight}")
        if self.period_seconds <= 0:
            raise ValueError(f"a bucket lasts a second or more, not {self.period_seconds}")
