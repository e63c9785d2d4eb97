"""
CompleteDeployment: check that no abort stands and that the alias is at green alone, close the record, tell people.

If old versions are to be deleted, DeleteVersions tells people; if that fails, the sweep of RecoverDeployments does.

Safe to retry: a record that says Deployed is not written again.
"""

from bluegreen import clock, news
from bluegreen.aws import aliases
from bluegreen.baking import latest
from bluegreen.baking.alias import must_be
from bluegreen.decisions.orders import standing
from bluegreen.decisions.route import Route
from bluegreen.document import DEPLOYED, Done
from bluegreen.edge import step
from bluegreen.errors import Aborted, AccessDenied, DeploymentOver
from bluegreen.ledger import deployments, orders
from bluegreen.ledger.owner import of_deployment
from bluegreen.rings import Completing

HELD_UP = (
    "Green was found healthy. The deployment is completed by itself once that is mended; after half an hour it is "
    "rolled back instead."
)


@step
def handler(deployment: Completing) -> Done:
    plan, green = deployment.plan, deployment.green.version
    if deployment.record.state != DEPLOYED:
        if aborted := standing(orders.given(of_deployment(plan.id)), clock.now()).aborted:
            raise Aborted(aborted.why_aborted)
        wanted = Route(primary=green)
        must_be(deployment.record, wanted, _alias(deployment, wanted))
        completed = deployments.complete(
            deployment.record,
            latest_outcome=latest.found(deployment.record, plan),
            untested=deployment.untested,
            watched=deployment.bake.look.watched,
            harmed=deployment.bake.look.harmed,
        )
        record = deployments.find(plan.id)
        if not completed and (record is None or record.state != DEPLOYED):
            raise DeploymentOver(f"Deployment {plan.id} was undone before it was complete.")
    return Done(evidence={"serving": green, "told": plan.kept is None and news.tell(plan.id)})


def _alias(deployment: Completing, wanted: Route) -> aliases.Alias:
    """An operator is called at once if it may not be read; the state is retried, and goes on once it may."""
    target = deployment.target
    try:
        return aliases.read(target, wanted)
    except AccessDenied as refused:
        news.call_an_operator(deployment.record, f"HELD UP: {target} is at {wanted}", f"{refused}\n\n{HELD_UP}")
        raise
