"""Every way to start a deployment."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials

from sandbox.demo.account import zipped
from tests.e2e.installed import ALL_AT_ONCE, CALCULATOR, REFUSED, SMOKE_TESTS, Calculator, Installed, code

pytestmark = pytest.mark.xdist_group("e2e")


def test_by_hand_with_the_ordinary_aws_command(installed: Installed, calculator: Calculator) -> None:
    started = installed.aws(
        *("stepfunctions", "start-execution", "--state-machine-arn", installed.machine),
        *("--input", json.dumps(calculator.request("v2"))),
    )

    ended = installed.ended(started["executionArn"].rpartition(":")[2])

    assert ended.path == ALL_AT_ONCE
    assert calculator.serving == "2"


def test_by_an_upload_with_the_rest_of_the_request_beside_it(installed: Installed, calculator: Calculator) -> None:
    folder, known = f"functions/{calculator.name}", installed.executions()
    rest = {"traffic": "AllAtOnce", "smoke_tests": SMOKE_TESTS}
    installed.upload(f"{folder}/deployment.json", json.dumps(rest).encode())

    installed.upload(f"{folder}/some-build.zip", code("v2"))

    deployment = installed.started_beside(known)
    assert installed.ended(deployment).path == ALL_AT_ONCE
    assert calculator.serving == "2"
    _, record = installed.http(installed.signed("GET", f"/deployments/{deployment}"))
    assert record["artifact"] == f"s3://{installed.bucket}/{folder}/some-build.zip"
    assert [case["name"] for case in record["plan"]["smoke_tests"]] == [case["name"] for case in SMOKE_TESTS]
    account = installed.machine.split(":")[4]
    assert (record["started_by"], record["started_by_proved"]) == (f"upload by account {account}", True)


def test_the_same_code_again_is_nothing_to_deploy(installed: Installed, calculator: Calculator) -> None:
    known = installed.executions()
    before = calculator.everything()

    installed.upload(f"functions/{calculator.name}/again.zip", code("v1"))

    ended = installed.ended(installed.started_beside(known))
    assert (ended.end, ended.error) == ("NothingToDeploy", None)
    assert calculator.everything() == before


def test_an_upload_during_a_deployment_waits_and_is_deployed_after_it(
    installed: Installed, calculator: Calculator
) -> None:
    folder, known = f"functions/{calculator.name}", installed.executions()
    steps = [{"weight": 0.5, "bake_seconds": 6}]
    rest = {"traffic": {"steps": steps}, "health": {"period_seconds": 1, "delay_seconds": 1}}
    installed.upload(f"{folder}/deployment.json", json.dumps(rest).encode())
    installed.upload(f"{folder}/app.zip", code("v2"))
    running = installed.started_beside(known)

    installed.upload(f"{folder}/app.zip", code("v3"))

    refused = installed.started_beside(known | {running})
    ended = installed.ended(refused)
    assert (ended.path, ended.error) == (REFUSED, "UploadWaits")
    assert installed.ended(running).end == "Deployed"
    waited = installed.started_beside(known | {running, refused})
    assert waited == f"{refused}-2"
    assert installed.ended(waited).end == "Deployed"
    assert calculator.serving == "3"


def test_other_keys_start_nothing(installed: Installed, calculator: Calculator) -> None:
    known = installed.executions()
    keys = (f"functions/{calculator.name}/by-request/code.zip", f"functions/{calculator.name}/deployment.json")
    for key in (f"uploads/{calculator.name}/code.zip", *keys):
        installed.upload(key, b"{}")

    installed.upload(f"functions/{calculator.name}/code.zip", code("v1"))

    deployment = installed.started_beside(known)
    installed.ended(deployment)
    assert installed.executions() - known == {deployment}


def test_by_a_signed_request_to_the_http_api(installed: Installed, calculator: Calculator) -> None:
    hidden = installed.upload(f"functions/{calculator.name}/by-request/login.json", b'{"token": "a-secret"}')
    request = calculator.request("v2", smoke_tests=[{"name": "login", "sensitive": True, "payload_from": hidden}])

    status, accepted = installed.http(installed.signed("POST", "/deployments", request))

    assert status == 202
    assert installed.ended(accepted["id"]).path == ALL_AT_ONCE
    assert calculator.serving == "2"
    status, record = installed.http(installed.signed("GET", f"/deployments/{accepted['id']}"))
    assert (status, record["state"], record["serving"]) == (200, "Deployed", "2")
    assert (record["started_by"][:11], record["started_by_proved"]) == ("API by arn:", True)
    assert "a-secret" not in json.dumps([record, installed.history(accepted["execution"])], default=str)
    status, found = installed.http(installed.signed("GET", f"/deployments?function={calculator.name}"))
    assert (status, [each["id"] for each in found["deployments"]]) == (200, [accepted["id"]])


def test_the_http_api_refuses_a_bad_request_at_once(installed: Installed, calculator: Calculator) -> None:
    known = installed.executions()

    status, refusal = installed.http(installed.signed("POST", "/deployments", calculator.request("v2", trafic="x")))

    assert (status, refusal["message"]) == (400, "trafic: unknown field; did you mean traffic?; nothing was started")
    assert installed.executions() == known


def user(installed: Installed, name: str, *actions: str) -> Credentials:
    """An IAM user who may do that and nothing else, and a key of theirs."""
    iam = installed.client("iam")
    iam.create_user(UserName=name)
    if actions:
        allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def client_of(installed: Installed, who: Credentials, service: str) -> Any:
    environment = installed.environment
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=who.access_key,
        aws_secret_access_key=who.secret_key,
    )


def test_the_http_api_lets_in_who_may_and_signs(installed: Installed, calculator: Calculator) -> None:
    known, request = installed.executions(), calculator.request("v1")
    pipeline, stranger = user(installed, "pipeline", "execute-api:Invoke"), user(installed, "stranger")
    impostor = Credentials(pipeline.access_key, "guessed")

    def status(who: Credentials | None, unsigned: bool = False) -> int:
        asked = installed.signed("POST", "/deployments", request, who)
        if unsigned:
            asked.remove_header("Authorization")
        return installed.http(asked)[0]

    refused = {status(None, unsigned=True), status(impostor), status(stranger)}

    assert refused == {403}
    assert installed.executions() == known
    assert status(pipeline) == 202


def test_who_may_invoke_functions_or_start_executions_names_no_author(
    installed: Installed, calculator: Calculator
) -> None:
    """Each of them with that one permission; they know everything but the stack's id."""
    invoker, starter = (
        user(installed, "invoker", "lambda:InvokeFunction"),
        user(installed, "starter", "states:StartExecution"),
    )
    known, request = installed.executions(), calculator.request("v2")
    uploaded = request["artifact"].removeprefix(f"s3://{installed.bucket}/")
    of_s3: dict[str, object] = {
        "bucket": {"name": installed.bucket},
        "object": {"key": uploaded, "sequencer": "01"},
        "requester": "1",
    }
    event: dict[str, object] = {"id": "1", "source": "aws.s3", "detail-type": "Object Created", "detail": of_s3}
    iam = {"accessKey": "A", "accountId": "1", "callerId": "C", "userId": "U", "userArn": "arn:aws:iam::1:user/alice"}
    called: dict[str, object] = {
        "version": "2.0",
        "rawPath": "/deployments",
        "headers": {},
        "requestContext": {"http": {"method": "POST", "path": "/deployments"}, "authorizer": {"iam": iam}},
        "body": json.dumps(request),
        "isBase64Encoded": False,
    }

    def invoked(function: str, sent: dict[str, object]) -> dict[str, object]:
        answer = client_of(installed, invoker, "lambda").invoke(
            FunctionName=installed.physical(function), Payload=json.dumps(sent)
        )
        found: dict[str, object] = json.load(answer["Payload"])
        return found

    assert invoked("ReceiveUploadFunction", event)["errorType"] == "NotTheHolder"
    assert invoked("ReceiveUploadFunction", {"stack": "guessed", "event": event})["errorType"] == "NotTheHolder"
    for guessed in ({}, {"stageVariables": {"stack": "guessed"}}):
        assert invoked("ServeApiFunction", called | guessed)["statusCode"] == 403
    assert installed.executions() == known

    claim = {"started_by": "API by arn:aws:iam::1:user/alice"}
    client_of(installed, starter, "stepfunctions").start_execution(
        stateMachineArn=installed.machine, name="a-claim", input=json.dumps(request | claim)
    )
    installed.ended("a-claim")
    record = installed.record("a-claim")
    assert record["started_by"] == f"{claim['started_by']}, as the request says"
    assert record["started_by_proved"] is False


def test_by_the_command(installed: Installed, calculator: Calculator, tmp_path: Path) -> None:
    package = tmp_path / "v2.zip"
    package.write_bytes(code("v2"))

    exit_code, said = installed.command("deploy", calculator.name, package, "--traffic", "AllAtOnce")

    assert (exit_code, said["end"], said["serving"]) == (0, "Deployed", "2")
    assert installed.ended(said["deployment"]).path == ALL_AT_ONCE
    assert calculator.serving == "2"


def test_the_command_exits_with_1_when_it_was_rolled_back(
    installed: Installed, calculator: Calculator, tmp_path: Path
) -> None:
    smoke_tests = tmp_path / "smoke-tests.json"
    smoke_tests.write_text(json.dumps(SMOKE_TESTS))

    exit_code, said = installed.command("deploy", calculator.name, CALCULATOR / "v4", "--smoke-tests", smoke_tests)

    assert (exit_code, said["end"], said["error"]) == (1, "RolledBack", "SmokeTestFailed")
    assert said["evidence"]["mismatches"] == ["expected 3000 at powertools_json(body).bonus, but 300000 came"]
    assert calculator.serving == "1"


def test_the_command_exits_with_2_when_the_request_is_refused(
    installed: Installed, calculator: Calculator, tmp_path: Path
) -> None:
    package, before = tmp_path / "v2.zip", calculator.everything()
    package.write_bytes(zipped(CALCULATOR / "v2"))

    here, at_once = installed.command("deploy", calculator.name, package, "--traffic", "Canary10Percent5Minute")
    there, in_the_end = installed.command("deploy", calculator.name, package, "--alias", "STAGING")

    assert (here, at_once["error"]) == (2, "Refused")
    assert "did you mean Canary10Percent5Minutes?" in at_once["cause"]
    assert (there, in_the_end["end"]) == (2, "Rejected")
    assert "has no alias STAGING" in in_the_end["cause"]
    assert calculator.everything() == before


def test_rollback_goes_back_to_the_version_that_served_before_and_to_any_other(
    installed: Installed, calculator: Calculator
) -> None:
    assert installed.deploy(calculator.request("v2")).end == "Deployed"
    assert installed.deploy(calculator.request("v3")).end == "Deployed"

    exit_code, said = installed.forked_command("rollback", calculator.name)
    assert (exit_code, said["end"], calculator.serving) == (0, "Deployed", "2")

    exit_code, said = installed.forked_command("rollback", calculator.name, "--to", "1")
    assert (exit_code, said["end"], calculator.serving) == (0, "Deployed", "1")

    exit_code, said = installed.forked_command("rollback", calculator.name, "--to", "3")
    assert (exit_code, said["end"], calculator.serving) == (0, "Deployed", "3")
