"""What became of one deployment, and of those who called meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.demo.callers import Tally


@dataclass(frozen=True)
class Expected:
    """How a deployment is to end; `error` is why it is rolled back, None where it is not."""

    end: str
    error: str | None = None


DEPLOYED = Expected("Deployed")
UNHEALTHY = Expected("RolledBack", "GreenUnhealthy")
SMOKE_TEST_FAILED = Expected("RolledBack", "SmokeTestFailed")


@dataclass(frozen=True)
class Chapter:
    """A deployment that is over. `green` is None if it did not come to a version."""

    function: str
    code: str
    how: str
    expected: Expected
    ended: str
    error: str | None
    cause: str | None
    path: list[str]
    blue: str
    green: str | None
    serving: str
    seconds: float
    tally: Tally

    @property
    def harmed(self) -> int:
        """The requests that went wrong otherwise than by the bad version itself."""
        return self.tally.harmed(self.green if self.expected.error else None)

    def complaints(self) -> list[str]:
        """What is not as it should be."""
        found = []
        if (self.ended, self.error) != (self.expected.end, self.expected.error):
            found.append(f"it ended {self.ended} ({self.error}: {self.cause})")
        should_serve = self.blue if self.expected.error else self.green
        if self.serving != should_serve:
            found.append(f"version {self.serving} serves, not version {should_serve}")
        if not self.tally.served[str(should_serve)]:
            found.append(f"no caller met version {should_serve}")
        if self.harmed:
            found.append(f"{self.harmed} requests harmed: {answers(self.tally)} {self.tally.lost[:1]}")
        return [f"{self.function} {self.code} should end {self.expected.end}: {complaint}" for complaint in found]

    def to_json(self) -> dict[str, Any]:
        """Everything, for a test to read."""
        return {
            "function": self.function,
            "code": self.code,
            "how": self.how,
            "ended": self.ended,
            "error": self.error,
            "cause": self.cause,
            "path": self.path,
            "blue": self.blue,
            "green": self.green,
            "serving": self.serving,
            "seconds": round(self.seconds, 1),
            "requests": self.tally.requests,
            "served": dict(self.tally.served),
            "failed": dict(self.tally.failed),
            "lost": self.tally.lost,
            "harmed": self.harmed,
        }


def path_of(history: Sequence[dict[str, Any]]) -> list[str]:
    """The states in the order they were entered."""
    entered = (event.get("stateEnteredEventDetails") for event in history)
    return [details["name"] for details in entered if details]


def green_of(history: Sequence[dict[str, Any]]) -> str | None:
    """The version that was to serve, if it came to that."""
    for event in reversed(history):
        document = json.loads(event.get("stateExitedEventDetails", {}).get("output") or "{}")
        if green := document.get("green"):
            return str(green["version"])
    return None


def answers(tally: Tally) -> str:
    """`861 by version 1, 393 by version 2, 7 errors of version 2`."""
    said = [f"{count:,} by version {version}" for version, count in sorted(tally.served.items())]
    said += [f"{count:,} errors of version {version}" for version, count in sorted(tally.failed.items())]
    said += [f"{len(tally.lost):,} lost"] if tally.lost else []
    return ", ".join(said) or "none"
