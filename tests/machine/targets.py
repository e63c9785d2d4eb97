"""
What IAM says about targets elsewhere: who may assume their roles, and what these may do. target.yaml says so.

The roles that the stack's parameter TargetRoles has are in `named`.
"""

import os
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.logs.models import logs_backends
from moto.sts.models import sts_backends

from tests.permissions import judge
from tests.permissions.judge import Asked
from tests.permissions.names import Place
from tests.permissions.needs import Need, Request
from tests.permissions.policies import Statement, statements_of
from tests.permissions.resolved import Resolver
from tests.template.stack import stack, target_stack

TAG = {"bluegreen:managed": "true"}

STAND_INS = {
    "OpenDeployment",
    "RecoverPrevious",
    "RunHook",
    "ShiftAlias",
    "CheckHealth",
    "CompleteDeployment",
    "DeleteVersions",
    "RollBack",
}
"""
Handlers of a single deployment, which is never elsewhere. In tests they stand in for those of a release, which work on
functions by the same rooms, and may assume the role of a target as those may.
"""

named: set[str] = set()


def role_in(account: str, region: str) -> str:
    """The ARN of the role that target.yaml makes."""
    return f"arn:aws:iam::{account}:role/{_role(os.environ['STACK_ID'])['RoleName'].replace('region', region)}"


def bucket_in(account: str, region: str) -> str:
    """The name of its bucket, which CloudFormation gives."""
    return f"artifacts-{account}-{region}"


def refusal_to_assume(role: str, body: Any) -> str | None:
    """AWS's sentence for a handler that may not assume a role, None for one that may. Both stacks have to allow it."""
    sent = parse_qs(body.decode() if isinstance(body, bytes) else body)
    arn, external_id = sent["RoleArn"][0], sent.get("ExternalId", [""])[0]
    if _stack_allows(role, arn) and _target_allows(role, external_id):
        return None
    return f"User: {role} is not authorized to perform: sts:AssumeRole on resource: {arn}"


def refusal(key: str, asked: Request, needs: list[Need]) -> str | None:
    """AWS's sentence for what the role with that access key may not do in its account, None for what it may."""
    assumed = next(
        each for each in sts_backends[asked.account]["aws"].assumed_roles if each.access_key_id == key
    ).role_arn
    region = next(region for region in lambda_backends[asked.account] if assumed == role_in(asked.account, region))
    bucket = bucket_in(asked.account, region)
    place = Place(region, asked.account, lambda name: "ArtifactBucket" if name == bucket else "")
    for need in needs:
        there = Asked("Target", need.action, place.named(need.resource))
        if not judge.allows(_statements(os.environ["STACK_ID"]), there, _has_opted_in(need.resource)):
            return f"User: {assumed} is not authorized to perform: {need.action} on resource: {need.resource}"
    return None


def _stack_allows(role: str, arn: str) -> bool:
    if role in STAND_INS:
        return arn in named
    statements = tuple(statements_of(stack(), role, {"TargetRoles": ",".join(sorted(named))}))
    return judge.allows(statements, Asked(role, "sts:AssumeRole", arn), tagged=False)


def _target_allows(role: str, external_id: str) -> bool:
    (trust,) = _role(os.environ["STACK_ID"])["AssumeRolePolicyDocument"]["Statement"]
    trusted = {arn.rpartition("/")[2] for arn in trust["Principal"]["AWS"]}
    known = role in STAND_INS or f"{role}FunctionRole" in trusted
    return known and trust["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}


def _given(stack_id: str) -> dict[str, str]:
    return {
        "HomeStackId": stack_id,
        "HomeRoles": Resolver(stack(), {}).resolve(stack().outputs["RolesForTargets"]["Value"]),
    }


@cache
def _role(stack_id: str) -> Any:
    return Resolver(target_stack(), _given(stack_id)).resolve(target_stack().properties("TargetRole"))


@cache
def _statements(stack_id: str) -> tuple[Statement, ...]:
    return tuple(statements_of(target_stack(), "Target", _given(stack_id)))


def _has_opted_in(resource: str) -> bool:
    _, _, service, region, account, rest = (*resource.split(":", 5), "", "", "", "", "")[:6]
    kind, _, name = rest.partition(":")
    if service == "logs" and kind == "log-group":
        groups = logs_backends[account][region]
        return name in groups.groups and TAG.items() <= groups.list_tags_log_group(name).items()
    if service != "lambda" or kind != "function":
        return False
    try:
        tags = lambda_backends[account][region].get_function(name.partition(":")[0]).tags
    except UnknownFunctionException:
        return False
    return TAG.items() <= (tags or {}).items()
