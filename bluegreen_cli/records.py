"""A function's records in the ledger, page by page."""

from collections.abc import Iterator
from itertools import islice

from bluegreen.document import ROLLED_BACK
from bluegreen.errors import DeploymentError
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import plain

MOST_LOOKED_AT = 200
LONGEST_REASON = 300


def newest_first(target: Target, *, refused: bool = False) -> Iterator[Record]:
    """The deployments of the target's function, or its refused requests. The ledger is read page by page."""
    following = ""
    while True:
        page, following = deployments.of_function(target, refused=refused, after=following)
        yield from page
        if not following:
            return


def known_as_bad(target: Target, version: str) -> str:
    """How the version's last deployment to the alias was rolled back; "" if it was not, or if the ledger is silent."""
    try:
        newest = islice(newest_first(target), MOST_LOOKED_AT)
        over = (each for each in newest if each.target.key == target.key and not each.live)
        last = next((each for each in over if each.green == version), None)
    except DeploymentError:
        return ""
    if last is None or last.state != ROLLED_BACK:
        return ""
    why = plain(f"{last.error}: {last.cause}", LONGEST_REASON)
    return f"version {version} was rolled back before, by {last.id}: {why}"
