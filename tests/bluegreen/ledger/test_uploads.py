"""The newest upload of each alias, with which one that comes late is told."""

import pytest

from bluegreen.aws import table
from bluegreen.ledger import uploads
from bluegreen.ledger.uploads import Newest
from bluegreen.request.artifact import Zip
from tests.bluegreen.examples import SHOP, ZIP, plan, target

pytestmark = pytest.mark.usefixtures("deployer")


def write(**more: object) -> None:
    table.put(uploads.writing(plan(artifact=ZIP | more))["Put"])


def test_the_newest_upload_is_known_with_the_deployment_that_took_it() -> None:
    write(sequencer="00AB")

    assert uploads.newest(SHOP) == Newest(artifact=Zip.model_validate(ZIP | {"sequencer": "00AB"}), deployment="first")


def test_a_newer_upload_takes_the_place_of_an_older_one() -> None:
    write()
    write(key="newer.zip")

    newest = uploads.newest(SHOP)
    assert newest is not None
    assert newest.artifact.key == "newer.zip"


def test_the_newest_upload_of_one_alias_is_not_that_of_another() -> None:
    write()

    assert uploads.newest(target(alias="LIVE")) is None


def test_what_a_newer_stack_version_wrote_about_an_upload_is_passed_over() -> None:
    table.put({"Item": table.values({"pk": f"newest#{SHOP.key}", "sk": "newest", **shown(colour="blue")})})

    newest = uploads.newest(SHOP)
    assert newest is not None
    assert newest.artifact == Zip.model_validate(ZIP)


@pytest.mark.parametrize("item", [{}, {"artifact": {}}, {"artifact": ZIP}, {"artifact": "s3://a/b", "deployment": "x"}])
def test_an_upload_that_cannot_be_read_is_in_no_upload_s_way(item: dict[str, object]) -> None:
    table.put({"Item": table.values({"pk": f"newest#{SHOP.key}", "sk": "newest", **item})})

    assert uploads.newest(SHOP) is None


def shown(**more: object) -> dict[str, object]:
    return {"artifact": ZIP | more, "deployment": "first"}
