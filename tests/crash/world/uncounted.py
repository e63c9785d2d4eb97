"""Work that is no part of the deployment under test."""

from collections.abc import Iterator
from contextlib import contextmanager


class Uncounted:
    """
    Says whether the world is busy with work that is no part of the deployment under test.

    No place is counted meanwhile and no fault is met, so that the places of a case are always the same.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._of_another = 0

    @contextmanager
    def work(self, *, of_another: bool = False) -> Iterator[None]:
        """Such work is done in this block; it may be another deployment's."""
        self._depth += 1
        self._of_another += of_another
        try:
            yield
        finally:
            self._depth -= 1
            self._of_another -= of_another

    @property
    def goes_on(self) -> bool:
        """Whether such work is being done."""
        return self._depth > 0

    @property
    def is_of_another(self) -> bool:
        """Whether another deployment is doing it."""
        return self._of_another > 0
