"""`bluegreen release FILE --plan`: what a release would do and cost, as the machine then does it."""

from collections import Counter
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient

from bluegreen.aws import pacing
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.bluegreen_cli.releases.conftest import Write, held
from tests.machine.deployer import FUNCTION, GOOD, zip_of
from tests.machine.shop import FUNCTIONS_ASL, NAMES, RELEASE_ASL, Shop
from tests.machine.walk import Run


def everything_billed(shop: Shop, run: Run) -> int:
    """The states that the release entered, and its functions' machines and children; and one for each child."""
    starts = shop.aws.executions(FUNCTIONS_ASL)
    children = [child for start in starts for child in shop.aws.children_of(start)]
    return len(run.path) + len(children) + sum(len(shop.aws.finish(arn).path) for arn in (*starts, *children))


def is_paced(operation: str) -> bool:
    return pacing.LIMITS.get(operation, pacing.CONTROL_PLANE) is pacing.CONTROL_PLANE


def artifacts(shop: Shop, kind: str) -> list[dict[str, Any]]:
    """Of every function, as it is by then in AWS."""
    lambda_, found = boto3.client("lambda"), []
    for name in NAMES:
        if kind == "new_code":
            found.append({"function": name, "artifact": shop.upload(name)})
            continue
        if kind != "nothing":
            lambda_.update_function_code(FunctionName=name, ZipFile=zip_of(GOOD % 2))
            shop.aws.clock.sleep(10)
        if kind == "mending":
            found.append({"function": name, "artifact": shop.upload(name, GOOD % 1)})
        elif kind == "version":
            version = lambda_.publish_version(FunctionName=name)["Version"]
            found.append({"function": name, "artifact": {"version": version}})
        else:
            found.append({"function": name, "artifact": "$LATEST" if kind == "latest" else {"version": "1"}})
    return found


@pytest.mark.parametrize("kind", ["new_code", "latest", "version", "mending", "nothing"])
def test_transitions_and_calls_are_those_that_the_machine_makes(
    shop: Shop, bluegreen: Bluegreen, write: Write, kind: str
) -> None:
    document = {"functions": artifacts(shop, kind), "waves": [{"most": 2}, {}]}
    planned = bluegreen("release", write(document), "--plan", "--json").json
    calls: Counter[str] = Counter()
    call = vars(BaseClient)["_make_api_call"]

    def counted(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name == "lambda":
            calls[operation] += 1
        return call(client, operation, asked)

    with mock.patch.object(BaseClient, "_make_api_call", counted):
        run = shop.run(document)

    assert run.ended == ("NothingToDeploy" if kind == "nothing" else "Released")
    assert {each["brings"] for each in planned["functions"]} == {kind}
    assert planned["transitions"] == everything_billed(shop, run)
    assert planned["calls"] == sum(number for name, number in calls.items() if is_paced(name))
    assert planned["anything_to_deploy"] is (kind != "nothing")


def test_it_says_waves_times_calls_dollars_and_what_one_bad_function_needs(
    shop: Shop, bluegreen: Bluegreen, write: Write
) -> None:
    document = {
        "functions": [{"function": name, "artifact": {"path": "a.zip"}} for name in ("Orders", "Tax", "Stock")],
        "waves": [{"most": 1}, {"approve": True, "hooks": {"before": "Gate"}}],
    }
    path = write(document, a=GOOD % 2)

    ran = bluegreen("release", path, "--plan")

    assert ran.exit_code == 0
    assert ran.stderr == "checked 3 of 3\n"
    for part in (
        f"{path}: 3 functions in 2 waves, by Canary10Percent5Minutes:\n  3 get new code\n",
        "first every function is checked and locked, for about 3 s; then every green is made and tested",
        "wave 1 of 2: 1 function after 4 s, for 5 min 1 s: Orders:PROD\n",
        "wave 2 of 2: 2 functions after 5 min 5 s, once a person approved it, once the hook Gate let it, for ",
        "one bad green of 3 rolls the release back at odds of 600 to 1: ",
        " failed requests at 10 % in a minute",
        "45 calls of Lambda's control plane, 10 a second at most\n",
        " state transitions, $0.00",
    ):
        assert part in ran.stdout, part
    assert shop.deployer.items("release#") == []
    assert shop.aws.executions(RELEASE_ASL) == []


def test_plan_takes_a_document_too(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": [{"function": "Orders", "artifact": {"path": "a.zip"}}]}, a=GOOD % 2)

    assert bluegreen("plan", path).stdout == bluegreen("release", path, "--plan").stdout
    wrong = bluegreen("plan", path, "--latest")
    assert (wrong.exit_code, "no other option than --json" in wrong.stderr) == (2, True)


def test_every_function_that_would_be_refused_is_named(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    document = {
        "functions": [
            {"function": "Nobody", "artifact": "$LATEST"},
            {"function": "Orders", "artifact": shop.upload("Orders")},
            {"function": "Tax", "artifact": {"version": "9"}},
        ]
    }
    path = write(document)

    ran = bluegreen("release", path, "--plan")

    assert ran.exit_code == 2
    assert f"Error: 2 functions of {path} cannot be deployed." in ran.stderr
    assert "\n  functions.0 (Nobody): function: " in ran.stderr
    assert "\n  functions.2 (Tax): artifact" in ran.stderr
    assert "checked 3 of 3" in ran.stderr
    assert ran.stdout == ""


def test_a_function_that_is_held_is_named_with_its_holder(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": [{"function": "Orders", "artifact": shop.upload("Orders")}]})

    with held(shop, "Bake") as pause:
        arn = shop.aws.start(shop.document(), "monday", RELEASE_ASL)
        assert pause.reached.wait(60)
        ran = bluegreen("release", path, "--plan")
    shop.aws.finish(arn)

    assert ran.exit_code == 2
    assert "Orders:PROD is being deployed to by the release monday; wait for it: `bluegreen watch monday`" in ran.stderr


def test_warnings_of_every_function_are_told(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    assert bluegreen("freeze", "Ord*", "--reason", "fair", "--until", "2026-02-01T00:00:00Z").exit_code == 0
    path = write({"functions": [{"function": "Orders", "artifact": shop.upload("Orders")}]})

    ran = bluegreen("release", path, "--plan", "--override-freeze", "a hole")

    assert (ran.exit_code, "  warning: Orders:PROD: override_freeze: " in ran.stdout) == (0, True)


def test_an_aws_that_does_not_answer_is_4(shop: Shop, bluegreen: Bluegreen, write: Write, answers: Answers) -> None:
    path = write({"functions": [{"function": name, "artifact": "$LATEST"} for name in ("Orders", FUNCTION)]})
    answers.refuse("ListTags", "ServiceException", "oops", 500)

    ran = bluegreen("release", path, "--plan", "--json")

    assert (ran.exit_code, ran.json["error"], len(ran.json["details"])) == (4, "Unknown", 2)


def test_what_already_serves_costs_little(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": [{"function": "Orders", "artifact": {"version": "1"}}]})

    assert bluegreen("release", path, "--plan").stdout == (
        f"Nothing to deploy: all 1 functions of {path} serve this code and these settings.\n"
    )


@pytest.mark.parametrize(("rollback", "back"), [("all", "all functions"), ("target", "those of its own target")])
def test_targets_are_told_and_functions_elsewhere_are_said_to_be_unseen(
    shop: Shop, bluegreen: Bluegreen, write: Write, rollback: str, back: str
) -> None:
    eu = {"region": "eu-west-1", "role": "arn:aws:iam::210987654321:role/x", "bucket": "theirs"}
    entry = {"function": "Orders", "artifact": shop.upload("Orders"), "target": "eu"}
    here = {"function": "Tax", "artifact": shop.upload("Tax")}
    path = write({"functions": [here, entry], "targets": {"eu": eu}, "rollback": rollback})

    ran = bluegreen("release", path, "--plan")

    assert ran.exit_code == 0
    for part in (
        f"{path}: 2 functions in 2 waves, by ",
        f"  targets: here (1 function), eu (210987654321, eu-west-1; 1 function); a failure puts back {back}\n",
        "  not checked: Orders:PROD (210987654321, eu-west-1); only the deployer may assume their roles\n",
        " calls of Lambda's control plane, 10 a second at most in each account and region\n",
    ):
        assert part in ran.stdout, part
    asked = bluegreen("release", path, "--plan", "--json").json
    assert [each.get("target") for each in asked["functions"]] == [None, "eu"]
