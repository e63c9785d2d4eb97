"""A function's records in the ledger, page by page."""

from collections.abc import Iterator

from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target


def newest_first(target: Target, *, refused: bool = False) -> Iterator[Record]:
    """The deployments of the target's function, or its refused requests. The ledger is read page by page."""
    following = ""
    while True:
        page, following = deployments.of_function(target, refused=refused, after=following)
        yield from page
        if not following:
            return
