"""What serves an alias and what served before: which deployment brought a version, for a step back by hand."""

import pytest

from bluegreen.aws import table
from bluegreen.document import REJECTED
from bluegreen.ledger import deployments, serving
from bluegreen.ledger.serving import Served
from tests.bluegreen.examples import SHOP, found, opened, record, target
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")


def deployed(deployment: str, before: str, green: str, alias: str = "PROD") -> None:
    """A deployment from its opening to its end."""
    opened(deployment, blue=before, green=green, target=target(alias=alias))
    assert deployments.complete(found(deployment), latest_outcome="unchanged")


def test_a_deployment_leaves_its_green_as_what_serves_now() -> None:
    deployed("first", "1", "2")

    left = Served(version="2", before="1", deployment="first", since="2026-01-05T09:00:00.000Z")
    assert serving.now(SHOP) == left
    assert serving.of_version(SHOP, "2") == left


def test_what_serves_now_is_overwritten_and_what_brought_a_version_is_not(deployer: Deployer) -> None:
    deployed("first", "1", "2")
    deployer.aws.clock.sleep(60)
    deployed("second", "2", "3")

    third, second = serving.now(SHOP), serving.of_version(SHOP, "2")
    assert third is not None
    assert (third.version, third.deployment, third.since) == ("3", "second", "2026-01-05T09:01:00.000Z")
    assert second is not None
    assert (second.before, second.deployment) == ("1", "first")


def test_a_step_back_by_hand_leaves_the_version_with_the_deployment_that_brought_it() -> None:
    deployed("first", "1", "2")
    deployed("second", "2", "3")
    deployed("back", "3", "2")

    now, two, three = serving.now(SHOP), serving.of_version(SHOP, "2"), serving.of_version(SHOP, "3")
    assert now is not None
    assert (now.version, now.before, now.deployment) == ("2", "3", "back")
    assert two is not None
    assert (two.before, two.deployment) == ("1", "first")
    assert three is not None
    assert three.deployment == "second"


def test_a_second_step_back_by_hand_goes_one_version_further() -> None:
    for name, before, green in [("first", "1", "2"), ("second", "2", "3"), ("third", "3", "4"), ("back", "4", "3")]:
        deployed(name, before, green)

    now = serving.now(SHOP)
    assert now is not None
    brought = serving.of_version(SHOP, now.version)
    assert brought is not None
    assert brought.before == "2"


def test_a_step_forward_over_versions_is_a_step_forward() -> None:
    deployed("first", "2", "10")

    ten = serving.of_version(SHOP, "10")
    assert ten is not None
    assert ten.before == "2"


def test_what_serves_one_alias_says_nothing_of_another() -> None:
    deployed("first", "1", "2", alias="LIVE")

    assert serving.now(SHOP) is None
    assert serving.of_version(SHOP, "2") is None


def test_a_deployment_that_was_not_completed_brings_nothing() -> None:
    opened(blue="1", green="2")
    deployments.close(record(), REJECTED)

    assert serving.now(SHOP) is None


def test_refused_requests_push_out_no_version() -> None:
    deployed("first", "1", "2")
    for number in range(55):
        deployments.keep_refused(record(f"upload{number}", state=REJECTED))

    now = serving.now(SHOP)
    assert now is not None
    assert now.deployment == "first"


def test_aliases_are_listed_by_what_serves_now_and_by_nothing_else() -> None:
    deployed("first", "1", "2")
    deployed("second", "2", "3")
    forged = {"pk": "steps#first", "sk": "now", "kind": "serving", "version": "9"}
    table.put({"Item": table.values(forged | SHOP.model_dump())})

    ((alias, served),), following = serving.listed()

    assert (alias, served.version, following) == (SHOP, "3", "")


def test_versions_are_kept_in_their_order(deployer: Deployer) -> None:
    deployed("first", "2", "10")
    deployed("second", "10", "11")
    deployed("third", "1", "2")

    keys = sorted(item["sk"] for item in deployer.items("serving#"))
    assert keys == ["now", "version#0000000002", "version#0000000010", "version#0000000011"]
