"""Who invokes a function itself, as Lambda tells it."""

import json
from typing import Any

import pytest

from bluegreen.aws import callers
from bluegreen.aws.callers import Mapping, Permission, Url
from bluegreen.aws.client import client
from bluegreen.errors import AwsRefused
from tests.bluegreen.aws.answers import answered
from tests.machine.deployer import TARGET

pytestmark = pytest.mark.usefixtures("deployer")

QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"


def mapping(uuid: str, qualifier: str = "", **more: Any) -> dict[str, Any]:
    arn = f"{TARGET.arn}{qualifier}"
    return {"UUID": uuid, "FunctionArn": arn, "EventSourceArn": QUEUE, "State": "Enabled"} | more


class TestMappings:
    def test_those_of_versions_and_aliases_do_not_invoke_the_function_itself(self) -> None:
        listed = [mapping("a"), mapping("b", ":PROD"), mapping("c", ":1"), mapping("d", ":$LATEST")]

        with answered(client("lambda", TARGET), "ListEventSourceMappings", lambda: {"EventSourceMappings": listed}):
            assert [each.uuid for each in callers.mappings(TARGET)] == ["a", "d"]

    def test_every_page_is_read(self) -> None:
        pages = iter(
            [{"EventSourceMappings": [mapping("a")], "NextMarker": "more"}, {"EventSourceMappings": [mapping("b")]}]
        )

        with answered(client("lambda", TARGET), "ListEventSourceMappings", lambda: next(pages)) as asked:
            assert [each.uuid for each in callers.mappings(TARGET)] == ["a", "b"]

        assert [call["FunctionName"] for call in asked] == [TARGET.function] * 2
        assert asked[1]["Marker"] == "more"

    def test_brokers_of_ones_own_are_a_source(self) -> None:
        brokers: dict[str, Any] = {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["one:9092", "two:9092"]}}
        }
        listed = [mapping("a", EventSourceArn=None, **brokers)]

        with answered(client("lambda", TARGET), "ListEventSourceMappings", lambda: {"EventSourceMappings": listed}):
            assert callers.mappings(TARGET) == (Mapping(uuid="a", source="one:9092, two:9092", state="Enabled"),)

    @pytest.mark.parametrize(
        ("state", "idle"),
        [("Enabled", False), ("Creating", False), ("Updating", False), ("Disabled", True), ("Disabling", True)],
    )
    def test_a_mapping_that_is_switched_off_invokes_nothing(self, state: str, idle: bool) -> None:
        assert Mapping(uuid="a", source=QUEUE, state=state).idle == idle

    def test_one_that_is_being_deleted_is_none_any_more(self) -> None:
        listed = [mapping("a", State="Deleting"), mapping("b", State=None)]

        with answered(client("lambda", TARGET), "ListEventSourceMappings", lambda: {"EventSourceMappings": listed}):
            assert callers.mappings(TARGET) == (Mapping(uuid="b", source=QUEUE, state="Enabled"),)

    def test_a_source_is_plain_text(self) -> None:
        brokers: dict[str, Any] = {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a\x1b[2J\ud83d"]}}
        }
        listed = [mapping("a", EventSourceArn=None, **brokers), mapping("b", EventSourceArn=None)]

        with answered(client("lambda", TARGET), "ListEventSourceMappings", lambda: {"EventSourceMappings": listed}):
            assert [each.source for each in callers.mappings(TARGET)] == ["a\ufffd[2J\ufffd", "an event source"]


def policy(*statements: dict[str, Any]) -> dict[str, str]:
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statements})}


S3_MAY: dict[str, Any] = {
    "Sid": "s3",
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": TARGET.arn,
    "Condition": {
        "StringEquals": {"AWS:SourceAccount": "123456789012"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::orders"},
    },
}


class TestPermissions:
    def test_a_statement_is_who_may_and_on_which_conditions(self) -> None:
        with answered(client("lambda", TARGET), "GetPolicy", lambda: policy(S3_MAY)) as asked:
            assert callers.permissions(TARGET) == (
                Permission(
                    sid="s3",
                    principal="s3.amazonaws.com",
                    action="lambda:InvokeFunction",
                    conditions={"aws:sourceaccount": "123456789012", "aws:sourcearn": "arn:aws:s3:::orders"},
                ),
            )

        assert asked == [{"FunctionName": TARGET.function}]

    def test_what_may_invoke_the_alias_or_is_denied_may_not_invoke_the_function_itself(self) -> None:
        others = (S3_MAY | {"Resource": f"{TARGET.arn}:PROD"}, S3_MAY | {"Effect": "Deny"})

        with answered(client("lambda", TARGET), "GetPolicy", lambda: policy(*others)):
            assert callers.permissions(TARGET) == ()

    def test_everybody_is_a_principal(self) -> None:
        with answered(client("lambda", TARGET), "GetPolicy", lambda: policy(S3_MAY | {"Principal": "*"})):
            assert [each.principal for each in callers.permissions(TARGET)] == ["*"]

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"Resource": [TARGET.arn, f"{TARGET.arn}:PROD"]}, 1),
            ({"Resource": [f"{TARGET.arn}:PROD"]}, 0),
            ({"Resource": f"{TARGET.arn}:$LATEST"}, 1),
            ({"Resource": f"{TARGET.arn}:*"}, 1),
            ({"Resource": "*"}, 1),
            ({"Action": "lambda:GetFunction"}, 0),
            ({"Action": ["lambda:GetFunction", "lambda:invoke*"]}, 1),
            ({"Action": "lambda:*"}, 1),
        ],
        ids=lambda each: str(each)[:60],
    )
    def test_a_statement_counts_if_it_lets_somebody_invoke_the_function_itself(
        self, changes: dict[str, Any], found: int
    ) -> None:
        with answered(client("lambda", TARGET), "GetPolicy", lambda: policy(S3_MAY | changes)):
            assert len(callers.permissions(TARGET)) == found

    @pytest.mark.parametrize(
        ("changes", "without", "principal"),
        [
            ({"NotPrincipal": {"AWS": "123456789012"}}, "Principal", "everybody but 123456789012"),
            ({"NotAction": "lambda:Get*"}, "Action", "s3.amazonaws.com"),
            ({}, "Sid", "s3.amazonaws.com"),
            ({"Principal": {"AWS": ["1", "2"], "Service": "s3"}}, "", "1, 2, s3"),
        ],
        ids=["NotPrincipal", "NotAction", "no Sid", "several"],
    )
    def test_what_add_permission_cannot_write_is_told_as_such(
        self, changes: dict[str, Any], without: str, principal: str
    ) -> None:
        statement = {name: value for name, value in (S3_MAY | changes).items() if name != without}

        with answered(client("lambda", TARGET), "GetPolicy", lambda: policy(statement)):
            (permission,) = callers.permissions(TARGET)

        assert (permission.principal, permission.addable) == (principal, False)

    def test_a_policy_may_have_one_statement_by_itself(self) -> None:
        with answered(client("lambda", TARGET), "GetPolicy", lambda: {"Policy": json.dumps({"Statement": S3_MAY})}):
            assert [each.sid for each in callers.permissions(TARGET)] == ["s3"]

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Statement": ["x"]}', "[" * 100_000])
    def test_a_policy_that_cannot_be_read_is_no_crash(self, text: str) -> None:
        with (
            answered(client("lambda", TARGET), "GetPolicy", lambda: {"Policy": text}),
            pytest.raises(AwsRefused, match="it is no policy that this product can read"),
        ):
            callers.permissions(TARGET)


class TestTheFunctionItself:
    def test_without_anything_set_up_nothing_is_found(self) -> None:
        assert callers.mappings(TARGET) == ()
        assert callers.permissions(TARGET) == ()
        assert callers.url(TARGET) is None
        assert callers.settings_of_events(TARGET) is None

    def test_it_may_have_a_url(self) -> None:
        answer = {"FunctionUrl": "https://abc.lambda-url.us-east-1.on.aws/", "AuthType": "NONE"}

        with answered(client("lambda", TARGET), "GetFunctionUrlConfig", lambda: answer) as asked:
            assert callers.url(TARGET) == Url(address=answer["FunctionUrl"], auth="NONE")

        assert asked == [{"FunctionName": TARGET.function}]

    def test_settings_that_are_as_lambdas_own_are_none(self) -> None:
        usual = {
            "MaximumRetryAttempts": 2,
            "MaximumEventAgeInSeconds": 21600,
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        }

        with answered(client("lambda", TARGET), "GetFunctionEventInvokeConfig", lambda: usual):
            assert callers.settings_of_events(TARGET) == {}

    def test_settings_of_the_function_and_of_the_alias_are_two(self) -> None:
        answer = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}

        with answered(client("lambda", TARGET), "GetFunctionEventInvokeConfig", lambda: answer) as asked:
            found = [callers.settings_of_events(TARGET), callers.settings_of_events(TARGET, "PROD")]

        assert found == [answer, answer]
        assert [call.get("Qualifier") for call in asked] == [None, "PROD"]
