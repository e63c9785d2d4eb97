"""What policies say of items, attributes, buckets and images holds in the sandbox as in AWS."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import ACCOUNT, Clients, allow, credentials_of, eventually, policy, trusted_role

REGION = "eu-central-1"
TABLE = "conditions"
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
MINE = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["mine#*"]}}
MINE_OR_LOCK = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["mine#*", "lock"]}}

Acting = Callable[..., Any]


@pytest.fixture
def acting(client: Clients) -> Acting:
    """`acting("s3", "name", statement, ...)`: a client of that service, as a role that may do just that."""
    return lambda service, name, *statements: client(service, **credentials_of(client, name, *statements))


@pytest.fixture(scope="module")
def table(client: Clients) -> str:
    client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "kind")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "ByKind",
                "KeySchema": [
                    {"AttributeName": "kind", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return TABLE


def key(pk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": "record"}}


def denied(call: Callable[..., Any], **request: Any) -> bool:
    with pytest.raises(ClientError) as refused:
        call(**request)
    code = refused.value.response["Error"]["Code"]
    assert code in ("AccessDenied", "AccessDeniedException"), refused.value
    return True


def query(condition: str, pk: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    } | more


REQUESTS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "an item read": ("get_item", lambda pk: {"TableName": TABLE, "Key": key(pk)}),
    "an item put": ("put_item", lambda pk: {"TableName": TABLE, "Item": key(pk)}),
    "an item changed": (
        "update_item",
        lambda pk: {
            "TableName": TABLE,
            "Key": key(pk),
            "UpdateExpression": "SET a = :a",
            "ExpressionAttributeValues": {":a": {"S": "1"}},
        },
    ),
    "an item deleted": ("delete_item", lambda pk: {"TableName": TABLE, "Key": key(pk)}),
    "a query": ("query", lambda pk: query("pk = :pk", pk)),
    "a query with placeholders": (
        "query",
        lambda pk: query(
            "(#sk <= :sk) AND (#pk=:pk)",
            pk,
            ExpressionAttributeNames={"#pk": "pk", "#sk": "sk"},
            ExpressionAttributeValues={":pk": {"S": pk}, ":sk": {"S": "mine#z"}},
        ),
    ),
    "a query by the legacy conditions": (
        "query",
        lambda pk: {
            "TableName": TABLE,
            "KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": pk}]}},
        },
    ),
    "a batch read": ("batch_get_item", lambda pk: {"RequestItems": {TABLE: {"Keys": [key("mine#1"), key(pk)]}}}),
    "a batch written": (
        "batch_write_item",
        lambda pk: {
            "RequestItems": {TABLE: [{"PutRequest": {"Item": key("mine#1")}}, {"DeleteRequest": {"Key": key(pk)}}]}
        },
    ),
    "a transaction read": (
        "transact_get_items",
        lambda pk: {"TransactItems": [{"Get": {"TableName": TABLE, "Key": key(of)}} for of in ("mine#1", pk)]},
    ),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_leading_keys_limit_a_role_to_partitions(table: str, acting: Acting, operation: str) -> None:
    call, request = REQUESTS[operation]
    may = acting("dynamodb", "mine-only", allow("dynamodb:*", ARN, Condition=MINE))

    assert getattr(may, call)(**request("mine#2"))
    assert denied(getattr(may, call), **request("yours#2"))


def test_each_part_of_a_transaction_is_judged_by_its_own_action_and_key(
    table: str, acting: Acting, client: Clients
) -> None:
    may = acting(
        "dynamodb",
        "puts-mine-and-deletes-locks",
        allow("dynamodb:PutItem", ARN, Condition=MINE),
        allow("dynamodb:DeleteItem", ARN, Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["lock"]}}),
    )

    def write(put: str, delete: str) -> dict[str, Any]:
        parts = [{"Put": {"TableName": table, "Item": key(put)}}, {"Delete": {"TableName": table, "Key": key(delete)}}]
        return {"TransactItems": parts}

    assert may.transact_write_items(**write("mine#3", "lock"))
    assert denied(may.transact_write_items, **write("lock", "mine#3"))
    assert denied(may.transact_write_items, **write("mine#4", "mine#3"))
    assert "Item" in client("dynamodb").get_item(TableName=table, Key=key("mine#3"))
    assert "Item" not in client("dynamodb").get_item(TableName=table, Key=key("mine#4"))


def test_an_index_is_a_resource_of_its_own_with_its_own_leading_key(table: str, acting: Acting) -> None:
    locks = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["lock"]}}
    of_the_index = acting("dynamodb", "lists-locks", allow("dynamodb:Query", f"{ARN}/index/ByKind", Condition=locks))
    of_the_table = acting("dynamodb", "of-the-table", allow("dynamodb:Query", ARN))

    assert of_the_index.query(**query("kind = :pk", "lock", IndexName="ByKind"))["Count"] == 0
    assert denied(of_the_index.query, **query("kind = :pk", "plan", IndexName="ByKind"))
    assert denied(of_the_index.query, **query("pk = :pk", "lock"))
    assert denied(of_the_table.query, **query("kind = :pk", "lock", IndexName="ByKind"))


def test_a_scan_has_no_leading_key_which_satisfies_for_all_values_and_no_other_operator(
    table: str, acting: Acting
) -> None:
    every = acting("dynamodb", "for-all", allow("dynamodb:Scan", ARN, Condition=MINE))
    some = {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["mine#*"]}}
    any_of = acting("dynamodb", "for-any", allow(["dynamodb:Scan", "dynamodb:GetItem"], ARN, Condition=some))

    assert every.scan(TableName=table)
    assert denied(any_of.scan, TableName=table)
    assert any_of.get_item(TableName=table, Key=key("mine#1"))


def test_a_query_reads_the_attributes_that_it_may_name_and_not_all_of_them(table: str, acting: Acting) -> None:
    some = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "step"]},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    may = acting("dynamodb", "without-tokens", allow("dynamodb:Query", ARN, Condition=MINE | some))
    asked: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "mine#1"}},
    }
    names = {"#step": "step", "#token": "task_token"}

    assert may.query(
        **asked,
        Select="SPECIFIC_ATTRIBUTES",
        ProjectionExpression="#step",
        ExpressionAttributeNames={"#step": "step"},
    )
    assert denied(may.query, **asked)
    assert denied(may.query, **asked, Select="ALL_ATTRIBUTES")
    assert denied(may.query, **asked, ProjectionExpression="#step, #token", ExpressionAttributeNames=names)


def test_attributes_limit_what_a_request_names_wherever_it_names_it(table: str, acting: Acting) -> None:
    only = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "evidence"]}}
    may = acting("dynamodb", "evidence-only", allow("dynamodb:*", ARN, Condition=only))
    evidence = {"S": "seen"}

    assert may.put_item(TableName=table, Item=key("steps#1") | {"evidence": evidence})
    assert denied(may.put_item, TableName=table, Item=key("steps#1") | {"status": evidence})

    def update(expression: str, **more: Any) -> dict[str, Any]:
        return {"TableName": table, "Key": key("steps#1"), "UpdateExpression": expression} | more

    to = {"ExpressionAttributeValues": {":to": evidence}}
    assert may.update_item(**update("SET evidence = if_not_exists(evidence, :to)", **to))
    assert denied(
        may.update_item, **update("SET evidence = :to REMOVE #s", ExpressionAttributeNames={"#s": "status"}, **to)
    )
    assert denied(
        may.update_item, **update("SET evidence = :to", ConditionExpression="attribute_not_exists(locked)", **to)
    )
    assert may.get_item(TableName=table, Key=key("steps#1"), ProjectionExpression="evidence")
    assert denied(may.get_item, TableName=table, Key=key("steps#1"), ProjectionExpression="evidence, status.a[0]")


def test_a_bucket_s_policy_denies_everybody_but_the_roles_it_names(acting: Acting, client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="kept-apart", CreateBucketConfiguration={"LocationConstraint": REGION})
    trusted = f"arn:aws:iam::{ACCOUNT}:role/keeps"
    of_restored = {"Principal": "*", "Effect": "Deny", "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [trusted]}}}
    of_notes = {
        "NotPrincipal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", trusted, f"{as_session('keeps')}"]},
        "Effect": "Deny",
    }
    s3.put_bucket_policy(
        Bucket="kept-apart",
        Policy=policy(
            allow("s3:PutObject", "arn:aws:s3:::kept-apart/restored/*") | of_restored,
            allow("s3:PutObject", "arn:aws:s3:::kept-apart/notes/*") | of_notes,
            allow("s3:GetObject", "arn:aws:s3:::kept-apart/*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/reads"}),
            allow(
                "s3:ListBucket",
                "arn:aws:s3:::kept-apart",
                Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/reads"},
                Condition={"StringLike": {"s3:prefix": "functions/*"}},
            ),
        ),
    )
    keeps, others = (acting("s3", name, allow("s3:PutObject", "*")) for name in ("keeps", "others"))
    reads = acting("s3", "reads", allow("sqs:ListQueues"))

    for prefix in ("restored", "notes"):
        assert keeps.put_object(Bucket="kept-apart", Key=f"{prefix}/1", Body=b"")
        assert denied(others.put_object, Bucket="kept-apart", Key=f"{prefix}/1", Body=b"")
        assert denied(others.create_multipart_upload, Bucket="kept-apart", Key=f"{prefix}/1")
    assert others.put_object(Bucket="kept-apart", Key="functions/1", Body=b"")
    assert reads.get_object(Bucket="kept-apart", Key="restored/1")
    assert reads.list_objects_v2(Bucket="kept-apart", Prefix="functions/")["KeyCount"] == 1
    assert denied(reads.list_objects_v2, Bucket="kept-apart", Prefix="restored/")
    assert denied(others.get_object, Bucket="kept-apart", Key="restored/1")


def as_session(role: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/test"


def test_a_permissions_boundary_limits_what_the_role_s_policies_allow(acting: Acting, client: Clients) -> None:
    iam = client("iam")
    boundary = iam.create_policy(PolicyName="at-most", PolicyDocument=policy(allow("s3:ListAllMyBuckets")))["Policy"]
    may = acting("s3", "bounded", allow(["s3:ListAllMyBuckets", "s3:CreateBucket"]))
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary["Arn"])

    assert may.list_buckets()
    assert denied(may.create_bucket, Bucket="too-much")


def test_who_may_send_events_of_one_source_may_send_no_others(acting: Acting) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    mine = {"StringEquals": {"events:source": "mine"}}
    may = acting("events", "sends-its-own", allow("events:PutEvents", bus, Condition=mine))
    entry = {"Source": "mine", "DetailType": "Something Happened", "Detail": "{}"}

    assert may.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert denied(may.put_events, Entries=[{**entry, "Source": "theirs"}])
    assert denied(may.put_events, Entries=[{**entry, "EventBusName": "another"}])


@pytest.fixture(scope="module")
def key_arn(client: Clients) -> str:
    return str(client("kms").create_key()["KeyMetadata"]["Arn"])


def test_who_publishes_to_an_encrypted_topic_needs_its_key(acting: Acting, client: Clients, key_arn: str) -> None:
    topic = client("sns").create_topic(Name="encrypted", Attributes={"KmsMasterKeyId": key_arn})["TopicArn"]
    uses = allow(["kms:GenerateDataKey", "kms:Decrypt"], key_arn)
    publishes = acting("sns", "publishes", allow("sns:Publish", topic))
    with_one = acting("sns", "uses-half-a-key", allow("sns:Publish", topic), allow("kms:GenerateDataKey", key_arn))
    with_key = acting("sns", "uses-the-key", allow("sns:Publish", topic), uses)
    plain = client("sns").create_topic(Name="plain")["TopicArn"]

    for may_not in (publishes, with_one):
        with pytest.raises(may_not.exceptions.AuthorizationErrorException):
            may_not.publish(TopicArn=topic, Message="hello")
    assert with_key.publish(TopicArn=topic, Message="hello")
    assert acting("sns", "publishes", allow("sns:Publish", plain)).publish(TopicArn=plain, Message="hello")


def test_who_uses_a_bucket_with_a_key_needs_the_key_through_s3(acting: Acting, client: Clients, key_arn: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="encrypted", CreateBucketConfiguration={"LocationConstraint": REGION})
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    s3.put_bucket_encryption(
        Bucket="encrypted",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
    )
    objects = allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::encrypted/*")
    via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    writes = acting("s3", "writes", objects, allow("kms:GenerateDataKey", key_arn, Condition=via_s3))
    reads = acting("s3", "decrypts", objects, allow("kms:Decrypt", key_arn, Condition=via_s3))

    assert writes.put_object(Bucket="encrypted", Key="a", Body=b"secret")
    assert reads.get_object(Bucket="encrypted", Key="a")["Body"].read() == b"secret"
    assert denied(reads.put_object, Bucket="encrypted", Key="a", Body=b"")
    assert denied(writes.get_object, Bucket="encrypted", Key="a")


def test_an_object_that_asks_for_kms_without_a_key_gets_the_key_of_aws(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="assets", CreateBucketConfiguration={"LocationConstraint": REGION})

    put = s3.put_object(Bucket="assets", Key="a", Body=b"", ServerSideEncryption="aws:kms")

    assert put["SSEKMSKeyId"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"
    assert s3.head_object(Bucket="assets", Key="a")["ServerSideEncryption"] == "aws:kms"


OTHER_ACCOUNT = "111111111111"
PULLS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
FOREIGN = f"{OTHER_ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:1"


@pytest.fixture
def repository(client: Clients) -> Callable[..., None]:
    """`repository(statement, ...)`: a repository of another account, with this policy."""
    ecr = client("ecr", AccessKeyId=OTHER_ACCOUNT)
    if not ecr.describe_repositories()["repositories"]:
        ecr.create_repository(repositoryName="shop")

    return lambda *statements: ecr.set_repository_policy(repositoryName="shop", policyText=policy(*statements))


def pulls(principal: dict[str, str], **condition: Any) -> dict[str, Any]:
    """A statement of a repository's policy."""
    return {"Effect": "Allow", "Action": PULLS, "Principal": principal, **condition}


def test_a_foreign_image_needs_the_caller_s_policy_and_the_repository_s(
    acting: Acting, client: Clients, repository: Callable[..., None]
) -> None:
    shop_arn = client("lambda").create_function(
        FunctionName="of-an-image",
        Role=trusted_role(client),
        PackageType="Image",
        Code={"ImageUri": FOREIGN.replace(OTHER_ACCOUNT, ACCOUNT)},
    )["FunctionArn"]
    update, image = allow("lambda:UpdateFunctionCode"), {"FunctionName": "of-an-image", "ImageUri": FOREIGN}
    own_only = acting("lambda", "pulls-own", update, allow(PULLS, f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"))
    any_of = acting("lambda", "pulls-any", update, allow(PULLS, f"arn:aws:ecr:{REGION}:*:repository/*"))
    account, service = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {"Service": "lambda.amazonaws.com"}
    for_shop = {"Condition": {"StringLike": {"aws:sourceArn": shop_arn}}}
    for_others = {"Condition": {"StringLike": {"aws:sourceArn": f"{shop_arn}-2"}}}

    eventually(lambda: client("lambda").get_function_configuration(FunctionName="of-an-image")["State"] == "Active")

    for statements in ([pulls(account)], [pulls(service)], [pulls(account), pulls(service, **for_others)]):
        repository(*statements)
        assert denied(any_of.update_function_code, **image)
    repository(pulls(account), pulls(service, **for_shop))
    assert denied(own_only.update_function_code, **image)
    assert any_of.update_function_code(**image)
    assert client("lambda").get_function(FunctionName="of-an-image")["Code"]["ImageUri"] == FOREIGN
