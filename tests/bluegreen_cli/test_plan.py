"""`bluegreen plan`: what a deployment would do and cost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen.request.traffic import STRATEGIES, schedule
from bluegreen_cli.commands.plan import NOTHING_TO_DEPLOY, estimate
from tests.bluegreen_cli.conftest import Bluegreen
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, Deployer

Package = Callable[..., str]


def test_it_says_steps_times_transitions_and_dollars(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        f"{FUNCTION}:PROD would go from version 1 to new code, by Canary10Percent5Minutes:",
        "  smoke tests: one invocation with {} that must not fail",
        "  step 1: 10 % after 0 s, baked for 5 min, 5 looks",
        "  step 2: 100 % after 5 min, 1 look",
        "  in all 5 min of baking, 31 state transitions, $0.00078",
    ]


def test_it_touches_nothing(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    before = deployer.everything()

    bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert deployer.everything() == before
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    machine = deployer.aws.machine_arn()
    assert boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []


@pytest.mark.parametrize("traffic", [*STRATEGIES, "steps"])
def test_the_transitions_are_those_that_the_machine_takes(deployer: Deployer, traffic: str) -> None:
    steps = {
        "steps": [{"weight": 0.2, "bake_seconds": 90}, {"weight": 0.5, "bake_seconds": 0}],
        "final_bake_seconds": 130,
    }
    run = deployer.deploy(traffic=steps if traffic == "steps" else traffic)

    plan = run.document["plan"]
    resolved = schedule(traffic) if traffic != "steps" else type(schedule("AllAtOnce")).model_validate(plan["schedule"])
    assert estimate(resolved, 60, new_code=True).transitions == len(run.path)


def test_the_transitions_of_a_version_that_exists_are_those_that_the_machine_takes(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    run = deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})

    assert run.ended == "Deployed"
    assert estimate(schedule("AllAtOnce"), 60, new_code=False).transitions == len(run.path)


def test_nothing_to_deploy_takes_the_transitions_that_the_machine_takes(deployer: Deployer) -> None:
    assert deployer.deploy(GOOD % 1).path == list(NOTHING_TO_DEPLOY)


def test_json_has_the_request_and_the_numbers(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    found = bluegreen("plan", FUNCTION, package(GOOD % 2), "--json").json

    assert found["blue"] == "1"
    assert found["anything_to_deploy"] is True
    assert found["steps"] == [
        {"weight": 0.1, "after_seconds": 0, "bake_seconds": 300, "looks": 5},
        {"weight": 1.0, "after_seconds": 300, "bake_seconds": 0, "looks": 1},
    ]
    assert (found["seconds"], found["transitions"], found["dollars"]) == (300, 31, 0.000775)
    assert found["request"]["function"] == FUNCTION


def test_code_that_serves_already_is_nothing_to_deploy(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    path = package(GOOD % 2)
    bluegreen("deploy", FUNCTION, path, "--traffic", "AllAtOnce")

    assert bluegreen("plan", FUNCTION, path).stdout.startswith("Nothing to deploy: ")
    assert bluegreen("plan", FUNCTION, "--version", "2").stdout.startswith("Nothing to deploy: ")
    assert bluegreen("plan", FUNCTION, path, "--json").json["transitions"] == 3


def test_adaptive_traffic_has_no_times_to_tell(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "Adaptive")

    assert "weights and times follow the evidence" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-smoke-tests",), "smoke tests: off"),
        (("--smoke-tests", "{tests}"), "smoke tests: adds up, answers"),
    ],
)
def test_it_names_the_smoke_tests(
    deployer: Deployer,
    bluegreen: Bluegreen,
    package: Package,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    tests = tmp_path / "tests.json"
    tests.write_text(json.dumps([{"name": "adds up"}, {"name": "answers"}]))

    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), *(each.format(tests=tests) for each in arguments))

    assert said in ran.stdout


def test_it_says_where_code_comes_from_that_is_in_s3_already(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("plan", FUNCTION, f"s3://{BUCKET}/new.zip")

    assert f"to new code from s3://{BUCKET}/new.zip, by" in ran.stdout


def test_it_says_which_image(deployer: Deployer, bluegreen: Bluegreen) -> None:
    image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"

    assert f"to the image {image}, by" in bluegreen("plan", FUNCTION, "--image", image).stdout


def test_a_wrong_request_is_refused_in_the_machines_words(bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "Slowly")

    assert ran.exit_code == 2
    assert "traffic: 'Slowly' is not a strategy" in ran.stderr


def test_what_the_machine_would_refuse_is_refused(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    lambda_: Any = boto3.client("lambda")
    deployer.aws.create_function("Untagged", GOOD % 1, tags={})
    deployer.aws.create_function("Split", GOOD % 1)
    lambda_.update_function_code(FunctionName="Split", ZipFile=Path(package(GOOD % 2)).read_bytes())
    lambda_.publish_version(FunctionName="Split")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    lambda_.update_alias(FunctionName="Split", Name="PROD", RoutingConfig=weights)

    for function, complaint in {
        "Nowhere": "there is no function Nowhere with an alias PROD",
        "Untagged": "Untagged has no tag bluegreen:managed = true",
        "Split": "Split:PROD is served by version 1 (50 %) and version 2 (50 %), not at one published version",
    }.items():
        ran = bluegreen("plan", function, package(GOOD % 3))
        assert ran.exit_code == 2
        assert complaint in ran.stderr
