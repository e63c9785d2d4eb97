"""The ledger of changes: who changed the alias or $LATEST, and from what to what."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from tests.crash.world.observer import Observer

SOMEONE_ELSE = "someone else"
"""The author of a change that no deployment made."""

ANOTHER_DEPLOYMENT = "another deployment"
"""The author of a change by any other execution than the one under test."""

What = Literal["alias", "latest"]
"""What of the function can change."""


@dataclass(frozen=True)
class Change:
    """A change of the alias (from one route to another) or of $LATEST (from one digest to another)."""

    by: str
    what: What
    before: Any
    after: Any


class Ledger:
    """Keeps every change of the alias and of $LATEST in order, with the handler or the person who made it."""

    def __init__(self, observer: Observer) -> None:
        self.changes: list[Change] = []
        self._observer = observer

    @contextmanager
    def changes_by(self, author: str) -> Iterator[None]:
        """Write down what this author changes in the block."""
        route, digest = self._observer.route(), self._observer.digest()
        yield
        if self._observer.route() != route:
            self.changes.append(Change(author, "alias", route, self._observer.route()))
        if self._observer.digest() != digest:
            self.changes.append(Change(author, "latest", digest, self._observer.digest()))

    def of(self, what: What) -> list[Change]:
        """The changes of the alias, or those of $LATEST."""
        return [change for change in self.changes if change.what == what]

    def left_by_others(self, what: What) -> Any:
        """What someone else put there, if no deployment changed it since; else None."""
        changes = self.of(what)
        return changes[-1].after if changes and changes[-1].by == SOMEONE_ELSE else None
