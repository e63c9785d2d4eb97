"""What is known at the start is said at the start: a refusal touches nothing, a warning is in record and message."""

import json
from typing import Any

import boto3
import pytest
from moto.awslambda.models import LambdaFunction

from tests.handlers.desk import another_user_points_the_alias, aws_answers, told
from tests.machine.deployer import FUNCTION, GOOD, TARGET, Deployer

REJECTED = ["OpenDeployment", "RejectDeployment", "Rejected"]
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"
ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}


@pytest.fixture
def mapping(deployer: Deployer) -> str:
    """An event source mapping of the function itself; its UUID."""
    boto3.client("sqs").create_queue(QueueName="orders")
    created = boto3.client("lambda").create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=QUEUE)
    return str(created["UUID"])


@pytest.fixture
def another_role(deployer: Deployer) -> str:
    """The execution role of $LATEST, which is not that of version 1."""
    role = boto3.client("iam").create_role(RoleName="another", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Role=role)
    return role


def refused(deployer: Deployer, **request: Any) -> str:
    """The cause of the rejection. Nothing is touched, the lock is free."""
    before = deployer.everything()

    run = deployer.deploy(**request)

    assert run.path == REJECTED
    assert deployer.everything() == before
    assert deployer.items("lock#") == []
    assert deployer.record(run)["state"] == "Rejected"
    return run.cause


def test_event_sources_of_the_function_itself_are_refused(deployer: Deployer, mapping: str) -> None:
    cause = refused(deployer)

    assert cause.startswith(f"bypass: event source mappings invoke {FUNCTION} itself and not PROD")
    assert f"aws lambda update-event-source-mapping --uuid {mapping} --function-name {FUNCTION}:PROD" in cause
    assert '"bypass": "allow"' in cause


def test_a_refusal_for_many_event_sources_still_says_every_way_out(deployer: Deployer) -> None:
    found = {"FunctionArn": TARGET.arn, "EventSourceArn": f"{QUEUE}-{'x' * 60}", "State": "Enabled"}
    listed = [found | {"UUID": f"{number:036}"} for number in range(30)]

    with aws_answers("lambda", "ListEventSourceMappings", {"EventSourceMappings": listed}):
        cause = refused(deployer)

    assert f"{'x' * 60} and 20 more; move them" in cause
    assert '"bypass": "allow"' in cause
    assert cause.endswith("` and so on")


def test_foreign_text_in_a_warning_stops_neither_the_deployment_nor_the_notification(deployer: Deployer) -> None:
    foreign = "arn\ud83d\x1b[2J"
    statement = {"Effect": "Allow", "Sid": foreign, "Principal": foreign, "Action": "*", "Resource": "*"}

    with aws_answers("lambda", "GetPolicy", {"Policy": json.dumps({"Statement": statement})}):
        run = deployer.deploy(**ALL_AT_ONCE)

    assert run.ended == "Deployed"
    (warning,) = deployer.record(run)["warnings"]
    assert "arn\ufffd\ufffd[2J may invoke" in warning
    assert warning in told(deployer)[0]


def test_names_of_variables_are_plain_and_short(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = LambdaFunction.get_configuration

    def configuration(function: Any, *asked: Any) -> Any:
        variables = {"A\ud83d\x1b[2J": "secret", "B" * 4000: "secret"}
        found = tell(function, *asked)
        return found | {"Environment": {"Variables": variables if found["Version"] == "$LATEST" else {}}}

    monkeypatch.setattr(LambdaFunction, "get_configuration", configuration)

    run = deployer.deploy(**ALL_AT_ONCE)

    (change,) = deployer.record(run)["changes"]
    assert change == f"Environment (variables A\ufffd\ufffd[2J, {'B' * 100} …)"
    assert run.ended == "Deployed"
    assert len(told(deployer)) == 1


def test_event_sources_that_the_request_allows_are_told(deployer: Deployer, mapping: str) -> None:
    run = deployer.deploy(bypass="allow", **ALL_AT_ONCE)

    assert run.ended == "Deployed"
    (warning,) = deployer.record(run)["warnings"]
    assert warning.startswith(f"bypass: the event source mapping of {QUEUE} (Enabled) invokes {FUNCTION} itself")
    (opened,) = (item for item in deployer.items("steps#") if "#OpenDeployment#" in item["sk"])
    assert json.loads(opened["evidence"])["warnings"] == [warning]
    (message,) = told(deployer)
    assert f"\n\nWarning: {warning}\n" in message


def test_event_sources_that_were_moved_to_the_alias_follow_it(deployer: Deployer, mapping: str) -> None:
    boto3.client("lambda").update_event_source_mapping(UUID=mapping, FunctionName=f"{FUNCTION}:PROD")

    run = deployer.deploy(**ALL_AT_ONCE)

    assert run.ended == "Deployed"
    assert deployer.record(run)["warnings"] == []


def test_going_back_by_hand_is_never_refused_for_them(deployer: Deployer, mapping: str) -> None:
    deployer.deploy(bypass="allow", **ALL_AT_ONCE)

    run = deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "smoke_tests": "off", **ALL_AT_ONCE})

    assert run.ended == "Deployed"
    assert deployer.alias() == ("1", {})


def test_another_role_is_refused_with_weights_and_nothing_is_touched(deployer: Deployer, another_role: str) -> None:
    cause = refused(deployer)

    assert cause.startswith("traffic: Canary10Percent5Minutes splits")
    assert another_role in cause
    assert "AllAtOnce" in cause


def test_another_role_is_deployed_all_at_once(deployer: Deployer, another_role: str) -> None:
    run = deployer.deploy(**ALL_AT_ONCE)

    assert run.ended == "Deployed"
    found = boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier="PROD")
    assert (found["Version"], found["Role"]) == ("2", another_role)


def test_a_function_that_is_switched_off_is_refused(deployer: Deployer) -> None:
    boto3.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)

    assert refused(deployer).startswith(f"function: {FUNCTION} has a reserved concurrency of 0")


def test_a_zip_for_which_there_is_no_room_is_refused(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.machine.strict_lambda.MOST_CODE_BYTES", 300)

    assert refused(deployer).startswith("artifact: Lambda keeps")


def test_a_metric_that_is_misspelt_is_named(deployer: Deployer) -> None:
    metric = {"name": "orders", "namespace": "Schop", "bad": "b", "requests": "r", "dimensions": {"V": "{version}"}}

    run = deployer.deploy(health={"metrics": [metric]}, **ALL_AT_ONCE)

    (warning,) = deployer.record(run)["warnings"]
    assert warning.startswith("health.metrics.orders: Schop/r (V=1) has no data of version 1")


def test_without_the_rights_to_look_it_is_deployed_and_told(deployer: Deployer) -> None:
    with deployer.aws.fails("GetPolicy", "AccessDeniedException", times=None):
        run = deployer.deploy(**ALL_AT_ONCE)

    assert run.ended == "Deployed"
    (warning,) = deployer.record(run)["warnings"]
    assert "Its resource policy: An error occurred (AccessDeniedException)" in warning


def test_an_alias_that_somebody_has_moved_since_the_last_deployment_is_told(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name="PROD", FunctionVersion="1")

    run = deployer.deploy(GOOD % 3, **ALL_AT_ONCE)

    assert run.ended == "Deployed"
    assert any(
        warning.startswith(f"alias: {FUNCTION}:PROD is at version 1, and deployment")
        for warning in deployer.record(run)["warnings"]
    )


def test_what_there_is_nothing_to_deploy_for_is_not_looked_at(deployer: Deployer, mapping: str) -> None:
    assert deployer.deploy(GOOD % 1).ended == "NothingToDeploy"


@pytest.mark.parametrize("weights", [None, {"1": 1.0}], ids=["allocated", "moved"])
def test_provisioned_concurrency_that_lambda_is_busy_with_is_waited_for(
    deployer: Deployer, weights: dict[str, float] | None
) -> None:
    """Six minutes, as the last deployment or a schedule of scaling has begun it."""
    assert deployer.deploy(traffic="AllAtOnce").ended == "Deployed"
    another_user_points_the_alias("2", weights)
    answer = {"Status": "IN_PROGRESS"}

    def ready() -> None:
        answer["Status"] = "READY"
        another_user_points_the_alias("2")

    deployer.aws.after(360, ready)
    with aws_answers("lambda", "GetProvisionedConcurrencyConfig", answer):
        run = deployer.deploy(GOOD % 3, traffic="AllAtOnce")

    assert (run.ended, run.path.count("OpenDeployment")) == ("Deployed", 1)
