"""How a release ended: a sentence that says who serves now, an exit code, and JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bluegreen.aws import executions
from bluegreen.document import NOTHING_TO_DEPLOY, REJECTED, ROLLBACK_FAILED, ROLLED_BACK
from bluegreen.ledger.releases import RELEASED
from bluegreen.text import duration, sentence
from bluegreen_cli.outcome import CUT_SHORT
from bluegreen_cli.problems import NOTHING_TOUCHED
from bluegreen_cli.releases.told import Told, of_failure

EXIT_CODES = {RELEASED: 0, NOTHING_TO_DEPLOY: 0, ROLLED_BACK: 1, REJECTED: 2, ROLLBACK_FAILED: 3}
"""By the state machine's ends, as those of a deployment."""


@dataclass(frozen=True)
class Ending:
    """A release that is over. `takes_back` is the id of the one that it rolled back, if that is known."""

    told: Told
    takes_back: str = ""

    @property
    def exit_code(self) -> int:
        """For pipelines."""
        return EXIT_CODES.get(self.told.record.state, CUT_SHORT)

    def said(self) -> str:
        """The last line on stdout."""
        record, took = self.told.record, duration(self.told.seconds)
        why = sentence(f"{record.error}: {record.cause or ''}") if record.error else ""
        match record.state:
            case state if state == RELEASED:
                return " ".join(filter(None, (f"Released in {took}:", self.serves)))
            case state if state == NOTHING_TO_DEPLOY:
                return "Nothing to deploy: every function serves this code already, with these settings."
            case state if state == REJECTED:
                return f"Rejected: {why} {NOTHING_TOUCHED}"
            case state if state == ROLLED_BACK:
                return f"Rolled back after {took}: {why} {self.serves}"
            case _:
                return f"The rollback failed: {why} {self.serves} An operator must look: {self.console}"

    @property
    def serves(self) -> str:
        """How many functions serve which of their versions."""
        counts, all_ = self.told.counts, len(self.told.members)
        again = f"serve again the version that served before {self.takes_back}"
        parts = [
            (counts["deployed"], again if self.takes_back else "serve their new version"),
            (counts["back"] + counts["refused"], "serve the version before"),
            (counts["nothing"], "had this code already"),
            (counts["stuck"], "could not be put back"),
        ]
        said = ", ".join(f"{number} {what}" for number, what in parts if number)
        return f"Of {all_} function{'s' if all_ > 1 else ''} {said}." if said else ""

    @property
    def console(self) -> str:
        """The link to the execution that ended it."""
        return executions.console_link(self.told.record.execution)

    def in_full(self) -> Iterator[str]:
        """The functions that failed, and the command for each whose alias an operator must move; for stderr."""
        for each in self.told.failed:
            yield of_failure(each)
        for each in self.told.members:
            if each.state == "stuck" and each.blue:
                yield f"{each.target.said}: put blue back by hand with `{each.target.by_hand(each.blue)}`"

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout."""
        record = self.told.record
        return {
            "release": record.id,
            "execution": record.execution,
            "console": self.console,
            "end": record.state,
            "error": record.error,
            "cause": record.cause,
            "failed": [each.name for each in self.told.failed],
            "started_by": record.started_by,
            "started_by_proved": record.started_by_proved,
            "functions": [each.to_json() for each in self.told.members],
            "seconds": round(self.told.seconds, 3),
        }
