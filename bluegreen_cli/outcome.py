"""How a deployment ended: a sentence that says which version serves now, an exit code, and JSON."""

from dataclasses import dataclass
from typing import Any

from bluegreen.aws import executions
from bluegreen.decisions.route import Route
from bluegreen.decisions.words import of_watched
from bluegreen.document import (
    DEPLOYED,
    NOTHING_TO_DEPLOY,
    REJECTED,
    REJECTED_WITHOUT_RECORD,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    Failure,
)
from bluegreen.errors import DeploymentError
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import duration, sentence
from bluegreen_cli import evidence
from bluegreen_cli.left import in_latest
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import NOTHING_TOUCHED
from bluegreen_cli.progress import Progress

EXIT_CODES = {
    DEPLOYED: 0,
    NOTHING_TO_DEPLOY: 0,
    ROLLED_BACK: 1,
    REJECTED: 2,
    REJECTED_WITHOUT_RECORD: 2,
    ROLLBACK_FAILED: 3,
}
"""By the state machine's ends. An execution that was stopped or timed out reaches none."""
CUT_SHORT = 1


@dataclass(frozen=True)
class Ending:
    """
    An execution that is over.

    `route` is None if Lambda does not say where the alias points now. `evidence` is that of the failed step, None if
    there is none. `latest` says how $LATEST differs from a version that was deployed, "" if it does not. `record` is
    that of a deployment that was rolled back or has keep_versions, None if the caller may not read it.
    """

    arn: str
    target: Target
    progress: Progress
    route: Route | None
    evidence: dict[str, Any] | None = None
    latest: str = ""
    record: Record | None = None

    @property
    def exit_code(self) -> int:
        """For pipelines."""
        return EXIT_CODES.get(self.progress.end, CUT_SHORT)

    @property
    def why(self) -> str:
        """The error and its cause, "" without an error."""
        if not self.progress.error:
            return ""
        return f"{self.progress.error}: {self._cause}"

    @property
    def _cause(self) -> str:
        return Failure.model_validate({"Error": self.progress.error, "Cause": self.progress.cause}).sentence

    @property
    def _tidied(self) -> str:
        return self.record.tidied if self.record else ""

    @property
    def serves(self) -> str:
        """Which version serves now."""
        if self.route is None:
            return (
                f"Lambda does not say which version serves {self.target}; "
                f"`bluegreen status {self.target.function} --alias {self.target.alias}` asks again."
            )
        return f"{self.target} is served by {self.route}."

    def said(self) -> str:
        """The last line on stdout."""
        end, why = self.progress.end, sentence(self.why) if self.why else ""
        if end == DEPLOYED:
            unknown = of_watched(self.progress.watched) if self.progress.watched else ""
            told = (f"Deployed in {self._took()}: {self.serves}", self.progress.untested, unknown, self._tidied)
            return " ".join(filter(None, told))
        if end == NOTHING_TO_DEPLOY:
            return f"Nothing to deploy: this code serves already, with these settings. {self.serves}"
        if end in (REJECTED, REJECTED_WITHOUT_RECORD):
            return f"Rejected: {why} {NOTHING_TOUCHED}{f' {self.serves}' if self.route else ''}"
        if end == ROLLED_BACK:
            return f"Rolled back after {self._took()}: {why} {self.serves}"
        if end == ROLLBACK_FAILED:
            return (
                f"The rollback failed: {why} {self.serves} An operator must look: {executions.console_link(self.arn)}"
            )
        return (
            f"The execution ended as {self.progress.status} before its deployment ended{f' ({why})' if why else ''}. "
            f"{self.serves} RecoverDeployments undoes the deployment within minutes."
        )

    def in_full(self) -> list[str]:
        """For stderr: a failed smoke test's values, what green's log has, what $LATEST has beside what serves."""
        quoted = self.record.quoted if self.record else ""
        return [*evidence.in_full(self.evidence), *filter(None, (quoted, self.latest))]

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout. `serving` is a version, or each version's share."""
        return {
            "deployment": self.arn.rpartition(":")[2],
            "execution": self.arn,
            "console": executions.console_link(self.arn),
            "function": self.target.function,
            "alias": self.target.alias,
            "end": self.progress.end or self.progress.status,
            "error": self.progress.error or None,
            "cause": self._cause if self.progress.error else None,
            "warnings": list(self.progress.warnings),
            "started_by": self.progress.started_by or None,
            "started_by_proved": self.progress.started_by_proved,
            "evidence": self.evidence,
            "serving": self.route.serving if self.route else None,
            "untested": self.progress.untested or None,
            "watched": self.progress.watched.model_dump() if self.progress.watched else None,
            "latest": self.latest or None,
            "deleted": list(self.record.deleted) if self.record and self.progress.end == DEPLOYED else None,
            "undeleted": self.record.undeleted if self.record else None,
            "complained": self.record.complained.model_dump() if self.record and self.record.complained else None,
            "seconds": round(self._seconds(), 3),
        }

    def _seconds(self) -> float:
        if self.progress.at is None or self.progress.began is None:
            return 0.0
        return (self.progress.at - self.progress.began).total_seconds()

    def _took(self) -> str:
        return duration(self._seconds())


def ending(arn: str, target: Target, progress: Progress) -> Ending:
    """Asks Lambda which version serves and, after a rollback by hand, what $LATEST has; the ledger for the evidence."""
    asked = {"function": progress.function, "alias": progress.alias}
    target = target.model_copy(update={name: value for name, value in asked.items() if value})
    found = evidence.of_failure(arn.rpartition(":")[2], progress)
    went_to = (
        progress.green if progress.end == DEPLOYED and progress.section("deployment").get("brings") == "version" else ""
    )
    left = in_latest(target, went_to) if went_to else ""
    tidied = progress.end == DEPLOYED and progress.request.get("keep_versions") is not None
    record = _record(arn) if tidied or progress.end == ROLLED_BACK else None
    return Ending(arn, target, progress, serving_if_known(target), found, left, record)


def _record(arn: str) -> Record | None:
    try:
        return deployments.find(arn.rpartition(":")[2])
    except (DeploymentError, ValueError):
        return None
