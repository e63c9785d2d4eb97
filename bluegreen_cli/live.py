"""
Which versions serve an alias now. Lambda answers, not the ledger.

By GetAlias alone: a command that reads must not need a deployer's permissions.
"""

from bluegreen.aws import aliases
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


def serving_if_known(target: Target) -> Route | None:
    """None if Lambda does not answer."""
    try:
        return aliases.seen(target).route
    except DeploymentError:
        return None
