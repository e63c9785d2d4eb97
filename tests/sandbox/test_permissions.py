"""A principal in the sandbox may do what its policies allow, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.server import KEEPS_ASKED
from sandbox.testing import ACCOUNT, Clients, Function, Functions, allow, credentials_of, policy, trusted_role, zipped

PASS = allow("iam:PassRole")
MANAGED = {"StringEquals": {"aws:ResourceTag/bluegreen:managed": "true"}}


@pytest.fixture
def acting(client: Clients) -> Any:
    """`acting("name", statement, ...)`: a Lambda client that acts as a role which may do just that."""

    return lambda name, *statements: client("lambda", **credentials_of(client, name, *statements))


@pytest.fixture
def shop(function: Functions) -> Function:
    shop = function("def handler(e, c): return 1", Tags={"bluegreen:managed": "true"})
    shop.publish()
    shop.alias("live", "1")
    return shop


def denied(call: Any, **request: Any) -> Any:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize("operation", ["get_alias", "update_alias", "create_alias", "delete_alias", "list_aliases"])
def test_every_alias_call_is_allowed_by_its_own_name_alone(shop: Function, acting: Any, operation: str) -> None:
    action = "lambda:" + "".join(word.title() for word in operation.split("_"))
    shop.alias("less", "1")
    requests = {
        "get_alias": {"Name": "live"},
        "update_alias": {"Name": "live", "FunctionVersion": "1"},
        "create_alias": {"Name": "more", "FunctionVersion": "1"},
        "delete_alias": {"Name": "less"},
        "list_aliases": {},
    }
    may = acting("one-action", allow(action))
    for other, request in requests.items():
        if other == operation:
            assert getattr(may, other)(FunctionName=shop.name, **request)
        else:
            assert denied(getattr(may, other), FunctionName=shop.name, **request)


def test_only_a_principal_that_may_make_a_function_of_that_name_makes_it(client: Clients, acting: Any) -> None:
    may = acting("makes-mine", allow("lambda:CreateFunction", f"arn:aws:lambda:*:{ACCOUNT}:function:mine-*"), PASS)
    asked = {"Runtime": "python3.13", "Handler": "index.handler", "Role": trusted_role(client)}
    code = {"ZipFile": zipped("def handler(e, c): return 1")}

    assert may.create_function(FunctionName="mine-1", Code=code, **asked)["FunctionName"] == "mine-1"
    assert denied(may.create_function, FunctionName="theirs-1", Code=code, **asked)


def test_what_iam_was_asked_for_a_role_is_kept_with_its_answer(aws: Sandbox, shop: Function, acting: Any) -> None:
    may = acting("asked-for", allow("lambda:GetFunction"))

    may.get_function(FunctionName=shop.name, Qualifier="1")
    assert denied(may.get_alias, FunctionName=shop.name, Name="live")
    shop.api.get_alias(FunctionName=shop.name, Name="live")

    arn = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{shop.name}"
    asked = [each for each in aws.control("asked") if each["role"] == "asked-for"]
    assert sorted((each["action"], each["resource"].startswith(arn), each["allowed"]) for each in asked) == [
        ("lambda:GetAlias", True, False),
        ("lambda:GetFunction", True, True),
    ]


def test_a_sandbox_hands_over_what_iam_was_asked_before_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEEPS_ASKED, str(tmp_path))
    with Sandbox():
        pass

    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text()) == []


def test_a_sandbox_stops_although_the_folder_for_that_is_gone(tmp_path: Path) -> None:
    Sandbox()._keep_what_was_asked(str(tmp_path / "gone"))


def test_a_condition_on_the_function_s_tag_holds_for_its_aliases_and_versions_too(
    shop: Function, function: Functions, acting: Any
) -> None:
    other = function("def handler(e, c): return 1")
    other.publish()
    other.alias("live", "1")
    may = acting("managed-only", allow("lambda:*", Condition=MANAGED))

    for qualified in (
        {"FunctionName": shop.name},
        {"FunctionName": f"{shop.name}:live"},
        {"FunctionName": f"{shop.name}:1"},
        {"FunctionName": shop.name, "Qualifier": "live"},
        {"FunctionName": shop.name, "Qualifier": "1"},
        {"FunctionName": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{shop.name}:live"},
    ):
        assert may.invoke(**qualified)["StatusCode"] == 200
        unmanaged = {key: value.replace(shop.name, other.name) for key, value in qualified.items()}
        assert denied(may.invoke, **unmanaged)

    assert may.update_alias(FunctionName=shop.name, Name="live", FunctionVersion="1")
    assert denied(may.update_alias, FunctionName=other.name, Name="live", FunctionVersion="1")
    assert denied(may.publish_version, FunctionName=other.name)


def test_a_permission_for_a_function_is_not_one_for_its_alias_and_the_other_way_round(
    shop: Function, acting: Any
) -> None:
    arn = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{shop.name}"
    unqualified, alias = (
        acting("unqualified", allow("lambda:InvokeFunction", arn)),
        acting("alias-only", allow("lambda:InvokeFunction", f"{arn}:live")),
    )

    assert unqualified.invoke(FunctionName=shop.name)["StatusCode"] == 200
    assert denied(unqualified.invoke, FunctionName=shop.name, Qualifier="live")
    assert alias.invoke(FunctionName=shop.name, Qualifier="live")["StatusCode"] == 200
    assert denied(alias.invoke, FunctionName=shop.name)


def test_a_function_acts_as_its_execution_role(function: Functions, client: Clients) -> None:
    source = (
        "import boto3\n"
        "def handler(e, c):\n"
        "    who = boto3.client('sts').get_caller_identity()['Arn']\n"
        "    boto3.client('s3').list_buckets()\n"
        "    return who"
    )
    may = function(source, role=trusted_role(client, "may-list", allow("s3:ListAllMyBuckets")), Timeout=20)
    may_not = function(source, Timeout=20)

    assert may.invoke()["Payload"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/may-list/{may.name}"
    failed = may_not.invoke()["Payload"]
    assert failed["errorType"] == "AccessDenied"
    assert "AccessDenied" in failed["errorMessage"]


def test_unknown_keys_and_wrong_signatures_are_refused(client: Clients) -> None:
    user = client("iam").create_user(UserName="somebody")["User"]["UserName"]
    key = client("iam").create_access_key(UserName=user)["AccessKey"]
    for credentials, code in [
        ({"AccessKeyId": "AKIAUNKNOWN", "SecretAccessKey": "x"}, "UnrecognizedClientException"),
        ({"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": "wrong"}, "InvalidSignatureException"),
        ({"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}, "AccessDeniedException"),
    ]:
        with pytest.raises(ClientError) as refused:
            client("lambda", **credentials).list_functions()
        assert refused.value.response["Error"]["Code"] == code


def test_calls_count_as_made_over_tls(client: Clients) -> None:
    topic = client("sns").create_topic(Name="over-tls-only")["TopicArn"]
    insist = allow("sns:Publish", topic, Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(insist | {"Effect": "Deny"})
    )
    credentials = credentials_of(client, "tells", allow("sns:Publish"))
    assert client("sns", **credentials).publish(TopicArn=topic, Message="hello")["MessageId"]


def test_a_function_that_is_not_there_has_no_tag_so_a_condition_on_one_refuses(shop: Function, acting: Any) -> None:
    reads = [
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:GetAlias",
        "lambda:ListVersionsByFunction",
    ]
    may = acting("reads-managed", allow(reads, Condition=MANAGED), allow("lambda:ListTags"))

    assert may.get_alias(FunctionName=shop.name, Name="live")["FunctionVersion"] == "1"
    assert denied(may.get_function, FunctionName="not-there")
    assert denied(may.get_function_configuration, FunctionName="not-there", Qualifier="1")
    assert denied(may.get_alias, FunctionName="not-there", Name="live")
    assert denied(may.list_versions_by_function, FunctionName="not-there")
    with pytest.raises(may.exceptions.ResourceNotFoundException):
        may.list_tags(Resource=f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:not-there")
