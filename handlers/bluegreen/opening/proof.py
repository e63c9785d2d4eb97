"""
Whether an event comes from the execution that it names, or from the rule or the API of this stack.

Anyone with lambda:InvokeFunction can send any event. Where the ledger cannot prove an event, Step Functions is asked.
The execution must be running, and must have begun when the event says, with the input that the event brings; or it must
be in the state of the handler, with the document that the event brings.
"""

import hmac
import json
import os
from collections.abc import Collection
from typing import Any, NamedTuple

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable, DeploymentError, NotTheHolder
from bluegreen.text import comparable

SAME_MOMENT_SECONDS = 0.005


class Began(NamedTuple):
    """When an execution began (ISO 8601), and its input (None if that cannot be read), as Step Functions says."""

    at: str
    input: Any


def must_have_begun(arn: str, started_at: str) -> Began:
    """
    Raises NotTheHolder unless the execution runs, and began when the event says.

    Raises AwsUnavailable if Step Functions does not show it: DescribeExecution is eventually consistent.
    """
    found = _seen(arn)
    began = _moment(started_at)
    if began is None or abs(found.started_at - began) > SAME_MOMENT_SECONDS:
        raise NotTheHolder(f"The execution {arn} did not begin at {started_at}; nothing was changed.")
    return Began(clock.iso(found.started_at), _json(found.input))


def must_be_running(arn: str, *, started_at: str, document: Any) -> str:
    """When the execution began. Raises what must_have_begun does, and NotTheHolder if its input is another document."""
    began = must_have_begun(arn, started_at)
    if not same(began.input, document):
        raise NotTheHolder(f"The execution {arn} has another input than this event; nothing was changed.")
    return began.at


def must_be_in(arn: str, state: str, document: Any, token: str = "") -> None:
    """
    Raises NotTheHolder if the execution does not run, or is in that state with another document or another task token.

    Raises AwsUnavailable if it is not seen in that state: the event may be newer than the history that is shown.
    """
    _seen(arn)
    entered = executions.state_entered(arn)
    if entered is None or entered.state != state:
        raise AwsUnavailable(f"The execution {arn} is not seen in the state {state}; nothing was changed.")
    if not same(_json(entered.document), document):
        raise NotTheHolder(f"The execution {arn} has another document than this event; nothing was changed.")
    if token and (shown := _token(entered.scheduled)) is not None and shown != token:
        raise NotTheHolder(f"The execution {arn} waits for another task token; nothing was changed.")


def document_of(arn: str, states: Collection[str], document: Any) -> Any:
    """
    The document with which the execution entered its state, as Step Functions shows it.

    Call it for an event that has the proof, since users wait for a rollback: if Step Functions does not show a state,
    the answer is the event's own `document`. Raises AwsUnavailable if the execution is in none of these states.
    """
    try:
        entered = executions.state_entered(arn)
    except DeploymentError:
        return document
    if entered is None:
        return document
    if entered.state not in states:
        wanted = " or ".join(states)
        raise AwsUnavailable(f"The execution {arn} is not seen in the state {wanted}; nothing was changed.")
    shown = _json(entered.document)
    return shown if isinstance(shown, dict) else document


def proves(sent: Any, kept: str) -> bool:
    """
    Whether an event's proof is the one that the record keeps, in a time that does not tell how much of it is right.

    A record without a proof, as that of a refused request, is proved by nothing.
    """
    return bool(kept) and hmac.compare_digest(kept.encode(), str(sent).encode(errors="surrogatepass"))


def is_from_a_trigger(stack: Any) -> bool:
    """
    Whether `stack` is what this stack's rule and API add to each event: the stack's id.

    A principal that may only invoke the functions cannot see it. One that may read the stack, its resources' tags, or
    the settings of rule, API or function can, and may send events in their name.
    """
    told = str(stack).encode(errors="surrogatepass")
    return hmac.compare_digest(os.environ["STACK_ID"].encode(), told)


def _seen(arn: str) -> executions.Execution:
    try:
        found = executions.describe(arn)
    except AccessDenied:
        raise
    except AwsRefused as error:
        raise NotTheHolder(f"{arn!r} is no execution of the deployer; nothing was changed.") from error
    if found is None:
        raise AwsUnavailable(f"Step Functions does not show the execution {arn}; nothing was changed.")
    if not found.running:
        raise NotTheHolder(f"The execution {arn} is {found.status}, so this event is not from it; nothing was changed.")
    return found


def same(shown: Any, sent: Any) -> bool:
    """
    Whether two values of JSON are the same, as far as all services show them alike: half a character that Lambda got
    may be a question mark in what Step Functions shows.

    They are compared without recursion, since a request may be nested deeper than Python recurses.
    """
    pairs = [(shown, sent)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if len(left) != len(right):
                return False
            left, right = ({comparable(key): value for key, value in each.items()} for each in (left, right))
            if left.keys() != right.keys():
                return False
            pairs += [(value, right[key]) for key, value in left.items()]
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif isinstance(left, bool) != isinstance(right, bool) or comparable(left) != comparable(right):
            return False
    return True


def _token(parameters: str) -> Any:
    """The task token among the parameters of a state, None if they show none."""
    shown = _json(parameters)
    payload = shown.get("Payload") if isinstance(shown, dict) else None
    return payload.get("token") if isinstance(payload, dict) else None


def _moment(text: str) -> float | None:
    try:
        return clock.moment(text)
    except ValueError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
