"""The policies for people and pipelines, as far as a run in the embedded AWS does not show them."""

import json
import re
from typing import Any

import pytest

from tests.permissions.resolved import Resolver
from tests.template.stack import as_list, stack

PEOPLE = ("DeployerByUploadPolicy", "OperatorPolicy", "ApproverPolicy", "AuditorPolicy", "CiPolicy")
NOT_OF_A_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
}
"""Actions that IAM offers for "*" only."""

OPTED_IN = {"StringEquals": {"aws:ResourceTag/bluegreen:managed": "true"}}
USE_THE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}


def statements(policy: str) -> list[dict[str, Any]]:
    """Those that every stack has, and that for a key of the account's own."""
    found = stack().properties(policy)["PolicyDocument"]["Statement"]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]


@pytest.mark.parametrize("policy", PEOPLE)
def test_a_policy_names_each_action_and_what_it_is_about(policy: str) -> None:
    for each in statements(policy):
        actions = set(as_list(each["Action"]))
        assert each["Effect"] == "Allow"
        assert not [action for action in actions if "*" in action]
        if each["Resource"] == "*":
            assert actions <= NOT_OF_A_RESOURCE
        if actions & {"lambda:GetAlias", "lambda:GetFunction"}:
            assert each["Condition"] == OPTED_IN


@pytest.mark.parametrize("policy", [each for each in PEOPLE if each != "ApproverPolicy"])
def test_who_reads_or_writes_what_is_encrypted_may_use_the_key_through_the_services_that_do(policy: str) -> None:
    (of_key,) = [each for each in statements(policy) if each["Sid"] == "UseTheKey"]
    others = [each for each in statements(policy) if each["Sid"] != "UseTheKey"]
    services = {action.partition(":")[0] for each in others for action in as_list(each["Action"])}

    assert set(as_list(of_key["Action"])) == (USE_THE_KEY if policy != "AuditorPolicy" else {"kms:Decrypt"})
    assert of_key["Resource"] == {"Ref": "KmsKeyArn"}
    (through,) = of_key["Condition"]["StringLike"].values()
    decrypting = {"dynamodb", "s3"} | ({"lambda"} if "lambda:GetFunction" in str(others) else set())
    assert {each.partition(".")[0] for each in map(Resolver(stack(), {}).resolve, through)} == services & decrypting


@pytest.mark.parametrize("policy", [each for each in PEOPLE if each != "AuditorPolicy"])
def test_logs_of_functions_are_read_only_from_groups_with_the_tag(policy: str) -> None:
    of_logs = [each for each in statements(policy) if "logs:" in str(each["Action"])]

    assert [(each["Action"], each["Condition"]) for each in of_logs] == (
        [("logs:FilterLogEvents", OPTED_IN)] if policy == "OperatorPolicy" else []
    )


def test_an_approver_may_post_an_approval_or_a_rejection_and_nothing_else() -> None:
    (only,) = [each for each in statements("ApproverPolicy") if each["Sid"] != "FindTheStack"]
    routes = [resource["Fn::Sub"].partition("/$default/")[2] for resource in only["Resource"]]

    assert only["Action"] == "execute-api:Invoke"
    assert {route for route in routes if not route.startswith("GET/")} == {
        "POST/deployments/*/approve",
        "POST/deployments/*/reject",
        "POST/releases/*/approve",
        "POST/releases/*/reject",
    }


@pytest.mark.parametrize("policy", ["OperatorPolicy", "ApproverPolicy", "CiPolicy"])
def test_who_may_do_something_to_a_deployment_may_do_it_to_a_release(policy: str) -> None:
    named = {
        resource["Fn::Sub"].partition("/$default/")[2]
        for each in statements(policy)
        if each["Action"] == "execute-api:Invoke"
        for resource in as_list(each["Resource"])
    }
    of_deployments, of_releases = (
        {route.replace(f"/{what}", "") for route in named if f"/{what}" in route}
        for what in ("deployments", "releases")
    )

    assert of_deployments
    assert of_releases == of_deployments


@pytest.mark.parametrize("policy", ["OperatorPolicy", "AuditorPolicy", "CiPolicy"])
def test_who_follows_or_starts_executions_does_so_with_both_machines_that_people_know(policy: str) -> None:
    resolve = Resolver(stack(), {}).resolve
    of_machines = [each for each in statements(policy) if str(each["Action"]).count("states:")]

    assert of_machines
    for each in of_machines:
        deploy, release = resolve(each["Resource"])
        assert release == deploy.replace("-deploy", "-release")


def test_a_pipeline_reads_what_waits_for_a_person_without_task_tokens() -> None:
    of_table = [each for each in statements("CiPolicy") if "dynamodb:" in str(each["Action"])]
    (of_approvals,) = [each for each in of_table if "approval#*" in str(each["Condition"])]

    assert of_approvals["Action"] == "dynamodb:Query"
    assert of_approvals["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["approval#*"]},
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "step", "asked_at", "ends_at"]},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


@pytest.mark.parametrize("type_", ["AWS::IAM::Role", "AWS::IAM::ManagedPolicy"])
def test_cloudformation_names_roles_and_policies_so_that_capability_iam_is_enough(type_: str) -> None:
    for name, properties in stack().of_type(type_).items():
        assert not {"RoleName", "ManagedPolicyName"} & set(properties), name


def test_a_pipeline_is_let_in_by_audience_and_subject_of_its_token() -> None:
    role = stack().properties("CiRole")
    text, values = role["AssumeRolePolicyDocument"]["Fn::Sub"]
    (trust,) = json.loads(text)["Statement"]

    assert stack().resources["CiRole"]["Condition"] == "HasCi"
    assert role["ManagedPolicyArns"] == [{"Ref": "CiPolicy"}]
    assert trust["Principal"] == {"Federated": "${CiProviderArn}"}
    assert trust["Condition"] == {
        "StringEquals": {"${Issuer}:aud": "${CiAudience}"},
        "StringLike": {"${Issuer}:sub": "${CiSubject}"},
    }
    assert values == {"Issuer": {"Fn::Select": [1, {"Fn::Split": [":oidc-provider/", {"Ref": "CiProviderArn"}]}]}}


def takes(parameter: str, value: str) -> bool:
    """As CloudFormation applies AllowedPattern: to the whole value."""
    return re.fullmatch(stack().parameters[parameter]["AllowedPattern"], value) is not None


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "repo:octo-org/shop:ref:refs/heads/main",
        "repo:octo-org/shop:ref:refs/heads/release-*",
        "repo:octo-org/shop:environment:production",
        "repo:octo-org@123456/shop@456789:ref:refs/heads/main",
        "project_path:acme/shop:ref_type:branch:ref:main",
        "project_path:acme/shop:ref_type:branch:ref:v?.*",
    ],
)
def test_a_subject_may_name_repository_and_branch(subject: str) -> None:
    assert takes("CiSubject", subject)


@pytest.mark.parametrize(
    "subject",
    [
        *("*", "?", "*:*", "repo:*", "repo:octo-org/*", "repo:octo-org/shop:*", "repo:*:ref:refs/heads/main"),
        *("repo:octo-org/shop:ref:*", "repo:octo-org/sho?:ref:refs/heads/main", "shop", 'repo:a/b:ref:c", "x": "*'),
    ],
)
def test_a_subject_that_leaves_repository_or_branch_open_is_refused(subject: str) -> None:
    assert not takes("CiSubject", subject)


@pytest.mark.parametrize("audience", ["*", "sts.*", "", 'a"b'])
def test_an_audience_has_no_wildcard(audience: str) -> None:
    assert takes("CiAudience", "sts.amazonaws.com")
    assert not takes("CiAudience", audience)


@pytest.mark.parametrize("prefix", ["*", "restored/*", "uploads/*", "releases/*", "functions", ""])
def test_an_upload_prefix_lies_where_uploads_deploy(prefix: str) -> None:
    assert takes("UploadPrefix", "functions/Shop/*")
    assert not takes("UploadPrefix", prefix)
