"""
What IAM says to the roles of our handlers and machines: what the template's policies say. What was asked is kept.

A function that is gone has no tag, so AWS answers 403 for it and not 404.
"""

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import get_account_id_from
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

from tests.machine import targets
from tests.permissions import judge, needs, policies, seen
from tests.permissions.judge import Asked
from tests.permissions.names import Place, key_of
from tests.permissions.needs import Need, Request
from tests.template.stack import committed_machines, handler_of, stack, tasks

REGION = "us-east-1"
TAG = {"bluegreen:managed": "true"}
STAND_INS = ("idle", "takes-all")
"""For the deploy machine, in tests of single handlers."""

MACHINES = frozenset(role for role in policies.roles() if role.endswith("StateMachine"))
"""The roles of the template's machines."""

BUCKETS = "arn:aws:s3:::"
RESOURCES = {"artifacts": "ArtifactBucket", "deployments": "DeploymentsTable", "notifications": "NotificationsTopic"}
RESOURCES |= dict.fromkeys(STAND_INS, "stack-deploy")
RESOURCES |= {name: f"stack-{name}" for name in committed_machines()}


def refusal(service: str, operation: str, state: str | None, url: str, body: Any, key: str = "") -> str | None:
    """
    AWS's sentence for a handler whose role may not, None for one that may and for every other caller.

    `key` is the access key of the call. A handler that has assumed the role of a target is judged by target.yaml.
    """
    role = role_of(state) if state else None
    if role and operation == "AssumeRole":
        return targets.refusal_to_assume(role, body)
    return role and _answer(role, key, _request(service, operation, url, body, key), needs.of)


def refusal_once_missing(service: str, operation: str, state: str | None, url: str, key: str = "") -> str | None:
    """The same before S3 says that an object is not there."""
    role = role_of(state) if state else None
    if role is None or service != "s3" or operation not in ("GetObject", "HeadObject"):
        return None
    return _answer(role, key, _request(service, operation, url, b"", key), needs.once_it_is_missing)


def _answer(role: str, key: str, asked: Request, needs_of: Callable[[Request], list[Need]]) -> str | None:
    if _is_assumed(key):
        return targets.refusal(key, asked, needs_of(asked))
    return _refusal(role, needs_of(asked))


def _is_assumed(key: str) -> bool:
    """The key came from STS."""
    return key.startswith("ASIA")


def is_machine(role: str | None) -> bool:
    """Whether Step Functions acts so, for a machine of the template."""
    return role in MACHINES


def rule_refusal(machine: str, definition: str) -> str | None:
    """
    AWS's sentence for a machine that cannot be made, because its role may not have the rule that waits need.

    `machine` is the name of its role.
    """
    if not is_machine(machine) or ":states:startExecution.sync" not in definition:
        return None
    rule = f"arn:aws:events:{REGION}:{DEFAULT_ACCOUNT_ID}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    return _refusal(machine, [Need(f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")])


def start_refusal(machine: str, arn: str) -> str | None:
    """AWS's sentence for a machine that may not start executions of the machine of this ARN."""
    return _refusal(machine, [Need("states:StartExecution", arn)]) if is_machine(machine) else None


@cache
def role_of(state: str) -> str | None:
    """The role of a machine, of the handler of a state, or of a handler that no state runs; None for other names."""
    if is_machine(state):
        return state
    handler = handler_of(state) if state in tasks() else state
    return handler if f"{handler}Function" in stack().functions else None


def _request(service: str, operation: str, url: str, body: Any, key: str) -> Request:
    account = get_account_id_from(key) if _is_assumed(key) else DEFAULT_ACCOUNT_ID
    return Request(service, operation, url, body, (urlsplit(url).hostname or "").split(".")[1], account)


def _refusal(role: str, all_needs: list[Need]) -> str | None:
    for need in all_needs:
        if need.resource.startswith(BUCKETS) and _answers_for_itself(need.resource):
            continue
        keys = tuple(sorted(map(key_of, need.keys)))
        asked = Asked(role, need.action, HERE.named(need.resource), keys, need.attributes)
        answer = judge.answer(asked, tagged=_has_opted_in(need.resource))
        seen.note(asked, answer)
        if answer != "allowed":
            return (
                f"User: arn:aws:sts::{DEFAULT_ACCOUNT_ID}:assumed-role/{role}/{role} is not authorized to perform: "
                f"{need.action} on resource: {need.resource} because no identity-based policy allows the "
                f"{need.action} action"
            )
    return None


def _own(name: str) -> str:
    of_function = name.removesuffix("Function")
    return f"stack-{of_function}" if name in stack().functions else RESOURCES.get(name, "")


HERE = Place(REGION, DEFAULT_ACCOUNT_ID, cache(_own))


def _answers_for_itself(resource: str) -> bool:
    """A bucket that is not there says so to everyone, and one with a policy of its own lets roles in by that."""
    name = resource.removeprefix(BUCKETS).partition("/")[0]
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(name)
    return name not in s3_backends.bucket_accounts if bucket is None else bucket.policy is not None


def _has_opted_in(resource: str) -> bool:
    _, is_a_log_group, group = resource.partition(":log-group:")
    if is_a_log_group:
        logs = logs_backends[DEFAULT_ACCOUNT_ID][REGION]
        return group in logs.groups and TAG.items() <= logs.list_tags_log_group(group).items()
    _, found, function = resource.partition(":function:")
    if not found:
        return False
    try:
        tags = lambda_backends[DEFAULT_ACCOUNT_ID][REGION].get_function(function.partition(":")[0]).tags
    except UnknownFunctionException:
        return False
    return TAG.items() <= (tags or {}).items()
