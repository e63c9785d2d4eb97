"""What is said of a rollback that finds the deployment completed."""

import pytest

from bluegreen.errors import RollbackImpossible
from bluegreen.ledger import deployments
from bluegreen.rollback.undo import restore
from bluegreen.target import Target
from tests.bluegreen.examples import SHOP, found, opened
from tests.machine.deployer import Deployer

THERE = Target.at(
    "eu", "Shop", "PROD", region="eu-west-1", role="arn:aws:iam::210987654321:role/deployer", bucket="there"
)
ALONE = "`bluegreen rollback Shop --alias PROD` gives the alias back to the version that served before."
TOGETHER = "`bluegreen rollback monday` puts every function of the release back."


@pytest.mark.parametrize(
    ("target", "release", "says"),
    [
        (SHOP, None, f"Shop:PROD is at version 2. If that is not wanted: {ALONE}"),
        (SHOP, "monday", f"Shop:PROD is at version 2. If that is not wanted: {TOGETHER} {ALONE}"),
        (THERE, "monday", f"Shop:PROD (210987654321, eu-west-1) is at version 2. If that is not wanted: {TOGETHER}"),
    ],
)
def test_how_a_person_gives_the_alias_back_depends_on_where_it_is(
    deployer: Deployer, target: Target, release: str | None, says: str
) -> None:
    opened(target=target, release=release, blue="1", green="2")
    assert deployments.complete(found(), latest_outcome="unchanged")

    with pytest.raises(RollbackImpossible) as impossible:
        restore(found(), attempt=0)

    assert str(impossible.value).endswith(says)
