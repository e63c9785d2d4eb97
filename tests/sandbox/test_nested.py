"""A machine starts one with a Distributed Map and waits for it: those of tests/machine/pair, each with its own role."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.testing import ACCOUNT, Clients, Functions, allow, eventually, trusted_role

REGION = "eu-central-1"
PAIR = Path(__file__).parents[1] / "machine" / "pair"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
A_STOP = ["Arrive", "Stay", "Leave", "Left"]
TOYS = """
class Closed(Exception): pass
class AwsUnavailable(Exception): pass

def handler(event, context):
    stop = event["document"].get("stop")
    if event["state"] == "Arrive" and stop == "closed":
        raise Closed("on Mondays")
    if event["state"] == "Arrive" and stop == "busy" and event["retries"] < 3:
        raise AwsUnavailable("three times")
    if event["state"] == "Leave" and stop == "lost":
        raise RuntimeError("nobody leaves")
"""


@dataclass
class Pair:
    """The two machines as they are installed, with roles that may do what AWS's documentation asks for."""

    client: Clients
    bucket: str
    tour: str
    stops: str
    role_of_the_tour: str
    role_of_the_stops: str

    def plan(self, *stops: Any) -> None:
        body = json.dumps(stops).encode()
        self.client("s3").put_object(Bucket=self.bucket, Key="stops.json", Body=body)

    def start(self) -> str:
        given = json.dumps({"bucket": self.bucket, "key": "stops.json"})
        return str(self.client("stepfunctions").start_execution(stateMachineArn=self.tour, input=given)["executionArn"])

    def run(self) -> Any:
        return self.end_of(self.start())

    def end_of(self, execution: str) -> Any:
        states = self.client("stepfunctions")
        return eventually(lambda: ended(states.describe_execution(executionArn=execution)))

    def visit(self) -> Any:
        """The execution of the other machine, which is over."""
        found = self.client("stepfunctions").list_executions(stateMachineArn=self.stops)["executions"]
        return self.end_of(found[0]["executionArn"])

    def children(self) -> list[Any]:
        """The executions of the map's items, by their stops."""
        states = self.client("stepfunctions")
        (run,) = states.list_map_runs(executionArn=self.visit()["executionArn"])["mapRuns"]
        found = states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        described = [states.describe_execution(executionArn=each["executionArn"]) for each in found]
        return sorted(described, key=lambda each: str(json.loads(each["input"])["stop"]))

    def history(self, execution: str) -> list[Any]:
        events: list[Any] = self.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)[
            "events"
        ]
        return events

    def path(self, execution: Any) -> list[str]:
        entered = (event.get("stateEnteredEventDetails") for event in self.history(execution["executionArn"]))
        return [details["name"] for details in entered if details]


def ended(execution: Any) -> Any:
    return execution if execution["status"] != "RUNNING" else None


def may_tour(stops: str, function: str) -> dict[str, dict[str, Any]]:
    executions = stops.replace(":stateMachine:", ":execution:")
    return {
        "invoke": allow("lambda:InvokeFunction", function),
        "start": allow("states:StartExecution", stops),
        "look": allow("states:DescribeExecution", f"{executions}:*"),
        "stop": allow("states:StopExecution", f"{executions}:*"),
        "rule": allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], RULE),
    }


def may_stop(stops: str, function: str, bucket: str) -> dict[str, dict[str, Any]]:
    return {
        "invoke": allow("lambda:InvokeFunction", function),
        "start": allow("states:StartExecution", stops),
        "read": allow("s3:GetObject", f"arn:aws:s3:::{bucket}/stops.json"),
    }


@pytest.fixture
def make(client: Clients, function: Functions) -> Iterator[Callable[..., Pair]]:
    """`make(tour_lacks="look")`: the pair, whose roles lack the permissions of that name; gone after the test."""
    made: list[Pair] = []

    def make(tour_lacks: str = "", stops_lack: str = "", **changed: Any) -> Pair:
        toys, number = function(TOYS), time.time_ns()
        states, bucket = client("stepfunctions"), f"plans-{number}"
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{toys.name}"
        stops = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:stops-{number}"
        may = {name: each for name, each in may_stop(stops, arn, bucket).items() if name != stops_lack}
        role_of_the_stops = trusted_role(client, f"stops-{number}", *may.values())
        may = {name: each for name, each in may_tour(stops, arn).items() if name != tour_lacks}
        role_of_the_tour = trusted_role(client, f"tour-{number}", *may.values())
        texts = [
            re.sub(r"\$\{\w+FunctionArn\}", arn, (PAIR / file).read_text()).replace("${Partition}", "aws")
            for file in ("stops.asl.json", "tour.asl.json")
        ]
        inner, outer = json.loads(texts[0]), json.loads(texts[1].replace("${StopsStateMachineArn}", stops))
        inner["States"]["EachStop"] |= changed.pop("map", {})
        outer["States"]["Visit"] |= changed.pop("visit", {})
        states.create_state_machine(name=f"stops-{number}", roleArn=role_of_the_stops, definition=json.dumps(inner))
        tour = states.create_state_machine(
            name=f"tour-{number}", roleArn=role_of_the_tour, definition=json.dumps(outer)
        )["stateMachineArn"]
        pair = Pair(client, bucket, tour, stops, role_of_the_tour, role_of_the_stops)
        pair.plan("here", "there")
        made.append(pair)
        return pair

    yield make
    for pair in made:
        for machine in (pair.tour, pair.stops):
            client("stepfunctions").delete_state_machine(stateMachineArn=machine)


@pytest.fixture
def short_waits(aws: Sandbox) -> Iterator[None]:
    aws.control("settings", {"wait_scale": 0.002})
    yield
    aws.control("settings", {"wait_scale": 1})


@pytest.mark.usefixtures("short_waits")
class TestAPairOfMachines:
    def test_the_one_waits_for_the_other_and_knows_its_answer(self, make: Callable[..., Pair]) -> None:
        pair = make()

        run = pair.run()

        assert run["status"] == "SUCCEEDED", run
        answer = json.loads(run["output"])["visit"]
        assert answer["Status"] == "SUCCEEDED"
        assert answer["Output"] == answer["Input"]
        assert answer["Input"]["tour"] == run["executionArn"]
        assert isinstance(answer["StopDate"], int)
        assert pair.path(run) == ["Visit", "SumUp", "Done"]

    def test_every_item_has_an_execution_and_the_map_six_events(self, make: Callable[..., Pair]) -> None:
        pair = make()
        pair.plan(*(f"stop {number:02}" for number in range(20)))

        pair.run()

        assert [event["type"] for event in pair.history(pair.visit()["executionArn"])] == [
            "ExecutionStarted",
            "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded",
        ]  # fmt: skip
        children = pair.children()
        assert [json.loads(each["input"])["stop"] for each in children] == [f"stop {n:02}" for n in range(20)]
        assert [json.loads(each["input"])["number"] for each in children] == list(range(20))
        assert [pair.path(each) for each in children] == [A_STOP] * 20

    def test_a_map_run_is_counted(self, make: Callable[..., Pair], client: Clients) -> None:
        pair = make()
        pair.plan("here", "lost", "there")

        assert pair.run()["status"] == "SUCCEEDED"

        states = client("stepfunctions")
        (run,) = states.list_map_runs(executionArn=pair.visit()["executionArn"])["mapRuns"]
        described = states.describe_map_run(mapRunArn=run["mapRunArn"])
        counts = described["executionCounts"]
        assert described["status"] == "SUCCEEDED"
        assert (described["maxConcurrency"], described["toleratedFailurePercentage"]) == (100, 100)
        assert {name: counts[name] for name in ("total", "succeeded", "failed", "running", "pending")} == {
            "total": 3, "succeeded": 2, "failed": 1, "running": 0, "pending": 0,
        }  # fmt: skip
        assert [(each["status"], each.get("error")) for each in pair.children()] == [
            ("SUCCEEDED", None), ("FAILED", "RuntimeError"), ("SUCCEEDED", None),
        ]  # fmt: skip

    def test_what_an_item_s_execution_catches_is_its_own_affair(self, make: Callable[..., Pair]) -> None:
        pair = make()
        pair.plan("closed", "here")

        assert pair.run()["status"] == "SUCCEEDED"
        assert [pair.path(each) for each in pair.children()] == [["Arrive", "Note", "Left"], A_STOP]

    def test_it_is_retried_as_the_map_s_states_say(self, make: Callable[..., Pair]) -> None:
        pair = make()
        pair.plan("busy")

        assert pair.run()["status"] == "SUCCEEDED"
        (child,) = pair.children()
        kinds = [event["type"] for event in pair.history(child["executionArn"])]
        assert kinds.count("LambdaFunctionFailed") == 3
        assert pair.path(child) == A_STOP

    def test_more_failures_than_are_tolerated_fail_the_map_and_what_waits_for_it(
        self, make: Callable[..., Pair]
    ) -> None:
        pair = make(map={"ToleratedFailurePercentage": 40})
        pair.plan("here", "lost")

        run = pair.run()

        assert (run["status"], run["error"]) == ("FAILED", "States.TaskFailed")
        assert json.loads(run["cause"])["Error"] == "States.ExceedToleratedFailureThreshold"
        assert pair.path(run) == ["Visit", "GoHome", "Failed"]

    def test_a_failed_map_can_be_caught_and_tried_again(self, make: Callable[..., Pair]) -> None:
        retry = {"ErrorEquals": ["States.ItemReaderFailed"], "IntervalSeconds": 1, "MaxAttempts": 2}
        pair = make(map={"Retry": [retry | {"JitterStrategy": "FULL", "MaxDelaySeconds": 2}]})
        pair.client("s3").delete_object(Bucket=pair.bucket, Key="stops.json")

        assert pair.run()["status"] == "FAILED"

        kinds = [event["type"] for event in pair.history(pair.visit()["executionArn"])]
        assert kinds.count("MapRunFailed") == 3
        assert pair.visit()["error"] == "States.ItemReaderFailed"


@pytest.mark.usefixtures("short_waits")
class TestRoles:
    def test_the_tour_s_machine_needs_a_rule_before_it_is_made(self, make: Callable[..., Pair]) -> None:
        with pytest.raises(ClientError, match="is not authorized to create managed-rule") as refused:
            make(tour_lacks="rule")

        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"

    def test_so_it_does_before_it_is_changed_to_wait_for_another(self, make: Callable[..., Pair]) -> None:
        pair, states = make(), make().client("stepfunctions")
        waits = states.describe_state_machine(stateMachineArn=pair.tour)["definition"]

        with pytest.raises(ClientError, match="is not authorized to create managed-rule"):
            states.update_state_machine(stateMachineArn=pair.stops, definition=waits)

    @pytest.mark.parametrize("lacks", ["start", "look"])
    def test_it_needs_to_start_the_other_and_to_look_at_it(self, make: Callable[..., Pair], lacks: str) -> None:
        pair = make(tour_lacks=lacks)

        run = pair.run()

        assert (run["status"], run["error"]) == ("FAILED", "StepFunctions.AWSStepFunctionsException")
        action = {"start": "states:StartExecution", "look": "states:DescribeExecution"}[lacks]
        assert f"is not authorized to perform: {action}" in run["cause"]

    @pytest.mark.parametrize(
        ("lacks", "error", "action"),
        [
            ("start", "StepFunctions.AWSStepFunctionsException", "states:StartExecution"),
            ("read", "States.ItemReaderFailed", "s3:GetObject"),
        ],
    )
    def test_a_map_needs_to_start_its_own_machine_and_to_read_its_items(
        self, make: Callable[..., Pair], lacks: str, error: str, action: str
    ) -> None:
        pair = make(stops_lack=lacks)

        pair.run()

        visit = pair.visit()
        assert (visit["status"], visit["error"]) == ("FAILED", error)
        assert f"is not authorized to perform: {action}" in visit["cause"]

    def test_what_was_asked_is_told(self, make: Callable[..., Pair], aws: Sandbox) -> None:
        pair = make()

        pair.run()

        asked = {
            (each["role"], each["action"])
            for each in aws.control("asked")
            if each["role"] in (pair.role_of_the_tour.rpartition("/")[2], pair.role_of_the_stops.rpartition("/")[2])
        }
        roles = {role: {action for each, action in asked if each == role} for role, _ in asked}
        assert roles[pair.role_of_the_tour.rpartition("/")[2]] == {
            "events:PutTargets", "events:PutRule", "events:DescribeRule",
            "states:StartExecution", "states:DescribeExecution", "lambda:InvokeFunction",
        }  # fmt: skip
        assert roles[pair.role_of_the_stops.rpartition("/")[2]] == {
            "states:StartExecution", "s3:GetObject", "lambda:InvokeFunction",
        }  # fmt: skip


class TestAStop:
    def test_of_the_one_stops_the_other_and_all_items(self, make: Callable[..., Pair], client: Clients) -> None:
        pair = make()
        execution = pair.start()
        until_all_stay(pair)

        client("stepfunctions").stop_execution(executionArn=execution)

        assert pair.visit()["status"] == "ABORTED"
        eventually(lambda: {each["status"] for each in pair.children()} == {"ABORTED"})
        assert {tuple(pair.path(each)) for each in pair.children()} == {("Arrive", "Stay")}
        assert pair.history(pair.children()[0]["executionArn"])[-1]["type"] == "ExecutionAborted"
        assert [event["type"] for event in pair.history(execution)][-2:] == ["TaskSubmitted", "ExecutionAborted"]

    def test_of_the_one_leaves_the_other_alone_if_its_role_may_not_stop_it(
        self, make: Callable[..., Pair], client: Clients
    ) -> None:
        pair = make(tour_lacks="stop")
        execution = pair.start()
        until_all_stay(pair)

        client("stepfunctions").stop_execution(executionArn=execution)
        time.sleep(1)

        (visit,) = client("stepfunctions").list_executions(stateMachineArn=pair.stops)["executions"]
        assert visit["status"] == "RUNNING"
        client("stepfunctions").stop_execution(executionArn=visit["executionArn"])

    def test_comes_when_the_waiting_task_s_time_is_up(self, make: Callable[..., Pair]) -> None:
        pair = make(visit={"TimeoutSeconds": 2})

        run = pair.run()

        assert (run["status"], run["error"]) == ("FAILED", "States.Timeout")
        assert pair.visit()["status"] == "ABORTED"

    def test_of_one_item_is_no_other_s(self, make: Callable[..., Pair], client: Clients, aws: Sandbox) -> None:
        aws.control("settings", {"wait_scale": 0.05})
        try:
            pair = make()
            execution = pair.start()
            children = until_all_stay(pair)
            client("stepfunctions").stop_execution(executionArn=children[0]["executionArn"])

            assert pair.end_of(execution)["status"] == "SUCCEEDED"
            assert sorted(each["status"] for each in pair.children()) == ["ABORTED", "SUCCEEDED"]
        finally:
            aws.control("settings", {"wait_scale": 1})


def until_all_stay(pair: Pair) -> list[Any]:
    """The executions of the items, all of which wait."""
    states = pair.client("stepfunctions")

    def running() -> list[Any]:
        visits = states.list_executions(stateMachineArn=pair.stops)["executions"]
        runs = states.list_map_runs(executionArn=visits[0]["executionArn"])["mapRuns"] if visits else []
        found = states.list_executions(mapRunArn=runs[0]["mapRunArn"])["executions"] if runs else []
        return found if len(found) == 2 and all(pair.path(each)[-1:] == ["Stay"] for each in found) else []

    return eventually(running)


def test_a_template_with_a_machine_that_lacks_the_rule_fails(client: Clients) -> None:
    waits = {
        "StartAt": "Visit",
        "States": {
            "Visit": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {"StateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:other"},
                "End": True,
            }
        },
    }
    role = trusted_role(client, f"lacks-the-rule-{time.time_ns()}", allow("states:*"))
    machine = {"RoleArn": role, "DefinitionString": json.dumps(waits)}
    template = {"Resources": {"Waits": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    formation, name = client("cloudformation"), f"lacks-{time.time_ns()}"

    formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    (stack,) = eventually(
        lambda: [
            each
            for each in formation.describe_stacks(StackName=name)["Stacks"]
            if not each["StackStatus"].endswith("IN_PROGRESS")
        ]
    )

    reasons = [
        each.get("ResourceStatusReason", "") for each in formation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("is not authorized to create managed-rule" in reason for reason in reasons)
    formation.delete_stack(StackName=name)


@pytest.mark.usefixtures("short_waits")
def test_a_list_of_batches_is_refused_since_nothing_here_makes_any(make: Callable[..., Pair]) -> None:
    with pytest.raises(ClientError, match="ItemBatcher"):
        make(map={"ItemBatcher": {"MaxItemsPerBatch": 10}})
