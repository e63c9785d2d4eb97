"""
NoteMember: write down how a function of a release stands: that its green is made and tested, or why it is not.

It runs in two states. In NoteFailure the document has what a Catch kept; in NoteStaged it has none. Safe to retry.
"""

from bluegreen.document import Done, Failure, Green
from bluegreen.edge import step
from bluegreen.ledger import releases
from bluegreen.releasing.rings import Part


@step
def handler(part: Part) -> Done:
    document = part.call.document
    if failure := document.get("failure"):
        failed = Failure.model_validate(failure)
        releases.learn(part.release.id, part.member, error=failed.error, cause=failed.sentence)
        return Done(evidence={"error": failed.error, "cause": failed.sentence})
    green = document.get("green")
    version = Green.model_validate(green).version if green else part.member.green or part.member.blue
    releases.learn(part.release.id, part.member, state="staged", green=version)
    return Done(evidence={"green": version})
