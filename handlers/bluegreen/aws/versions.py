"""The published versions of a function, and which of them its aliases name."""

import re

from bluegreen.aws.client import client
from bluegreen.aws.refusals import told_apart
from bluegreen.decisions.tidying import Published
from bluegreen.target import Target

NUMBER = re.compile("[1-9][0-9]*")


def published(target: Target) -> list[Published]:
    """By ListVersionsByFunction, without $LATEST."""
    with told_apart(target):
        pages = (
            client("lambda", target).get_paginator("list_versions_by_function").paginate(FunctionName=target.function)
        )
        return [
            Published(
                version=each["Version"], description=each.get("Description", ""), code_bytes=each.get("CodeSize", 0)
            )
            for page in pages
            for each in page["Versions"]
            if NUMBER.fullmatch(each["Version"])
        ]


def named(target: Target) -> dict[str, tuple[str, ...]]:
    """The versions that each alias of the function names, its main one first and then those with a weight."""
    with told_apart(target):
        pages = client("lambda", target).get_paginator("list_aliases").paginate(FunctionName=target.function)
        return {
            each["Name"]: (
                each["FunctionVersion"],
                *each.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}),
            )
            for page in pages
            for each in page["Aliases"]
        }


def delete(target: Target, version: str) -> None:
    """
    Delete a published version. Lambda refuses that while an alias names it (StillInProgress, by Lambda's 409).

    Raises ValueError for anything but a version's number: without one, Lambda would delete the whole function.
    """
    if not NUMBER.fullmatch(version):
        raise ValueError(f"{version!r} is no number of a version; nothing was deleted")
    with told_apart(target):
        client("lambda", target).delete_function(FunctionName=target.function, Qualifier=version)
