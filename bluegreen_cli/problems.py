"""
Why a command stops.

Each says what was wrong, what was left untouched and what to do next, and knows its exit code.

    Problem
      Failed            1  AWS could not, or did not allow it
      Refused           2  what was asked can never succeed, or was asked wrongly

How a deployment that was followed ended is no problem of the command: `bluegreen_cli.outcome` has its exit code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from bluegreen.errors import AccessDenied, AwsUnavailable, DeploymentError, InvalidRequest

AS_JSON = "bluegreen.as_json"
"""In click's context: the command was asked for JSON, so problems are printed as JSON too."""

SIGN_IN = "Sign in as somebody who may, or ask for the permission that the message names."
TRY_AGAIN = "Try again in a moment; if it stays, look at the network, the region and AWS_ENDPOINT_URL."


class Problem(click.ClickException):
    """A command that did not do what was asked."""

    def __init__(self, what: str, untouched: str, advice: str = "") -> None:
        super().__init__(" ".join(part for part in (_sentence(what), untouched, advice) if part))
        self.what, self.untouched, self.advice = what, untouched, advice

    def show(self, file: IO[Any] | None = None) -> None:
        """Three lines at most, to stderr."""
        click.echo(f"Error: {_sentence(self.what)}", file=file, err=True)
        for line in (self.untouched, self.advice):
            if line:
                click.echo(line, file=file, err=True)

    def to_json(self) -> dict[str, str]:
        """For those who read stdout."""
        return {
            "error": type(self).__name__,
            "cause": self.what,
            "untouched": self.untouched,
            "advice": self.advice,
        }


class Failed(Problem):
    """AWS could not, or did not allow it."""

    exit_code = 1


class Refused(Problem):
    """What was asked can never succeed as it was asked."""

    exit_code = 2


@contextmanager
def explained(doing: str, untouched: str | Callable[[], str], advice: str = "") -> Iterator[None]:
    """
    An error of AWS or of the request, met while `doing` something, becomes a Problem.

    `untouched` may be asked for when it is needed, where it depends on how far we came.
    """
    try:
        yield
    except DeploymentError as error:
        rest = untouched if isinstance(untouched, str) else untouched()
        if isinstance(error, InvalidRequest):
            raise Refused(str(error), rest, advice) from error
        if isinstance(error, AccessDenied):
            raise Failed(f"{doing} is not allowed: {error}", rest, advice or SIGN_IN) from error
        if isinstance(error, AwsUnavailable):
            raise Failed(f"{doing} did not work, AWS gave no answer: {error}", rest, advice or TRY_AGAIN) from error
        raise Failed(f"{doing} did not work: {error}", rest, advice) from error


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
