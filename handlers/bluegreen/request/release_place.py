"""Where a release's document lies, if the request names its place instead of bringing it."""

from typing import Any

from pydantic import ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.artifact import Stored
from bluegreen.request.explain import explain
from bluegreen.request.request import taken_apart


class Placed(Frozen):
    """{"release": {"bucket", "key", "version_id"}}, and who started it."""

    release: Stored
    started_by: str | None = None


def placed(given: Any) -> Stored | None:
    """The place; None for a document that is brought itself. Raises InvalidRequest for a place that is none."""
    if not isinstance(given, dict) or "release" not in given or "functions" in given:
        return None
    try:
        return Placed.model_validate(taken_apart(given)[0]).release
    except ValidationError as error:
        raise InvalidRequest(explain(error, Placed)) from error
