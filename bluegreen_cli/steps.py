"""What a state did that did not fail, in a sentence: for `show` and for a report. It has no reply of a smoke test."""

from typing import Any

from bluegreen.ledger.audit import Step
from bluegreen.text import sentence


def did(step: Step) -> str:
    """By what the state noted; "" for one that notes nothing more than that it was there."""
    noted = step.evidence
    match step.state:
        case "OpenDeployment":
            to_do = f"{noted.get('artifact')} is to be deployed by {noted.get('traffic')}"
            return f"Version {noted.get('blue')} serves. {to_do}."
        case "OpenMember":
            return f"Version {noted.get('blue')} serves."
        case "NoteStaged":
            return f"Version {noted.get('green')} is ready for its wave."
        case "SmokeTest" | "SmokeTestGreen":
            return str(noted.get("untested") or f"Passed on {_qualifier(noted)}: {_tests(noted)}.")
        case "PublishVersion":
            return f"Published version {noted.get('version')}."
        case "RunHook":
            return f"It may go on, as answered by {hook(step)}."
        case "AwaitApproval":
            return f"Step {noted.get('step')} waits for a person's approval, until {noted.get('ends_at')} at most."
        case "UpdateCode" | "MendLatest":
            return f"$LATEST has the code {noted.get('sha256')}."
        case "CompleteDeployment":
            return f"Version {noted.get('serving')} serves every request."
        case "RecoverPrevious":
            recovered = _listed(noted.get("recovered"))
            return f"Undid {recovered}, whose execution had ended." if recovered else "Found nothing to undo."
        case "DeleteVersions":
            deleted, stopped = _listed(noted.get("deleted")), noted.get("stopped")
            why = f" {sentence(f'It stopped: {stopped}')}" if stopped else ""
            return f"Old versions deleted: {deleted or 'none'}.{why}"
        case _:
            return ""


def hook(step: Step) -> str:
    """Which one, when, and for how long."""
    noted = step.evidence
    return f"{noted['hook']} ({noted.get('moment')}), {noted.get('seconds')} s" if noted.get("hook") else "a hook"


def _listed(values: Any) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else ""


def _qualifier(noted: dict[str, Any]) -> str:
    version = str(noted.get("version"))
    return version if version.startswith("$") else f"version {version}"


def _tests(noted: dict[str, Any]) -> str:
    passed = noted.get("passed_ms")
    tests = [f"{name} in {ms} ms" for name, ms in passed.items()] if isinstance(passed, dict) else []
    return ", ".join(tests) or "no test"
