"""What IAM is asked before a call of boto3."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.permissions import needs
from tests.permissions.names import Place, key_of
from tests.permissions.needs import Request

ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTIONS = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/functions"


def asked(service: str, operation: str, url: str = "https://aws", body: Any = None) -> list[tuple[str, str]]:
    content = body if isinstance(body, str) else json.dumps(body or {})
    request = Request(service, operation, url, content, REGION, ACCOUNT)
    return [(need.action, need.resource.rpartition(f"{ACCOUNT}:")[2]) for need in needs.of(request)]


@pytest.mark.parametrize(
    ("operation", "path", "action", "resource"),
    [
        ("GetAlias", "/Shop/aliases/PROD", "lambda:GetAlias", "function:Shop"),
        ("GetFunction", "/Shop?Qualifier=3", "lambda:GetFunction", "function:Shop:3"),
        ("Invoke", "/Shop/invocations?Qualifier=%24LATEST", "lambda:InvokeFunction", "function:Shop:$LATEST"),
        ("Invoke", f"/arn%3Aaws%3Alambda%3A{REGION}%3A{ACCOUNT}%3Afunction%3AShop%3APROD/invocations",
         "lambda:InvokeFunction", "function:Shop:PROD"),
    ],
)  # fmt: skip
def test_a_call_of_lambda_is_about_the_function_that_its_path_names(
    operation: str, path: str, action: str, resource: str
) -> None:
    assert asked("lambda", operation, FUNCTIONS + path) == [(action, resource)]


def test_a_call_of_lambda_without_a_function_in_its_path_is_on_every_resource() -> None:
    url = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/event-source-mappings?FunctionName=Shop"

    assert asked("lambda", "ListEventSourceMappings", url) == [("lambda:ListEventSourceMappings", "*")]


def test_lambda_reads_new_code_as_its_caller() -> None:
    of_zip = {"S3Bucket": "artifacts", "S3Key": "functions/Shop/1.zip", "S3ObjectVersion": "v"}
    image = {"ImageUri": f"999999999999.dkr.ecr.{REGION}.amazonaws.com/shop/api@sha256:abc"}

    assert asked("lambda", "UpdateFunctionCode", f"{FUNCTIONS}/Shop/code", of_zip) == [
        ("lambda:UpdateFunctionCode", "function:Shop"),
        ("s3:GetObjectVersion", "arn:aws:s3:::artifacts/functions/Shop/1.zip"),
    ]
    assert asked("lambda", "UpdateFunctionCode", f"{FUNCTIONS}/Shop/code", image)[1:] == [
        (f"ecr:{action}", f"arn:aws:ecr:{REGION}:999999999999:repository/shop/api")
        for action in ("BatchGetImage", "GetDownloadUrlForLayer")
    ]


@pytest.mark.parametrize(
    ("operation", "query", "action"),
    [
        ("GetObject", "", "s3:GetObject"),
        ("HeadObject", "?versionId=v", "s3:GetObjectVersion"),
        ("UploadPart", "?partNumber=1&uploadId=u", "s3:PutObject"),
        ("AbortMultipartUpload", "?uploadId=u", "s3:AbortMultipartUpload"),
    ],
)
def test_a_call_of_s3_has_the_action_that_s3_documents(operation: str, query: str, action: str) -> None:
    url = f"https://artifacts.s3.{REGION}.amazonaws.com/functions/a%20b.zip{query}"

    assert asked("s3", operation, url) == [(action, "arn:aws:s3:::artifacts/functions/a b.zip")]


def test_a_transaction_is_asked_for_part_by_part() -> None:
    key = {"pk": {"S": "lock#1"}, "sk": {"S": "lock"}}
    parts = [{"Put": {"TableName": "t", "Item": key}}, {"Delete": {"TableName": "t", "Key": key}}]

    assert asked("dynamodb", "TransactWriteItems", body={"TransactItems": parts}) == [
        ("dynamodb:PutItem", "table/t"),
        ("dynamodb:DeleteItem", "table/t"),
    ]


def test_a_batch_is_about_the_partitions_of_all_its_keys() -> None:
    keys = [{"pk": {"S": pk}, "sk": {"S": "plan"}} for pk in ("deployment#1", "deployment#2", "deployment#1")]
    sent = {"RequestItems": {"t": {"Keys": keys, "ConsistentRead": True}}}
    (need,) = needs.of(Request("dynamodb", "BatchGetItem", "https://aws", json.dumps(sent), REGION, ACCOUNT))

    assert (need.action, need.resource.rpartition(":")[2]) == ("dynamodb:BatchGetItem", "table/t")
    assert (need.keys, need.attributes) == (("deployment#1", "deployment#2"), ("pk", "sk"))


def test_a_query_is_about_the_partition_that_its_condition_begins_with() -> None:
    sent = {
        "TableName": "t",
        "IndexName": "ByKind",
        "KeyConditionExpression": "kind = :kind AND begins_with(pk, :prefix)",
        "ExpressionAttributeValues": {":prefix": {"S": "lock#"}, ":kind": {"S": "untold"}},
    }
    (need,) = needs.of(Request("dynamodb", "Query", "https://aws", json.dumps(sent), REGION, ACCOUNT))

    assert (need.resource.rpartition(":")[2], need.keys) == ("table/t/index/ByKind", ("untold",))


def test_an_update_names_the_attributes_of_all_its_expressions() -> None:
    sent = {
        "TableName": "t",
        "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
        "UpdateExpression": "SET #state = :new, shift.number = if_not_exists(shift.number, :one) REMOVE kind",
        "ConditionExpression": "attribute_not_exists(told_at) OR NOT #state IN (:a, :b)",
        "ExpressionAttributeNames": {"#state": "state"},
    }
    (need,) = needs.of(Request("dynamodb", "UpdateItem", "https://aws", json.dumps(sent), REGION, ACCOUNT))

    assert need.attributes == ("kind", "pk", "shift", "sk", "state", "told_at")


def test_a_message_to_people_is_encrypted_as_its_sender() -> None:
    body = urlencode({"Action": "Publish", "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:told", "Message": "m"})

    assert asked("sns", "Publish", body=body) == [
        ("sns:Publish", "told"),
        ("kms:GenerateDataKey", "key/NotificationsKey"),
        ("kms:Decrypt", "key/NotificationsKey"),
    ]


def test_an_event_is_sent_to_the_default_bus() -> None:
    assert asked("events", "PutEvents", body=json.dumps({"Entries": [{"Source": "bluegreen"}]})) == [
        ("events:PutEvents", "event-bus/default")
    ]


def test_a_call_of_an_unknown_service_needs_the_action_of_its_name() -> None:
    assert asked("sts", "AssumeRole") == [("sts:AssumeRole", "*")]


OWN = {"deployments": "DeploymentsTable", "artifacts": "ArtifactBucket"}
HERE = Place(REGION, ACCOUNT, lambda name: OWN.get(name, ""))


@pytest.mark.parametrize(
    ("arn", "named"),
    [
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Shop:3", "arn:aws:lambda:region:account:function:x:x"),
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:Shop", "arn:aws:lambda:eu-west-1:account:function:x"),
        (f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/deployments/index/ByKind",
         "arn:aws:dynamodb:region:account:table/DeploymentsTable/index/ByKind"),
        ("arn:aws:s3:::artifacts/functions/Shop/1.zip", "arn:aws:s3:::ArtifactBucket/functions/x"),
        ("arn:aws:s3:::artifacts/internal/releases/r/open.json", "arn:aws:s3:::ArtifactBucket/internal/releases/x"),
        ("arn:aws:s3:::artifacts", "arn:aws:s3:::ArtifactBucket"),
        ("arn:aws:s3:::theirs/1.zip", "arn:aws:s3:::theirs/x"),
        ("*", "*"),
    ],
)  # fmt: skip
def test_an_arn_loses_the_names_that_users_give_or_a_deployment_makes(arn: str, named: str) -> None:
    assert HERE.named(arn) == named


def test_a_key_of_the_table_is_known_by_its_kind() -> None:
    assert [key_of("lock#1:eu-west-1:Shop:PROD"), key_of("untold")] == ["lock#x", "untold"]
