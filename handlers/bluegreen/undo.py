"""
Putting blue back: what RollBack and the recovery of a dead deployment have in common.

Safe to repeat and safe beside itself: each part reads first, changes only what this deployment put there,
and names the revision that it read. The record is marked before the alias is read, and every other handler reads the
alias before it asks whether the record is still open; so of a shift and an undoing at the same
moment, one sees the other.
"""

from bluegreen.aws import aliases, artifacts, functions, records
from bluegreen.deployment import Existing, Image, Plan, Rollback, Zip
from bluegreen.errors import AwsUnavailable, DeploymentError, PreconditionFailed
from bluegreen.smoke import mismatches
from bluegreen.traffic import Route


def undo(plan: Plan, green: str | None, error: str, cause: str) -> Rollback:
    """
    Put the alias and $LATEST back to what they were, and say what was found.

    Raises AwsUnavailable, PreconditionFailed or StillInProgress when it is worth repeating. The caller closes
    the record.
    """
    marked = _mark(plan)
    serving, alias = _alias(plan, green)
    latest = _latest(plan)
    if not marked:
        raise AwsUnavailable(f"{alias} The deployments table does not answer, so the record is still open.")
    return Rollback(error=error, cause=" ".join([_sentence(cause), alias, latest]), serving=serving)


def _mark(plan: Plan) -> bool:
    """False when the table does not answer: traffic must go back to blue all the same."""
    try:
        records.begin_undoing(plan.deployment)
    except AwsUnavailable:
        return False
    return True


def _alias(plan: Plan, green: str | None) -> tuple[str, str]:
    """Which version or versions serve, and a sentence about it."""
    blue = Route(primary=plan.blue.version)
    name = plan.name
    found = aliases.read(plan.function, plan.alias)
    if green is None and found.route == blue:
        return blue.primary, f"{name} is at version {blue.primary}; it was never moved."
    ours = {plan.blue.version, green}
    if not found.route.versions <= ours:
        return str(found.route), f"Someone else moved {name} to {found.route}; it was left as it is."
    doubts = "" if found.route == blue else _doubts_about_blue(plan)
    aliases.point(plan.function, plan.alias, blue, found.revision)
    back = aliases.read(plan.function, plan.alias).route
    if back != blue:
        raise PreconditionFailed(f"{name} was put back to {blue} and is now at {back}")
    return blue.primary, f"{name} is back at version {blue.primary}.{doubts}"


def _doubts_about_blue(plan: Plan) -> str:
    """Blue goes back in any case, since green is known to be bad; but a blue that is unwell is told apart."""
    blue = plan.blue.version
    described = functions.describe(plan.function, blue)
    found = [] if described.state == "Active" else [f"is {described.state}"]
    for case in plan.smoke_tests[:1]:
        try:
            reply = functions.probe(plan.function, blue, case)
        except DeploymentError as error:
            found.append(f"does not answer ({error})")
        else:
            found += mismatches(case, reply)
    return f" But version {blue} is unwell itself: {'; '.join(found)}." if found else ""


def _latest(plan: Plan) -> str:
    """$LATEST as it was, if what stands there is ours and what stood there can be had."""
    if isinstance(plan.artifact, Existing):
        return "$LATEST was not part of it."
    now = functions.describe(plan.function)
    if now.sha256 == plan.latest.sha256:
        return "$LATEST has the code it had."
    if not now.holds(plan.artifact):
        return "Someone else changed the code of $LATEST; it was left as it is."
    before = _code_before(plan)
    if before is None:
        return "$LATEST keeps the new code: what it had was never published or deployed from here."
    functions.update(plan.function, before, functions.when_ready(plan.function).revision)
    return f"$LATEST is put back to {before}."


def _code_before(plan: Plan) -> Zip | Image | None:
    """Where the code can be had that $LATEST held: an earlier deployment's artifact, or blue's own code."""
    for record in records.of_function(plan.function):
        earlier = record.plan.artifact if record.plan else None
        if isinstance(earlier, Zip) and earlier.sha256 == plan.latest.sha256:
            return earlier
    if plan.latest.sha256 != plan.blue.sha256:
        return None
    blue = functions.describe(plan.function, plan.blue.version)
    if blue.image_uri:
        return Image(image_uri=blue.image_uri)
    return artifacts.keep_copy(blue.code_url, plan.function, blue.sha256) if blue.code_url else None


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
