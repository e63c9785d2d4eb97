"""
Why a command stops.

A problem says what was wrong, what was left untouched and what to do next. It has its exit code.

    Problem
      Failed            1  AWS could not do it, or did not allow it
      Refused           2  the request can never succeed, or the command line is wrong
      Lost              4  the deployment may go on, and the command does not see it any more
      Unknown           4  what the command was to find out could not be seen

A deployment that ends badly is no problem of the command: `bluegreen_cli.outcome` has its exit code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from bluegreen.errors import AccessDenied, AwsUnavailable, DeploymentError, Frozen, InvalidRequest, StillInProgress
from bluegreen.text import plain, sentence

AS_JSON = "bluegreen.as_json"
"""In click's context: with --json the command prints problems as JSON too."""

NOTHING_CHANGED = "Nothing was changed."
"""The command only reads, or stops before its first change."""
NOTHING_TOUCHED = "Nothing was touched."
"""The state machine refuses the request, or would."""
NOTHING_UPLOADED = "Nothing was uploaded."
NOTHING_UPLOADED_OR_STARTED = "Nothing was uploaded or started."
NOTHING_STARTED = "Nothing was started."
NOTHING_STOPPED = "Nothing was stopped or started."
NOTHING_ORDERED = "Nothing was ordered."
NOTHING_CREATED = "Nothing was created."
IT_WAS_NOT_CHANGED = "It was not changed."

SIGN_IN = "Sign in with a role that may, or ask for the permission that the message names."
SIGN_IN_AGAIN = "Your credentials have expired or are not known to AWS: sign in again, as with `aws sso login`."
TRY_AGAIN = "Try again in a moment. If AWS stays silent, check the network, the region and AWS_ENDPOINT_URL."


class Problem(click.ClickException):
    """The reason why a command did not do its work."""

    def __init__(self, what: str, untouched: str, advice: str = "") -> None:
        self.what, self.untouched, self.advice = plain(what), untouched, advice
        super().__init__(" ".join(part for part in (sentence(self.what), untouched, advice) if part))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print at most three lines to stderr."""
        click.echo(f"Error: {sentence(self.what)}", file=file, err=True)
        for line in (self.untouched, self.advice):
            if line:
                click.echo(line, file=file, err=True)

    def to_json(self) -> dict[str, str]:
        """For programs that read stdout."""
        return {
            "error": type(self).__name__,
            "cause": self.what,
            "untouched": self.untouched,
            "advice": self.advice,
        }


class Failed(Problem):
    """AWS could not do it, or did not allow it."""

    exit_code = 1


class Refused(Problem):
    """The request can never succeed as it is. `status` is the HTTP API's, 0 if it did not refuse it."""

    exit_code = 2
    status = 0


class Lost(Problem):
    """How the deployment ends, or whether it has begun, is unknown."""

    exit_code = 4


class Unknown(Problem):
    """What the command was to find out could not be seen."""

    exit_code = 4


SIGNED_OUT = ("ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "RequestExpired", "token has expired")
"""What AWS's text has in it if the credentials are no longer valid."""


def next_step(error: DeploymentError) -> str:
    """What to do about an error of AWS, "" if that is not known."""
    if any(sign in str(error) for sign in SIGNED_OUT):
        return SIGN_IN_AGAIN
    if isinstance(error, AccessDenied):
        return SIGN_IN
    return TRY_AGAIN if isinstance(error, AwsUnavailable | StillInProgress) else ""


@contextmanager
def explained(doing: str, untouched: str | Callable[[], str], advice: str = "") -> Iterator[None]:
    """
    Raise an error of AWS or of the request, met while `doing` something, as a Problem.

    `untouched` is a function where the text depends on how far the command came.
    """
    try:
        yield
    except DeploymentError as error:
        rest = untouched if isinstance(untouched, str) else untouched()
        if isinstance(error, InvalidRequest | Frozen):
            raise Refused(str(error), rest, advice) from error
        todo = advice or next_step(error)
        if isinstance(error, AccessDenied):
            raise Failed(f"{doing} is not allowed: {error}", rest, todo) from error
        if isinstance(error, AwsUnavailable):
            raise Failed(f"{doing} did not work, AWS gave no answer: {error}", rest, todo) from error
        raise Failed(f"{doing} did not work: {error}", rest, todo) from error
