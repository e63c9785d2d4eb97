"""`bluegreen history`: a function's deployments."""

from typing import Any

import pytest

from tests.bluegreen_cli.conftest import Bluegreen
from tests.machine.deployer import BROKEN, FUNCTION, GOOD, Deployer

ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}


@pytest.fixture
def three(deployer: Deployer) -> Deployer:
    """One that went well, one that did not, one that was refused; a minute apart."""
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(60)
    deployer.deploy(BROKEN, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(60)
    deployer.deploy(GOOD % 3, alias="STAGING")
    return deployer


def test_the_newest_comes_first_with_its_end_and_why(three: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION)

    assert ran.exit_code == 0
    heading, *rows = ran.stdout.splitlines()
    assert heading.split() == ["started", "took", "alias", "from", "to", "ended", "why", "by", "deployment"]
    assert ["Rejected" in rows[0], "RolledBack" in rows[1], "Deployed" in rows[2]] == [True, True, True]
    assert "SmokeTestFailed" in rows[1]


def test_json_is_the_records(three: Deployer, bluegreen: Bluegreen) -> None:
    found = bluegreen("history", FUNCTION, "--json").json

    assert [record["state"] for record in found] == ["Rejected", "RolledBack", "Deployed"]
    assert found[2]["plan"]["blue"]["version"] == "1"


def test_one_alias_only(three: Deployer, bluegreen: Bluegreen) -> None:
    found = bluegreen("history", FUNCTION, "--alias", "STAGING", "--json").json

    assert [record["state"] for record in found] == ["Rejected"]


def test_as_many_as_wanted(three: Deployer, bluegreen: Bluegreen) -> None:
    assert len(bluegreen("history", FUNCTION, "--limit", "2", "--json").json) == 2


def test_no_deployment_yet_is_no_error(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION)

    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"There is no deployment of {FUNCTION} yet")


def test_one_that_runs_has_no_end_yet(deployer: Deployer, bluegreen: Bluegreen) -> None:
    seen: list[str] = []
    deployer.aws.after(100, lambda: seen.append(bluegreen("history", FUNCTION).stdout))

    deployer.deploy(GOOD % 2)

    assert " open " in seen[0]
