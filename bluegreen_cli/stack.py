"""The stack as which this product is installed: its outputs and parameters."""

import os
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bluegreen.aws.client import in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.opening.permitted import Home, accounts
from bluegreen.target import Target
from bluegreen_cli.aws import Account, client
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained

ALIAS_UNLESS_SET = "PROD"
TRAFFIC_UNLESS_SET = "Canary10Percent5Minutes"


@dataclass(frozen=True)
class Output:
    """Of the stack: what it tells other tools."""

    name: str
    value: str


@dataclass(frozen=True)
class Stack:
    """The stack's resources that commands use, and its defaults for a request. `logs` is the handlers' log group."""

    name: str
    machine: str
    bucket: str
    table: str
    api: str
    default_alias: str
    default_traffic: str
    image_accounts: tuple[str, ...] = ()
    logs: str = ""

    @property
    def home(self) -> Home:
        """As the checks of a request know it."""
        return Home(self.name, self.bucket, self.target("", ""), self.image_accounts)

    @property
    def region(self) -> str:
        """Where it is."""
        return self.machine.split(":")[3]

    @property
    def number(self) -> str:
        """The account that it is in."""
        return self.machine.split(":")[4]

    @property
    def release_machine(self) -> str:
        """The ARN of the machine of releases. Its name is as fixed as that of the machine of deployments."""
        return f"{self.machine.removesuffix('deploy')}release"

    def target(self, function: str, alias: str | None) -> Target:
        """An alias in the stack's account and region; None is the stack's default alias."""
        return Target.beside(self.machine, function, alias or self.default_alias)


def find(name: str, account: Account) -> Stack:
    """
    Read the stack. From then on the ledger is this stack's table.

    Raises Refused if there is no such stack, or if it is a stack of another product.
    """
    found = _found(name, account)
    told = {each.name: each.value for each in _outputs(found)}
    parameters = _parameters(found)
    try:
        stack = Stack(
            name=name,
            machine=told["DeployStateMachineArn"],
            bucket=told["ArtifactBucketName"],
            table=told["DeploymentsTableName"],
            api=told["ApiUrl"],
            default_alias=parameters.get("DefaultAlias") or ALIAS_UNLESS_SET,
            default_traffic=parameters.get("DefaultTraffic") or TRAFFIC_UNLESS_SET,
            image_accounts=accounts(parameters.get("ImageRegistries") or ""),
            logs=_handlers_log(name, told.get("StackId", "")),
        )
    except KeyError as error:
        raise Refused(
            f"the stack {name} has no output {error}, so it is not this product or not ready: {found['StackStatus']}",
            NOTHING_CHANGED,
            "Name the right one with --stack or BLUEGREEN_STACK.",
        ) from error
    os.environ["TABLE_NAME"] = stack.table
    return stack


def _handlers_log(name: str, stack_id: str) -> str:
    """The log group, as the template names it; "" for a stack that does not tell its id."""
    return f"/aws/lambda/{name}-{stack_id.rpartition('/')[2].partition('-')[0]}" if stack_id else ""


def outputs(name: str, account: Account) -> tuple[Output, ...]:
    """The stack's outputs by name. Raises Refused if there is no such stack."""
    return tuple(sorted(_outputs(_found(name, account)), key=lambda each: each.name))


def default_alias(name: str) -> str:
    """The stack's default alias. PROD if there is no stack, or if the caller may not read it."""
    try:
        found = _describe(name)
    except (AwsRefused, AwsUnavailable):
        found = None
    return _parameters(found or {}).get("DefaultAlias") or ALIAS_UNLESS_SET


def _found(name: str, account: Account) -> dict[str, Any]:
    with explained(f"reading the stack {name}", NOTHING_CHANGED):
        found = _describe(name)
    if found is None:
        raise Refused(
            f"there is no stack {name} in {account}",
            NOTHING_CHANGED,
            "Deploy it with `make deploy`, name another one with --stack or BLUEGREEN_STACK, or set another region.",
        )
    return found


def _outputs(stack: dict[str, Any]) -> list[Output]:
    return [Output(each["OutputKey"], each["OutputValue"]) for each in stack.get("Outputs", [])]


def _parameters(stack: dict[str, Any]) -> dict[str, str | None]:
    return {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}


def _describe(name: str) -> dict[str, Any] | None:
    with in_our_words():
        try:
            stacks: list[dict[str, Any]] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
    return stacks[0]
