"""
Routes that describe themselves: what a route takes and answers stands beside its code.

The router reads the description, too: it refuses the parameters that a route does not have. `openapi.py` makes the
OpenAPI document of the descriptions.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, ConfigDict, Field

from bluegreen.api import asked
from bluegreen.request.names import LONGEST_EXECUTION_NAME

Handler = Callable[..., Any]


class Answer(BaseModel):
    """
    The body of an answer, as callers read it. Fields without a value are left out.

    Only the document is made of it, so pydantic builds no validator.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)


@dataclass(frozen=True)
class Parameter:
    """Of a path or a query. `type` is what pydantic makes a JSON Schema of."""

    about: str
    type: Any = str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """A route's description. `body` is the model that reads the body; `refuses` are statuses of its own."""

    method: str
    path: str
    name: str
    about: str
    query: Mapping[str, Parameter]
    body: Any
    needs_body: bool
    answers: Mapping[HTTPStatus, Any]
    refuses: Mapping[HTTPStatus, str]


PATH = {
    "id": Parameter("The deployment's id.", Annotated[str, Field(min_length=1, max_length=LONGEST_EXECUTION_NAME)]),
    "name": Parameter("The function's name or ARN.", Annotated[str, Field(min_length=1, max_length=256)]),
}
"""The parameters that a path may have."""

NEXT = Parameter("The `next` of the page before.", Annotated[str, Field(pattern=f"^{asked.NEXT.pattern}$")])
"""The parameter of every route that answers pages."""


class Router(APIGatewayHttpRouter):
    """The routes of a file."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def offers(
        self,
        method: str,
        path: str,
        name: str,
        *,
        answers: Mapping[HTTPStatus, Any],
        query: Mapping[str, Parameter] | None = None,
        body: Any = None,
        needs_body: bool = True,
        refuses: Mapping[HTTPStatus, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        """
        The decorated function serves the route.

        `path` is written as in the template, and `name` is that of the route's event there. The function gets the parts
        of the path in their order. Its docstring is what the document says of the route.
        """

        def route(function: Handler) -> Handler:
            known = query or {}
            about = inspect.getdoc(function) or ""
            self.operations.append(
                Operation(method, path, name, about, known, body, needs_body, answers, refuses or {})
            )
            parts = iter(inspect.signature(function).parameters)

            @functools.wraps(function)
            def served(**of_path: str) -> Any:
                asked.must_have_no_other_parameter_than(self.current_event, *known)
                return function(**of_path)

            self.route(re.sub("{[a-z]+}", lambda _: f"<{next(parts)}>", path), method)(served)
            return function

        return route
