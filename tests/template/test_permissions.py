"""Who may do what. MiniStack enforces these policies; here stands what they must not become."""

import json

import pytest

from tests.template.calls import needs_of, unknown_calls
from tests.template.stack import Statement, stack

NO_RESOURCE_LEVEL = {
    "cloudwatch:DescribeAlarms": "with less, it answers without composite alarms",
    "cloudwatch:GetMetricData": "metrics have no ARN",
    "logs:CreateLogDelivery": "log deliveries have no ARN; Step Functions asks for all of these",
    "logs:GetLogDelivery": "as above",
    "logs:UpdateLogDelivery": "as above",
    "logs:DeleteLogDelivery": "as above",
    "logs:ListLogDeliveries": "as above",
    "logs:PutResourcePolicy": "as above",
    "logs:DescribeResourcePolicies": "as above",
    "logs:DescribeLogGroups": "as above",
}
"""Actions that IAM offers for "*" only, and why."""

FROM_SAM = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
"""What SAM gives each function so that it can log and trace; both are AWS's own."""

FAILED_EVENTS = {"sqs:SendMessage"}
"""SAM lets a function with a destination for failed events write there."""

OPTED_IN = {"StringEquals": {"aws:ResourceTag/bluegreen:managed": "true"}}
ONLY_DEPLOYMENTS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["deployment#*"]}}

WHO_PUT_BLUE_BACK = {"OpenDeployment", "RollBack", "RecoverDeployments"}

CHANGES = {
    "lambda:UpdateFunctionCode": WHO_PUT_BLUE_BACK | {"UpdateCode"},
    "lambda:PublishVersion": {"PublishVersion"},
    "lambda:UpdateAlias": WHO_PUT_BLUE_BACK | {"ShiftAlias"},
    "lambda:InvokeFunction": WHO_PUT_BLUE_BACK | {"SmokeTest", "SmokeTestGreen", "CheckHealth"},
    "dynamodb:DeleteItem": WHO_PUT_BLUE_BACK | {"CompleteDeployment", "RejectDeployment"},
    "s3:PutObject": WHO_PUT_BLUE_BACK,
    "states:StartExecution": {"ReceiveUpload", "ServeApi"},
}
"""Who changes or runs something, the record aside."""

STATEMENTS = stack().all_statements()
OF_FUNCTIONS = [each for each in STATEMENTS if each.role != "DeployStateMachineRole"]
every_statement = pytest.mark.parametrize("statement", STATEMENTS, ids=lambda each: f"{each.role}-{each.sid}")


def may(action: str) -> set[str]:
    return {each.role.removesuffix("FunctionRole") for each in OF_FUNCTIONS if action in each.actions}


@every_statement
def test_no_action_has_a_wildcard(statement: Statement) -> None:
    assert "*" not in "".join(statement.actions)


@every_statement
def test_everything_is_asked_for_by_name_where_iam_knows_names(statement: Statement) -> None:
    if "*" in statement.resources:
        assert set(statement.actions) <= set(NO_RESOURCE_LEVEL)


@every_statement
def test_functions_of_users_are_touched_only_if_they_opted_in(statement: Statement) -> None:
    if "function:*" not in json.dumps(statement.resources):
        return
    if statement.sid == "SeeWhetherAFunctionOptedIn":
        assert statement.role == "OpenDeploymentFunctionRole"
        assert set(statement.actions) == {"lambda:GetFunction", "lambda:ListTags"}
    else:
        assert statement.condition == OPTED_IN


@pytest.mark.parametrize("action", CHANGES)
def test_few_may_change_something(action: str) -> None:
    assert may(action) == CHANGES[action]


@pytest.mark.parametrize("function", stack().functions)
def test_a_function_may_do_what_its_handler_does_and_nothing_else(function: str) -> None:
    handler = stack().functions[function]["Handler"].removesuffix(".handler")
    statements = stack().statements(stack().role_of(function))
    granted = {action for statement in statements for action in statement.actions}

    assert granted - FAILED_EVENTS == needs_of(handler)


def test_no_call_of_aws_escapes_the_test_before() -> None:
    assert unknown_calls() == set()


def test_only_who_holds_or_frees_the_lock_may_write_to_it() -> None:
    writers = {
        each.role.removesuffix("FunctionRole")
        for each in OF_FUNCTIONS
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(each.actions)
        and each.condition != ONLY_DEPLOYMENTS
    }

    assert writers == CHANGES["dynamodb:DeleteItem"]


def test_sam_adds_logs_and_traces_only() -> None:
    for role in stack().of_type("AWS::IAM::Role").values():
        added = {arn.rpartition("/")[2] for arn in role["ManagedPolicyArns"] if isinstance(arn, str)}
        assert added <= FROM_SAM


def test_a_role_is_for_one_service() -> None:
    for name, role in stack().of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = "states.amazonaws.com" if name == "DeployStateMachineRole" else "lambda.amazonaws.com"
        assert trust["Principal"] == {"Service": [service]}
