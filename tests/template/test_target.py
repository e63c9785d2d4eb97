"""target.yaml: who may assume its role, what the role may do, and how its bucket is guarded."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from bluegreen.aws import artifacts
from bluegreen.opening.permitted import FUNCTIONS
from bluegreen.request import upload
from tests.permissions.policies import Statement, in_words, matches, roles, statements_of
from tests.permissions.resolved import Resolver
from tests.template.calls import needs_of
from tests.template.stack import Properties, stack, target_stack

HOME = "123456789012"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:{HOME}:stack/home/51af3dc0-da77-11e4-872e-1234567db123"
OURS = f"arn:aws:iam::{HOME}:role/home-UpdateCodeFunctionRole-1A2B3C4D5E6F"
GIVEN = {"HomeStackId": STACK_ID, "HomeRoles": OURS}

OF_FUNCTIONS = ("lambda:", "logs:FilterLogEvents", "cloudwatch:")
"""How actions begin that are about functions of users and what they write."""
OF_THE_STACK_ITSELF = ("HaveAbortsCarriedOut", "RunItsStates", "RunStatesOfReleases", "RunStatesOfFunctions")
"""Statements that are about functions of the stack, which is at home."""
SHARED = {"lambda:ListTags", "lambda:ListEventSourceMappings", "lambda:GetAccountSettings"}
"""Of these no role sees more than the tags of a function that has not opted in (test_permissions.py)."""

BUCKET = target_stack().properties("ArtifactBucket")
LONGEST_TRUST = 2048
"""Characters of a role's trust policy without blanks, unless AWS raises the quota."""
LONGEST_NAME = 64
"""Characters of a role's name."""
LONGEST_REGION = "ap-northeast-1"


def resolved(value: Any, **more: str) -> Any:
    return Resolver(target_stack(), GIVEN | more).resolve(value)


def role() -> Properties:
    return target_stack().properties("TargetRole")


def statements(**more: str) -> list[Statement]:
    return list(statements_of(target_stack(), "Target", GIVEN | more))


def allowed(found: Iterable[Statement]) -> set[tuple[str, str, str]]:
    """Action, resource and condition."""
    return {
        (action, resource, in_words(each.get("Condition", {})))
        for each in found
        if each["Effect"] == "Allow" and each.get("Sid") not in OF_THE_STACK_ITSELF
        for action in each["Action"]
        if action.startswith(OF_FUNCTIONS)
        for resource in each["Resource"]
    }


def of_bucket(sid: str, **more: str) -> Statement:
    said: list[Statement] = resolved(target_stack().properties("ArtifactBucketPolicy")["PolicyDocument"], **more)[
        "Statement"
    ]
    (found,) = (each for each in said if each["Sid"] == sid)
    return found


class TestTheRole:
    def test_may_do_with_functions_what_all_roles_of_the_stack_may_together_and_on_the_same_conditions(self) -> None:
        at_home = {each for name in roles() for each in allowed(statements_of(stack(), name, {}))}
        there = allowed(statements())

        def narrowest(found: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
            """Without what is a part of another permission: of some versions, where all are allowed."""
            return {
                each
                for each in found
                if not any(
                    other != each and other[0] == each[0] and other[2] == each[2] and matches(other[1], each[1])
                    for other in found
                )
            }

        assert narrowest(there) == narrowest(at_home)

    def test_touches_functions_and_log_groups_only_if_they_opted_in(self) -> None:
        for action, resource, condition in allowed(statements()):
            if action not in SHARED and resource != "*":
                assert condition == "aws:ResourceTag/bluegreen:managed = true", action

    def test_deletes_versions_and_no_function(self) -> None:
        deleting = {resource for action, resource, _ in allowed(statements()) if action == "lambda:DeleteFunction"}

        assert deleting == {"arn:aws:lambda:region:account:function:*:*"}

    def test_may_do_what_handlers_do_there(self) -> None:
        needed = set().union(
            *(needs_of(function["Handler"].removesuffix(".handler")) for function in stack().functions.values())
        )
        granted = {action for each in statements() if each["Effect"] == "Allow" for action in each["Action"]}

        about_functions = {each for each in needed if each.startswith((*OF_FUNCTIONS, "ecr:"))}
        copying = {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:ListBucket"}
        assert granted == about_functions | copying

    def test_may_do_nothing_else(self) -> None:
        services = {action.partition(":")[0] for each in statements() for action in each["Action"]}

        assert services == {"lambda", "logs", "cloudwatch", "s3", "ecr"}
        assert not [
            action for each in statements() if each["Effect"] == "Allow" for action in each["Action"] if "*" in action
        ]

    def test_reads_and_writes_its_own_bucket_only(self) -> None:
        own = [each for each in statements() if any(action.startswith("s3:") for action in each["Action"])]

        assert {resource for each in own for resource in each["Resource"]} == {
            "arn:aws:s3:::ArtifactBucket",
            f"arn:aws:s3:::ArtifactBucket/{artifacts.COPIES_THERE}*",
            f"arn:aws:s3:::ArtifactBucket/{upload.COPIES}*",
        }

    @pytest.mark.parametrize(
        ("named", "accounts"), [("", ["account", HOME]), ("111111111111", ["account", HOME, "111111111111"])]
    )
    def test_reads_images_of_its_account_of_the_stack_s_and_of_those_that_are_named(
        self, named: str, accounts: list[str]
    ) -> None:
        (reading,) = [each for each in statements(ImageRegistries=named) if "ecr:BatchGetImage" in each["Action"]]

        assert reading["Resource"] == ["arn:aws:ecr:region:*:repository/*"]
        assert reading["Condition"] == {"StringEquals": {"aws:ResourceAccount": accounts}}

    def test_uses_the_key_that_is_named_through_s3_and_lambda_only(self) -> None:
        key = "arn:aws:kms:region:account:key/theirs"
        (using,) = [each for each in statements(KmsKeyArn=key) if "kms:Decrypt" in each["Action"]]

        assert using["Resource"] == [key]
        assert using["Condition"] == {
            "StringLike": {"kms:ViaService": ["lambda.region.amazonaws.com*", "s3.region.amazonaws.com*"]}
        }

    def test_leaves_the_stack_alone_that_deploys_wherever_it_is_and_whatever_tags_its_functions_have(self) -> None:
        (denial,) = [each for each in statements() if each["Effect"] == "Deny"]
        functions = "arn:aws:lambda:region:account:function:"

        assert denial["Action"] == ["lambda:*"]
        assert "Condition" not in denial
        assert sorted(denial["Resource"]) == sorted(f"{functions}home-{name}*" for name in FUNCTIONS)
        assert not any(matches(each, f"{functions}home-Shop") for each in denial["Resource"])

    def test_has_the_boundary_that_the_account_demands(self) -> None:
        assert role()["PermissionsBoundary"] == {
            "Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
        }


class TestItsTrust:
    def test_is_in_the_named_roles_and_no_others_with_the_stack_s_id(self) -> None:
        (trust,) = resolved(role()["AssumeRolePolicyDocument"])["Statement"]

        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
        assert trust["Principal"] == {"AWS": [OURS]}
        assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": STACK_ID}}

    @pytest.mark.parametrize(
        ("arn", "taken"),
        [
            (OURS, True),
            (f"arn:aws:iam::{HOME}:role/path/home-UpdateCode", True),
            ("arn:aws-cn:iam::123456789012:role/home", True),
            (f"arn:aws:iam::{HOME}:root", False),
            (f"arn:aws:iam::{HOME}:role/home-*", False),
            ("*", False),
            ("", False),
        ],
    )
    def test_names_roles_without_a_wildcard(self, arn: str, taken: bool) -> None:
        assert (re.fullmatch(target_stack().parameters["HomeRoles"]["AllowedPattern"], arn) is not None) == taken

    def test_has_no_default(self) -> None:
        for name in ("HomeStackId", "HomeRoles"):
            assert "Default" not in target_stack().parameters[name]

    def test_has_room_for_all_roles_that_reach_targets_however_long_their_names_are(self) -> None:
        longest = f"arn:aws-us-gov:iam::{HOME}:role/{'x' * LONGEST_NAME}"
        number = len(resolved_at_home(stack().outputs["RolesForTargets"]["Value"]).split(","))
        stack_id = STACK_ID.replace("aws:", "aws-us-gov:").replace("/home/", f"/{'x' * 32}/")
        document = resolved(
            role()["AssumeRolePolicyDocument"], HomeRoles=",".join([longest] * number), HomeStackId=stack_id
        )

        assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST_TRUST


class TestItsName:
    def test_is_known_before_it_is_made(self) -> None:
        assert resolved(role()["RoleName"]) == "bluegreen-target-home-region"

    @pytest.mark.parametrize(("letters", "taken"), [(32, True), (33, False)])
    def test_fits_every_region_for_a_stack_whose_name_the_parameter_takes(self, letters: int, taken: bool) -> None:
        name = "x" * letters
        pattern = target_stack().parameters["HomeStackId"]["AllowedPattern"]

        assert (re.fullmatch(pattern, STACK_ID.replace("/home/", f"/{name}/")) is not None) == taken
        assert (len(f"bluegreen-target-{name}-{LONGEST_REGION}") <= LONGEST_NAME) == taken


class TestItsBucket:
    def test_is_kept_has_versions_and_is_closed(self) -> None:
        assert target_stack().resources["ArtifactBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert "BucketName" not in BUCKET
        assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
        assert BUCKET["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]

    @pytest.mark.parametrize(
        ("key", "encryption"),
        [("", {"SSEAlgorithm": "AES256"}), ("mine", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "mine"})],
    )
    def test_is_encrypted(self, key: str, encryption: dict[str, str]) -> None:
        (rule,) = resolved(BUCKET["BucketEncryption"], KmsKeyArn=key)["ServerSideEncryptionConfiguration"]

        assert rule["ServerSideEncryptionByDefault"] == encryption

    def test_forgets_copies_of_artifacts_and_no_code_that_is_nowhere_else(self) -> None:
        rules = BUCKET["LifecycleConfiguration"]["Rules"]

        assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == [artifacts.COPIES_THERE]

    def test_is_reached_over_tls_only(self) -> None:
        denial = of_bucket("OnlyOverTls")

        assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", "*", "s3:*")
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_is_written_by_the_role_alone(self) -> None:
        denial = of_bucket("OnlyTheRoleWritesCopies")

        assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
        assert denial["NotAction"] == ["s3:Get*", "s3:DeleteObject", "s3:DeleteObjectVersion"]
        assert denial["Resource"] == "arn:aws:s3:::ArtifactBucket/*"
        assert target_stack().properties("ArtifactBucketPolicy")["PolicyDocument"]["Statement"][1]["Condition"] == {
            "ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["TargetRole", "Arn"]}}
        }

    def test_is_emptied_by_a_role_that_the_account_names_and_by_no_other(self) -> None:
        cleaner = "arn:aws:iam::account:role/cleaner"

        assert "Condition" not in of_bucket("OnlyTheCleanUpRoleDeletesCopies")
        named = of_bucket("OnlyTheCleanUpRoleDeletesCopies", CleanUpRoleArn=cleaner)
        assert named["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": cleaner}}
        assert named["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]


def resolved_at_home(value: Any, **given: str) -> Any:
    return Resolver(stack(), given).resolve(value)


class TestAtHome:
    THEIRS = "arn:aws:iam::210987654321:role/bluegreen-target-stack-eu-west-1"

    def test_the_roles_that_target_yaml_is_told_are_those_that_may_assume_its_role(self) -> None:
        may = [reference["Ref"] for reference in stack().properties("ReachTargets")["Roles"]]
        told = resolved_at_home(stack().outputs["RolesForTargets"]["Value"]).split(",")

        assert told == [f"arn:aws:iam::account:role/{name}" for name in may]
        assert stack().outputs["StackId"]["Value"] == {"Ref": "AWS::StackId"}

    def test_no_role_is_assumed_unless_the_stack_names_it(self) -> None:
        assuming = [
            each
            for name in roles()
            for each in statements_of(stack(), name, {"TargetRoles": self.THEIRS})
            if any(action.startswith("sts:") for action in each["Action"])
        ]

        assert assuming
        for each in assuming:
            assert (each["Action"], each["Resource"]) == (["sts:AssumeRole"], [self.THEIRS])
        assert not [
            each
            for name in roles()
            for each in statements_of(stack(), name, {})
            if any(action.startswith("sts:") for action in each["Action"])
        ]

    def test_only_roles_that_touch_functions_reach_targets(self) -> None:
        alone = {reference["Ref"] for reference in stack().properties("LeaveTheStackAlone")["Roles"]}

        assert {reference["Ref"] for reference in stack().properties("ReachTargets")["Roles"]} <= alone

    @pytest.mark.parametrize(
        ("arn", "taken"), [("", True), (THEIRS, True), ("arn:aws:iam::210987654321:role/*", False), ("*", False)]
    )
    def test_the_parameter_takes_roles_without_a_wildcard(self, arn: str, taken: bool) -> None:
        assert (re.fullmatch(stack().parameters["TargetRoles"]["AllowedPattern"], arn) is not None) == taken
