"""`bluegreen rollback`: the version that served before, or any other."""

from typing import Any

import boto3
import pytest

from tests.bluegreen_cli.conftest import Bluegreen
from tests.machine.deployer import ALIAS, BROKEN, FUNCTION, GOOD, Deployer

ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}


@pytest.fixture
def third(deployer: Deployer) -> Deployer:
    """Version 3 serves, and before it 2, and before that 1."""
    assert deployer.deploy(GOOD % 2, **ALL_AT_ONCE).ended == "Deployed"
    assert deployer.deploy(GOOD % 3, **ALL_AT_ONCE).ended == "Deployed"
    return deployer


def test_it_goes_back_to_the_version_that_served_before(third: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 0
    assert "Version 2 served before." in ran.stderr
    assert ran.stdout.endswith(f"{FUNCTION}:PROD is served by version 2.\n")
    assert third.alias() == ("2", {})


def test_once_more_goes_one_further_back_and_never_forward_to_what_was_rolled_back(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    bluegreen("rollback", FUNCTION)

    assert bluegreen("rollback", FUNCTION).exit_code == 0
    assert third.alias() == ("1", {})


def test_a_deployment_that_failed_meanwhile_changes_nothing_about_who_served_before(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    assert third.deploy(BROKEN, **ALL_AT_ONCE).ended == "RolledBack"

    bluegreen("rollback", FUNCTION)

    assert third.alias() == ("2", {})


def test_any_published_version_can_be_named(third: Deployer, bluegreen: Bluegreen) -> None:
    assert bluegreen("rollback", FUNCTION, "--to", "1").exit_code == 0
    assert third.alias() == ("1", {})


def test_it_is_a_deployment_of_a_version_all_at_once(third: Deployer, bluegreen: Bluegreen) -> None:
    deployment = bluegreen("rollback", FUNCTION, "--json").json["deployment"]

    (record,) = (item for item in third.items(f"deployment#{deployment}") if item["sk"] == "record")
    assert record["artifact"] == "version 2"
    assert '"name":"AllAtOnce"' in record["plan"]
    assert record["started_by"].startswith("cli by arn:aws:sts::")


def test_in_an_emergency_no_smoke_test_is_in_the_way(third: Deployer, bluegreen: Bluegreen) -> None:
    deployment = bluegreen("rollback", FUNCTION, "--no-smoke-tests", "--json").json["deployment"]

    (record,) = (item for item in third.items(f"deployment#{deployment}") if item["sk"] == "record")
    assert '"smoke_tests":[]' in record["plan"]


def test_it_can_be_started_only(third: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION, "--no-follow")

    assert ran.exit_code == 0
    assert "Started" in ran.stdout


def test_without_a_record_of_what_served_before_it_asks_for_a_version(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 2
    assert f"no record says which version served {FUNCTION}:PROD before version 1" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "--to" in ran.stderr


def test_an_alias_that_is_split_is_left_alone(third: Deployer, bluegreen: Bluegreen) -> None:
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}
    )

    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 2
    assert "is served by version 3 (75 %) and version 2 (25 %)" in ran.stderr
    assert third.alias() == ("3", {"2": 0.25})


def test_a_version_that_does_not_exist_is_refused_and_nothing_was_touched(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    ran = bluegreen("rollback", FUNCTION, "--to", "99")

    assert ran.exit_code == 2
    assert "artifact.version: BonusCalculatorLambda has no version 99" in ran.stdout
    assert third.alias() == ("3", {})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--to", "$LATEST"), "artifact.version: '$LATEST' does not match"),
        (("--alias", "no alias"), "alias: 'no alias' does not match"),
        (("--alias", "STAGING"), "there is no function BonusCalculatorLambda with an alias STAGING"),
    ],
)
def test_what_cannot_be_is_refused(
    deployer: Deployer, bluegreen: Bluegreen, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = bluegreen("rollback", FUNCTION, *arguments)

    assert ran.exit_code == 2
    assert complaint in ran.stderr
