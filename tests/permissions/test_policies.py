"""What the roles may do, as SAM expands the template."""

import json

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.permissions import policies, services
from tests.permissions.policies import AWS_MANAGED, Grant
from tests.template.stack import stack

WITH_LESS_THAN_THE_SERVICE_KNOWS = {
    "cloudwatch:DescribeAlarms": "with less, CloudWatch answers without composite alarms",
    "cloudwatch:GetMetricData": "a metric has no ARN; a dataset has one, and no deployment reads datasets",
}
"""Actions on `*` although AWS knows a kind of resource for them, and why."""

EVERY_ONE_OF_A_KIND = {
    "lambda:ListTags": "it tells a function that is gone from one that has lost the tag, and shows nothing but tags",
}
"""Actions on all functions, without the condition that they have opted in, and why."""

GRANTS = policies.all_grants()
SPLIT = "arn:aws:logs:*:*:log-group:/aws/lambda/stack-id:log-stream:*/stack-{}[*"


def of(role: str) -> list[Grant]:
    return [grant for grant in GRANTS if grant.role == role]


def test_every_role_of_the_stack_has_its_policies_counted() -> None:
    assert {grant.role for grant in GRANTS} == set(policies.roles())
    assert len(policies.roles()) == len(stack().of_type("AWS::IAM::Role").keys() - {"CiRole"})


@pytest.mark.parametrize("name", AWS_MANAGED["policies"])
def test_aws_s_own_policies_are_as_aws_publishes_them(name: str) -> None:
    ours, theirs = AWS_MANAGED["policies"][name], json.loads(aws_managed_policies_data)[name]

    assert ours["document"] == theirs["Document"]
    assert (ours["version"], ours["edited"]) == (theirs["DefaultVersionId"], theirs["UpdateDate"][:10])


def test_the_policies_that_sam_attaches_are_counted() -> None:
    functions = [name.removesuffix("Function") for name in stack().functions]

    for role in functions:
        from_aws = {grant.action for grant in of(role) if grant.statement in AWS_MANAGED["policies"]}
        assert {"logs:PutLogEvents", "xray:PutTraceSegments"} <= from_aws


def test_what_is_denied_is_taken_out() -> None:
    for role in (name.removesuffix("Function") for name in stack().functions):
        written = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
        logs = {grant.action: grant.resource for grant in of(role) if grant.action in written}
        assert logs == dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), SPLIT.format(role))


def test_no_role_has_every_resource_of_an_action_that_can_be_limited() -> None:
    everything = {grant.action for grant in GRANTS if grant.resource == "*" and services.kinds(grant.action)}

    assert everything == set(WITH_LESS_THAN_THE_SERVICE_KNOWS)


def test_a_permission_is_on_a_kind_of_resource_that_the_action_has() -> None:
    assert [
        grant for grant in GRANTS if grant.resource != "*" and not services.fits(grant.action, grant.resource)
    ] == []


def test_functions_of_users_have_opted_in_for_all_but_their_tags() -> None:
    theirs = [grant for grant in GRANTS if grant.action.startswith("lambda:") and ":function:*" in grant.resource]

    assert theirs
    assert {grant.action for grant in theirs if not grant.only_if} == set(EVERY_ONE_OF_A_KIND)


def test_nothing_deletes_a_record_or_an_entry_of_the_audit() -> None:
    deletes = {grant.key for grant in GRANTS if grant.action == "dynamodb:DeleteItem"}

    assert deletes == {"lock#*", "waiting#*", "freezes#*"}
