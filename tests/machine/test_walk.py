"""The harness itself, with handlers that only say what they were asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from tests.machine.invocation import zip_of
from tests.machine.walk import DEPLOY_ASL, InProcessAws, in_process_aws

SHIFT = ["ShiftAlias", "Bake", "CheckHealth", "WhatNext?"]
STAGED = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "WhatNext?"]
TO_GREEN = ["OpenDeployment", "WhatToDeploy?", *STAGED, *SHIFT, "CompleteDeployment", "OldVersions?", "Deployed"]
BAKE = {"look": {"next_seconds": 60, "next": "bake_on"}}


class Toys:
    """A handler for every Task state: it keeps its event and returns the section it was told to."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.sections: dict[str, Callable[[dict[str, Any]], Any]] = {
            "OpenDeployment": lambda event: (
                event["document"] | {"deployment": {"brings": "new_code"}, "bake": {"look": {"next": "shift"}}}
            ),
            "ShiftAlias": lambda event: BAKE,
            "CheckHealth": lambda event: {"next": "complete"},
            "RollBack": lambda event: {"error": "GreenUnhealthy", "cause": "green failed 9 of 10"},
            "RejectDeployment": lambda event: {"error": "InvalidRequest", "cause": "alias: no such alias"},
        }

    def handler(self, event: dict[str, Any], context: Any) -> Any:
        self.events.append(event)
        section = self.sections.get(event["state"])
        return section(event) if section is not None else {}

    def handlers(self) -> dict[str, Callable[[Any, Any], Any]]:
        states = json.loads(DEPLOY_ASL.read_text())["States"]
        return {f"{name}Function": self.handler for name, state in states.items() if state["Type"] == "Task"}


@pytest.fixture
def toys() -> Toys:
    return Toys()


@pytest.fixture
def aws(toys: Toys) -> Iterator[InProcessAws]:
    with in_process_aws(toys.handlers()) as aws:
        yield aws


@pytest.fixture
def shop(aws: InProcessAws) -> str:
    aws.create_function("Shop", "def handler(event, context): return {'version': context.function_version} | event")
    return "Shop"


class GreenUnhealthy(Exception):
    pass


class TestTheMachine:
    def test_walks_the_states_in_order_and_keeps_each_section(self, aws: InProcessAws) -> None:
        run = aws.walk({"function": "Shop"})

        assert run.path == TO_GREEN
        assert run.ended == "Deployed"
        assert run.output["bake"] == {"look": {"next": "complete"}}
        assert run.document == run.output

    def test_a_handler_gets_the_document_the_execution_and_its_state(self, aws: InProcessAws, toys: Toys) -> None:
        run = aws.walk({"function": "Shop"}, name="first")

        assert run.arn.endswith(":first")
        assert toys.events[0] == {
            "document": {"function": "Shop"},
            "execution": run.arn,
            "started": "2026-01-05T09:00:00+00:00",
            "state": "OpenDeployment",
            "retries": 0,
        }

    def test_a_request_that_is_refused_touches_nothing(self, aws: InProcessAws) -> None:
        with aws.state_fails("OpenDeployment", "InvalidRequest"):
            run = aws.walk({})

        assert run.path == ["OpenDeployment", "RejectDeployment", "Rejected"]
        assert (run.error, run.cause) == ("InvalidRequest", "alias: no such alias")

    def test_a_refusal_that_cannot_be_recorded_still_says_why(self, aws: InProcessAws) -> None:
        with aws.state_fails("OpenDeployment", "InvalidRequest"), aws.state_fails("RejectDeployment", "AccessDenied"):
            run = aws.walk({})

        assert run.ended == "RejectedWithoutRecord"
        assert run.error == "InvalidRequest"

    @pytest.mark.parametrize("state", [*STAGED[:-1], "ShiftAlias", "CheckHealth", "CompleteDeployment"])
    def test_any_failure_after_the_first_change_is_rolled_back(self, aws: InProcessAws, state: str) -> None:
        with aws.state_fails(state, "GreenUnhealthy", times=None):
            run = aws.walk({})

        assert run.path[-3:] == [state, "RollBack", "RolledBack"]
        assert (run.error, run.cause) == ("GreenUnhealthy", "green failed 9 of 10")
        assert run.document["failure"]["Error"] == "GreenUnhealthy"

    def test_a_rollback_is_tried_for_half_an_hour(self, aws: InProcessAws) -> None:
        with (
            aws.state_fails("CheckHealth", "Worse"),
            aws.state_fails("RollBack", "AwsUnavailable", times=None) as fault,
        ):
            begun = aws.clock.now()
            run = aws.walk({})

        assert run.ended == "RollbackFailed"
        assert run.error == "RollbackFailed"
        assert fault.met == 61
        assert 20 * 60 < aws.clock.now() - begun < 45 * 60

    @pytest.mark.parametrize("error", ["RollbackImpossible", "ValidationError"])
    def test_a_rollback_that_cannot_succeed_is_not_tried_again(self, aws: InProcessAws, error: str) -> None:
        """What cannot read the document of another release leaves it to recovery, which reads the record."""
        with aws.state_fails("CheckHealth", "Worse"), aws.state_fails("RollBack", error) as fault:
            run = aws.walk({})

        assert run.ended == "RollbackFailed"
        assert fault.met == 1

    def test_a_completion_that_cannot_read_the_document_is_not_tried_again(self, aws: InProcessAws) -> None:
        with aws.state_fails("CompleteDeployment", "ValidationError") as fault:
            run = aws.walk({})

        assert run.ended == "RolledBack"
        assert fault.met == 1

    @pytest.mark.parametrize("error", ["AwsUnavailable", "Lambda.TooManyRequestsException", "Lambda.ServiceException"])
    def test_a_hiccup_is_retried(self, aws: InProcessAws, error: str) -> None:
        with aws.state_fails("ShiftAlias", error, times=6):
            assert aws.walk({}).path == TO_GREEN

    def test_an_execution_that_has_not_begun_can_be_ended(
        self, aws: InProcessAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        may_begin = threading.Event()
        read = ExecutionWorker._get_evaluation_entrypoint
        monkeypatch.setattr(
            ExecutionWorker, "_get_evaluation_entrypoint", lambda worker: (may_begin.wait(0.05), read(worker))[1]
        )
        aws.start({}, "late")

        aws.end_what_still_runs()

        assert aws.finish(aws.start({}, "next")).ended == "Deployed"

    def test_an_execution_is_waited_for_as_long_as_a_test_has_patience(self, toys: Toys) -> None:
        may_end = threading.Event()
        toys.sections["SmokeTest"] = lambda event: {"waited": may_end.wait(30)}
        with in_process_aws(toys.handlers(), patience_seconds=0.05) as aws:
            arn = aws.start({}, "slow")

            with pytest.raises(AssertionError, match="slow does not end") as why:
                aws.finish(arn)
            assert "may_end.wait(30)" in str(why.value), "where the state's handler stands"
            may_end.set()
            for _ in range(1000):
                with suppress(AssertionError):
                    assert aws.finish(arn).ended == "Deployed"
                    break

    @pytest.mark.parametrize(("looks", "seconds"), [(1, 5), (9, 55), (20, 165)])
    def test_what_is_still_in_progress_is_looked_at_less_and_less_often(
        self, aws: InProcessAws, looks: int, seconds: int
    ) -> None:
        with aws.state_fails("UpdateCode", "StillInProgress", times=looks):
            begun = aws.clock.now()
            run = aws.walk({})

        assert run.ended == "Deployed"
        assert aws.clock.now() - begun == pytest.approx(60 + seconds, abs=1)

    def test_a_state_that_takes_too_long_is_a_failure(self, aws: InProcessAws) -> None:
        with aws.state_fails("SmokeTest", "States.Timeout", times=None, when="after"):
            run = aws.walk({})

        assert run.document["failure"]["Error"] == "States.Timeout"

    def test_the_seconds_that_a_state_may_take_are_not_those_of_a_busy_machine(
        self, aws: InProcessAws, toys: Toys, tmp_path: Path
    ) -> None:
        toys.sections["SmokeTest"] = lambda event: time.sleep(0.02)
        machine = json.loads(DEPLOY_ASL.read_text())
        for state in machine["States"].values():
            state |= {"TimeoutSeconds": 0} if "TimeoutSeconds" in state else {}
        at_once = tmp_path / "deploy.asl.json"
        at_once.write_text(json.dumps(machine))

        assert aws.walk({}, asl=at_once).ended == "Deployed"

    def test_what_a_handler_raises_is_an_error_of_its_class_name(self, aws: InProcessAws, toys: Toys) -> None:
        def worse(event: dict[str, Any]) -> Any:
            raise GreenUnhealthy("green failed 9 of 10")

        toys.sections["CheckHealth"] = worse

        failure = aws.walk({}).document["failure"]

        assert failure["Error"] == "GreenUnhealthy"
        cause = json.loads(failure["Cause"])
        assert cause["errorMessage"] == "green failed 9 of 10"
        assert cause["errorType"] == "GreenUnhealthy"
        assert "in worse" in cause["stackTrace"][-1]

    def test_a_section_that_is_not_json_is_an_error(self, aws: InProcessAws, toys: Toys) -> None:
        toys.sections["SmokeTest"] = lambda event: {"reply": object()}

        assert aws.walk({}).document["failure"]["Error"] == "TypeError"

    def test_waits_take_no_time_but_move_the_clock(self, aws: InProcessAws, toys: Toys) -> None:
        looks = iter(["bake_on", "bake_on", "complete"])
        toys.sections["CheckHealth"] = lambda event: {"next": next(looks), "next_seconds": 60}

        run = aws.walk({})

        assert run.path.count("Bake") == 3
        assert run.history[0]["timestamp"] == "2026-01-05T09:00:00.000Z"
        assert run.history[-1]["timestamp"] == "2026-01-05T09:03:00.000Z"

    def test_a_person_stops_it_in_the_middle_of_a_bake(self, aws: InProcessAws) -> None:
        arn = f"{aws.machine_arn().replace(':stateMachine:', ':execution:')}:stopped"
        aws.after(30, lambda: aws.stop(arn))

        run = aws.walk({}, name="stopped")

        assert run.ended == "ABORTED"
        assert run.path[-1] == "Bake"

    def test_it_runs_out_of_time_in_the_middle_of_a_bake(self, aws: InProcessAws) -> None:
        arn = f"{aws.machine_arn().replace(':stateMachine:', ':execution:')}:late"
        aws.after(30, lambda: aws.time_out(arn))

        run = aws.walk({}, name="late")

        assert run.ended == "TIMED_OUT"
        assert run.path[-1] == "Bake"


class TestUsersFunctions:
    def test_an_alias_is_served_by_both_versions_by_weight(self, aws: InProcessAws, shop: str) -> None:
        client = boto3.client("lambda")
        client.update_function_code(FunctionName=shop, ZipFile=zip_of("def handler(e, c): return {'new': True}"))
        client.publish_version(FunctionName=shop)
        client.update_alias(FunctionName=shop, Name="PROD", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}})

        answers = [client.invoke(FunctionName=f"{shop}:PROD") for _ in range(400)]

        assert 60 < [answer["ExecutedVersion"] for answer in answers].count("2") < 140
        assert all(("new" in json.load(a["Payload"])) == (a["ExecutedVersion"] == "2") for a in answers)

    @pytest.mark.parametrize("name", ["{}:1", "arn:aws:lambda:us-east-1:123456789012:function:{}:1"])
    def test_a_version_is_served_by_itself(self, aws: InProcessAws, shop: str, name: str) -> None:
        answer = boto3.client("lambda").invoke(FunctionName=name.format(shop), Payload=b'{"a": 1}')

        assert answer["ExecutedVersion"] == "1"
        assert json.load(answer["Payload"]) == {"version": "1", "a": 1}

    def test_the_qualifier_is_honoured(self, aws: InProcessAws, shop: str) -> None:
        client = boto3.client("lambda")
        client.update_function_code(FunctionName=shop, ZipFile=zip_of("def handler(e, c): return 'new'"))

        assert json.load(client.invoke(FunctionName=shop, Qualifier="PROD")["Payload"]) == {"version": "1"}
        assert json.load(client.invoke(FunctionName=shop, Qualifier="$LATEST")["Payload"]) == "new"

    @pytest.mark.parametrize(
        ("source", "error"),
        [
            ("def handler(e, c): raise KeyError('gone')", "KeyError"),
            ("import nowhere", "Runtime.ImportModuleError"),
            ("def handler(e, c): return object()", "TypeError"),
        ],
    )
    def test_a_function_that_fails_says_so(self, aws: InProcessAws, shop: str, source: str, error: str) -> None:
        client = boto3.client("lambda")
        client.update_function_code(FunctionName=shop, ZipFile=zip_of(source))

        answer = client.invoke(FunctionName=shop)

        assert answer["StatusCode"] == 200
        assert answer["FunctionError"] == "Unhandled"
        assert json.load(answer["Payload"])["errorType"] == error

    def test_users_call_while_a_machine_waits(self, aws: InProcessAws, shop: str) -> None:
        client = boto3.client("lambda")
        aws.every(1, lambda: client.invoke(FunctionName=f"{shop}:PROD"))

        aws.walk({})

        assert aws.metrics.read("Invocations", {"FunctionName": shop}, 0, 2e9, 3600, "Sum")[0][1] == 60


class TestFaults:
    def test_a_code_is_raised_as_often_as_wanted(self, aws: InProcessAws, shop: str) -> None:
        client = boto3.client("lambda")
        with aws.fails("GetAlias", "AccessDeniedException", times=2, skip=1) as fault:
            client.get_alias(FunctionName=shop, Name="PROD")
            for _ in range(2):
                with pytest.raises(client.exceptions.ClientError, match="AccessDeniedException"):
                    client.get_alias(FunctionName=shop, Name="PROD")
            client.get_alias(FunctionName=shop, Name="PROD")

        assert fault.met == 2

    def test_boto3_gets_over_a_few_by_itself_in_no_time(self, aws: InProcessAws, shop: str) -> None:
        begun = aws.clock.now()
        with aws.fails("GetAlias", "TooManyRequestsException", times=2) as fault:
            boto3.client("lambda").get_alias(FunctionName=shop, Name="PROD")

        assert fault.met == 2
        assert aws.clock.now() > begun

    @pytest.mark.parametrize(("when", "version"), [("before", "1"), ("after", "$LATEST")])
    def test_no_answer_does_not_say_whether_it_was_done(
        self, aws: InProcessAws, shop: str, when: Any, version: str
    ) -> None:
        client = boto3.client("lambda")
        with aws.fails("UpdateAlias", "ReadTimeout", times=None, when=when), pytest.raises(ReadTimeoutError):
            client.update_alias(FunctionName=shop, Name="PROD", FunctionVersion="$LATEST")

        assert client.get_alias(FunctionName=shop, Name="PROD")["FunctionVersion"] == version

    @pytest.mark.parametrize(
        ("service", "call", "operation"),
        [
            ("s3", lambda client: client.head_bucket(Bucket="b"), "HeadBucket"),
            ("dynamodb", lambda client: client.describe_table(TableName="t"), "DescribeTable"),
            ("sns", lambda client: client.list_topics(), "ListTopics"),
            ("cloudwatch", lambda client: client.list_metrics(), "ListMetrics"),
            ("stepfunctions", lambda client: client.list_activities(), "ListActivities"),
        ],
    )
    def test_every_protocol_of_aws_fails_the_same(
        self, aws: InProcessAws, service: str, call: Callable[[Any], Any], operation: str
    ) -> None:
        client = boto3.client(service)  # type: ignore[call-overload]
        with aws.fails(operation, "AccessDenied", times=None), pytest.raises(ClientError) as caught:
            call(client)

        assert caught.value.response["Error"]["Code"] == "AccessDenied"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    @pytest.mark.parametrize(
        ("code", "error"), [("HandlerKilled", "Runtime.ExitError"), ("HandlerTimedOut", "Sandbox.Timedout")]
    )
    def test_a_handler_ends_at_a_call(self, aws: InProcessAws, toys: Toys, shop: str, code: str, error: str) -> None:
        def shift(event: dict[str, Any]) -> Any:
            boto3.client("lambda").get_alias(FunctionName=shop, Name="PROD")

        toys.sections["ShiftAlias"] = shift
        with aws.fails("GetAlias", code, times=None):
            run = aws.walk({})

        assert run.document["failure"]["Error"] == error

    def test_only_the_handler_of_one_state_can_be_met(self, aws: InProcessAws, toys: Toys, shop: str) -> None:
        def look(event: dict[str, Any]) -> Any:
            boto3.client("lambda").get_alias(FunctionName=shop, Name="PROD")
            return BAKE | {"next": "complete"}

        toys.sections |= {"ShiftAlias": look, "CheckHealth": look}
        with aws.fails("GetAlias", "AccessDenied", times=None, state="CheckHealth"):
            run = aws.walk({})

        assert run.path[-3:] == ["CheckHealth", "RollBack", "RolledBack"]

    def test_users_and_the_interpreter_are_met_by_none(self, aws: InProcessAws, shop: str) -> None:
        client = boto3.client("lambda")
        answers: list[Any] = []
        aws.every(1, lambda: answers.append(client.invoke(FunctionName=f"{shop}:PROD")))
        with aws.fails("Invoke", "ServiceException", times=None):
            assert aws.walk({}).ended == "Deployed"

        assert len(answers) == 60


def test_an_execution_does_not_go_on_in_the_next_test(tmp_path: Path) -> None:
    idle = tmp_path / "idle.asl.json"
    idle.write_text(json.dumps({"StartAt": "Idle", "States": {"Idle": {"Type": "Wait", "Seconds": 1, "End": True}}}))
    with in_process_aws({}, asl=idle) as aws:
        aws.after(0.5, lambda: time.sleep(0.5))
        execution = aws._execution(aws.start({}))

    assert str(execution.status) == "ABORTED"
