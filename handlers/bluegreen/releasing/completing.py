"""The end of a function's deployment, where its release is committed or the function's wave is kept."""

from typing import Any

from bluegreen.aws import aliases
from bluegreen.baking import latest
from bluegreen.baking.alias import must_be
from bluegreen.decisions.route import Route
from bluegreen.document import DEPLOYED
from bluegreen.errors import AliasMoved, DeploymentOver, StillInProgress
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.releases import Member
from bluegreen.releasing.putting_back import AS_IT_ENDED


def must_serve(member: Member) -> None:
    """
    Raises AliasMoved, naming the function, unless its alias is at green alone, and what `must_be` raises.

    The alias of a deployment that is complete is not read again.
    """
    record = deployments.find(member.deployment)
    if record and record.state == DEPLOYED:
        return
    if record is None or not record.live:
        raise DeploymentOver(f"The deployment {member.deployment} is over; the release cannot be completed.")
    wanted = Route(primary=member.green)
    try:
        must_be(record, wanted, aliases.read(member.target, wanted))
    except AliasMoved as moved:
        raise AliasMoved(f"{member.name}: {moved}") from moved


def complete(release: str, member: Member) -> None:
    """
    Close the deployment of a function whose alias is at green. It may be repeated.

    A deployment that has ended otherwise is noted as the function's failure: the release goes on without it. Raises
    DeploymentOver for one without a record, and StillInProgress while another handler undoes it.
    """
    record, plan = deployments.load(member.deployment)
    if record and plan and record.live:
        deployments.complete(record, latest_outcome=latest.found(record, plan))
        record = deployments.find(member.deployment)
    if record is None:
        raise DeploymentOver(f"The record of {member.deployment} is gone; {member.target} was left as it is.")
    if record.live:
        raise StillInProgress(f"The deployment {member.deployment} of {member.target} is {record.state} by now.")
    failed: dict[str, Any] = {}
    if record.state != DEPLOYED:
        cause = f"Its deployment was undone before it was complete: {record.error}: {record.cause}"
        failed = {"error": DeploymentOver.__name__, "cause": cause}
    releases.learn(release, member, state=AS_IT_ENDED[record.state], **failed)
