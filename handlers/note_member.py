"""
NoteMember: write down how a function of a release stands: that its green is made and tested, or why it is not.

It runs in two states. In NoteFailure the document has what a Catch kept; in NoteStaged it has none. Green's
version is read from the deployment's record: a document that another principal made must not choose it. Safe to retry.
"""

from bluegreen.document import Done, Failure
from bluegreen.edge import step
from bluegreen.errors import DeploymentOver
from bluegreen.ledger import deployments, releases
from bluegreen.releasing.rings import Part


@step
def handler(part: Part) -> Done:
    document = part.call.document
    if failure := document.get("failure"):
        failed = Failure.model_validate(failure)
        releases.learn(part.release.id, part.member, error=failed.error, cause=failed.sentence)
        return Done(evidence={"error": failed.error, "cause": failed.sentence})
    record = deployments.find(part.member.deployment)
    if record is None or not record.live or not record.green:
        raise DeploymentOver(f"{part.member.deployment} has no green; nothing was changed.")
    version = record.green
    releases.learn(part.release.id, part.member, state="staged", green=version)
    return Done(evidence={"green": version})
