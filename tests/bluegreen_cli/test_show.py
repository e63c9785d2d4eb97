"""`bluegreen show`: one deployment in full."""

import pytest

from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.machine.asking import CALLER
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, GOOD, Deployer

NAME = "Shop-1"


@pytest.mark.usefixtures("http_api")
def test_a_deployment_is_shown_with_steps_orders_approvals_and_its_end(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    meanwhile: list[Ran] = []

    def at(seconds: int, *arguments: str) -> None:
        deployer.aws.after(seconds, lambda: meanwhile.append(bluegreen(*arguments)))

    at(30, "approve", NAME, "--reason", "looks good")
    at(100, "pause", FUNCTION, "--seconds", "900", "--reason", "lunch")
    at(110, "show", NAME)
    deployer.users_call()
    artifact = deployer.upload(BAD_UNDER_TRAFFIC)
    deployer.run({"function": FUNCTION, "artifact": artifact, "approval": {"required": True}}, name=NAME)
    deployer.aws.clock.sleep(1200)

    ran, told = bluegreen("show", NAME), bluegreen("show", NAME, "--json").json

    assert ran.exit_code == 0
    heading, steps = (part.splitlines() for part in ran.stdout.split("\n\n"))
    assert heading[0] == f"{NAME}: deployment to {FUNCTION}:PROD"
    assert heading[1].endswith(" min ago (2026-01-05 09:00:00 UTC) by StartExecution")
    assert "  traffic: Canary10Percent5Minutes (10 % for 5 min, 100 %)" in heading
    (ended,) = [line for line in heading if line.startswith("  ended: ")]
    assert ended.startswith("  ended: RolledBack 20 min ago (2026-01-05 09:0")
    assert ended.endswith("; then version 1 served")
    assert any(line.startswith("  why: GreenUnhealthy: Version 2 is unhealthy: green failed") for line in heading)
    assert steps == sorted(steps, key=lambda line: line[:19])
    shown = "\n".join(steps)
    for known in (
        "2026-01-05 09:00:00 UTC  approval           step 1 waits for a person until 2026-01-",
        f"approved           step 1 by API by {CALLER}: looks good\n",
        "ShiftAlias         green has 10 %\n",
        f"order pause        by {CALLER} for 15 min: lunch\n",
        "CheckHealth        green is not seen yet",
        "RollBack           GreenUnhealthy: Version 2 is unhealthy",
    ):
        assert known in shown

    assert "  ended: not yet, it runs; `bluegreen watch" in meanwhile[2].stdout
    assert [order["order"] for order in told["orders"]] == ["pause"]
    assert [each["decision"] for each in told["approvals"]] == ["approved"]
    assert {"OpenDeployment", "CheckHealth", "RollBack"} <= {each["state"] for each in told["steps"]}
    assert bluegreen("show", FUNCTION).stdout == ran.stdout
    assert (told["state"], told["plan"]["schedule"]["name"]) == ("RolledBack", "Canary10Percent5Minutes")


def test_each_step_says_in_words_what_it_did(deployer: Deployer, bluegreen: Bluegreen) -> None:
    for number in (2, 3):
        deployer.deploy(GOOD % number, traffic="AllAtOnce")
    run = deployer.deploy(GOOD % 4, smoke_tests=[{"name": "answers"}], keep_versions=1, traffic="AllAtOnce")

    shown = bluegreen("show", run.arn.rpartition(":")[2]).stdout
    steps = dict(line[25:].split(maxsplit=1) for line in shown.split("\n\n")[1].splitlines())

    artifact = f"s3://{BUCKET}/functions/{FUNCTION}/by-request/new.zip"
    assert steps == {
        "OpenDeployment": f"Version 3 serves. {artifact} is to be deployed by AllAtOnce.",
        "UpdateCode": f"$LATEST has the code {deployer.record(run)['code']}.",
        "SmokeTest": "Passed on $LATEST: answers in 0.0 ms.",
        "PublishVersion": "Published version 4.",
        "SmokeTestGreen": "Passed on version 4: answers in 0.0 ms.",
        "ShiftAlias": "green has 100 %",
        "CheckHealth": "nobody watches green under traffic: this strategy has no bake",
        "CompleteDeployment": "Version 4 serves every request.",
        "DeleteVersions": f"Old versions deleted: {', '.join(deployer.record(run)['deleted'])}.",
    }


def test_an_execution_without_a_record_is_said_to_have_none(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}, name=NAME)
    answers.answer("GetItem", lambda asked: {})

    ran = bluegreen("show", NAME)

    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"{NAME} has no record. Its execution is SUCCEEDED.\nconsole: https://")
    assert bluegreen("show", NAME, "--json").json["state"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no deployment nothing, nor any of nothing:PROD"),
        (f"{FUNCTION}:PROD", f"there is no deployment {FUNCTION}:PROD, nor any of {FUNCTION}:PROD"),
        ("not.a.function", "there is no deployment not.a.function"),
        ("a/b", "'a/b' cannot be a deployment's id, which is the name of its execution, nor a function's name"),
    ],
)
def test_a_deployment_that_does_not_exist_is_exit_code_2(
    deployer: Deployer, bluegreen: Bluegreen, name: str, said: str
) -> None:
    ran = bluegreen("show", name)

    assert ran.exit_code == 2
    assert said in ran.stderr
    assert "`bluegreen history FUNCTION` lists the deployments" in ran.stderr


def test_a_ledger_that_may_not_be_read_is_said(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("GetItem", "AccessDeniedException", "not authorized to perform: dynamodb:GetItem", 403)

    ran = bluegreen("show", NAME)

    assert ran.exit_code != 0
    assert "dynamodb:GetItem" in ran.stderr
