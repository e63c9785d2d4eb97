"""Where this product is installed: what the stack's outputs and parameters say."""

import os
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bluegreen.aws.client import in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen_cli.aws import NOTHING, Account, client
from bluegreen_cli.problems import Refused, explained

ALIAS_UNLESS_SET = "PROD"
TRAFFIC_UNLESS_SET = "Canary10Percent5Minutes"


@dataclass(frozen=True)
class Stack:
    """The resources that commands use, and what a request that does not say gets."""

    name: str
    machine: str
    bucket: str
    table: str
    default_alias: str
    default_traffic: str


def find(name: str, account: Account) -> Stack:
    """Raises Refused when there is no such stack, or it is none of ours. From now on the records are this stack's."""
    with explained(f"reading the stack {name}", NOTHING):
        found = _describe(name)
    if found is None:
        raise Refused(
            f"there is no stack {name} in {account}",
            NOTHING,
            "Deploy it with `make deploy`, name another one with --stack or BLUEGREEN_STACK, or set another region.",
        )
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in found.get("Parameters", [])}
    try:
        stack = Stack(
            name=name,
            machine=outputs["DeployStateMachineArn"],
            bucket=outputs["ArtifactBucketName"],
            table=outputs["DeploymentsTableName"],
            default_alias=parameters.get("DefaultAlias") or ALIAS_UNLESS_SET,
            default_traffic=parameters.get("DefaultTraffic") or TRAFFIC_UNLESS_SET,
        )
    except KeyError as error:
        raise Refused(
            f"the stack {name} has no output {error}, so it is not this product or not ready: {found['StackStatus']}",
            NOTHING,
            "Name the right one with --stack or BLUEGREEN_STACK.",
        ) from error
    os.environ["TABLE_NAME"] = stack.table
    return stack


def default_alias(name: str) -> str:
    """What the stack calls production; PROD where there is no stack yet, or none that we may read."""
    try:
        found = _describe(name)
    except (AwsRefused, AwsUnavailable):
        found = None
    parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in (found or {}).get("Parameters", [])}
    return parameters.get("DefaultAlias") or ALIAS_UNLESS_SET


def _describe(name: str) -> dict[str, Any] | None:
    with in_our_words():
        try:
            stacks: list[dict[str, Any]] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
    return stacks[0]
