"""
What IAM says to a role of the stack, by its policies: the evaluation is that of the embedded AWS.

Its module is read as a file, since MiniStack is in an environment of its own. It needs nothing beside Python.
"""

import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sandbox.server import interpreter
from tests.permissions import policies

TAG = "aws:resourcetag/bluegreen:managed"
VIA = {"kms:viaservice": "sns.region.amazonaws.com"}
"""For what a call of KMS is made. In these runs only the topic has a customer's key."""

SENT = {"events:source": "bluegreen"}
"""The source of every event that a handler sends."""

Answer = Literal["allowed", "without tag", "denied", "allowed wrongly"]
"""
Of a function that is gone or has not opted in, a role gets nothing that wants the tag: that is `without tag`.

`allowed wrongly` is what the embedded AWS allowed, and no policy of the template does.
"""


@dataclass(frozen=True, order=True)
class Asked:
    """
    What IAM is asked before a call, in the names of `resolved`.

    `keys` are those of the table, `attributes` those of its items that the call names.
    """

    role: str
    action: str
    resource: str
    keys: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@cache
def answer(asked: Asked, *, tagged: bool) -> Answer:
    """By all policies of the role; `tagged` says whether the function that it is about has opted in."""
    statements = policies.statements(asked.role)
    if allows(statements, asked, tagged):
        return "allowed"
    return "without tag" if allows(statements, asked, True) else "denied"


def allowing(asked: Asked) -> list[policies.Statement]:
    """Which statements allow it to a function that has opted in."""
    return [
        each for each in policies.statements(asked.role) if each["Effect"] == "Allow" and allows((each,), asked, True)
    ]


def allows(statements: tuple[policies.Statement, ...], asked: Asked, tagged: bool) -> bool:
    """By these statements of its policies."""
    evaluator = _evaluator()
    keys: dict[str, Any] = {TAG: "true"} if tagged else {}
    if asked.action.startswith("kms:"):
        keys |= VIA
    if asked.action == "events:PutEvents":
        keys |= SENT
    if asked.keys:
        keys["dynamodb:leadingkeys"] = list(asked.keys)
    if asked.attributes:
        keys["dynamodb:attributes"] = list(asked.attributes)
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::account:assumed-role/{asked.role}/{asked.role}",
        principal_type="AssumedRole",
        principal_account="account",
        action=asked.action,
        resource_arn=asked.resource,
        region="region",
        service_context=keys,
    )
    parsed = evaluator.parse_policy_document({"Statement": list(statements)})
    return bool(evaluator.evaluate(context, [parsed]).decision == "Allow")


@cache
def _evaluator() -> Any:
    (path,) = Path(interpreter()).parents[1].glob("lib/python3*/site-packages/ministack/core/iam_evaluator.py")
    spec = importlib.util.spec_from_file_location("iam_evaluator_of_the_sandbox", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
