"""The times of an examination. All depend on CloudWatch's minute, which the embedded AWS can shorten."""

from dataclasses import dataclass

MOST_CALLS_A_SECOND = 20.0


@dataclass(frozen=True)
class Pace:
    """All times of an examination, in seconds, from the length of a minute."""

    minute: int = 60

    @property
    def delay(self) -> int:
        """`health.delay_seconds` of a request that names none."""
        return 2 * self.minute

    @property
    def between_calls(self) -> float:
        """Two calls a second, where a minute has sixty."""
        return max(self.minute / 120, 1 / MOST_CALLS_A_SECOND)

    @property
    def between_looks(self) -> float:
        """Seconds between two reads of something that takes minutes."""
        return self.minute / 10

    @property
    def calling(self) -> float:
        """How long the calls last whose metrics are counted."""
        return 2.0 * self.minute

    @property
    def patience_for_metrics(self) -> float:
        """How long the doctor waits for their metrics."""
        return max(8.0 * self.minute, 30.0)

    @property
    def patience_for_settings(self) -> float:
        """How long IAM, Lambda's concurrency and alarms may take for a change."""
        return max(2.0 * self.minute, 20.0)

    @property
    def patience_for_uploads(self) -> float:
        """S3 sends the events of most uploads within seconds, and of some after a minute or longer."""
        return max(5.0 * self.minute, 30.0)

    @property
    def patience_for_deployments(self) -> float:
        """How long the doctor waits for a deployment, which takes five minutes unless Lambda is slow."""
        return max(20.0 * self.minute, 120.0)
