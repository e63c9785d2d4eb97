"""State machines run as Step Functions runs them: named errors, time-outs, stops, and a role of their own."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.testing import ACCOUNT, Clients, Function, Functions, allow, eventually, trusted_role

REGION = "eu-central-1"


@pytest.fixture
def machine(client: Clients) -> Iterator[Any]:
    """`machine({...states...})`: a machine that may invoke any function; gone after the test."""
    made = []

    def make(states: Any, role: str | None = None, **more: Any) -> Any:
        role = role or trusted_role(client, "machine", allow("lambda:InvokeFunction"))
        definition = {"StartAt": next(iter(states)), "States": states, **more}
        name = f"machine-{time.time_ns()}"
        arn = client("stepfunctions").create_state_machine(name=name, roleArn=role, definition=json.dumps(definition))[
            "stateMachineArn"
        ]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        client("stepfunctions").delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def run(client: Clients) -> Any:
    """`run(arn, {...})`: the execution once it has ended."""
    states = client("stepfunctions")

    def run(arn: str, given: Any = None, **more: Any) -> Any:
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given or {}), **more)["executionArn"]
        return eventually(lambda: ended(states.describe_execution(executionArn=execution)))

    return run


def ended(execution: Any) -> Any:
    return execution if execution["status"] != "RUNNING" else None


def arn_of(function: Function, qualifier: str | None = None) -> Any:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def task(function: Function, **more: Any) -> Any:
    return {"Type": "Task", "Resource": arn_of(function), "End": True, **more}


FAILS = "class TooDear(Exception): pass\ndef handler(e, c): raise TooDear('12 is too dear')"


def test_an_error_is_caught_by_its_class_name_with_its_message_as_the_cause(
    function: Functions, machine: Any, run: Any
) -> None:
    caught = {"Catch": [{"ErrorEquals": ["TooDear"], "ResultPath": "$.failure", "Next": "Caught"}]}
    done = run(machine({"Buy": task(function(FAILS), **caught), "Caught": {"Type": "Pass", "End": True}}))

    assert done["status"] == "SUCCEEDED"
    failure = json.loads(done["output"])["failure"]
    assert failure["Error"] == "TooDear"
    assert json.loads(failure["Cause"])["errorMessage"] == "12 is too dear"


def test_an_error_that_nothing_catches_fails_the_execution_in_its_name(
    function: Functions, machine: Any, run: Any
) -> None:
    done = run(machine({"Buy": task(function(FAILS))}))
    assert (done["status"], done["error"]) == ("FAILED", "TooDear")


def test_a_retry_waits_and_tries_again(function: Functions, machine: Any, run: Any, client: Clients) -> None:
    retry = {"Retry": [{"ErrorEquals": ["TooDear"], "IntervalSeconds": 1, "MaxAttempts": 1}]}
    began = time.monotonic()
    done = run(machine({"Buy": task(function(FAILS), **retry)}))

    assert time.monotonic() - began > 1
    history = client("stepfunctions").get_execution_history(executionArn=done["executionArn"], maxResults=100)
    kinds = [event["type"] for event in history["events"]]
    assert kinds.count("LambdaFunctionFailed") == 2
    assert kinds[0] == "ExecutionStarted"
    assert kinds[-1] == "ExecutionFailed"


def test_the_waits_of_machines_can_be_shortened(aws: Sandbox, machine: Any, run: Any) -> None:
    aws.control("settings", {"wait_scale": 0.001})
    try:
        assert run(machine({"Bake": {"Type": "Wait", "Seconds": 300, "End": True}}))["status"] == "SUCCEEDED"
    finally:
        aws.control("settings", {"wait_scale": 1})


@pytest.mark.parametrize("resource", ["arn", "lambda:invoke"])
def test_lambda_s_own_refusals_have_the_names_that_retries_are_written_for(
    function: Functions, machine: Any, run: Any, resource: str
) -> None:
    shop = function("def handler(e, c): return 1")
    shop.api.put_function_concurrency(FunctionName=shop.name, ReservedConcurrentExecutions=0)
    state = task(shop)
    if resource != "arn":
        state |= {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": arn_of(shop)}}

    assert run(machine({"Buy": state}))["error"] == "Lambda.TooManyRequestsException"


def test_a_machine_invokes_by_alias_and_learns_which_version_ran(function: Functions, machine: Any, run: Any) -> None:
    shop = function("def handler(e, c): return c.function_version")
    shop.publish()
    shop.configure(Timeout=4)
    shop.publish()
    shop.alias("live", "1", {"2": 0.5})
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "End": True,
        "Parameters": {"FunctionName": arn_of(shop, "live"), "Payload": {}},
    }
    many = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "End": True,
        "Iterator": {"StartAt": "Invoke", "States": {"Invoke": invoke}},
    }
    results = json.loads(run(machine({"Many": many}), {"items": list(range(40))})["output"])

    assert {result["ExecutedVersion"] for result in results} == {"1", "2"}
    assert all(result["ExecutedVersion"] == result["Payload"] for result in results)


def test_a_machine_acts_as_its_role(function: Functions, machine: Any, run: Any, client: Clients) -> None:
    idle = trusted_role(client, "machine-that-may-nothing", allow("s3:ListAllMyBuckets"))
    done = run(machine({"Buy": task(function("def handler(e, c): return 1"))}, role=idle))

    assert (done["status"], done["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "AccessDeniedException" in done["cause"]


def test_states_all_does_not_catch_the_machine_s_own_errors(machine: Any, run: Any) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.missing", "BooleanEquals": True, "Next": "End"}]}
    done = run(machine({"Choose": choice, "End": {"Type": "Succeed"}}))
    assert done["error"] == "States.Runtime"


def test_a_task_that_takes_too_long_is_a_time_out_that_can_be_caught(
    function: Functions, machine: Any, run: Any
) -> None:
    slow = function("import time\ndef handler(e, c): time.sleep(3)", Timeout=10)
    caught = {"TimeoutSeconds": 1, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]}
    done = run(machine({"Wait": task(slow, **caught), "Late": {"Type": "Pass", "Result": "late", "End": True}}))
    assert json.loads(done["output"]) == "late"


@pytest.fixture
def heard(client: Clients) -> Iterator[Any]:
    """The status changes of executions so far, as EventBridge delivers them to a queue."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName=f"heard-{time.time_ns()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}
    events.put_rule(Name="heard", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="heard", Targets=[{"Id": "1", "Arn": arn}])

    found: list[str] = []

    def statuses() -> Any:
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found.extend(json.loads(message["Body"])["detail"]["status"] for message in messages)
        return found

    yield statuses
    events.remove_targets(Rule="heard", Ids=["1"])
    events.delete_rule(Name="heard")
    sqs.delete_queue(QueueUrl=url)


def test_a_machine_that_takes_too_long_times_out_without_any_catch_and_says_so(
    function: Functions, machine: Any, run: Any, heard: Any
) -> None:
    slow = function("import time\ndef handler(e, c): time.sleep(3)", Timeout=10)
    caught = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Late"}]}
    states = {"Wait": task(slow, **caught), "Late": {"Type": "Pass", "End": True}}
    done = run(machine(states, TimeoutSeconds=1))

    assert done["status"] == "TIMED_OUT"
    eventually(lambda: heard() == ["RUNNING", "TIMED_OUT"])


def test_a_stopped_execution_runs_nothing_more(client: Clients, machine: Any, heard: Any) -> None:
    states = client("stepfunctions")
    arn = machine({"Bake": {"Type": "Wait", "Seconds": 60, "Next": "After"}, "After": {"Type": "Pass", "End": True}})
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    eventually(lambda: len(states.get_execution_history(executionArn=execution)["events"]) > 1)
    states.stop_execution(executionArn=execution, error="Stopped", cause="by a test")
    time.sleep(0.3)

    stopped = states.describe_execution(executionArn=execution)
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("ABORTED", "Stopped", "by a test")
    kinds = [event["type"] for event in states.get_execution_history(executionArn=execution)["events"]]
    assert kinds == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    eventually(lambda: heard() == ["RUNNING", "ABORTED"])


def test_starting_again_with_the_same_name_and_input_is_the_same_execution(client: Clients, machine: Any) -> None:
    states = client("stepfunctions")
    arn = machine({"Bake": {"Type": "Wait", "Seconds": 60, "End": True}})
    start = {"stateMachineArn": arn, "name": "once"}
    first = states.start_execution(**start, input='{"a": 1}')["executionArn"]

    assert states.start_execution(**start, input='{"a": 1}')["executionArn"] == first
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**start, input='{"a": 2}')
    states.stop_execution(executionArn=first)
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**start, input='{"a": 1}')


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_a_task_token_answers_one_waiting_task_once(
    client: Clients, function: Functions, machine: Any, outcome: str
) -> None:
    states, sqs = client("stepfunctions"), client("sqs")
    url = sqs.create_queue(QueueName=f"approvals-{outcome}")["QueueUrl"]
    wait = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "End": True,
        "TimeoutSeconds": 30,
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
    }
    role = trusted_role(client, "asker", allow("sqs:SendMessage"))
    execution = states.start_execution(stateMachineArn=machine({"Ask": wait}, role=role))["executionArn"]
    token = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]["Body"]
    if outcome == "success":
        states.send_task_success(taskToken=token, output='"yes"')
    else:
        states.send_task_failure(taskToken=token, error="Refused", cause="no")

    done = eventually(lambda: ended(states.describe_execution(executionArn=execution)))
    assert done.get("output") == ('"yes"' if outcome == "success" else None)
    assert done.get("error") == (None if outcome == "success" else "Refused")
    with pytest.raises(ClientError):
        states.send_task_success(taskToken=token, output="{}")


@pytest.fixture
def nesting(client: Clients) -> str:
    waits = ["states:DescribeExecution", "states:StopExecution", "events:PutTargets", "events:PutRule"]
    return trusted_role(client, "nesting", allow(["states:StartExecution", *waits, "events:DescribeRule"]))


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("arn:aws:states:::states:startExecution.sync:2", {"Status": "SUCCEEDED", "Output": {"n": 1}}),
        ("arn:aws:states:::states:startExecution.sync", {"Status": "SUCCEEDED", "Output": '{"n":1}'}),
        ("arn:aws:states:::states:startExecution", {}),
        ("arn:aws:states:::aws-sdk:sfn:startExecution", {}),
    ],
)
def test_a_machine_can_start_another_one(
    machine: Any, run: Any, nesting: str, resource: str, told: dict[str, Any]
) -> None:
    inner = machine({"Passes": {"Type": "Pass", "End": True}})
    given = {"StateMachineArn": inner, "Input.$": "$"} if "aws-sdk" not in resource else {"StateMachineArn": inner}
    outer = machine({"Starts": {"Type": "Task", "Resource": resource, "Parameters": given, "End": True}}, nesting)

    end = run(outer, {"n": 1})

    assert end["status"] == "SUCCEEDED", end
    output = json.loads(end["output"])
    assert output["ExecutionArn"].startswith(inner.replace(":stateMachine:", ":execution:"))
    assert {name: output[name] for name in told} == told


def test_a_nested_execution_that_fails_fails_the_task_that_waits_for_it(machine: Any, run: Any, nesting: str) -> None:
    inner = machine({"Fails": {"Type": "Fail", "Error": "Refused", "Cause": "no"}})
    resource = "arn:aws:states:::states:startExecution.sync:2"
    starts = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": inner}, "End": True}

    end = run(machine({"Starts": starts}, nesting))

    assert (end["status"], end["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(end["cause"])["Error"] == "Refused"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"n": NaN}', "InvalidExecutionInput"),
        ("{'n': 1}", "InvalidExecutionInput"),
        (json.dumps("x" * 262_144), "ValidationException"),
    ],
)
def test_an_input_that_is_no_json_or_too_large_starts_nothing(
    machine: Any, client: Clients, text: str, code: str
) -> None:
    arn = machine({"Passes": {"Type": "Pass", "End": True}})
    with pytest.raises(ClientError) as refused:
        client("stepfunctions").start_execution(stateMachineArn=arn, input=text)
    assert refused.value.response["Error"]["Code"] == code
    assert client("stepfunctions").list_executions(stateMachineArn=arn)["executions"] == []


def test_a_fail_state_without_an_error_is_caught_around_it(machine: Any, run: Any) -> None:
    inside = {"StartAt": "Fails", "States": {"Fails": {"Type": "Fail"}}}
    around = {
        "Type": "Map",
        "ItemProcessor": inside,
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "Next": "Caught",
    }
    end = run(machine({"Each": around, "Caught": {"Type": "Pass", "End": True}}), [1])
    assert end["status"] == "SUCCEEDED", end


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_a_machine_logs_what_it_does_in_every_region(client: Clients, region: str) -> None:
    states, logs, name = client("stepfunctions", region=region), client("logs", region=region), f"logs-{time.time_ns()}"
    logs.create_log_group(logGroupName=name)
    group = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:*"
    items = {"StartAt": "Passes", "States": {"Passes": {"Type": "Pass", "End": True}}}
    each = {
        "Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **items},
    }
    arn = f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:{name}"
    states.create_state_machine(
        name=name,
        roleArn=trusted_role(client, name, allow("states:StartExecution", arn)),
        definition=json.dumps({"StartAt": "Each", "States": {"Each": each | {"End": True}}}),
        loggingConfiguration={"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]},
    )

    execution = states.start_execution(stateMachineArn=arn, input="[1]")["executionArn"]
    eventually(lambda: ended(states.describe_execution(executionArn=execution)))

    events = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=name)["events"]]
    assert [event["type"] for event in events if event["execution_arn"] == execution] == [
        "ExecutionStarted",
        "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited",
        "ExecutionSucceeded",
    ]  # fmt: skip
    assert [event["type"] for event in events if f":execution:{name}/" in event["execution_arn"]] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    states.delete_state_machine(stateMachineArn=arn)
