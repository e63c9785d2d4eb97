"""What starts a deployment, and who is let in: the embedded AWS checks neither of a trigger's permissions."""

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from tests.template.stack import stack

BUCKET = "the-artifact-bucket"
MACHINE = "the-deploy-machine"
RELEASES = "the-release-machine"
RULE = "ReceiveUploadFunctionArtifactUploaded"
RECOVERY_RULE = "RecoverDeploymentsFunctionExecutionEndedBadly"
SWEEP = "RecoverDeploymentsFunctionSweep"
ENDED = "ReceiveUploadFunctionExecutionEnded"
NEXT_TURN = "ReceiveUploadFunctionNextTurn"


def matches(rule: str, event: Any) -> bool:
    pattern = json.dumps(stack().properties(rule)["EventPattern"])
    known = {"ArtifactBucket": BUCKET, "DeployStateMachine": MACHINE, "ReleaseStateMachine": RELEASES}
    for resource, name in known.items():
        pattern = pattern.replace(f'{{"Ref": "{resource}"}}', f'"{name}"')
    return bool(EventPattern.load(pattern).matches_event(event))


def starts(key: str, bucket: str = BUCKET, kind: str = "Object Created") -> bool:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return matches(RULE, {"source": "aws.s3", "detail-type": kind, "detail": detail})


def hears(rule: str, status: str, machine: str = MACHINE) -> bool:
    detail = {"stateMachineArn": machine, "status": status}
    kind = "Step Functions Execution Status Change"
    return matches(rule, {"source": "aws.states", "detail-type": kind, "detail": detail})


def recovers(status: str, machine: str = MACHINE) -> bool:
    return hears(RECOVERY_RULE, status, machine)


def permissions_of(function: str) -> list[dict[str, Any]]:
    permissions = stack().of_type("AWS::Lambda::Permission").values()
    return [each for each in permissions if each["FunctionName"] == {"Ref": function}]


@pytest.mark.parametrize("key", ["functions/Bonus/1.zip", "functions/Bonus/2026/11/a b.zip"])
def test_an_upload_starts_a_deployment(key: str) -> None:
    assert starts(key)


@pytest.mark.parametrize(
    "key",
    [
        *("functions/nameless.zip", "functions/../Bonus/1.zip", "functions/Bonus/1.ZIP", "functions/Bonus/1.jar"),
        *("functions/Bonus/1.zip.part", "functions/Bonus/deployment.json"),
    ],
)
def test_every_object_in_the_folder_is_answered(key: str) -> None:
    assert starts(key)


@pytest.mark.parametrize("key", ["releases/shop.json", "releases/2026/11/shop.json", "releases/shop.txt"])
def test_an_upload_starts_a_release(key: str) -> None:
    """OpenRelease says what is wrong with an object that is no document."""
    assert starts(key)


def test_the_rule_and_the_api_add_to_each_event_what_a_caller_of_the_function_cannot_see() -> None:
    (target,) = stack().properties(RULE)["Targets"]
    (stage,) = stack().of_type("AWS::ApiGatewayV2::Stage").values()
    stack_id = {"Ref": "AWS::StackId"}

    assert target["InputTransformer"] == {
        "InputTemplate": {"Fn::Sub": '{"stack": "${AWS::StackId}", "event": <aws.events.event.json>}'}
    }
    assert stage["StageVariables"] == {"stack": stack_id}
    for function in ("ReceiveUploadFunction", "ServeApiFunction"):
        assert stack().functions[function]["Environment"]["Variables"]["STACK_ID"] == stack_id


@pytest.mark.parametrize(
    "key",
    ["uploads/Bonus/1.zip", "restored/Bonus/1.zip", "my/functions/Bonus/1.zip", "internal/releases/shop/open.json"],
)
def test_other_keys_start_nothing(key: str) -> None:
    assert not starts(key)


def test_other_buckets_and_other_events_start_nothing() -> None:
    assert not starts("functions/Bonus/1.zip", bucket="another-bucket")
    assert not starts("functions/Bonus/1.zip", kind="Object Deleted")


def test_its_rules_may_invoke_the_function() -> None:
    permissions = permissions_of("ReceiveUploadFunction")

    assert {each["Action"] for each in permissions} == {"lambda:InvokeFunction"}
    assert {each["Principal"] for each in permissions} == {"events.amazonaws.com"}
    sources = [each["SourceArn"]["Fn::GetAtt"] for each in permissions]
    assert sorted(sources) == [[RULE, "Arn"], [ENDED, "Arn"], [NEXT_TURN, "Arn"]]


@pytest.mark.parametrize("machine", [MACHINE, RELEASES])
@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_an_upload_that_waits_has_its_turn_when_an_execution_ends(status: str, machine: str) -> None:
    assert hears(ENDED, status, machine)
    assert not hears(ENDED, "RUNNING", machine)
    assert not hears(ENDED, status, "another-machine")


def test_an_upload_that_waits_has_its_turn_in_minutes_also_if_that_event_is_lost() -> None:
    assert stack().properties(NEXT_TURN)["ScheduleExpression"] == "rate(5 minutes)"


def test_an_upload_is_tried_again_and_then_kept() -> None:
    (target,) = stack().properties(RULE)["Targets"]
    (invocations,) = stack().of_type("AWS::Lambda::EventInvokeConfig").values()
    queue = {"Fn::GetAtt": ["UndeliveredUploads", "Arn"]}

    assert target["Arn"] == {"Fn::GetAtt": ["ReceiveUploadFunction", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert target["DeadLetterConfig"]["Arn"] == queue
    assert invocations["MaximumRetryAttempts"] == 2
    assert invocations["DestinationConfig"]["OnFailure"]["Destination"] == queue


def test_the_rule_may_leave_in_the_queue_what_it_cannot_deliver() -> None:
    statement, tls = stack().properties("UndeliveredUploadsPolicy")["PolicyDocument"]["Statement"]

    assert tls["Effect"] == "Deny"
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == {"Fn::GetAtt": ["UndeliveredUploads", "Arn"]}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [RULE, "Arn"]}}}


@pytest.mark.parametrize("machine", [MACHINE, RELEASES])
@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_ends_badly_is_recovered_from(status: str, machine: str) -> None:
    assert recovers(status, machine)


def test_executions_that_run_or_succeed_or_are_not_ours_are_left_alone() -> None:
    for machine in (MACHINE, RELEASES):
        assert not recovers("RUNNING", machine)
        assert not recovers("SUCCEEDED", machine)
    assert not recovers("FAILED", machine="another-machine")


def test_a_lost_event_is_made_good_in_minutes() -> None:
    assert stack().properties(SWEEP)["ScheduleExpression"] == "rate(5 minutes)"


def test_both_rules_may_invoke_the_recovery() -> None:
    permissions = permissions_of("RecoverDeploymentsFunction")

    assert {each["Principal"] for each in permissions} == {"events.amazonaws.com"}
    sources = [each["SourceArn"]["Fn::GetAtt"] for each in permissions]
    assert sorted(sources) == [[RECOVERY_RULE, "Arn"], [SWEEP, "Arn"]]
    for rule in (RECOVERY_RULE, SWEEP):
        (target,) = stack().properties(rule)["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["RecoverDeploymentsFunction", "Arn"]}


ORDERS = ("pause", "resume", "promote", "approve", "reject")


def routes() -> dict[str, dict[str, Any]]:
    paths = stack().properties("Api")["Body"]["paths"]
    return {f"{method.upper()} {path}": route for path, methods in paths.items() for method, route in methods.items()}


def test_the_api_has_the_routes_of_the_contract() -> None:
    assert set(routes()) == {
        "POST /deployments",
        "GET /deployments",
        "GET /deployments/{id}",
        "PUT /functions/{name}/freeze",
        "DELETE /functions/{name}/freeze",
        "GET /freezes",
        "GET /functions",
        "GET /functions/{name}",
        "GET /openapi.json",
        "DELETE /deployments/{id}",
        *(f"POST /deployments/{{id}}/{order}" for order in ORDERS),
        "POST /releases",
        "GET /releases",
        "GET /releases/{id}",
        "DELETE /releases/{id}",
        *(f"POST /releases/{{id}}/{order}" for order in ORDERS),
    }


def test_no_route_is_open() -> None:
    schemes = stack().properties("Api")["Body"]["components"]["securitySchemes"]

    assert schemes["AWS_IAM"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    for route in routes().values():
        assert route["security"] == [{"AWS_IAM": []}]


def test_each_route_and_no_other_may_invoke_the_function() -> None:
    permissions = permissions_of("ServeApiFunction")
    sources = {each["SourceArn"]["Fn::Sub"][0].partition("${__Stage__}/")[2] for each in permissions}

    assert {each["Principal"] for each in permissions} == {"apigateway.amazonaws.com"}
    assert sources == {
        "POST/deployments",
        "GET/deployments",
        "GET/deployments/*",
        "PUT/functions/*/freeze",
        "DELETE/functions/*/freeze",
        "GET/freezes",
        "GET/functions",
        "GET/functions/*",
        "GET/openapi.json",
        "DELETE/deployments/*",
        *(f"POST/deployments/*/{order}" for order in ORDERS),
        "POST/releases",
        "GET/releases",
        "GET/releases/*",
        "DELETE/releases/*",
        *(f"POST/releases/*/{order}" for order in ORDERS),
    }


def test_the_triggers_may_invoke_three_functions_and_no_other() -> None:
    functions = {each["FunctionName"]["Ref"] for each in stack().of_type("AWS::Lambda::Permission").values()}

    assert functions == {"ReceiveUploadFunction", "RecoverDeploymentsFunction", "ServeApiFunction"}
