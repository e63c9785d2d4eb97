"""
DeleteVersions: delete published versions that are no longer of use, as the request's `keep_versions` says.

The deployment was completed before, and stays so whatever happens here. Safe to retry: a version that is gone is gone.
"""

from collections.abc import Sequence

from bluegreen import news
from bluegreen.aws import aliases, pacing, versions
from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, NotFound, StillInProgress
from bluegreen.ledger import deployments, locks
from bluegreen.opening.versions import inventory
from bluegreen.rings import Tidying
from bluegreen.target import Target

MOST_AT_ONCE = 25
"""So that an attempt ends in time: each deletion asks Lambda three times at most. A next deployment goes on."""


@step
def handler(deployment: Tidying) -> Done:
    plan, record, target = deployment.plan, deployment.record, deployment.target
    if plan.kept is None:
        return Done(evidence={"deleted": []})
    found = inventory(target, plan.kept, plan.blue.version, record.green or plan.blue.version)
    chosen = found.too_old(plan.kept)[:MOST_AT_ONCE]
    intended = sorted({*record.to_delete, *chosen}, key=int)
    deployments.learn_to_delete(plan.id, intended)
    with pacing.expecting(2 * len(chosen)):
        stopped = _delete(target, chosen, found.aliases)
    left = {each.version for each in versions.published(target)}
    deleted = [version for version in intended if version not in left]
    deployments.learn_deleted(plan.id, deleted, stopped)
    return Done(evidence={"deleted": deleted, "stopped": stopped, "told": news.tell(plan.id)})


def _delete(target: Target, chosen: Sequence[str], of_function: Sequence[str]) -> str:
    """
    Delete them one by one; the reason why it stopped before the last one, "" if it did not.

    A version stays if an alias names it by now, or if it has provisioned concurrency of its own. Once another
    deployment holds a lock of the function, all versions that are left stay: it may be going back to one of them.
    """
    for version in chosen:
        if any(locks.is_held(target, name) for name in of_function):
            return f"another deployment of {target.function} has begun, so version {version} and newer ones were kept"
        try:
            if aliases.provisioned(target.model_copy(update={"alias": version})) is None:
                versions.delete(target, version)
        except (NotFound, StillInProgress):
            continue
        except AwsRefused as refused:
            return f"version {version} could not be deleted: {refused}"
    return ""
