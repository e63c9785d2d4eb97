"""
Why a command stops.

A problem says what was wrong, what was left untouched and what to do next. It has its exit code.

    Problem
      Failed            1  AWS did not do it
      Refused           2  the request can never succeed, or the command line is wrong
        Denied          2  IAM does not allow it
      Lost              4  the deployment may go on, and the command does not see it any more
      Unknown           4  AWS gave no answer, or does not know the caller
      Interrupted     130  Ctrl-C

A denied call has the code of a refusal, since the same command gets the same answer until a person changes a policy. A
caller without valid credentials learns nothing, and gets an answer after signing in.

A deployment that ends badly is no problem of the command: `bluegreen_cli.outcome` has its exit code.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

from bluegreen.errors import AccessDenied, AwsUnavailable, DeploymentError, Frozen, InvalidRequest, StillInProgress
from bluegreen.text import plain, sentence

NOTHING_CHANGED = "Nothing was changed."
"""The command only reads, or stops before its first change."""
NOTHING_TOUCHED = "No function was touched."
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
    """The reason why a command did not do its work. `details` are the parts of it, where it has several."""

    def __init__(self, what: str, untouched: str, advice: str = "", details: Sequence[str] = ()) -> None:
        self.what, self.untouched, self.advice = plain(what), untouched, advice
        self.details = [plain(each) for each in details]
        super().__init__(" ".join(part for part in (sentence(self.what), untouched, advice) if part))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print three lines to stderr at most, and one for each detail."""
        click.echo(f"Error: {sentence(self.what)}", file=file, err=True)
        for line in (*(f"  {each}" for each in self.details), self.untouched, self.advice):
            if line:
                click.echo(line, file=file, err=True)

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout."""
        return {
            "error": type(self).__name__,
            "cause": self.what,
            "untouched": self.untouched,
            "advice": self.advice,
            "exit_code": self.exit_code,
        } | ({"details": self.details} if self.details else {})


class Failed(Problem):
    """AWS did not do it."""

    exit_code = 1


class Refused(Problem):
    """The request can never succeed as it is. `status` is the HTTP API's, 0 if it did not refuse it."""

    exit_code = 2
    status = 0


class Denied(Refused):
    """IAM does not allow it."""


class Lost(Problem):
    """How the deployment ends, or whether it has begun, is unknown."""

    exit_code = 4


class Unknown(Problem):
    """AWS gave no answer, or does not know the caller."""

    exit_code = 4


class Interrupted(Problem):
    """A person or a pipeline ended the command. The code is the one that a shell gives a command after Ctrl-C."""

    exit_code = 130


SIGNED_OUT = (
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "token has expired",
    "security token included in the request is",
    "Unable to locate credentials",
)
"""What AWS's text has in it if the credentials are missing, wrong or no longer valid."""


def signed_out(text: str) -> bool:
    """Whether AWS's text says that it does not know the caller."""
    return any(sign in text for sign in SIGNED_OUT)


def next_step(error: DeploymentError) -> str:
    """What to do about an error of AWS, "" if that is not known."""
    if signed_out(str(error)):
        return SIGN_IN_AGAIN
    if isinstance(error, AccessDenied):
        return SIGN_IN
    return TRY_AGAIN if isinstance(error, AwsUnavailable | StillInProgress) else ""


def unreadable(path: str, error: OSError | ValueError) -> str:
    """The cause of a problem with a file that the command line names."""
    why = error.strerror if isinstance(error, OSError) else None
    return f"{plain(path)} cannot be read: {why or error}"


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
        raise of_error(error, doing, rest, advice) from error


def of_error(error: DeploymentError, doing: str, untouched: str, advice: str = "") -> Problem:
    """The problem that an error of AWS or of the request is to the command."""
    if isinstance(error, InvalidRequest | Frozen):
        return Refused(str(error), untouched, advice)
    advice = advice or next_step(error)
    if signed_out(str(error)):
        return Unknown(f"{doing} did not work, AWS does not accept these credentials: {error}", untouched, advice)
    if isinstance(error, AccessDenied):
        return Denied(f"{doing} is not allowed: {error}", untouched, advice)
    if isinstance(error, AwsUnavailable):
        return Unknown(f"{doing} did not work, AWS gave no answer: {error}", untouched, advice)
    return Failed(f"{doing} did not work: {error}", untouched, advice)
