"""
Which kinds of resources an action can be limited to: the data of AWS's authorization reference that cfn-lint has.

cfn-lint itself is not imported: that takes four seconds, in every process of the tests.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def kinds(action: str) -> tuple[str, ...]:
    """Of resources; empty if IAM takes `*` only. Raises KeyError for an action that AWS does not have."""
    service, _, name = action.partition(":")
    return tuple(_reference()[service]["Actions"][name.lower()].get("Resources", ()))


def fits(action: str, arn: str) -> bool:
    """Whether the ARN is one of a kind that the action can be limited to."""
    formats = [each for kind in kinds(action) for each in _formats(action.partition(":")[0], kind)]
    return any(_begins_alike(each, arn) for each in formats)


def is_one(action: str, arn: str) -> bool:
    """The same, and a log stream is no log group: cfn-lint cuts an ARN at its first name, which both have in common."""
    return fits(action, arn) and (kinds(action) != ("log-group",) or ":log-stream:" not in arn)


def _formats(service: str, kind: str) -> list[str]:
    found: list[str] = _reference()[service]["Resources"][kind.lower()]["ARNFormats"]
    return found


def _begins_alike(pattern: str, arn: str) -> bool:
    """The service, and what stands before the resource's own name."""
    of_pattern, of_arn = pattern.split(":", 5), arn.split(":", 5)
    return of_pattern[2] == of_arn[2] and of_arn[5].startswith(of_pattern[5].partition(".*")[0])


@cache
def _reference() -> dict[str, Any]:
    package = find_spec("cfnlint")
    assert package
    assert package.origin
    reference = Path(package.origin).parent / "data" / "AdditionalSpecs" / "Policies.json"
    found: dict[str, Any] = json.loads(reference.read_text())
    return found
