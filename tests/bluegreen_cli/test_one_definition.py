"""What goes from one part to another is read there: command, StartExecution, record, plan, API, and command again."""

import json
from pathlib import Path
from typing import Any

import pytest

from bluegreen.ledger import audit, deployments
from bluegreen.request.request import STARTED_BY_EXECUTION
from tests.bluegreen_cli.conftest import Bluegreen
from tests.machine.asking import CALLER, ask
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, Deployer, place, zip_of
from tests.machine.walk import DEPLOY_ASL

ARN = TARGET.arn
NAMES = ["F-1.4.2", "a+b@c=d!e'(f)", "Zürich_日本", "x" * 80]
CASES: list[dict[str, Any]] = [
    {"name": "null", "payload": {"large": 2**60, "small": 1e-9, "half": "\ud83d", "": None}, "expect": {"bonus": 2}},
    {"name": "any"},
]
STEPS = {"steps": [{"weight": 0.001, "bake_seconds": 0}, {"weight": 0.305, "bake_seconds": 0}]}
REST: dict[str, Any] = {"smoke_tests": CASES, "traffic": STEPS, "health": {"margin": 0.015, "icc": 0, "slow_ms": 900}}


@pytest.mark.parametrize("name", NAMES)
def test_a_deployment_of_any_name_is_found_again_by_every_part(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    deployer.run({"function": FUNCTION, "artifact": "version 1"}, "older")
    deployer.aws.clock.sleep(60)
    run = deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}, name)
    assert run.ended == "Deployed"

    status, shown = ask("GET", f"/deployments/{name}")
    assert (status, shown["id"], shown["state"]) == (200, name, "Deployed")
    listed = ask("GET", "/deployments", query=f"function={FUNCTION}")[1]["deployments"]
    assert [each["id"] for each in listed] == [name, "older"]
    assert [each["id"] for each in bluegreen("history", FUNCTION, "--json").json] == [name, "older"]
    assert bluegreen("watch", name, "--json").json["deployment"] == name
    assert f"The last one, {name}, ended Deployed" in bluegreen("status", FUNCTION).stdout

    monkeypatch.setattr(audit, "PAGE", 1)
    _, first = ask("GET", f"/deployments/{name}")
    _, second = ask("GET", f"/deployments/{name}", query=f"next={first['next']}")
    assert (len(first["steps"]), len(second["steps"])) == (1, 1)
    assert first["steps"] != second["steps"]
    monkeypatch.setattr(deployments.of_function, "__kwdefaults__", {"refused": False, "after": "", "most": 1})
    _, page = ask("GET", "/deployments", query=f"function={FUNCTION}")
    _, rest = ask("GET", "/deployments", query=f"function={FUNCTION}&next={page['next']}")
    assert [each["id"] for each in page["deployments"] + rest["deployments"]] == [name, "older"]


def test_an_id_in_a_url_may_be_encoded(deployer: Deployer) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}, "Zürich+1")

    assert ask("GET", "/deployments/Z%C3%BCrich%2B1")[1]["id"] == "Zürich+1"


def test_an_id_that_no_execution_can_have_is_refused_in_words(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("watch", "a b")

    assert ran.exit_code == 2
    assert "'a b' cannot be a deployment's id, which is the name of its execution" in ran.stderr


def test_numbers_and_texts_go_through_every_part_as_they_were_written(
    deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path
) -> None:
    (tmp_path / "new.zip").write_bytes(zip_of(GOOD % 2))
    (tmp_path / "rest.json").write_text(json.dumps(REST))
    sent = bluegreen("deploy", FUNCTION, str(tmp_path / "new.zip"), "--request", str(tmp_path / "rest.json"), "--json")
    assert sent.json["end"] == "Deployed"

    plan = ask("GET", f"/deployments/{sent.json['deployment']}")[1]["plan"]

    assert plan["smoke_tests"][0]["payload"] == CASES[0]["payload"]
    assert ["expect" in case for case in plan["smoke_tests"]] == [True, False]
    assert [step["weight"] for step in plan["schedule"]["steps"]] == [0.001, 0.305, 1]
    assert {name: plan["health"][name] for name in REST["health"]} == REST["health"]
    again = {name: plan[name] for name in ("artifact", "smoke_tests", "health")}
    (tmp_path / "again.json").write_text(json.dumps(again))
    planned = bluegreen("plan", FUNCTION, "--request", str(tmp_path / "again.json"), "--json")
    assert planned.json["anything_to_deploy"] is False


@pytest.mark.parametrize("function", [f"{FUNCTION}:PROD", ARN, f"{ARN}:PROD"])
def test_a_function_may_be_named_as_lambda_names_it(
    deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path, function: str
) -> None:
    (tmp_path / "new.zip").write_bytes(zip_of(GOOD % 2))
    new = str(tmp_path / "new.zip")

    assert bluegreen("plan", function, new, "--traffic", "AllAtOnce", "--json").json["function"] == FUNCTION
    assert bluegreen("deploy", function, new, "--traffic", "AllAtOnce", "--json").json["function"] == FUNCTION
    assert bluegreen("status", function, "--json").json["alias"] == "PROD"
    assert len(bluegreen("history", function, "--json").json) == 1
    assert bluegreen("adopt", function, "--json").json["function"] == FUNCTION
    assert bluegreen("rollback", function, "--json").json["serving"] == "1"
    assert len(ask("GET", "/deployments", query=f"function={function}")[1]["deployments"]) == 2


@pytest.mark.parametrize("command", [("status",), ("history",), ("adopt",), ("rollback",), ("plan", "--version", "1")])
def test_a_function_of_another_account_is_refused_in_words(
    deployer: Deployer, bluegreen: Bluegreen, command: tuple[str, ...]
) -> None:
    ran = bluegreen(command[0], ARN.replace(TARGET.account, "210987654321"), *command[1:])

    assert ran.exit_code == 2
    assert f"function: {FUNCTION} is in the account 210987654321, and this stack deploys in" in ran.stderr
    assert "--region and --profile" in ran.stderr


@pytest.mark.parametrize("function", [f"{FUNCTION}:PROD", ARN])
def test_a_refused_request_is_listed_by_the_functions_own_name(deployer: Deployer, function: str) -> None:
    deployer.run({"function": function, "artifact": "s3://artifacts/nothing.zip"}, "refused-1.0")

    (listed,) = ask("GET", "/deployments", query=f"function={FUNCTION}&refused=true")[1]["deployments"]
    assert (listed["id"], listed["function"], listed["alias"]) == ("refused-1.0", FUNCTION, "PROD")


def test_an_execution_of_another_machine_may_start_it(deployer: Deployer, bluegreen: Bluegreen) -> None:
    parent = "arn:aws:states:us-east-1:123456789012:execution:release:r-7"
    run = deployer.deploy(**{STARTED_BY_EXECUTION: parent, "traffic": "AllAtOnce"})

    assert run.ended == "Deployed"
    assert deployer.record(run)["started_by"] == f"execution {parent}, as the request says"
    assert "execution r-7, as the request says" in " ".join(bluegreen("history", FUNCTION).stdout.split())


@pytest.mark.parametrize("key", ["ein + zwei%20ü.zip", "a?b&c=d#e.zip", "v1/[x]{y}.zip"])
def test_a_key_goes_through_every_part_as_it_is(deployer: Deployer, bluegreen: Bluegreen, key: str) -> None:
    key = deployer.upload(GOOD % 2, key)["key"]

    ran = bluegreen("deploy", FUNCTION, f"s3://{BUCKET}/{key}", "--traffic", "AllAtOnce", "--json")

    assert ran.json["end"] == "Deployed"
    shown = ask("GET", f"/deployments/{ran.json['deployment']}")[1]
    assert (shown["artifact"], shown["plan"]["artifact"]["key"]) == (f"s3://{BUCKET}/{key}", key)


def test_an_artifact_is_taken_as_s3_and_as_a_record_name_it(deployer: Deployer, bluegreen: Bluegreen) -> None:
    first = deployer.upload(GOOD % 2)
    deployer.upload(GOOD % 3)

    def deployed(artifact: Any) -> Any:
        run = deployer.run({"function": FUNCTION, "artifact": artifact, "traffic": "AllAtOnce"})
        return run.ended, deployer.alias()[0]

    assert deployed(f"s3://{BUCKET}/{place('new.zip')}?versionId={first['version_id']}") == ("Deployed", "2")
    assert deployed(f"arn:aws:s3:::{BUCKET}/{place('new.zip')}") == ("Deployed", "3")
    assert deployed("version 2") == ("Deployed", "2")
    assert deployed({"version": 3}) == ("Deployed", "3")
    assert (
        bluegreen("deploy", FUNCTION, f"arn:aws:s3:::{BUCKET}/{place('new.zip')}", "--json").json["end"]
        == "NothingToDeploy"
    )


def test_the_machine_itself_reads_no_name() -> None:
    assert "Execution.Name" not in DEPLOY_ASL.read_text()


@pytest.mark.parametrize("by", ["api", "hand", "refused"])
def test_who_started_it_is_told_alike_by_every_part(deployer: Deployer, bluegreen: Bluegreen, by: str) -> None:
    asked: dict[str, Any] = {"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}
    if by == "api":
        run = deployer.aws.finish(ask("POST", "/deployments", json.dumps(asked))[1]["execution"])
    else:
        asked |= {"alias": "MISSING"} if by == "refused" else {}
        run = deployer.run(asked | {"started_by": f"API by {CALLER}"}, "a-claim")
    name, proved = run.arn.rpartition(":")[2], by == "api"
    author = f"API by {CALLER}" if proved else f"API by {CALLER}, as the request says"
    refused = ["--refused"] if by == "refused" else []

    shown = ask("GET", f"/deployments/{name}")[1]
    (listed,) = ask("GET", "/deployments", query=f"function={FUNCTION}&refused={str(by == 'refused').lower()}")[1][
        "deployments"
    ]
    (of_history,) = bluegreen("history", FUNCTION, *refused, "--json").json
    watched = bluegreen("watch", name, "--json").json
    for part in (shown, listed, of_history, watched):
        assert (part["started_by"], part["started_by_proved"]) == (author, proved)
    assert f"Started by: {author}" in bluegreen("watch", name).stderr
    in_the_row = author.replace(CALLER, CALLER.rpartition(":")[2])
    assert in_the_row in " ".join(bluegreen("history", FUNCTION, *refused).stdout.split())
    if not refused:
        last = bluegreen("status", FUNCTION, "--json").json["last"]
        assert (last["started_by"], last["started_by_proved"]) == (author, proved)
        assert f"  started by: {author}\n" in bluegreen("status", FUNCTION).stdout
