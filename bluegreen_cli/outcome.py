"""How a deployment ended, in a sentence that says who serves now, and as an exit code."""

from dataclasses import dataclass
from typing import Any

from bluegreen.aws import executions
from bluegreen.decisions.route import Route
from bluegreen.document import Failure
from bluegreen_cli.format import duration, shares, versions
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.progress import Progress

EXIT_CODES = {
    "Deployed": 0,
    "NothingToDeploy": 0,
    "RolledBack": 1,
    "Rejected": 2,
    "RejectedWithoutRecord": 2,
    "RollbackFailed": 3,
}
"""Of the machine's ends; an execution that was stopped or timed out is 1."""
CUT_SHORT = 1


@dataclass(frozen=True)
class Ending:
    """What there is to say when the execution is over; `route` is None where Lambda could not be asked."""

    arn: str
    function: str
    alias: str
    progress: Progress
    route: Route | None

    @property
    def name(self) -> str:
        """The alias as people write it."""
        return f"{self.function}:{self.alias}"

    @property
    def exit_code(self) -> int:
        """For pipelines."""
        return EXIT_CODES.get(self.progress.end, CUT_SHORT)

    @property
    def why(self) -> str:
        """The error and its sentence, "" where it went well."""
        if not self.progress.error:
            return ""
        return f"{self.progress.error}: {self._cause}"

    @property
    def _cause(self) -> str:
        return Failure.model_validate({"Error": self.progress.error, "Cause": self.progress.cause}).sentence

    @property
    def serves(self) -> str:
        """Who serves now."""
        if self.route is None:
            return f"Who serves {self.name} now could not be read; `bluegreen status {self.function}` tells."
        return f"{self.name} is served by {versions(self.route)}."

    def sentence(self) -> str:
        """The last line that people read."""
        end, why = self.progress.end, _ended(self.why)
        if end == "Deployed":
            return f"Deployed in {self._took()}: {self.serves}"
        if end == "NothingToDeploy":
            return f"Nothing to deploy: that is what serves already. {self.serves}"
        if end in ("Rejected", "RejectedWithoutRecord"):
            return f"Rejected: {why} Nothing was touched.{f' {self.serves}' if self.route else ''}"
        if end == "RolledBack":
            return f"Rolled back after {self._took()}: {why} {self.serves}"
        if end == "RollbackFailed":
            return f"The rollback failed: {why} {self.serves} A person must look: {executions.console_link(self.arn)}"
        return (
            f"The execution is {self.progress.status} before it ended the deployment{f' ({why})' if why else ''}. "
            f"{self.serves} The next deployment of {self.name} puts back what this one left."
        )

    def to_json(self) -> dict[str, Any]:
        """For those who read stdout; `serving` is each version's share."""
        return {
            "deployment": self.arn.rpartition(":")[2],
            "execution": self.arn,
            "console": executions.console_link(self.arn),
            "function": self.function,
            "alias": self.alias,
            "end": self.progress.end or self.progress.status,
            "error": self.progress.error or None,
            "cause": self._cause if self.progress.error else None,
            "serving": shares(self.route) if self.route else None,
            "seconds": round(self._seconds(), 3),
        }

    def _seconds(self) -> float:
        if self.progress.at is None or self.progress.began is None:
            return 0.0
        return (self.progress.at - self.progress.began).total_seconds()

    def _took(self) -> str:
        return duration(self._seconds())


def ending(arn: str, function: str, alias: str, progress: Progress) -> Ending:
    """Asks Lambda itself who serves; what the deployment believes is not asked."""
    plan = progress.section("plan")
    function, alias = plan.get("function", function), plan.get("alias", alias)
    return Ending(arn, function, alias, progress, serving_if_known(function, alias))


def _ended(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
