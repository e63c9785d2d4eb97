"""What the tests of OpenDeployment share: what blue is, and what a deployment brings."""

import base64
import hashlib

from bluegreen.request.artifact import Zip
from tests.handlers.desk import Desk
from tests.machine.deployer import GOOD

BLUE = GOOD % 1


def digest_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def the_zip(desk: Desk) -> Zip:
    """The artifact of the plan."""
    artifact = desk.plan.artifact
    assert isinstance(artifact, Zip)
    return artifact


def brings(desk: Desk) -> str:
    """What the deployment brings, once it is open."""
    return str(desk.run("OpenDeployment")["deployment"]["brings"])
