"""Callers of a function itself, and the commands that move them to the alias."""

import shlex
from typing import Any

import boto3
import pytest

from bluegreen.aws.callers import Mapping, Permission, Url
from bluegreen.opening import bypass
from bluegreen.opening.bypass import Callers
from bluegreen.opening.glances import Glances
from tests.machine.deployer import ALIAS, FUNCTION, TARGET, Deployer

pytestmark = pytest.mark.usefixtures("deployer")

QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"


def words(**found: Any) -> list[str]:
    return [str(warning) for warning in bypass.told(TARGET, Callers(**found))]


def test_a_function_that_nobody_has_set_up_a_caller_for_has_none() -> None:
    glances = Glances()

    assert bypass.find(TARGET, glances) == Callers()
    assert glances.unseen == {}


def test_a_mapping_is_named_by_its_source_with_the_command_that_moves_it() -> None:
    assert words(mappings=(Mapping(uuid="u-1", source=QUEUE, state="Enabled"),)) == [
        f"bypass: the event source mapping of {QUEUE} (Enabled) invokes {FUNCTION} itself, so it gets new code "
        f"untested and at once; `aws lambda update-event-source-mapping --uuid u-1 --function-name {FUNCTION}:PROD` "
        "points it to the alias, where it goes on from the same position"
    ]


def test_a_permission_is_named_with_the_commands_that_give_it_on_the_alias() -> None:
    conditions = {"aws:sourcearn": "arn:aws:s3:::orders", "aws:sourceaccount": "123456789012"}
    permission = Permission(
        sid="s3 may", principal="s3.amazonaws.com", action="lambda:InvokeFunction", conditions=conditions
    )

    (said,) = words(permissions=(permission,))

    assert said.startswith(f"bypass: s3.amazonaws.com (arn:aws:s3:::orders) may invoke {FUNCTION} itself")
    assert (
        f"`aws lambda add-permission --function-name {FUNCTION} --qualifier PROD --statement-id 's3 may' "
        "--action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn arn:aws:s3:::orders "
        "--source-account 123456789012`"
    ) in said
    assert f"point the caller to {TARGET.arn}:PROD" in said
    assert f"`aws lambda remove-permission --function-name {FUNCTION} --statement-id 's3 may'`" in said


def test_a_token_that_the_caller_must_know_is_not_told() -> None:
    permission = Permission(
        sid="alexa", principal="alexa-appkit.amazon.com", action="a", conditions={"lambda:eventsourcetoken": "s3cr3t"}
    )

    (said,) = words(permissions=(permission,))

    assert "--event-source-token THE_SAME_TOKEN" in said
    assert "s3cr3t" not in said


def test_a_permission_that_add_permission_cannot_write_is_told_without_a_command_that_fails() -> None:
    permission = Permission(sid="", principal="everybody but 1", action="lambda:*", addable=False)

    (said,) = words(permissions=(permission,))

    assert "add-permission" not in said
    assert f"allow the same for arn:aws:lambda:us-east-1:123456789012:function:{FUNCTION}:PROD" in said
    assert f"aws lambda get-policy --function-name {FUNCTION}" in said


def test_a_url_is_named_with_the_command_that_makes_one_of_the_alias() -> None:
    (said,) = words(url=Url(address="https://abc.on.aws/", auth="AWS_IAM"))

    assert said.startswith(f"bypass: https://abc.on.aws/ invokes {FUNCTION} itself")
    assert (
        f"aws lambda create-function-url-config --function-name {FUNCTION} --qualifier PROD --auth-type AWS_IAM" in said
    )


def test_settings_of_asynchronous_invocations_are_named_with_the_command_that_sets_them_for_the_alias() -> None:
    settings = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}

    (said,) = words(settings_of_events=settings)

    command = said.partition("`")[2].partition("`")[0]
    assert shlex.split(command) == [
        *("aws", "lambda", "put-function-event-invoke-config", "--function-name", FUNCTION, "--qualifier", ALIAS),
        *("--maximum-retry-attempts", "0"),
        *("--destination-config", '{"OnFailure": {"Destination": "' + QUEUE + '"}}'),
    ]


def test_of_many_the_first_are_told_and_how_the_others_are_listed() -> None:
    many = tuple(Mapping(uuid=f"u-{number}", source=QUEUE, state="Enabled") for number in range(60))

    said = words(mappings=many)

    assert len(said) == bypass.MOST_TOLD + 1
    assert said[-1] == (
        "bypass: there are 50 more of this kind; "
        f"`aws lambda list-event-source-mappings --function-name {FUNCTION}` lists them"
    )
    assert bypass.named(many).endswith(" and 50 more")


def test_what_lambda_has_is_found(deployer: Deployer) -> None:
    lambda_ = boto3.client("lambda")
    boto3.client("sqs").create_queue(QueueName="orders")
    lambda_.create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=QUEUE)
    lambda_.add_permission(
        FunctionName=FUNCTION, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    lambda_.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
    lambda_.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)

    found = bypass.find(TARGET, Glances())

    assert [each.source for each in found.active] == [QUEUE]
    assert [each.principal for each in found.permissions] == ["s3.amazonaws.com"]
    assert found.url is not None
    assert found.settings_of_events == {"MaximumRetryAttempts": 0}


def test_settings_that_the_alias_has_of_its_own_are_not_missing() -> None:
    lambda_ = boto3.client("lambda")
    lambda_.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)
    lambda_.put_function_event_invoke_config(FunctionName=FUNCTION, Qualifier=ALIAS, MaximumRetryAttempts=1)

    assert bypass.find(TARGET, Glances()).settings_of_events is None
