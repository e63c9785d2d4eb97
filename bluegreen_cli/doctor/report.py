"""The result of an examination: a line for each assumption, JSON, an exit code, and a line of `bluegreen status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bluegreen.ledger.checkup import Checkup
from bluegreen.text import duration, sentence
from bluegreen_cli.doctor.assumptions import DIFFERS, HELD, UNSEEN
from bluegreen_cli.doctor.examination import Finding
from bluegreen_cli.doctor.summary import counted

SAID = {HELD: "held", DIFFERS: "differs", UNSEEN: "could not be seen"}
ALL_HELD, SOMETHING_DIFFERS, SOMETHING_UNSEEN = 0, 1, 4
"""Exit codes. What the caller left out does not count."""


@dataclass(frozen=True)
class Report:
    """
    A whole examination: its findings, `seconds` and `calls` of AWS that it took, and what it could not delete.

    `at` is its end, ISO 8601, UTC.
    """

    findings: tuple[Finding, ...]
    at: str
    by: str
    function: str
    seconds: float
    calls: int
    delay_seconds: int | None
    left: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """For pipelines."""
        if self.ids(DIFFERS):
            return SOMETHING_DIFFERS
        unseen = [each for each in self.findings if each.judgement.kind == UNSEEN and not each.left_out]
        return SOMETHING_UNSEEN if unseen else ALL_HELD

    def ids(self, kind: str) -> tuple[str, ...]:
        """The ids of the assumptions with this result."""
        return tuple(each.assumption.id for each in self.findings if each.judgement.kind == kind)

    def lines(self) -> Iterator[str]:
        """A line for each assumption, then the sums."""
        for each in self.findings:
            judgement = each.judgement
            means = f" It means: {sentence(judgement.means)}" if judgement.means else ""
            said = f"{SAID[judgement.kind]}: {each.assumption.id}. {each.assumption.assumes}"
            yield f"{said} {_capital(sentence(judgement.seen))}{means}"
        yield (
            f"{counted(self.ids(HELD), self.ids(DIFFERS), self.ids(UNSEEN))}; "
            f"{duration(self.seconds)}, {self.calls:,} calls of AWS."
        )
        if self.delay_seconds is not None:
            yield f"Lambda's metrics suggest health.delay_seconds: {self.delay_seconds}."

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout."""
        return {
            "at": self.at,
            "by": self.by,
            "function": self.function,
            "held": len(self.ids(HELD)),
            "differs": len(self.ids(DIFFERS)),
            "unseen": len(self.ids(UNSEEN)),
            "delay_seconds": self.delay_seconds,
            "seconds": round(self.seconds, 1),
            "calls": self.calls,
            "left": list(self.left),
            "assumptions": [
                {
                    "id": each.assumption.id,
                    "assumes": each.assumption.assumes,
                    "verdict": each.judgement.kind,
                    "seen": each.judgement.seen,
                    "means": each.judgement.means or None,
                }
                for each in self.findings
            ],
        }

    def checkup(self) -> Checkup:
        """For the table."""
        return Checkup(
            at=self.at,
            by=self.by,
            held=self.ids(HELD),
            differs=self.ids(DIFFERS),
            unseen=self.ids(UNSEEN),
            delay_seconds=self.delay_seconds,
            report=self.to_json(),
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
