"""Where the code of $LATEST can be had again, by its digest."""

import base64
from typing import Any

import pytest

from bluegreen.aws import table
from bluegreen.ledger import code
from bluegreen.request.artifact import Zip
from tests.bluegreen.examples import IN_BASE64, SHOP, ZIP, target

pytestmark = pytest.mark.usefixtures("deployer")

OTHER = base64.b64encode(bytes(32)).decode()


def write(**more: Any) -> None:
    table.put(code.writing(SHOP, Zip.model_validate(ZIP | more))["Put"])


def test_a_zip_is_known_by_its_digest_with_all_that_finds_it_again() -> None:
    write()

    assert code.known(SHOP, IN_BASE64) == Zip.model_validate(ZIP)


def test_another_digest_is_another_zip() -> None:
    write()
    write(key="other.zip", sha256=OTHER)

    first, other = code.known(SHOP, IN_BASE64), code.known(SHOP, OTHER)
    assert first is not None
    assert other is not None
    assert (first.key, other.key) == ("new.zip", "other.zip")


def test_the_code_of_a_function_is_known_to_all_its_aliases_and_to_no_other_function() -> None:
    write()

    assert code.known(target(alias="LIVE"), IN_BASE64) is not None
    assert code.known(target(function="Other"), IN_BASE64) is None


def test_code_that_no_deployment_took_is_not_known() -> None:
    assert code.known(SHOP, IN_BASE64) is None


@pytest.mark.parametrize("artifact", [None, {"bucket": "artifacts"}, "s3://artifacts/new.zip"])
def test_code_whose_place_cannot_be_read_is_not_known(artifact: object) -> None:
    item = {"pk": f"code#{SHOP.function_key}", "sk": IN_BASE64, "artifact": artifact}
    table.put({"Item": table.values({name: value for name, value in item.items() if value})})

    assert code.known(SHOP, IN_BASE64) is None
