"""ServeApi: deployments over HTTP, for callers that sign as IAM principals."""

import base64
import json
from typing import Any

import boto3
import pytest

import serve_api
from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.invocation import Context

CONTEXT = Context("ServeApiFunction", "$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:ServeApi")
CALLER = "arn:aws:iam::123456789012:user/alice"


@pytest.fixture(autouse=True)
def machine(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine that takes every request and does nothing with it."""
    arn: str = boto3.client("stepfunctions").create_state_machine(
        name="takes-all",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    monkeypatch.setenv("STATE_MACHINE_ARN", arn)
    return arn


def ask(
    method: str, path: str, body: str | None = None, *, query: str = "", encoded: bool = False, caller: str = CALLER
) -> tuple[int, Any]:
    """A request as API Gateway hands it over; the status and the answer."""
    iam = {"accessKey": "A", "accountId": "123456789012", "userArn": caller, "userId": "U", "callerId": "C"}
    route = "/deployments/{id}" if path.count("/") > 1 else path
    event = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "api"},
        "queryStringParameters": dict(part.split("=", 1) for part in query.split("&") if part),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": {"iam": iam},
            "domainName": "api",
            "domainPrefix": "api",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "t"},
            "requestId": "request-1",
            "routeKey": f"{method} {route}",
            "stage": "$default",
            "time": "05/Jan/2026:09:00:00 +0000",
            "timeEpoch": 1767603600000,
        },
        "body": base64.b64encode(body.encode()).decode() if body is not None and encoded else body,
        "isBase64Encoded": encoded,
    }
    answer = serve_api.handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def post(request: Any, **more: Any) -> tuple[int, Any]:
    return ask("POST", "/deployments", json.dumps(request), **more)


def request_of(arn: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return found


def executions(machine: str) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [execution["name"] for execution in found]


REQUEST = {"function": FUNCTION, "artifact": "s3://artifacts/new.zip"}


class TestStarting:
    @pytest.mark.parametrize("encoded", [False, True])
    def test_answers_202_with_the_deployments_id_which_is_its_executions_name(
        self, machine: str, encoded: bool
    ) -> None:
        status, answer = post(REQUEST, encoded=encoded)

        assert status == 202
        assert executions(machine) == [answer["id"]]
        assert answer["execution"].endswith(f":{answer['id']}")
        assert answer["console"].endswith(answer["execution"])

    def test_hands_the_request_over_with_who_asked(self) -> None:
        _, answer = post(REQUEST | {"traffic": "AllAtOnce"})

        assert request_of(answer["execution"]) == {
            "function": FUNCTION,
            "artifact": {"bucket": "artifacts", "key": "new.zip"},
            "traffic": "AllAtOnce",
            "started_by": f"API by {CALLER}",
        }

    def test_nobody_can_ask_in_anothers_name(self) -> None:
        _, answer = post(REQUEST | {"started_by": "bob"})

        assert request_of(answer["execution"])["started_by"] == f"API by {CALLER}"

    def test_a_caller_of_a_long_name_can_ask(self) -> None:
        status, _ = post(REQUEST, caller=f"arn:aws:sts::123456789012:assumed-role/{'x' * 500}/session")

        assert status == 202

    def test_each_request_is_a_deployment(self) -> None:
        assert post(REQUEST)[1]["id"] != post(REQUEST)[1]["id"]

    def test_the_id_is_short_enough_for_step_functions(self) -> None:
        _, answer = post(REQUEST | {"function": "x" * 64})

        assert len(answer["id"]) <= 80

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("{", "body: not JSON"),
            ("", "nothing was started"),
            ("[]", "request: [] is not a JSON object"),
            ('"Shop"', "is not a JSON object"),
            ('{"function": "Shop"}', "artifact: is required"),
            (
                '{"function": "Shop", "artifact": "s3://abc/d", "trafic": 1}',
                "unknown field; did you mean traffic",
            ),
            (json.dumps(REQUEST | {"smoke_tests": [{"name": "a", "payload": "x" * 300_000}]}), "bytes"),
        ],
    )
    def test_a_wrong_request_is_answered_400_by_field_and_starts_nothing(
        self, machine: str, body: str, said: str
    ) -> None:
        status, answer = ask("POST", "/deployments", body)

        assert status == 400
        assert said in answer["message"]
        assert "nothing was started" in answer["message"]
        assert executions(machine) == []

    def test_aws_out_of_order_is_answered_503(self, deployer: Deployer) -> None:
        with deployer.aws.fails("StartExecution", "ServiceUnavailable", times=None):
            status, answer = post(REQUEST)

        assert (status, "try again" in answer["message"]) == (503, True)


class TestAsking:
    def test_a_deployment_is_its_record_and_its_steps(self, desk: Desk) -> None:
        desk.to("SmokeTest")

        status, answer = ask("GET", "/deployments/first")

        assert status == 200
        assert (answer["id"], answer["state"], answer["function"]) == ("first", "open", FUNCTION)
        assert sorted(step["state"] for step in answer["steps"]) == ["OpenDeployment", "UpdateCode"]
        assert answer["plan"]["blue"]["version"] == "1"

    def test_one_that_has_only_begun_is_one_already(self, machine: str) -> None:
        _, started = post(REQUEST)

        status, answer = ask("GET", f"/deployments/{started['id']}")

        assert status == 200
        assert (answer["id"], answer["steps"]) == (started["id"], [])

    @pytest.mark.parametrize("id_", ["nothing", "a%20b", "x" * 81, "a:b"])
    def test_one_that_is_not_there_is_answered_404(self, id_: str) -> None:
        assert ask("GET", f"/deployments/{id_}")[0] == 404

    def test_a_functions_deployments_are_listed_the_newest_first(self, desks: Desks) -> None:
        for number in (1, 2, 3):
            desk = desks(f"deployment-{number}", GOOD % (number + 1))
            desk.run("OpenDeployment")
            desk.failed().run("RejectDeployment")
            table = boto3.resource("dynamodb").Table("deployments")
            table.update_item(
                Key={"pk": f"deployment#deployment-{number}", "sk": "record"},
                UpdateExpression="SET started_at = :at",
                ExpressionAttributeValues={":at": f"2026-01-0{number}T00:00:00.000Z"},
            )

        status, answer = ask("GET", "/deployments", query=f"function={FUNCTION}")

        assert status == 200
        assert [each["id"] for each in answer["deployments"]] == ["deployment-3", "deployment-2", "deployment-1"]

    def test_a_function_without_deployments_has_none(self) -> None:
        assert ask("GET", "/deployments", query="function=Nothing") == (200, {"deployments": []})

    @pytest.mark.parametrize("query", ["", "function="])
    def test_whose_deployments_has_to_be_said(self, query: str) -> None:
        status, answer = ask("GET", "/deployments", query=query)

        assert status == 400
        assert answer["message"].startswith("function: say whose deployments")

    @pytest.mark.parametrize(("path", "query"), [("/deployments/first", ""), ("/deployments", "function=Shop")])
    def test_a_table_that_does_not_answer_is_answered_503(self, deployer: Deployer, path: str, query: str) -> None:
        with (
            deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
            deployer.aws.fails("Query", "ServiceUnavailable", times=None),
        ):
            assert ask("GET", path, query=query)[0] == 503

    def test_another_path_is_answered_404(self) -> None:
        assert ask("GET", "/secrets")[0] == 404
