"""Smoke tests: what is sent to the function, and what must come of it."""

import json
from typing import Annotated, Any, Literal

import jmespath
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    Tag,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from bluegreen.model import Frozen
from bluegreen.request.artifact import IN_S3, Stored
from bluegreen.request.numbers import Whole
from bluegreen.text import is_deeper, plain

MOST_CASES = 50

LONGEST_EXPRESSION = 1_000
DEEPEST_EXPRESSION = 50
"""Characters and levels of a JMESPath. What a search may cost is limited beside that (decisions/searching.py)."""


def _stored(place: Any) -> Any:
    """A plan of the ledger has it in parts."""
    if not isinstance(place, str):
        return place
    if found := IN_S3.fullmatch(place):
        return {part: text for part, text in found.groupdict().items() if text is not None}
    raise ValueError(f"{plain(place, 100)!r} is no place in S3; write s3://bucket/key")


class Case(Frozen):
    """One invocation and what must come of it."""

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain)] = Field(
        description="The case's name, for people."
    )
    sensitive: StrictBool = Field(
        False,
        description="No part of the payload or the reply is kept or shown. The payload is {} or in S3, and errors have "
        "only the types of what came. What is expected stays in the request, which the execution's history keeps.",
    )
    payload_from: Annotated[Stored | None, BeforeValidator(_stored, json_schema_input_type=Stored | str | None)] = (
        Field(
            None,
            description="Where S3 has the payload as JSON: s3://bucket/key, in the function's folder of the artifact "
            "bucket.",
        )
    )
    payload: Any = Field({}, description="The event that the function gets.")
    expect: Any = Field(
        None,
        description="The reply has at least these keys and values, at any depth; a list matches element by element. "
        "Without it any reply will do; null wants the reply null.",
    )
    expect_at: dict[str, Any] = Field(
        {},
        description="JMESPath expressions and the values found there. powertools_json(body) reads JSON in a string.",
    )
    expect_error: str | None = Field(
        None, description="The name of the error that the function must raise (errorType)."
    )
    max_duration_ms: Annotated[Whole, Field(gt=0, le=240_000)] | None = Field(
        None, description="How long a caller may wait for the reply, in milliseconds, cold start included."
    )

    @property
    def expects_a_reply(self) -> bool:
        """The case says what the reply must be. That may be null."""
        return "expect" in self.model_fields_set

    @model_serializer(mode="wrap")
    def as_written(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An `expect` that was not written stays away, wherever the case goes: null would be one."""
        written: dict[str, Any] = fields(self)
        return written if self.expects_a_reply else {name: written[name] for name in written if name != "expect"}

    @field_validator("payload")
    @classmethod
    def payload_is_in_one_place(cls, payload: Any, info: ValidationInfo) -> Any:
        """Refuse a sensitive payload that is written here, and a second one."""
        if payload != {} and info.data.get("sensitive"):
            raise ValueError(
                "of a sensitive case it must not be in the request, which the execution's history keeps; upload it to "
                "functions/<Function>/by-request/ in the artifact bucket, and write that place as payload_from"
            )
        if payload != {} and info.data.get("payload_from"):
            raise ValueError("the case has payload_from, too; leave one of them out")
        return payload

    @field_validator("expect_at")
    @classmethod
    def expressions_parse(cls, paths: dict[str, Any]) -> dict[str, Any]:
        """Refuse a JMESPath that cannot be read, before anything is invoked."""
        for path in paths:
            if complaint := _complaint(path):
                raise ValueError(complaint)
        return paths


def as_sent(payload: Any) -> bytes:
    """
    The event that the function gets: JSON without blanks, in UTF-8.

    So it has hardly ever more bytes than the object in S3. A lone surrogate, which UTF-8 does not have, stays escaped.
    """
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _complaint(path: str) -> str:
    """Why this is no JMESPath that a reply is searched with; "" if it is one."""
    if len(path) > LONGEST_EXPRESSION:
        return f"{path[:50]!r} … has {len(path)} characters; write {LONGEST_EXPRESSION} at most"
    try:
        tree = jmespath.compile(path).parsed
    except jmespath.exceptions.JMESPathError as error:
        return f"{path!r} is not JMESPath: {plain(' '.join(str(error).split()))}"
    except RecursionError:
        tree = None
    if tree is None or is_deeper(tree, 2 * DEEPEST_EXPRESSION):  # a node, and the list of its children
        return f"{path[:50]!r} … is nested more than {DEEPEST_EXPRESSION} levels deep; write it flatter"
    return ""


UNLESS_GIVEN = (Case(name="answers {} without an error"),)
"""Without `smoke_tests` in the request, green must not fail where blue does not."""

GIVE_ONE = 'Give one in `smoke_tests`, or write "off".'


def _off(value: Any) -> Any:
    if value != "off":
        raise ValueError('write a list of cases, or "off" to deploy without smoke tests')
    return value


def _kind_of_smoke_tests(value: Any) -> str:
    return "cases" if isinstance(value, (list, tuple)) else "off"


SmokeTests = Annotated[
    Annotated[Literal["off"], BeforeValidator(_off), Tag("off")]
    | Annotated[tuple[Case, ...], Field(max_length=MOST_CASES), Tag("cases")],
    Discriminator(_kind_of_smoke_tests),
]
