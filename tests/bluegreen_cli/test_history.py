"""`bluegreen history`: a function's deployments."""

import json
from functools import partial
from html import unescape
from typing import Any

import pytest

from bluegreen import clock
from bluegreen.ledger import deployments
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, GOOD, Deployer
from tests.machine.log_groups import log_group

QUOTED = "ValueError: no bonus for users"
ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}


@pytest.fixture
def several(deployer: Deployer) -> Deployer:
    """A deployment that went well, one that was rolled back, and two refused requests; a minute apart."""
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(60)
    deployer.deploy(BROKEN, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(60)
    deployer.deploy(GOOD % 3, alias="STAGING")
    deployer.aws.clock.sleep(60)
    deployer.deploy(GOOD % 3, health={"alarms": ["nowhere"]})
    return deployer


def test_the_history_has_the_newest_first_with_its_end_and_why(several: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION)

    assert ran.exit_code == 0
    heading, *rows = ran.stdout.splitlines()
    assert heading.split() == ["started", "took", "alias", "from", "to", "ended", "why", "by", "deployment"]
    assert ["RolledBack" in rows[0], "Deployed" in rows[1], len(rows)] == [True, True, 2]
    assert "SmokeTestFailed" in rows[0]


def test_the_history_says_what_greens_log_said_most_often(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.users_call()
    lines = {
        "2": "[ERROR] ValueError: no bonus for users",
        "3": "2026-01-05T10:30:00.123Z 0a1b Task timed out after 3 seconds",
    }
    with log_group(f"/aws/lambda/{FUNCTION}") as logs:

        def a_minute() -> None:
            for version, line in lines.items():
                logs.write(clock.now(), f"2026/01/05/[{version}]0a1b", line)

        deployer.aws.every(60, a_minute)
        run, hung = (deployer.deploy(BAD_UNDER_TRAFFIC + end, smoke_tests=[{"name": "answers"}]) for end in ("", "#"))

    assert (run.error, hung.error) == ("GreenUnhealthy", "GreenUnhealthy")
    _, newest, row = bluegreen("history", FUNCTION).stdout.splitlines()
    assert " GreenUnhealthy (time-out) " in newest
    assert " GreenUnhealthy (ValueError) " in row
    _, record = bluegreen("history", FUNCTION, "--json").json
    assert record["complained"]["count"] == record["complained"]["of"] > 1
    assert "says most often since the first shift: ValueError (" in record["cause"]
    assert record["cause"] == run.cause
    assert QUOTED not in json.dumps(run.history, default=str)
    name = run.arn.rpartition(":")[2]
    assert f"  Most often in green's log: {QUOTED}.\n" in bluegreen("show", name).stdout
    assert f"Most often in green's log: {QUOTED}." in unescape(bluegreen("report", name, "-o", "-").stdout)
    watched = bluegreen("watch", name)
    assert (QUOTED in watched.stdout, QUOTED in watched.stderr) == (False, True)
    told = bluegreen("watch", name, "--json").json
    assert (told["complained"]["message"], told["deleted"]) == ("no bonus for users", None)


def test_refused_requests_are_a_list_of_their_own(several: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION, "--refused")

    assert ran.exit_code == 0
    _, *rows = ran.stdout.splitlines()
    assert ["Rejected" in row and "InvalidRequest" in row for row in rows] == [True, True]
    assert [" PROD " in rows[0], " STAGING " in rows[1]] == [True, True]


def test_the_history_as_json_is_the_records(several: Deployer, bluegreen: Bluegreen) -> None:
    found = bluegreen("history", FUNCTION, "--json").json

    assert [record["state"] for record in found] == ["RolledBack", "Deployed"]
    assert (found[1]["function"], found[1]["alias"]) == (FUNCTION, "PROD")
    assert (found[1]["blue"], found[1]["green"], found[1]["serving"]) == ("1", "2", "2")


def test_one_alias_has_its_own_history(several: Deployer, bluegreen: Bluegreen) -> None:
    found = bluegreen("history", FUNCTION, "--refused", "--alias", "STAGING", "--json").json

    assert [record["alias"] for record in found] == ["STAGING"]
    assert bluegreen("history", FUNCTION, "--alias", "STAGING", "--json").json == []


def test_the_history_has_as_many_as_wanted(several: Deployer, bluegreen: Bluegreen) -> None:
    assert len(bluegreen("history", FUNCTION, "--limit", "1", "--json").json) == 1


def test_a_history_longer_than_a_page_is_read_page_by_page_as_far_as_wanted(
    several: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    page = partial(deployments.of_function, most=1)

    def of_function(*names: Any, **how: Any) -> Any:
        asked.append(how["after"])
        return page(*names, **how)

    monkeypatch.setattr(deployments, "of_function", of_function)

    found = bluegreen("history", FUNCTION, "--json").json
    assert [record["state"] for record in found] == ["RolledBack", "Deployed"]
    assert len(asked) >= 2

    asked.clear()
    bluegreen("history", FUNCTION, "--limit", "1")
    assert asked == [""]


def test_a_function_without_a_deployment_is_no_error(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION)

    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"There is no deployment of {FUNCTION} yet")


def test_an_alias_without_a_deployment_is_named(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(traffic="AllAtOnce")

    ran = bluegreen("history", FUNCTION, "--alias", "LIVE")

    begins = f"`bluegreen deploy {FUNCTION} PATH --alias LIVE` begins one."
    assert ran.stdout == f"There is no deployment of {FUNCTION}:LIVE yet; {begins}\n"


def test_a_function_without_a_refused_request_is_no_error(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("history", FUNCTION, "--refused")

    assert ran.exit_code == 0
    assert ran.stdout == f"No request for {FUNCTION} was refused.\n"


def test_a_deployment_that_runs_has_no_end_yet(deployer: Deployer, bluegreen: Bluegreen) -> None:
    seen: list[str] = []
    deployer.aws.after(100, lambda: seen.append(bluegreen("history", FUNCTION).stdout))

    deployer.deploy(GOOD % 2)

    assert " open " in seen[0]


def test_a_ledger_that_may_not_be_read_is_exit_code_2(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("Query", "AccessDeniedException", "not authorized to perform: dynamodb:Query", 403)

    ran = bluegreen("history", FUNCTION)

    assert ran.exit_code == 2
    assert "reading the deployments table is not allowed: " in ran.stderr
    assert "dynamodb:Query" in ran.stderr


def test_a_function_that_there_is_not_is_refused(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    ran = bluegreen("history", "Nope")

    assert ran.exit_code == 2
    assert "there is no function Nope in this account and region" in ran.stderr

    for operation in ("GetFunction", "ListTags"):
        answers.refuse(operation, "AccessDeniedException", "not authorized", 403)
    assert bluegreen("history", "Nope").exit_code == 0, "a caller who may not see that is not held up"
