"""
How an input is played, and what must hold afterwards, whatever it was.

An entrance is a way by which foreign data come in. It opens an AWS of its own and plays each input through the real
handlers. No input may raise anything but an error of `bluegreen.errors`, leave a lock, or move an alias; and no log may
have what stands in a payload or a reply.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from pydantic import ValidationError

from bluegreen.errors import DeploymentError
from bluegreen.text import is_sign
from statemachine.states import UNREADABLE
from tests.fuzz.hostile import MARKED

Play = Callable[[Any], None]

TYPED = (DeploymentError, ValidationError)
"""The errors that the state machine knows by name."""
assert ValidationError.__name__ == UNREADABLE


@dataclass(frozen=True)
class Entrance:
    """A way in, the inputs that are drawn for it, and how many of them `make test` plays."""

    name: str
    inputs: SearchStrategy[Any]
    opened: Callable[[], AbstractContextManager[Play]]
    examples: int


class _Lines(logging.Handler):
    """Everything that is logged, with the fields beside the message and the traces of errors."""

    def __init__(self) -> None:
        super().__init__(0)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.lines.append(f"{record.getMessage()} {vars(record)} {trace}")


@contextmanager
def nothing_secret_is_logged() -> Iterator[None]:
    """Raises AssertionError if a line has what stands in payloads and replies."""
    lines, root = _Lines(), logging.getLogger()
    root.addHandler(lines)
    try:
        yield
    finally:
        root.removeHandler(lines)
    assert not [line for line in lines.lines if MARKED in line]


@contextmanager
def only_typed_errors() -> Iterator[None]:
    """An error that has a name of its own, and a text that can be stored and shown, is an answer."""
    try:
        yield
    except TYPED as error:
        must_be_plain(str(error).replace("\n", " "))


def must_be_plain(*texts: str | None) -> None:
    """They are printable, on one line, and short."""
    for text in texts:
        assert all(map(is_sign, text or "")), ascii(text)
        assert len(text or "") < 10_000


def fuzz(entrance: Entrance, *, examples: int, deterministic: bool, played: Callable[[], None] = lambda: None) -> None:
    """Plays that many inputs. Raises what the product raised, with the smallest input that does it."""
    with entrance.opened() as play:

        @settings(
            max_examples=examples,
            derandomize=deterministic,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        @given(entrance.inputs)
        def each(drawn: Any) -> None:
            played()
            with nothing_secret_is_logged():
                play(drawn)

        each()
