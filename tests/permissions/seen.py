"""
What IAM was asked in this process, and what it said: every call that a role of the stack made.

A run is one of three kinds. `end to end` is the product in the embedded AWS, which evaluates the policies itself;
`walks` are handlers and the machine in this process; `crash matrix` are those with faults.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.permissions.judge import Answer, Asked

END_TO_END, WALKS, MATRIX = "end to end", "walks", "crash matrix"
RUNS = (END_TO_END, WALKS, MATRIX)


@dataclass(frozen=True, order=True)
class Seen:
    """`where` names the test or the function that met anything else; "" for what was allowed."""

    run: str
    asked: Asked
    answer: Answer
    where: str = ""


seen: set[Seen] = set()
_run = [WALKS]


@contextmanager
def in_run(kind: str) -> Iterator[None]:
    """The walks of the block are of that kind."""
    _run.append(kind)
    try:
        yield
    finally:
        _run.pop()


def note(asked: Asked, answer: Answer) -> None:
    """A call in this process."""
    where = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0] if answer != "allowed" else ""
    seen.add(Seen(_run[-1], replace(asked, attributes=()), answer, where))
