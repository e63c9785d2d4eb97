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
from bluegreen.request.traffic import LONGEST_BAKE_SECONDS, HowTraffic, Schedule, Steps, schedule

LARGEST_REQUEST = 64 * 1024
"""Bytes. Step Functions takes an input of 256 KB and DynamoDB an item of 400 KB; the plan's item holds most of it."""


def _unreadable(complaint: str | None) -> None:
    """ReceiveUpload writes this field if it cannot read the deployment.json beside the upload."""
    raise ValueError(complaint or "unknown field; leave it out")


class Request(Frozen):
    """
    What a person, a pipeline or an upload asks for; the input of the deploy machine.

    `only_newer` refuses an artifact unless it was uploaded after the newest one that a deployment of the alias took, or
    is that one. ReceiveUpload sets it, so that a late event never deploys older code.
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
        try:
            size = len(json.dumps(request, allow_nan=False))
        except ValueError as error:
            raise InvalidRequest(f"request: JSON has no NaN and no Infinity: {error}") from error
        if size > LARGEST_REQUEST:
            raise InvalidRequest(f"request: it has {size} bytes; write {LARGEST_REQUEST} at most; shorten payloads")
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            raise InvalidRequest(explain(error, _fields())) from error

    @model_validator(mode="after")
    def bakes_fit(self) -> Self:
        """Refuse bakes that do not fit into a deployment. Those of the stack's own strategy are checked on opening."""
        if self.traffic is not None:
            health = self.health
            complaint = misfit(schedule(self.traffic, health.max_bake_seconds, health.sight_seconds), health)
            if complaint:
                raise ValueError(": ".join(complaint))
        return self

    def to_json(self) -> dict[str, Any]:
        """The request as an execution's input: what was not given stays away."""
        return self.model_dump(mode="json", exclude_unset=True)


def misfit(plan: Schedule, health: Health) -> tuple[str, str] | None:
    """
    The field and what is wrong.

    Bakes are too long for a deployment, CloudWatch would forget their beginning, or Adaptive would be over before green
    is seen.
    """
    longest, sight = plan.longest_in_all, health.sight_seconds
    if sight > LONGEST_BAKE_SECONDS and plan.watched:
        return (
            "health.period_seconds",
            f"green would be seen after {sight} seconds, and a deployment takes {LONGEST_BAKE_SECONDS} (48 hours) at "
            "most; write a shorter period",
        )
    if plan.adaptive and longest < sight:
        return (
            "health.max_bake_seconds",
            f"Adaptive would be over after {longest} seconds, before green can be seen; write {sight} or more",
        )
    if longest > LONGEST_BAKE_SECONDS:
        return (
            "health.max_bake_seconds",
            f"the bakes may take {longest} seconds together; {LONGEST_BAKE_SECONDS} (48 hours) is the most",
        )
    # The final bake is compared with as much of blue's past as it is long.
    if health.period_seconds < 60 and 2 * longest > HIGH_RESOLUTION_KEPT_SECONDS:
        return (
            "health.period_seconds",
            f"CloudWatch keeps periods below 60 seconds for three hours, and the bakes may take {longest} seconds; "
            "write 60",
        )
    return None


def _fields() -> Fields:
    return {
        "": Request.model_fields,
        "zip": Zip.model_fields,
        "steps": Steps.model_fields,
        "health": Health.model_fields,
    }
