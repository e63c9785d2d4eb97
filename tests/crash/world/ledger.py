"""The ledger of changes: who changed the alias or $LATEST, and from what to what."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
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
    """
    A change of the alias (from one route to another) or of $LATEST (from one digest to another).

    `approved` are the steps of the deployment under test that people had approved by then.
    """

    by: str
    what: What
    before: Any
    after: Any
    approved: frozenset[int] = frozenset()


class Ledger:
    """Keeps every change of the alias and of $LATEST in order, with the handler or the person who made it."""

    def __init__(self, observer: Observer, approved: Callable[[], frozenset[int]]) -> None:
        self.changes: list[Change] = []
        self._observer = observer
        self._approved = approved

    @contextmanager
    def changes_by(self, author: str) -> Iterator[None]:
        """Write down what this author changes in the block. What another one changes in a block within it is theirs."""
        route, digest, number = self._observer.route(), self._observer.digest(), len(self.changes)
        yield
        for change in self.changes[number:]:
            route, digest = (change.after, digest) if change.what == "alias" else (route, change.after)
        if self._observer.route() != route:
            self.changes.append(Change(author, "alias", route, self._observer.route(), self._approved()))
        if self._observer.digest() != digest:
            self.changes.append(Change(author, "latest", digest, self._observer.digest()))

    def of(self, what: What) -> list[Change]:
        """The changes of the alias, or those of $LATEST."""
        return [change for change in self.changes if change.what == what]

    def left_by_others(self, what: What) -> Any:
        """
        What someone else put there, or another deployment, if nothing changed it since; else None.

        None, too, for an alias that another deployment left split: the checks report that as a violation.
        """
        changes = self.of(what)
        if not changes:
            return None
        last = changes[-1]
        split = last.what == "alias" and last.after[1]
        theirs = last.by == SOMEONE_ELSE or (last.by == ANOTHER_DEPLOYMENT and not split)
        return last.after if theirs else None


class Ledgers:
    """The ledgers of all functions, by their names."""

    def __init__(self, of: Mapping[str, Ledger]) -> None:
        self.of = of

    @contextmanager
    def changes_by(self, author: str) -> Iterator[None]:
        """The same for every function."""
        with ExitStack() as written:
            for ledger in self.of.values():
                written.enter_context(ledger.changes_by(author))
            yield

    def forget(self) -> None:
        """Another deployment begins."""
        for ledger in self.of.values():
            ledger.changes.clear()
