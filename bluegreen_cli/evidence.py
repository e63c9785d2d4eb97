"""
What the states noted of a deployment: every step, and the evidence of the one that failed.

An error's text names the fields of a reply that differ. The values at the places that the smoke test names are in the
ledger's audit only.
"""

from collections.abc import Iterator
from typing import Any

from bluegreen import clock
from bluegreen.errors import DeploymentError
from bluegreen.ledger import audit
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.text import plain
from bluegreen_cli.progress import GOING_BACK, LONGEST_NAME, Progress


def of_failure(deployment: str, progress: Progress) -> dict[str, Any] | None:
    """None without a failed step, and if the caller may not read the ledger."""
    error = progress.section("failure").get("Error") or progress.error
    if not error:
        return None
    began = clock.iso(progress.began.timestamp()) if progress.began else ""
    try:
        for step in steps(of_deployment(deployment)):
            of_this_execution = step.at >= began  # after 90 days another execution may have had the name
            if of_this_execution and step.state not in GOING_BACK and step.evidence.get("error") == error:
                return step.evidence
    except (DeploymentError, ValueError):
        pass
    return None


def in_full(evidence: dict[str, Any] | None) -> list[str]:
    """What a failed smoke test expected and what came at the places that it names; a line each."""
    mismatches = (evidence or {}).get("mismatches")
    if not evidence or not isinstance(mismatches, list):
        return []
    case = plain(evidence.get("case"), LONGEST_NAME)
    return [f"The smoke test {case!r} in full:", *(f"  {plain(mismatch)}" for mismatch in mismatches)]


def steps(owner: Owner) -> Iterator[audit.Step]:
    """Everything that the states did, in order, page by page."""
    following = ""
    while True:
        page, following = audit.steps(owner, following)
        yield from page
        if not following:
            return
