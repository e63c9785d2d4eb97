"""A sentence for each step that did not fail, for `show` and for a report. It never quotes a smoke test's reply."""

from typing import Any

from bluegreen.ledger.audit import Step
from bluegreen.text import sentence


def did(step: Step) -> str:
    """What the step did, by its evidence; "" if the evidence says nothing."""
    noted = step.evidence
    match step.state:
        case "OpenDeployment":
            to_do = f"{noted.get('artifact')} is to be deployed by {noted.get('traffic')}"
            return f"Version {noted.get('blue')} serves. {to_do}."
        case "OpenMember" if noted.get("refused"):
            return f"Refused: {sentence(str(noted['refused']))}"
        case "OpenMember":
            return f"Version {noted.get('blue')} serves."
        case "NoteStaged":
            return f"Version {noted.get('green')} is ready for its wave."
        case "SmokeTest" | "SmokeTestGreen":
            return str(noted.get("untested") or f"Passed on {_qualifier(noted)}: {_tests(noted)}.")
        case "PublishVersion":
            return f"Published version {noted.get('version')}."
        case "RunHook":
            who = f"The hook {noted.get('hook')} ({noted.get('moment')})"
            return f"{who} let the deployment go on after {noted.get('seconds')} s."
        case "AwaitApproval":
            return f"Step {noted.get('step')} waits for a person's approval, until {noted.get('ends_at')} at most."
        case "UpdateCode" | "MendLatest" if "published" in noted:
            return f"Sent no code, since version {noted['published']} is published."
        case "UpdateCode" | "MendLatest":
            return f"$LATEST has the code {noted.get('sha256')}."
        case "CompleteDeployment":
            return f"Version {noted.get('serving')} serves every request."
        case "RecoverPrevious":
            recovered = _listed(noted.get("recovered"))
            if not recovered:
                return "Found no lock of an execution that had ended."
            return f"Freed the locks of deployments whose executions had ended: {recovered}."
        case "RecoverDeployments":
            return sentence(str(noted["cause"])) if noted.get("cause") else ""
        case "DeleteVersions":
            deleted, stopped = _listed(noted.get("deleted")), noted.get("stopped")
            why = f" {sentence(f'It stopped: {stopped}')}" if stopped else ""
            return f"Old versions deleted: {deleted or 'none'}.{why}"
        case _:
            return ""


def hook(step: Step) -> str:
    """For a table: the hook's name, its moment, and how long it took. A hook that Lambda refused noted none of it."""
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
