"""
The request: what a person, a pipeline or an upload asks for.

It is flat and forbids unknown keys, so that a misspelt field is refused by name.
"""

import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.artifact import Artifact, Zip
from bluegreen.request.explain import Fields, explain
from bluegreen.request.health import HIGH_RESOLUTION_KEPT_SECONDS, Health
from bluegreen.request.names import AliasName, FunctionName
from bluegreen.request.smoke_tests import SmokeTests
from bluegreen.request.traffic import LONGEST_BAKE_SECONDS, HowTraffic, Steps, schedule

LARGEST_REQUEST = 64 * 1024
"""Bytes: the document holds the request about twice, and Step Functions takes 256 KB."""


def _unreadable(complaint: str | None) -> None:
    """Nobody writes this field: an upload whose deployment.json cannot be read brings the complaint along."""
    raise ValueError(complaint or "unknown field; leave it out")


class Request(Frozen):
    """
    What a person, a pipeline or an upload asks for; the input of the deploy machine.

    `only_newer` refuses an artifact unless it was uploaded after the newest one that a deployment of the alias took, or
    is that one: an upload sets it, so that an event which comes late is no step back.
    """

    function: FunctionName
    artifact: Artifact
    alias: AliasName | None = None
    traffic: HowTraffic | None = None
    smoke_tests: SmokeTests = ()
    health: Health = Health()
    only_newer: bool = False
    started_by: Annotated[str, Field(max_length=256)] | None = None
    deployment_json: Annotated[str | None, AfterValidator(_unreadable)] = None

    @classmethod
    def read(cls, request: Any) -> Self:
        """Raises InvalidRequest naming every wrong field."""
        size = len(json.dumps(request))
        if size > LARGEST_REQUEST:
            raise InvalidRequest(f"request: it has {size} bytes; {LARGEST_REQUEST} are the most")
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            raise InvalidRequest(explain(error, _fields())) from error

    @model_validator(mode="after")
    def short_periods_are_kept(self) -> Self:
        """Refuse bakes longer than a deployment may take, and such of which CloudWatch would forget the beginning."""
        if self.traffic is None:
            return self
        plan = schedule(self.traffic, self.health.max_bake_seconds)
        longest = plan.longest_in_all
        if longest > LONGEST_BAKE_SECONDS:
            raise ValueError(
                f"health.max_bake_seconds: the bakes may take {longest} seconds together; {LONGEST_BAKE_SECONDS} "
                "(48 hours) is the most"
            )
        # The final bake is compared with as much of blue's past as it is long.
        if self.health.period_seconds < 60 and 2 * longest > HIGH_RESOLUTION_KEPT_SECONDS:
            raise ValueError(
                f"health.period_seconds: CloudWatch keeps periods below 60 seconds for three hours, and the bakes may "
                f"take {longest} seconds; write 60"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """The request as an execution's input: what was not given stays away."""
        return self.model_dump(mode="json", exclude_unset=True)


def _fields() -> Fields:
    return {
        "": Request.model_fields,
        "zip": Zip.model_fields,
        "steps": Steps.model_fields,
        "health": Health.model_fields,
    }
