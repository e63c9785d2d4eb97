"""Who serves an alias now, as Lambda itself says."""

from bluegreen.aws import aliases
from bluegreen.decisions.route import Route
from bluegreen.errors import DeploymentError, NotFound
from bluegreen_cli.problems import Refused, explained

NOTHING = "Nothing was changed."


def serving(function: str, alias: str) -> Route:
    """Raises Refused when there is no such alias."""
    with explained(f"reading {function}:{alias}", NOTHING):
        try:
            return aliases.read(function, alias).route
        except NotFound as error:
            raise Refused(
                f"there is no function {function} with an alias {alias} in this account and region",
                NOTHING,
                f"Correct the name, or begin with `bluegreen create` or `bluegreen adopt {function} --alias {alias}`.",
            ) from error


def serving_if_known(function: str, alias: str) -> Route | None:
    """None where Lambda does not say."""
    try:
        return aliases.read(function, alias).route
    except DeploymentError:
        return None
