"""What people ask for when they give an order to a running deployment."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.explain import explain
from bluegreen.request.numbers import Whole
from bluegreen.text import plain

LONGEST_REASON = 500

PAUSE_SECONDS = 3600
SHORTEST_PAUSE_SECONDS = 300
"""CheckHealth reads a pause at its next run, up to four minutes later: a shorter one would be over by then."""
LONGEST_PAUSES_SECONDS = 12 * 3600
"""All pauses of a deployment together. Paused looks are events of the execution, too, which has 25,000 at most."""

Reason = Annotated[str, Field(max_length=LONGEST_REASON), AfterValidator(plain)]


class Asked(Frozen):
    """An abort or a resume: only why."""

    reason: Reason = ""

    @classmethod
    def read(cls, body: Any) -> Self:
        """Raises InvalidRequest naming every wrong field."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise InvalidRequest(explain(error, cls)) from error


class Pause(Asked):
    """After `seconds` without another order the deployment is rolled back."""

    seconds: Annotated[Whole, Field(ge=SHORTEST_PAUSE_SECONDS, le=LONGEST_PAUSES_SECONDS)] = PAUSE_SECONDS


class Promote(Asked):
    """Green gets everything, or the next step's share."""

    to: Literal["all", "next"] = "all"
