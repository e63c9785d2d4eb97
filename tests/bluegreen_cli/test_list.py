"""`bluegreen list`: every function, and how each stands."""

from typing import Any

import boto3
import click
import pytest

from bluegreen import clock
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import Freeze
from bluegreen.text import plain
from bluegreen_cli import completion
from bluegreen_cli.main import cli
from bluegreen_cli.stack import Stack
from tests.bluegreen.test_releases import MONDAY
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.machine.deployer import BROKEN, FUNCTION, GOOD, TARGET, Deployer

pytestmark = pytest.mark.usefixtures("http_api")


def test_each_alias_says_who_serves_since_when_what_runs_a_freeze_and_the_last_end(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="STAGING", FunctionVersion="1")
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    deployer.deploy(GOOD % 3, traffic="AllAtOnce", alias="STAGING")
    deployer.aws.clock.sleep(3 * 3600)
    deployer.deploy(BROKEN, traffic="AllAtOnce")
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name="STAGING", FunctionVersion="1")
    now = clock.now()
    until = clock.iso(now + 3600)
    freeze = Freeze.model_validate({"reason": "inventory", "until": until})
    freezes.order(TARGET, Ordered(pattern="Bonus*", owner="alice", since=clock.iso(now), freeze=freeze))

    ran, told = bluegreen("list"), bluegreen("list", "--json").json

    assert ran.exit_code == 0
    heading, of_prod, of_staging = ran.stdout.splitlines()
    assert heading.split() == ["function", "served", "by", "since", "runs", "frozen", "last", "ended"]
    assert of_prod.startswith(f"{FUNCTION}:PROD")
    assert "version 2 " in of_prod
    assert " 3 h ago " in of_prod
    assert " until 2026-01-05 " in of_prod
    assert of_prod.rstrip().endswith("RolledBack 0 s ago")
    assert "version 1, not by a deployment" in of_staging
    assert of_staging.rstrip().endswith("Deployed 3 h ago")
    assert [(each["alias"], each["serving"], each["last_deployed"]) for each in told] == [
        ("PROD", "2", "2"),
        ("STAGING", "1", "3"),
    ]
    assert (told[0]["last"]["state"], told[0]["frozen"]["reason"], told[0]["running"]) == (
        "RolledBack",
        "inventory",
        None,
    )
    assert [bool(each["since"]) for each in told] == [True, False]


def test_a_deployment_that_runs_is_named_with_greens_share(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran: list[Ran] = []
    deployer.aws.after(90, lambda: ran.append(bluegreen("list")))

    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)}, name="Shop-1")

    assert "Shop-1, green has 10 %" in ran[0].stdout
    assert "version 1 (90 %) and version 2 (10 %)" in plain(ran[0].stdout)


def test_every_page_is_asked_for(bluegreen: Bluegreen, deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    pages = {
        "/releases": {"releases": [MONDAY.to_json()], "next": "b_-1"},
        "/releases?next=b_-1": {"releases": [MONDAY.model_copy(update={"id": "tuesday"}).to_json()]},
        "/functions": {"functions": [{"function": "Shop", "alias": "PROD"}], "next": "a_-1"},
        "/functions?next=a_-1": {"functions": [{"function": "Stock", "alias": "PROD"}]},
    }

    def ask(stack: Stack, method: str, path: str) -> Any:
        asked.append(path)
        return pages[path]

    monkeypatch.setattr("bluegreen_cli.api.ask", ask)

    found = bluegreen("list", "--json").json

    assert [each["function"] for each in found] == ["Shop", "Stock"]
    assert asked == [path for path in pages if "releases" not in path], "with --json there are functions only"
    assert found[0]["serving"] is None
    monday, tuesday, *functions = bluegreen("list").stdout.splitlines()
    assert (monday[:15], tuesday[:16]) == ("release monday ", "release tuesday ")
    assert "not known" in functions[1]
    assert completion._running_releases(click.Context(cli)) == ["monday", "tuesday"]


def test_without_a_deployment_it_says_how_to_begin(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("list")

    assert (ran.exit_code, bluegreen("list", "--json").json) == (0, [])
    assert "`bluegreen deploy FUNCTION PATH` begins one" in ran.stdout


def test_a_ledger_that_may_not_be_read_is_said(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    api = {"functions": [{"function": FUNCTION, "alias": "PROD"}], "releases": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bluegreen_cli.api.ask", lambda *_: api)
        answers.refuse("Query", "AccessDeniedException", "not authorized to perform: dynamodb:Query", 403)
        ran = bluegreen("list")

    assert ran.exit_code != 0
    assert "dynamodb:Query" in ran.stderr


def test_a_function_elsewhere_says_where_and_is_not_taken_for_the_one_beside_the_stack(
    bluegreen: Bluegreen, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"function": FUNCTION, "alias": "PROD", "account": "210987654321", "region": "eu-west-1"}
    monkeypatch.setattr("bluegreen_cli.api.ask", lambda *_: {"functions": [there], "releases": []})

    (found,) = bluegreen("list", "--json").json
    shown = bluegreen("list").stdout

    assert (found["account"], found["region"], found["serving"]) == ("210987654321", "eu-west-1", None)
    assert f"{FUNCTION}:PROD (210987654321, eu-west-1)" in shown
    assert "not known" in shown
