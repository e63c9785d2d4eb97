"""
Which versions serve an alias now. Lambda answers, not the ledger.

By GetAlias alone: a command that reads must not need a deployer's permissions.
"""

from bluegreen.aws import aliases, functions
from bluegreen.decisions.route import Route
from bluegreen.errors import DeploymentError, NotFound
from bluegreen.target import Target
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained


def serving(target: Target) -> Route:
    """Raises Refused if there is no such alias."""
    with explained(f"reading {target}", NOTHING_CHANGED):
        try:
            return aliases.seen(target).route
        except NotFound as error:
            raise Refused(
                f"there is no function {target.function} with an alias {target.alias} in this account and region",
                NOTHING_CHANGED,
                "Correct the name, or begin with `bluegreen create` or "
                f"`bluegreen adopt {target.function} --alias {target.alias}`.",
            ) from error


def must_exist(target: Target) -> None:
    """Raises Refused if there is no such function. A caller who may not see that is not held up."""
    try:
        functions.describe(target)
    except NotFound as error:
        raise Refused(
            f"there is no function {target.function} in this account and region",
            NOTHING_CHANGED,
            "Correct the name, or set another --region or --profile.",
        ) from error
    except DeploymentError:
        return


def serving_if_known(target: Target) -> Route | None:
    """None if Lambda does not answer."""
    try:
        return aliases.seen(target).route
    except DeploymentError:
        return None
