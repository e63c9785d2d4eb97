"""What a rollback by hand leaves in $LATEST, and the command that puts it right."""

from bluegreen.aws import functions
from bluegreen.aws.client import in_our_words
from bluegreen.aws.functions import Function
from bluegreen.decisions.settings import differences
from bluegreen.errors import DeploymentError
from bluegreen.target import Target
from bluegreen_cli.aws import client


def in_latest(target: Target, version: str) -> str:
    """How $LATEST differs from the version that serves, and what to do; "" if it has the same code and settings."""
    try:
        latest, serving = functions.describe(target), functions.describe(target, version)
    except DeploymentError as error:
        return f"What $LATEST has could not be read: {error}."
    names = "; ".join(differences(serving.settings, latest.settings))
    if latest.sha256 == serving.sha256:
        return f"$LATEST has this code and other settings ({names}), which a next deployment brings." if names else ""
    command = f"`bluegreen deploy {target.function} --alias {target.alias} --code-of {version}`"
    gives = f"{command} gives $LATEST the code of version {version}"
    if names:
        return (
            f"$LATEST has {_whose(target, latest)}, and other settings ({names}). Set them back with the tool that set "
            f"them; then {gives}. Until then a next deployment brings those settings."
        )
    return f"$LATEST has {_whose(target, latest)}. {gives}, and leaves the alias as it is."


def _whose(target: Target, latest: Function) -> str:
    """The newest version with that code. A caller who may not list versions is told that it is other code."""
    try:
        with in_our_words():
            pages = client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=target.function)
            versions = [found for page in pages for found in page["Versions"] if found["Version"] != functions.LATEST]
    except DeploymentError:
        return "other code"
    same = [int(found["Version"]) for found in versions if found["CodeSha256"] == latest.sha256]
    return f"the code of version {max(same)}" if same else "code that no version has"
