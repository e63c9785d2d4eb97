"""Faults can be put at any AWS call, by who makes it, what it is and the how-manieth it is."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox import Sandbox
from sandbox.testing import Clients, Function, Functions, allow, eventually, trusted_role

TABLE = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(autouse=True)
def no_faults_left(aws: Sandbox) -> Iterator[None]:
    yield
    aws.control("faults", method="DELETE")


@pytest.fixture
def shop(function: Functions) -> Function:
    shop = function("def handler(e, c): return 1")
    shop.publish()
    shop.configure(Timeout=4)
    shop.publish()
    shop.alias("live", "1")
    return shop


def move(shop: Function) -> Any:
    return shop.api.update_alias(FunctionName=shop.name, Name="live", FunctionVersion="2")


def served(shop: Function) -> Any:
    return shop.api.get_alias(FunctionName=shop.name, Name="live")["FunctionVersion"]


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("throttle", "TooManyRequestsException", 429),
        ("error", "ServiceException", 500),
        ("deny", "AccessDeniedException", 403),
    ],
)
def test_a_service_can_refuse_once(aws: Sandbox, shop: Function, fault: str, code: str, status: int) -> None:
    aws.control("faults", {"fault": fault, "operation": "UpdateAlias"})

    with pytest.raises(ClientError) as refused:
        move(shop)

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert served(shop) == "1"
    move(shop)
    assert served(shop) == "2"


@pytest.mark.parametrize(("fault", "version"), [("drop_before", "1"), ("drop_after", "2")])
def test_a_connection_can_end_before_or_after_the_effect(
    aws: Sandbox, shop: Function, fault: str, version: str
) -> None:
    aws.control("faults", {"fault": fault, "service": "lambda", "operation": "UpdateAlias"})

    with pytest.raises(ConnectionClosedError):
        move(shop)

    assert served(shop) == version


def test_every_service_is_refused_in_its_own_words(aws: Sandbox, client: Clients) -> None:
    for service, call, code in [
        ("dynamodb", "list_tables", "ThrottlingException"),
        ("s3", "list_buckets", "SlowDown"),
        ("stepfunctions", "list_state_machines", "ThrottlingException"),
        ("cloudwatch", "list_metrics", "ThrottlingException"),
        ("sns", "list_topics", "ThrottledException"),
    ]:
        aws.control("faults", {"fault": "throttle"})
        with pytest.raises(ClientError) as refused:
            getattr(client(service), call)()
        assert refused.value.response["Error"]["Code"] == code


def test_a_fault_spares_the_first_calls_and_hits_as_many_as_it_says(aws: Sandbox, client: Clients) -> None:
    fault = aws.control("faults", {"fault": "error", "operation": "ListFunctions", "skip": 1, "times": 2})
    outcomes = []
    for _ in range(4):
        try:
            client("lambda").list_functions()
            outcomes.append("fine")
        except ClientError:
            outcomes.append("failed")

    assert outcomes == ["fine", "failed", "failed", "fine"]
    assert [(put["id"], put["hits"]) for put in aws.control("faults")] == [(fault["id"], 2)]
    aws.control(f"faults?id={fault['id']}", method="DELETE")
    assert aws.control("faults") == []


def test_a_delay_holds_one_call_and_no_other(aws: Sandbox, client: Clients) -> None:
    fault = aws.control("faults", {"fault": "delay", "operation": "ListFunctions", "seconds": 0.5})
    began = time.monotonic()
    client("lambda").list_functions()
    assert time.monotonic() - began > 0.5
    client("lambda").list_functions()
    assert [(put["id"], put["hits"]) for put in aws.control("faults")] == [(fault["id"], 1)]
    aws.control(f"faults?id={fault['id']}", method="DELETE")


WRITES = """
import boto3
table = boto3.client("dynamodb")
def handler(event, context):
    table.put_item(TableName="noted", Item={"pk": {"S": event}})
    return "done"
"""


@pytest.mark.parametrize(("fault", "noted"), [("kill_before", 0), ("kill_after", 1)])
def test_a_function_can_die_in_the_midst_of_a_call_it_makes(
    aws: Sandbox, client: Clients, function: Functions, fault: str, noted: int
) -> None:
    dynamodb = client("dynamodb")
    dynamodb.create_table(TableName="noted", **TABLE)
    role = trusted_role(client, "writer", allow("dynamodb:PutItem"))
    writer = function(WRITES, role=role, Timeout=20)
    other = function(WRITES, role=role, Timeout=20)
    aws.control("faults", {"fault": fault, "role": "writer", "session": writer.name, "operation": "PutItem"})
    try:
        assert other.invoke("other")["Payload"] == "done"
        died = writer.invoke("first")["Payload"]
        assert died["errorType"] == "Runtime.ExitError"
        assert "signal: killed" in died["errorMessage"]
        assert dynamodb.scan(TableName="noted")["Count"] == 1 + noted
        assert writer.invoke("second")["Payload"] == "done"
    finally:
        dynamodb.delete_table(TableName="noted")


@pytest.mark.parametrize(("fault", "times"), [("lose", 0), ("twice", 2), ("delay", 1)])
def test_an_event_can_be_lost_late_or_delivered_twice(aws: Sandbox, client: Clients, fault: str, times: int) -> None:
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName=f"delivered-{fault}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=f"delivers-{fault}", EventPattern='{"source": ["test"]}')
    events.put_targets(Rule=f"delivers-{fault}", Targets=[{"Id": "1", "Arn": arn}])
    put = {"fault": fault, "service": "events", "operation": "Deliver", "session": f"delivers-{fault}", "seconds": 3}
    aws.control("faults", put)

    events.put_events(Entries=[{"Source": "test", "DetailType": "first", "Detail": "{}"}])
    came = received(sqs, url)
    assert (came == []) == (fault != "twice")
    while len(came) < times:
        came += eventually(lambda: received(sqs, url))
    assert came == ["first"] * times
    events.put_events(Entries=[{"Source": "test", "DetailType": "second", "Detail": "{}"}])
    assert received(sqs, url) == ["second"]
    events.remove_targets(Rule=f"delivers-{fault}", Ids=["1"])
    events.delete_rule(Name=f"delivers-{fault}")


def received(sqs: Any, url: str) -> list[str]:
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["detail-type"] for message in messages]
    return found


def test_the_calls_that_were_made_can_be_read_with_who_made_them(
    aws: Sandbox, client: Clients, function: Functions
) -> None:
    last = max((call["number"] for call in aws.control("calls")), default=0)
    role = trusted_role(client, "asker", allow("sts:GetCallerIdentity"))
    source = "import boto3\ndef handler(e, c): return boto3.client('sts').get_caller_identity()['Account']"
    asker = function(source, role=role, Timeout=20)
    aws.control("faults", {"fault": "delay", "operation": "GetCallerIdentity"})
    asker.invoke()
    asker.invoke()

    calls = aws.control(f"calls?since={last}")
    asked = [call for call in calls if call["operation"] == "GetCallerIdentity"]
    assert [(call["role"], call["session"], call["service"], call["nth"]) for call in asked] == [
        ("asker", asker.name, "sts", 1),
        ("asker", asker.name, "sts", 2),
    ]
    assert [(call["status"], call["fault"]) for call in asked] == [(200, "delay"), (200, None)]
    assert [call["number"] for call in calls] == sorted(call["number"] for call in calls)
    assert {"CreateFunction", "Invoke", "GetFunctionConfiguration"} <= {call["operation"] for call in calls}


def test_a_fault_that_is_misspelt_is_refused_by_name(aws: Sandbox) -> None:
    for wrong, words in [({"fault": "explode"}, "'explode'"), ({"fault": "deny", "tmes": 1}, "tmes")]:
        with pytest.raises(ValueError, match=words):
            aws.control("faults", wrong)
    with pytest.raises(ValueError, match="no setting 'speed'"):
        aws.control("settings", {"speed": 1})
