"""What is kept: the record, the artifacts, and how they are guarded."""

import inspect
import json

from bluegreen.aws import artifacts, objects
from bluegreen.ledger import deployments, locks, releases
from bluegreen.ledger.record import Record
from bluegreen.request import upload
from tests.permissions.resolved import Resolver
from tests.template.stack import ROOT, Properties, Statement, as_list, stack, with_own_key

BUCKET = stack().properties("ArtifactBucket")
TABLE = stack().properties("DeploymentsTable")
WHERE = {"region.amazonaws.com*", "*.amazonaws.com*"}
COPIES = {"Fn::Sub": "${ArtifactBucket.Arn}/restored/*"}
INTERNAL = {"Fn::Sub": "${ArtifactBucket.Arn}/internal/releases/*"}


def test_audit_and_artifacts_outlive_the_stack_but_not_an_install_that_failed() -> None:
    for name in ("DeploymentsTable", "ArtifactBucket"):
        assert stack().resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert stack().resources[name]["UpdateReplacePolicy"] == "Retain"


def test_a_table_that_outlives_the_stack_has_no_name_that_the_next_install_would_need() -> None:
    assert "TableName" not in TABLE
    assert "BucketName" not in BUCKET


def test_the_table_has_the_keys_and_indexes_that_the_ledger_uses() -> None:
    keys = [key["AttributeName"] for key in TABLE["KeySchema"]]
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in TABLE["GlobalSecondaryIndexes"]
    }

    assert keys == ["pk", "sk"]
    assert indexes == {"ByFunction": ["listed", "started_at"], "ByKind": ["kind", "pk"]}
    assert 'IndexName="ByFunction"' in inspect.getsource(deployments)
    for module in (deployments, locks, releases):
        assert 'IndexName="ByKind"' in inspect.getsource(module)
    assert "started_at" in Record.model_fields
    assert {index["Projection"]["ProjectionType"] for index in TABLE["GlobalSecondaryIndexes"]} == {"ALL"}


def test_the_record_can_be_taken_back_to_any_minute_and_is_encrypted() -> None:
    assert TABLE["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert TABLE["SSESpecification"]["SSEEnabled"]
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"


def test_an_item_is_forgotten_when_it_says_so() -> None:
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "forget_at", "Enabled": True}


def test_an_artifact_that_was_replaced_can_still_be_gone_back_to() -> None:
    replaced, *others = BUCKET["LifecycleConfiguration"]["Rules"]

    assert BUCKET["VersioningConfiguration"]["Status"] == "Enabled"
    assert replaced["NoncurrentVersionExpiration"]["NoncurrentDays"] == {"Ref": "ArtifactRetentionDays"}
    assert {rule["Prefix"] for rule in (replaced, *others) if "ExpirationInDays" in rule} == {"internal/"}


def test_the_bucket_tells_eventbridge() -> None:
    assert BUCKET["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_the_bucket_is_closed_to_other_accounts() -> None:
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert BUCKET["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_what_is_kept_is_encrypted_with_the_key_that_the_account_names() -> None:
    key = {"Ref": "KmsKeyArn"}
    (of_bucket,) = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    named = of_bucket["ServerSideEncryptionByDefault"]["Fn::If"]

    assert named == ["HasKmsKey", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, {"SSEAlgorithm": "AES256"}]
    assert TABLE["SSESpecification"]["KMSMasterKeyId"] == {"Fn::If": ["HasKmsKey", key, {"Ref": "AWS::NoValue"}]}
    assert with_own_key("UndeliveredUploads", "KmsMasterKeyId") == (key, {"Ref": "AWS::NoValue"})
    assert with_own_key("UndeliveredUploads", "SqsManagedSseEnabled") == ({"Ref": "AWS::NoValue"}, True)
    assert with_own_key("NotificationsTopic", "KmsMasterKeyId")[0] == key
    for logs in stack().of_type("AWS::Logs::LogGroup"):
        assert with_own_key(logs, "KmsKeyId") == (key, {"Ref": "AWS::NoValue"})
    assert stack().resources["NotificationsKey"]["Condition"] == "HasNoKmsKey"


def test_every_function_may_use_that_key_and_the_machine_that_reads_the_bucket_and_no_other_use_of_it() -> None:
    policy = stack().properties("UseTheKey")
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert stack().resources["UseTheKey"]["Condition"] == "HasKmsKey"
    reading = {each.role for each in stack().all_statements() if "s3:GetObject" in each.actions}
    assert {role["Ref"] for role in policy["Roles"]} == {*map(stack().role_of, stack().functions), *reading}
    assert "FunctionsStateMachineRole" in reading
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Resource"] == {"Ref": "KmsKeyArn"}


def test_no_role_uses_a_key_but_through_a_service_that_encrypts_something_of_the_stack() -> None:
    """kms:ViaService is amazonaws.com.cn in China. DynamoDB wants no region in it (DynamoDB developer guide)."""
    through: dict[str, set[str]] = {}
    for each in [stack().properties("UseTheKey"), *stack().of_type("AWS::IAM::ManagedPolicy").values()]:
        for statement in each["PolicyDocument"]["Statement"]:
            if statement.get("Sid") in ("UseTheKey", "EncryptNotifications"):
                (services,) = Resolver(stack(), {}).resolve(statement["Condition"]["StringLike"]).values()
                through[statement["Sid"]] = {service.partition(".")[0] for service in as_list(services)}
                assert {service.partition(".")[2] for service in as_list(services)} <= WHERE

    assert through == {
        "UseTheKey": {"dynamodb", "lambda", "s3", "sns", "sqs"},
        "EncryptNotifications": {"sns"},
    }
    kms = [each for each in stack().all_statements() if any(action.startswith("kms:") for action in each.actions)]
    assert {each.sid for each in kms} <= through.keys()


def test_the_key_policy_of_the_docs_lets_in_the_services_that_use_the_key() -> None:
    text = (ROOT / "docs" / "installing.md").read_text()
    policy = json.loads(text.partition("```json\n")[2].partition("```")[0])
    services = {each["Principal"].get("Service") for each in policy["Statement"]} - {None}

    assert services == {"logs.REGION.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"}


def test_every_role_has_the_boundary_that_the_account_demands() -> None:
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}

    for name, role in stack().of_type("AWS::IAM::Role").items():
        assert role["PermissionsBoundary"] == boundary, name


def test_the_table_is_protected_once_the_account_says_so() -> None:
    assert TABLE["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


def said(policy: str, sid: str) -> Properties:
    """A statement of a resource's policy."""
    statements: list[Properties] = stack().properties(policy)["PolicyDocument"]["Statement"]
    (found,) = [statement for statement in statements if statement["Sid"] == sid]
    return found


def test_bucket_topic_and_queue_are_reached_over_tls_only() -> None:
    for policy in ("ArtifactBucketPolicy", "NotificationsTopicPolicy", "UndeliveredUploadsPolicy"):
        denial = said(policy, "OnlyOverTls")
        assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def writing_to_s3() -> list[Statement]:
    return [each for each in stack().all_statements() if "s3:PutObject" in each.actions]


def test_who_may_not_make_copies_of_code_may_not_change_them_either() -> None:
    denial = said("ArtifactBucketPolicy", "OnlyFiveFunctionsWriteCopies")
    spared = [arn["Fn::GetAtt"][0] for arn in denial["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]

    assert (denial["Effect"], denial["Principal"], denial["Resource"]) == ("Deny", "*", COPIES)
    assert denial["NotAction"] == ["s3:Get*", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert sorted(spared) == sorted(each.role for each in writing_to_s3() if each.resources == (COPIES,))


def test_who_keeps_nothing_for_releases_may_not_change_what_they_keep() -> None:
    denial = said("ArtifactBucketPolicy", "OnlyReleasesWriteWhatTheyKeep")
    spared = [arn["Fn::GetAtt"][0] for arn in denial["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]

    assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
    assert denial["Resource"] == {"Fn::Sub": "${ArtifactBucket.Arn}/internal/*"}
    assert denial["NotAction"] == ["s3:Get*", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert sorted(spared) == sorted(each.role for each in writing_to_s3() if each.resources == (INTERNAL,))


def test_copies_of_code_are_deleted_by_a_role_that_the_account_names_and_by_no_other() -> None:
    denial = said("ArtifactBucketPolicy", "OnlyTheCleanUpRoleDeletesCopies")
    if_named, unless_named = denial["Condition"]["Fn::If"][1:]

    assert (denial["Effect"], denial["Principal"], denial["Resource"]) == ("Deny", "*", COPIES)
    assert denial["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert if_named == {"ArnNotEquals": {"aws:PrincipalArn": {"Ref": "CleanUpRoleArn"}}}
    assert unless_named == {"Ref": "AWS::NoValue"}


def test_copies_of_code_go_where_they_may_be_written_and_start_nothing() -> None:
    assert [each for each in writing_to_s3() if each.resources not in ((COPIES,), (INTERNAL,))] == []
    assert COPIES["Fn::Sub"] == f"${{ArtifactBucket.Arn}}/{upload.COPIES}*"
    assert 'f"{COPIES}{place}/' in inspect.getsource(artifacts.keep_copy)


def test_what_releases_keep_in_the_bucket_starts_nothing_and_no_person_may_write_it() -> None:
    written = {each.role for each in writing_to_s3() if each.resources == (INTERNAL,)}
    by_people = [
        resource
        for name in ("DeployerByUploadPolicy", "OperatorPolicy", "CiPolicy")
        for each in stack().properties(name)["PolicyDocument"]["Statement"]
        if "s3:PutObject" in as_list(each.get("Action", ""))
        for resource in as_list(each["Resource"])
    ]

    assert INTERNAL["Fn::Sub"] == f"${{ArtifactBucket.Arn}}/{objects.INTERNAL}releases/*"
    assert written == {
        f"{name}FunctionRole"
        for name in ("OpenRelease", "ConfirmFunctions", "ShiftWave", "LookAtWave", "CompleteRelease")
    }
    assert {each["Fn::Sub"].partition("/")[2] for each in by_people} == {"functions/*", "releases/*", "${UploadPrefix}"}
