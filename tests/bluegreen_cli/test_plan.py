"""`bluegreen plan`: what a deployment would do and cost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen.ledger import deployments
from bluegreen.request.traffic import STRATEGIES, schedule
from bluegreen_cli.commands.plan import SAME_CODE, estimate
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.bluegreen_cli.test_deploy import started
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, GOOD, Deployer, alarm, place, zip_of
from tests.machine.log_groups import log_group

Package = Callable[..., str]
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"


def code_bytes() -> int:
    return len(zip_of(GOOD % 1))


def test_the_plan_says_how_many_versions_there_are_and_which_would_be_deleted(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    for each in range(2, 6):
        deployer.deploy(GOOD % each, traffic="AllAtOnce")
    new = ("plan", FUNCTION, package(GOOD % 9), "--traffic", "AllAtOnce", "--keep-versions", "2")

    said, as_json = bluegreen(*new), bluegreen(*new, "--json").json

    assert "  versions: 5 published, " in said.stdout
    assert "keep_versions deletes 2, 3 after a success" in said.stdout
    assert (as_json["versions"]["published"], as_json["versions"]["would_be_deleted"]) == (5, ["2", "3"])
    assert as_json["versions"]["most_stored_bytes"] == 75 * 1024**3
    run = deployer.run(as_json["request"] | {"artifact": deployer.upload(GOOD % 9)})
    assert deployer.record(run)["deleted"] == as_json["versions"]["would_be_deleted"]
    assert len(run.path) == as_json["transitions"]


def test_a_plan_of_who_may_not_list_versions_says_so(
    answers: Answers, deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    answers.refuse("ListVersionsByFunction", "AccessDeniedException", status=403)

    ran = bluegreen("plan", FUNCTION, package(GOOD % 9), "--keep-versions", "2")

    assert ran.exit_code == 0
    assert "  versions: not seen, since you may not list them\n" in ran.stdout


def test_the_plan_says_steps_times_transitions_and_dollars(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        f"{FUNCTION}:PROD would go from version 1 to new code, by Canary10Percent5Minutes:",
        "  smoke tests: none was given, so {} is sent; it counts only if version 1 passes it; "
        "give one with --smoke-tests FILE, or write --no-smoke-tests",
        f"  {FUNCTION} is invoked for real, 2 times before users meet green, and blue as often if {{}} fails",
        f"  versions: 1 published, {code_bytes()} bytes of code; Lambda stores {2 * code_bytes()} bytes of at most "
        "75 GB in this account and region; none is deleted (no keep_versions)",
        "  watched: errors, throttles; not watched: slow requests (health.slow_ms), replies with statusCode 500 and "
        "more (health.http), failed items of batches (health.batch), lines of the logs (health.logs), metrics of your "
        "own (health.metrics), alarms (health.alarms)",
        "  what will be known: the alias had no request in the last 3 h; nothing will be known of green under traffic "
        "but that it was deployed",
        "  no_traffic is proceed (the default): a green without requests gets everything, and the watch knows "
        "nothing of it",
        "  when_suspected is roll_back (the default): when green is to get everything while the odds are 10 to 1 or "
        "more that it is worse, it is rolled back; with those found worse before, that happens to 1 % of the greens "
        "that are no worse at most",
        "  slow requests: not watched, the alias had none to learn from",
        "  icc is 0.0002, the least: blue's failures do not come in bursts, or are too few to tell",
        "  step 1: 10 % after 0 s, baked for 5 min, 5 looks",
        "  step 2: 100 % after 5 min, 1 look",
        "  in all 5 min of baking, 30 state transitions, $0.00075",
    ]


@pytest.mark.parametrize(
    ("traffic", "signals"),
    [("Adaptive", "watched: errors, throttles, replies"), ("AllAtOnce", "")],
)
def test_the_plan_says_what_is_watched_if_anything_is(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path, traffic: str, signals: str
) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"traffic": traffic, "health": {"http": True}}))
    arguments = ("plan", FUNCTION, package(GOOD % 2), "--request", str(tmp_path / "request.json"))

    assert ("  watched: " in bluegreen(*arguments).stdout) is bool(signals)
    assert bluegreen(*arguments, "--json").json["signals"].startswith(signals)


@pytest.mark.parametrize(
    ("traffic", "in_all"), [("Canary10Percent5Minutes", ", so 120 at most in 6 looks"), ("Adaptive", "")]
)
def test_the_plan_says_what_searching_the_logs_costs(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path, traffic: str, in_all: str
) -> None:
    asked = {"traffic": traffic, "health": {"logs": {"bad": "ERROR"}}}
    (tmp_path / "request.json").write_text(json.dumps(asked))

    with log_group(f"/aws/lambda/{FUNCTION}"):
        ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--request", str(tmp_path / "request.json"))

    assert (
        f"  the logs: at most 20 calls of FilterLogEvents a look, each of which answers 1 MB at most{in_all}\n"
    ) in ran.stdout


def test_a_caller_who_may_not_search_the_logs_can_plan_all_the_same(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"health": {"logs": {"bad": "ERROR"}}}))

    group = f"/aws/lambda/{FUNCTION}"
    command = ("plan", FUNCTION, package(GOOD % 2), "--request", str(tmp_path / "request.json"))

    with log_group(group), deployer.aws.fails("FilterLogEvents", "AccessDeniedException", times=None) as denied:
        ran = bluegreen(*command)
        with deployer.aws.fails("ListTagsForResource", "AccessDeniedException", times=None):
            blind = bluegreen(*command)

    assert (ran.exit_code, blind.exit_code, denied.met) == (0, 0, 2)
    assert "The tags of the log group" not in ran.stdout
    assert f"The tags of the log group {group}: " in blind.stdout


def test_a_log_group_without_the_tag_is_refused_as_the_state_machine_does(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"health": {"logs": {"bad": "ERROR"}}}))
    group = f"/aws/lambda/{FUNCTION}"

    with log_group(group, tags={}):
        ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--request", str(tmp_path / "request.json"))

    assert ran.exit_code == 2
    assert (
        f"health.logs: the log group {group} may not be searched (it has no tag bluegreen:managed = true)" in ran.stderr
    )


def test_a_version_that_was_rolled_back_before_is_said_to_be(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.users_call()
    bad = bluegreen("deploy", FUNCTION, package(BAD_UNDER_TRAFFIC), "--json").json["deployment"]
    says = f"version 2 was rolled back before, by {bad}: GreenUnhealthy: "

    assert says in bluegreen("plan", FUNCTION, "--version", "2").stdout
    assert f"Warning: {says}" in bluegreen("rollback", FUNCTION, "--to", "2", "--no-follow").stderr
    assert "was rolled back" not in bluegreen("plan", FUNCTION, "--version", "1").stdout


def test_the_plan_of_a_long_bake_says_when_it_is_looked_at(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    arguments = ("plan", FUNCTION, package(GOOD % 2), "--steps", '[{"weight": 0.5, "bake_seconds": 86400}]')

    assert (
        "  step 1: 50 % after 0 s, baked for 24 h, 101 looks: every 1 min in the first hour, then less and less often, "
        "the last after 1 h 23 min"
    ) in bluegreen(*arguments).stdout
    step = bluegreen(*arguments, "--json").json["steps"][0]
    assert step["look_seconds"][:2] == [60, 120]
    assert step["look_seconds"][59:62] == [3600, 3900, 4225]
    assert (step["look_seconds"][-1], len(step["look_seconds"])) == (86400, step["looks"])


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        (
            ("--steps", '[{"weight": 0.1, "bake_seconds": 30}, {"weight": 0.5, "bake_seconds": 30}]'),
            "  step 2 bakes 3 min longer than asked for: CloudWatch shows a whole period of green's traffic 4 min "
            "after the first shift",
        ),
        (("--traffic", "AllAtOnce"), "  nobody watches green under traffic: this strategy has no bake"),
    ],
)
def test_the_plan_says_what_the_watch_can_see(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, traffic: tuple[str, str], said: str
) -> None:
    arguments = ("plan", FUNCTION, package(GOOD % 2), *traffic)

    assert said in bluegreen(*arguments).stdout.splitlines()
    shown = bluegreen(*arguments, "--json").json
    assert (shown["watched"], shown["held_seconds"]) == ((False, 0) if "AllAtOnce" in traffic else (True, 180))


def test_a_plan_touches_nothing(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    before = deployer.everything()

    bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert deployer.everything() == before
    assert deployer.items("") == []
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    machine = deployer.aws.machine_arn()
    assert boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []


STEPS = {"steps": [{"weight": 0.2, "bake_seconds": 90}, {"weight": 0.5, "bake_seconds": 0}], "final_bake_seconds": 130}
A_MORNING = {"steps": [{"weight": 0.5, "bake_seconds": 6 * 3600}]}


@pytest.mark.parametrize("traffic", [*STRATEGIES, STEPS, A_MORNING], ids=[*STRATEGIES, "steps", "a morning"])
def test_the_planned_transitions_are_those_of_the_state_machine(
    deployer: Deployer, traffic: str | dict[str, Any]
) -> None:
    run = deployer.deploy(traffic=traffic)

    plan = deployments.plan_of(run.arn.rpartition(":")[2])
    assert plan is not None
    assert not isinstance(traffic, str) or plan.schedule.steps == schedule(traffic).steps
    assert estimate(plan.schedule, 60, "new_code").transitions == len(run.path)


def test_the_planned_transitions_of_a_published_version_are_those_of_the_state_machine(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    run = deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})

    assert run.ended == "Deployed"
    assert estimate(schedule("AllAtOnce"), 60, "version").transitions == len(run.path)


def test_the_planned_transitions_of_nothing_to_deploy_are_those_of_the_state_machine(deployer: Deployer) -> None:
    assert deployer.deploy(GOOD % 1).path == list(SAME_CODE)


def test_the_plan_as_json_has_the_request_and_the_numbers(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    found = bluegreen("plan", FUNCTION, package(GOOD % 2), "--json").json

    assert found["blue"] == "1"
    assert found["anything_to_deploy"] is True
    assert found["steps"] == [
        {
            "weight": 0.1,
            "after_seconds": 0,
            "bake_seconds": 300,
            "look_seconds": [60, 120, 180, 240, 300],
            "looks": 5,
        },
        {"weight": 1.0, "after_seconds": 300, "bake_seconds": 0, "look_seconds": [0], "looks": 1},
    ]
    assert (found["seconds"], found["transitions"], found["dollars"]) == (300, 30, 0.00075)
    assert found["request"]["function"] == FUNCTION
    assert found["request"]["artifact"]["bucket"] == BUCKET


def test_code_that_serves_already_is_nothing_to_deploy(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    path = package(GOOD % 2)
    bluegreen("deploy", FUNCTION, path, "--traffic", "AllAtOnce")
    deployer.upload(GOOD % 2, "team/new.zip")

    assert bluegreen("plan", FUNCTION, path).stdout.startswith("Nothing to deploy: ")
    assert bluegreen("plan", FUNCTION, "--version", "2").stdout.startswith("Nothing to deploy: ")
    assert bluegreen("plan", FUNCTION, f"s3://{BUCKET}/{place('team/new.zip')}").stdout.startswith(
        "Nothing to deploy: "
    )
    assert bluegreen("plan", FUNCTION, path, "--json").json["transitions"] == 3


def test_a_plan_of_adaptive_traffic_has_no_times(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "Adaptive")

    assert "weights and times follow the evidence" in ran.stdout


def busy(deployer: Deployer, per_minute: int) -> None:
    """Users call the alias for so long that nothing else is in its past."""
    for _ in range(185):
        deployer.aws.metrics.count(FUNCTION, "PROD", "1", invocations=per_minute, duration_ms=80)
        deployer.aws.clock.sleep(60)


def test_the_plan_says_what_the_alias_did_before_and_what_will_be_known(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    busy(deployer, per_minute=100)
    arguments = ("plan", FUNCTION, package(GOOD % 2), "--traffic", "Canary10Percent10Minutes")

    lines = bluegreen(*arguments).stdout.splitlines()
    shown = bluegreen(*arguments, "--json").json

    assert (
        "  what will be known: the alias had about 100 requests a minute in the last 5 min; green is expected to be "
        "seen with about 80 requests in 10 min. If none of them fails, a green that fails 4.7 percentage points more "
        "than blue is excluded, and 1 % would be fine"
    ) in lines
    assert (
        "  slow requests: slower than 80 ms (blue's 95th percentile of late), in a dry run: they are shown and decide "
        "nothing"
    ) in lines
    assert shown["past"]["requests"] == 18_000
    assert (shown["forecast"]["requests"], shown["slow_ms"], shown["slow_acts"]) == (80, 80, False)


def test_the_first_weight_of_the_plan_is_that_of_the_deployment(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    busy(deployer, per_minute=6000)
    path = package(GOOD % 2)

    planned = bluegreen("plan", FUNCTION, path, "--traffic", "Adaptive", "--json").json
    deployed = bluegreen("deploy", FUNCTION, path, "--traffic", "Adaptive", "--json").json

    plan = deployments.plan_of(deployed["deployment"])
    assert plan is not None
    assert planned["first_weight"] == plan.schedule.first_weight < 0.03


def test_a_plan_with_smoke_tests_says_that_they_are_asked_again_where_nobody_calls(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    (tmp_path / "tests.json").write_text('[{"name": "answers", "payload": {}}]')
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--smoke-tests", str(tmp_path / "tests.json"))

    assert "  no_traffic is probe (the default with smoke tests): " in ran.stdout
    assert "under traffic but what the smoke tests say, which are asked again as probes\n" in ran.stdout


def test_a_caller_who_may_not_read_metrics_gets_the_rest_of_the_plan(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("GetMetricData", "AccessDeniedException", status=403)

    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--health", '{"cannot_measure": "proceed"}')

    assert ran.exit_code == 0
    assert "  what will be known: CloudWatch does not say what the alias did before (AccessDenied: " in ran.stdout
    assert "step 2: 100 %" in ran.stdout


def test_the_plan_of_a_strategy_without_a_bake_promises_nothing_of_the_watch(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce")

    assert "what will be known" not in ran.stdout
    assert "when_suspected" not in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-smoke-tests",), "smoke tests: off"),
        (("--smoke-tests", "{tests}"), "smoke tests: adds up, answers"),
    ],
)
def test_the_plan_names_the_smoke_tests(
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


def test_the_plan_names_an_object_that_is_in_s3_already(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.upload(GOOD % 2, "new.zip")

    ran = bluegreen("plan", FUNCTION, f"s3://{BUCKET}/{place('new.zip')}")

    assert f"to new code from s3://{BUCKET}/{place('new.zip')}, by" in ran.stdout


def test_an_object_that_the_caller_may_not_read_is_planned_all_the_same(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("GetObject", "AccessDenied", status=403)

    ran = bluegreen("plan", FUNCTION, f"s3://{BUCKET}/{place('new.zip')}")

    assert f"to new code from s3://{BUCKET}/{place('new.zip')}, by" in ran.stdout


def test_the_plan_names_the_image(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    found = boto3.client("lambda").get_function(FunctionName=FUNCTION, Qualifier="1")
    of_an_image = {**found, "Configuration": found["Configuration"] | {"PackageType": "Image"}}
    answers.answer("GetFunction", lambda _: of_an_image)

    assert f"to the image {IMAGE}, by" in bluegreen("plan", FUNCTION, "--image", IMAGE).stdout


def test_the_plan_names_the_version(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    assert "would go from version 2 to version 1, by" in bluegreen("plan", FUNCTION, "--version", "1").stdout


@pytest.mark.parametrize(("function", "version"), [("Nowhere", "1"), (FUNCTION, "99")])
def test_deploy_refuses_a_version_that_is_not_there_in_the_words_of_the_plan_and_starts_nothing(
    deployer: Deployer, bluegreen: Bluegreen, function: str, version: str
) -> None:
    planned, deployed = (bluegreen(command, function, "--version", version) for command in ("plan", "deploy"))

    assert (planned.exit_code, deployed.exit_code, started()) == (2, 2, [])
    assert deployed.stderr.partition("\n")[0] == planned.stderr.partition("\n")[0]


def test_a_wrong_request_is_refused_in_the_words_of_the_state_machine(bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "Slowly")

    assert ran.exit_code == 2
    assert "traffic: 'Slowly' is not a strategy" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("Nowhere", "--latest"),
        ("Untagged", "--version", "1"),
        ("Split", "--version", "1"),
        (FUNCTION, "--version", "1", "--alias", "STAGING"),
        (FUNCTION, "--image", IMAGE),
        (FUNCTION, f"s3://{BUCKET}/{place('nothing.zip')}"),
        (FUNCTION, f"s3://{BUCKET}/{place('no-zip.txt')}"),
        (FUNCTION, "--version", "1", "--health", '{"alarms": ["there", "nowhere"]}'),
    ],
    ids=[
        "no function",
        "no tag",
        "a split alias",
        "no alias",
        "an image for zips",
        "no object",
        "no zip",
        "no alarm",
    ],
)
def test_the_plan_refuses_what_the_state_machine_refuses_in_its_words(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, arguments: tuple[str, ...]
) -> None:
    lambda_: Any = boto3.client("lambda")
    deployer.aws.create_function("Untagged", GOOD % 1, tags={})
    deployer.aws.create_function("Split", GOOD % 1)
    lambda_.update_function_code(FunctionName="Split", ZipFile=Path(package(GOOD % 2)).read_bytes())
    lambda_.publish_version(FunctionName="Split")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    lambda_.update_alias(FunctionName="Split", Name="PROD", RoutingConfig=weights)
    boto3.client("s3").put_object(Bucket=BUCKET, Key=place("no-zip.txt"), Body=b"console.log(1)")
    alarm("there", "OK")

    planned, deployed = bluegreen("plan", *arguments), bluegreen("deploy", *arguments)

    assert (planned.exit_code, deployed.exit_code) == (2, 2)
    why = planned.stderr.removeprefix("Error: ").partition("\n")[0]
    assert f"Rejected: InvalidRequest: {why} No function was touched." in deployed.stdout  # metrics, too, may be there
    assert planned.stderr.endswith("\nNo function was touched.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (FUNCTION, "--image", IMAGE.replace("123456789012", "210987654321")),
        (FUNCTION, f"s3://{BUCKET}/new.zip"),
        ("bluegreen-RollBack", "--latest"),
    ],
    ids=["an image of another account", "an object elsewhere", "a part of the stack"],
)
def test_the_plan_refuses_what_the_command_would_not_even_start(
    deployer: Deployer, bluegreen: Bluegreen, arguments: tuple[str, ...]
) -> None:
    planned, deployed = bluegreen("plan", *arguments), bluegreen("deploy", *arguments)

    assert (planned.exit_code, deployed.exit_code) == (2, 2)
    assert planned.stderr.splitlines()[0] == deployed.stderr.splitlines()[0]
    assert deployer.items("deployment#") == []


def test_a_package_for_a_function_of_images_is_refused_by_its_place_in_the_stacks_bucket(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    found = boto3.client("lambda").get_function(FunctionName=FUNCTION)
    of_an_image = {**found, "Configuration": found["Configuration"] | {"PackageType": "Image"}}
    answers.answer("GetFunction", lambda _: of_an_image)

    ran = bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 2
    assert f", and s3://{BUCKET}/functions/{FUNCTION}/by-request/" in ran.stderr


def test_the_plan_refuses_an_older_upload_in_the_state_machines_words(
    deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path, package: Package
) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"only_newer": True}))
    deployer.upload(GOOD % 3, "older.zip")
    assert deployer.deploy(GOOD % 2).ended == "Deployed"  # of two in one second, the one that was taken counts as newer
    of_older = (FUNCTION, f"s3://{BUCKET}/{place('older.zip')}", "--request", str(request))

    planned, deployed = bluegreen("plan", *of_older), bluegreen("deploy", *of_older)

    assert (planned.exit_code, deployed.exit_code) == (2, 2)
    why = planned.stderr.removeprefix("Error: ").partition("\n")[0]
    assert "which deployment" in why
    assert f"Rejected: InvalidRequest: {why} No function was touched." in deployed.stdout  # metrics, too, may be there
    assert bluegreen("plan", FUNCTION, package(GOOD % 3), "--request", str(request)).exit_code == 0


def test_the_plan_names_the_settings_that_differ_and_no_value(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    boto3.client("lambda").update_function_configuration(
        FunctionName=FUNCTION, Timeout=60, Environment={"Variables": {"STAGE": "a-secret"}}
    )

    same_code, as_json = (
        bluegreen("plan", FUNCTION, package(GOOD % 1)),
        bluegreen("plan", FUNCTION, "--latest", "--json"),
    )

    assert "  settings that differ from version 1: Environment (variable STAGE); Timeout" in same_code.stdout
    assert as_json.json["changes"] == ["Environment (variable STAGE)", "Timeout"]
    assert (as_json.json["anything_to_deploy"], as_json.json["brings"]) == (True, "latest")
    assert "a-secret" not in same_code.stdout + as_json.stdout


def test_the_plan_of_what_latest_has_has_the_transitions_of_the_state_machine(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=60)

    said = bluegreen("plan", FUNCTION, "--latest", "--traffic", "AllAtOnce")
    planned = bluegreen("plan", FUNCTION, "--latest", "--traffic", "AllAtOnce", "--json").json

    assert said.stdout.startswith(f"{FUNCTION}:PROD would go from version 1 to what $LATEST has, by AllAtOnce:")
    run = deployer.run({"function": FUNCTION, "artifact": "$LATEST", "traffic": "AllAtOnce"})
    assert (run.ended, planned["transitions"]) == ("Deployed", len(run.path))


def test_the_plan_says_that_the_code_that_serves_would_mend_latest(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 9))

    ran, planned = (bluegreen("plan", FUNCTION, package(GOOD % 1), *more) for more in ((), ("--json",)))

    assert ran.stdout == (
        f"Nothing to deploy: {FUNCTION}:PROD is served by version 1, which has this code and these settings already. "
        "$LATEST has other code and would get this code.\n"
    )
    assert planned.json["transitions"] == len(deployer.deploy(GOOD % 1).path)


def test_the_plan_of_the_code_of_a_version_says_so(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    ran = bluegreen("plan", FUNCTION, "--code-of", "1")

    assert f"{FUNCTION}:PROD would go from version 2 to the code of version 1, by" in ran.stdout


def bare_queue() -> None:
    """An event source mapping of the function itself."""
    boto3.client("sqs").create_queue(QueueName="orders")
    source = "arn:aws:sqs:us-east-1:123456789012:orders"
    boto3.client("lambda").create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=source)


def test_the_plan_warns_of_what_the_record_of_the_deployment_warns_of(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bare_queue()
    arguments = (FUNCTION, package(GOOD % 2), "--allow-bypass", "--traffic", "AllAtOnce")

    planned, as_json = bluegreen("plan", *arguments), bluegreen("plan", *arguments, "--json")
    deployed = bluegreen("deploy", *arguments, "--json")

    (warning,) = as_json.json["warnings"]
    assert warning.startswith("bypass: the event source mapping of ")
    assert f"  warning: {warning}\n" in planned.stdout
    assert deployed.json["warnings"] == [warning]
    assert deployed.stderr.count(f"Warning: {warning}\n") == 1
    assert bluegreen("status", FUNCTION).stdout.endswith(f"  its warning: {warning}\n")
    assert bluegreen("history", FUNCTION, "--json").json[0]["warnings"] == [warning]


def test_the_plan_refuses_a_bypass_in_the_words_of_the_state_machine(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bare_queue()

    planned, deployed = (bluegreen(command, FUNCTION, package(GOOD % 2)) for command in ("plan", "deploy"))

    why = planned.stderr.removeprefix("Error: ").partition("\n")[0]
    assert why.startswith("bypass: event source mappings invoke")
    assert (planned.exit_code, deployed.exit_code) == (2, 2)
    assert deployed.stdout.startswith(f"Rejected: InvalidRequest: {why}")


def test_the_plan_of_nothing_to_deploy_warns_of_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bare_queue()

    assert bluegreen("plan", FUNCTION, package(GOOD % 1), "--json").json["warnings"] == []
