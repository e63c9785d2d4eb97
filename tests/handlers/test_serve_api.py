"""ServeApi: deployments over HTTP, for callers that sign as IAM principals."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import boto3
import pytest

import serve_api
from bluegreen import clock
from bluegreen.ledger import audit, deployments, starts
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import Record
from tests.handlers.desk import Desk, Desks, context_of, in_its_role, put
from tests.machine.asking import CALLER, ask
from tests.machine.deployer import FUNCTION, TABLE, TARGET, Deployer, place

STATES = "arn:aws:states:us-east-1:123456789012:execution:machine:"


@pytest.fixture(autouse=True)
def machine(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine that takes every request and does nothing with it."""
    arn: str = boto3.client("stepfunctions").create_state_machine(
        name="takes-all",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    monkeypatch.setenv("STATE_MACHINE_ARN", arn)
    monkeypatch.setattr(serve_api, "handler", in_its_role(serve_api.handler, "ServeApi"))
    return arn


def post(request: Any, **more: Any) -> tuple[int, Any]:
    return ask("POST", "/deployments", json.dumps(request), **more)


def request_of(arn: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return found


def executions(machine: str) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [execution["name"] for execution in found]


IMAGE_ELSEWHERE = f"210987654321.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"
REQUEST = {"function": FUNCTION, "artifact": f"s3://artifacts/{place('new.zip')}"}


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
            "artifact": {"bucket": "artifacts", "key": place("new.zip")},
            "traffic": "AllAtOnce",
            "started_by": f"API by {CALLER}",
        }

    def test_lets_no_caller_ask_in_the_name_of_another(self) -> None:
        _, answer = post(REQUEST | {"started_by": "bob"})

        assert request_of(answer["execution"])["started_by"] == f"API by {CALLER}"

    def test_writes_down_who_asked_for_that_very_request(self) -> None:
        _, answer = post(REQUEST)

        assert starts.noted(answer["id"], request_of(answer["execution"])) == f"API by {CALLER}"

    def test_starts_nothing_if_who_asked_cannot_be_written_down(self, deployer: Deployer, machine: str) -> None:
        with deployer.aws.fails("PutItem", "ServiceUnavailable", times=None):
            status, answer = post(REQUEST)

        assert (status, answer["message"]) == (503, "AWS could not answer now; try again in a moment")
        assert executions(machine) == []

    def test_a_caller_of_a_long_name_can_ask(self) -> None:
        status, _ = post(REQUEST, caller=f"arn:aws:sts::123456789012:assumed-role/{'x' * 500}/session")

        assert status == 202

    def test_each_request_is_a_deployment(self) -> None:
        assert post(REQUEST)[1]["id"] != post(REQUEST)[1]["id"]

    def test_the_id_is_short_enough_for_step_functions(self) -> None:
        _, answer = post({"function": "x" * 64, "artifact": "$LATEST"})

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
            (json.dumps(REQUEST | {"function": "Other"}), "artifact.key: s3://artifacts/"),
            (
                json.dumps(REQUEST | {"artifact": "s3://others/new.zip"}),
                "artifact.bucket: s3://others/",
            ),
            (json.dumps(REQUEST | {"artifact": {"image_uri": IMAGE_ELSEWHERE}}), "artifact.image_uri: 210987654321."),
            ('{"function": "takes-all-RollBack", "artifact": "$LATEST"}', "function: takes-all-RollBack is a part of"),
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


class TestAskingForADeployment:
    def test_answers_its_record_its_plan_and_its_steps(self, desk: Desk) -> None:
        desk.to("SmokeTest")

        status, answer = ask("GET", "/deployments/first")

        assert status == 200
        assert (answer["id"], answer["state"], answer["function"]) == ("first", "open", FUNCTION)
        assert [step["state"] for step in answer["steps"]] == ["OpenDeployment", "UpdateCode"]
        assert answer["steps"][1]["evidence"] == {"sha256": desk.record()["code"]}
        assert answer["plan"]["blue"]["version"] == "1"
        assert "next" not in answer

    @pytest.mark.parametrize("id_", ["F-1.4.2", "Straße", "5€", "🚀", "a+b=c@(d)!"])
    @pytest.mark.parametrize("written", [str, quote], ids=["as it is", "encoded"])
    def test_is_found_by_every_id_that_step_functions_takes(
        self, desks: Desks, id_: str, written: Callable[[str], str]
    ) -> None:
        desks(id_).to("UpdateCode")

        status, answer = ask("GET", f"/deployments/{written(id_)}")

        assert (status, answer.get("id")) == (200, id_)

    def test_never_answers_its_proof(self, desk: Desk) -> None:
        """With it a caller could send the handlers events of their own."""
        desk.to("ShiftAlias").failed().run("RollBack")

        status, answer = ask("GET", "/deployments/first")
        _, listed = ask("GET", "/deployments", query=f"function={FUNCTION}")

        assert (status, len(listed["deployments"])) == (200, 1)
        assert desk.record()["proof"] not in json.dumps([answer, listed])

    def test_answers_a_page_of_its_steps_and_where_the_next_page_begins(self, desk: Desk) -> None:
        desk.to("UpdateCode")
        for number in range(audit.PAGE + 1):
            desk.aws.clock.sleep(0.01)
            audit.note(of_deployment("first"), "CheckHealth", {"number": number})

        _, first = ask("GET", "/deployments/first")
        _, second = ask("GET", "/deployments/first", query=f"next={first['next']}")

        steps = first["steps"] + second["steps"]
        assert len(first["steps"]) == audit.PAGE
        assert [step["evidence"].get("number") for step in steps[1:]] == list(range(audit.PAGE + 1))
        assert "next" not in second

    def test_that_has_only_begun_answers_it_without_steps(self, machine: str) -> None:
        _, started = post(REQUEST)

        status, answer = ask("GET", f"/deployments/{started['id']}")

        assert status == 200
        assert (answer["id"], answer["steps"]) == (started["id"], [])

    @pytest.mark.parametrize("token", ["€", "a", "_w"])
    def test_that_has_only_begun_has_no_page_that_the_api_did_not_name(self, token: str) -> None:
        _, started = post(REQUEST)

        status, answer = ask("GET", f"/deployments/{started['id']}", query=f"next={quote(token)}")

        assert (status, answer["message"]) == (400, "next: send the `next` of the previous page unchanged")

    def test_that_another_stack_version_planned_answers_it_without_the_plan(self, desk: Desk) -> None:
        desk.to("UpdateCode")
        put({"pk": "deployment#first", "sk": "plan", "id": "first", "smoke_tests": []})

        status, answer = ask("GET", "/deployments/first")

        assert (status, answer["state"]) == (200, "open")
        assert "plan" not in answer

    @pytest.mark.parametrize("id_", ["nothing", "a%20b", "x" * 81, "a:b"])
    def test_that_is_not_there_is_answered_404(self, id_: str) -> None:
        assert ask("GET", f"/deployments/{id_}")[0] == 404


class TestAskingForTheDeploymentsOfAFunction:
    def ended(self, number: int, **of: Any) -> Record:
        """A deployment of a day of its own."""
        return Record(
            **{
                "id": f"deployment-{number}",
                "target": TARGET,
                "state": "RolledBack",
                "execution": f"{STATES}deployment-{number}",
                "started_at": clock.iso(86400 * number),
                "started_by": "a test",
                "artifact": f"s3://artifacts/{place('new.zip')}",
            }
            | of
        )

    def test_answers_the_newest_first(self, deployer: Deployer) -> None:
        for number in (2, 3, 1):
            boto3.client("dynamodb").put_item(TableName=TABLE, Item=self.ended(number).to_item())

        status, answer = ask("GET", "/deployments", query=f"function={FUNCTION}")

        assert status == 200
        assert [each["id"] for each in answer["deployments"]] == ["deployment-3", "deployment-2", "deployment-1"]

    def test_answers_a_page_and_where_the_next_page_begins(self, deployer: Deployer) -> None:
        for number in range(deployments.MOST + 1):
            boto3.client("dynamodb").put_item(TableName=TABLE, Item=self.ended(number).to_item())

        _, first = ask("GET", "/deployments", query=f"function={FUNCTION}")
        _, second = ask("GET", "/deployments", query=f"function={FUNCTION}&next={first['next']}")

        found = [each["id"] for each in first["deployments"] + second["deployments"]]
        assert len(first["deployments"]) == deployments.MOST
        assert found == [f"deployment-{number}" for number in reversed(range(deployments.MOST + 1))]
        assert "next" not in second

    def test_answers_refused_requests_only_if_they_are_asked_for(self, desk: Desk, desks: Desks) -> None:
        desk.to("UpdateCode")
        desks("second").failed("DeploymentInProgress", "first deploys").run("RejectDeployment")

        _, deployed = ask("GET", "/deployments", query=f"function={FUNCTION}")
        _, refused = ask("GET", "/deployments", query=f"function={FUNCTION}&refused=true")

        assert [each["id"] for each in deployed["deployments"]] == ["first"]
        assert [(each["id"], each["error"]) for each in refused["deployments"]] == [("second", "DeploymentInProgress")]

    def test_without_deployments_answers_none(self) -> None:
        assert ask("GET", "/deployments", query="function=Nothing") == (200, {"deployments": []})

    @pytest.mark.parametrize("query", ["", "function=", f"function={3000 * 'x'}"])
    def test_that_is_not_named_is_answered_400(self, query: str) -> None:
        status, answer = ask("GET", "/deployments", query=query)

        assert status == 400
        assert answer["message"].startswith("function: write the name of a function")

    @pytest.mark.parametrize(
        ("path", "query"), [("/deployments", f"function={FUNCTION}&"), ("/deployments/first", "")], ids=["list", "one"]
    )
    def test_with_a_page_that_the_api_never_named_is_answered_400(self, desk: Desk, path: str, query: str) -> None:
        desk.run("OpenDeployment")

        status, answer = ask("GET", path, query=f"{query}next={{$}}")

        assert (status, answer["message"]) == (400, "next: send the `next` of the previous page unchanged")


@pytest.mark.parametrize(("path", "query"), [("/deployments/first", ""), ("/deployments", "function=Shop")])
def test_a_table_that_does_not_answer_is_answered_503(deployer: Deployer, path: str, query: str) -> None:
    with (
        deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
        deployer.aws.fails("Query", "ServiceUnavailable", times=None),
    ):
        assert ask("GET", path, query=query)[0] == 503


def test_what_the_table_refuses_is_answered_400(deployer: Deployer) -> None:
    """A `next` may have the form of ours, and no key of the table in it."""
    with deployer.aws.fails("Query", "ValidationException", times=None):
        assert ask("GET", "/deployments", query=f"function={FUNCTION}&next=|")[0] == 400


def test_another_path_is_answered_404() -> None:
    assert ask("GET", "/secrets")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "query", "said"),
    [
        (
            "GET",
            "/deployments",
            "function=Shop&limit=5",
            "limit: unknown parameter; the parameters are ",
        ),
        (
            "GET",
            "/deployments",
            "Function=Shop",
            "Function: unknown parameter; the parameters are ",
        ),
        ("GET", "/deployments", "=", ": unknown parameter"),
        ("GET", "/deployments/first", "function=Shop", "function: unknown parameter; the parameters are next"),
        ("POST", "/deployments", "dry_run=true", "dry_run: unknown parameter; this path has none"),
        ("GET", "/deployments", "function=Shop&refused=yes", "refused: write true or false"),
        ("GET", "/deployments", "function=Shop&refused=true,true", "refused: write true or false"),
        ("GET", "/deployments", "function=Shop,Shop", "function: write the name of a function"),
    ],
)
def test_a_parameter_that_would_do_nothing_is_answered_400_by_name(
    machine: str, method: str, path: str, query: str, said: str
) -> None:
    status, answer = ask(method, path, json.dumps(REQUEST), query=query)

    assert (status, executions(machine)) == (400, [])
    assert answer["message"].startswith(said)


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000, "[1e400]", '{"function": "A", "function": "B"}', "NaN", "\x1f\x8b"],
    ids=lambda body: body[:12],
)
def test_a_body_that_is_no_json_is_answered_400(machine: str, body: str) -> None:
    for encoded in (False, True):
        status, answer = ask("POST", "/deployments", body, encoded=encoded)

        assert (status, executions(machine)) == (400, [])
        assert answer["message"].startswith("body: not JSON (")


@pytest.mark.parametrize("order", ["approve", "reject", "pause", "resume", "promote"])
def test_a_body_of_bytes_that_are_no_text_is_answered_400(order: str) -> None:
    status, answer = ask("POST", f"/deployments/first/{order}", "\udc80", encoded=True)

    assert status == 400
    assert answer["message"].startswith("body: not JSON (")


@pytest.mark.parametrize("path", ["/deployments/%ff", "/deployments/%E2%82", "/deployments/\ud83d", "/deployments/%00"])
def test_a_path_that_is_no_text_is_answered_404(path: str) -> None:
    assert ask("GET", path)[0] == 404


def test_an_id_that_turns_the_direction_of_writing_is_answered_plainly() -> None:
    status, answer = ask("GET", "/deployments/a\u202eb")

    assert (status, answer["message"]) == (404, "there is no deployment a\ufffdb")


@pytest.mark.parametrize("event", [None, [], {}, {"rawPath": "/deployments"}, {"Records": []}], ids=repr)
def test_an_event_that_is_not_api_gateways_is_answered_403(event: Any) -> None:
    assert serve_api.handler(event, context_of("ServeApiFunction"))["statusCode"] == 403
