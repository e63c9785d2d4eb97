"""
The request: what a person, a pipeline or an upload asks for.

It is flat and forbids unknown keys, so that a misspelt field is refused by name.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.artifact import Artifact
from bluegreen.request.explain import explain
from bluegreen.request.freeze import Reason
from bluegreen.request.gates import Approval, Hooks, unfit_gates, with_approvals
from bluegreen.request.health import HIGH_RESOLUTION_KEPT_SECONDS, Health
from bluegreen.request.names import REFERENCE, AliasName, FunctionName, FunctionReference
from bluegreen.request.smoke_tests import SmokeTests
from bluegreen.request.traffic import ADAPTIVE, LONGEST_BAKE_SECONDS, HowTraffic, Schedule, Steps, schedule
from bluegreen.request.versions import KeepVersions
from bluegreen.text import DEEPEST, is_deeper, plain

LARGEST_REQUEST = 64 * 1024
"""Bytes. Step Functions takes an input of 256 KB and DynamoDB an item of 400 KB; the plan's item holds most of it."""


LONGEST_STARTER = 256

ANYONE = {"description": "Who asks. The HTTP API and uploads write the caller there, whatever it says."}
"""How `started_by` is described to callers of the API."""

SCHEMA = "$schema"
"""Names the schema of a file for an editor. It is no part of the request."""

STARTED_BY_EXECUTION = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
NESTED = "execution {}"


def _of_someone(name: Any) -> Any:
    return plain(name, LONGEST_STARTER + 1) if isinstance(name, str) else name


Starter = Annotated[
    Annotated[str, BeforeValidator(_of_someone), Field(max_length=LONGEST_STARTER)] | None, WithJsonSchema(ANYONE)
]
"""Who asks, as the request or the release says."""


def _unreadable(complaint: str | None) -> None:
    """ReceiveUpload writes this field if the deployment.json beside the upload cannot be read, or has a wrong field."""
    raise ValueError(plain(complaint or "") or "unknown field; leave it out")


class Request(Frozen):
    """What a person, a pipeline or an upload asks for; the input of the deploy machine."""

    function: Annotated[FunctionName, Field(json_schema_extra={"pattern": REFERENCE})] = Field(
        description="The function's name or its ARN, each also with the alias, as Shop:PROD."
    )
    artifact: Artifact = Field(
        description="What is deployed: a zip in S3, a container image, a published version, or $LATEST."
    )
    alias: AliasName | None = Field(None, description="The alias to move; the stack's DefaultAlias unless given.")
    traffic: HowTraffic | None = Field(
        None, description="How green's share grows: a strategy, or steps; the stack's DefaultTraffic unless given."
    )
    smoke_tests: SmokeTests = Field(
        (),
        description='Invocations of $LATEST, and of green before it gets traffic; "off" or [] for none. Without the '
        "field the function is invoked with {}, and that test counts only if blue passes it.",
    )
    health: Health = Field(Health(), description="How the health of green is watched.")
    hooks: Hooks = Field(Hooks(), description="Functions that are asked whether the deployment may go on.")
    approval: Approval = Field(Approval(), description="Whether a person must approve.")
    bypass: Literal["allow"] | None = Field(
        None, description="allow: event source mappings may go on invoking the function itself, past the alias."
    )
    only_newer: StrictBool = Field(
        False,
        description="Refuse an artifact that is older than the newest upload that a deployment of the alias took. "
        "Uploads set it, so that a late event never deploys older code.",
    )
    from_elsewhere: StrictBool = Field(
        False, description="Take a zip that does not lie in the function's own folder of the artifact bucket."
    )
    override_freeze: Reason | None = Field(None, description="Why the deployment is begun in spite of a freeze.")
    keep_versions: KeepVersions | None = Field(
        None, description="How many published versions stay after a success; all of them unless given."
    )
    started_by: Starter = None
    deployment_json: SkipJsonSchema[Annotated[str | None, AfterValidator(_unreadable)]] = None

    @classmethod
    def read(cls, request: Any, *, region: str = "", account: str = "") -> Self:
        """
        Raises InvalidRequest naming every wrong field.

        A function in another region or account than those given is one; "" is a place that is not known yet.
        ReceiveUpload writes `upload` for an object that is no upload: it says why, and the rest does not count then.
        """
        if complaint := unfit(request):
            raise InvalidRequest(f"request: {complaint}")
        if isinstance(request, dict) and isinstance(why := request.get("upload"), str) and why:
            raise InvalidRequest(f"upload: {why}")
        request, wrong = taken_apart(request, region=region, account=account)
        try:
            read = cls.model_validate(request)
        except ValidationError as error:
            raise InvalidRequest("; ".join([*wrong, explain(error, cls)])) from error
        if wrong:
            raise InvalidRequest("; ".join(wrong))
        return read

    @model_validator(mode="after")
    def bakes_fit(self) -> Self:
        """Refuse bakes that do not fit into a deployment. Those of the stack's own strategy are checked on opening."""
        if self.traffic is not None:
            plan = self.schedule_of(self.traffic)
            complaint = misfit(plan, self.health) or unfit_gates(plan, self.hooks, self.approval)
            if complaint:
                raise ValueError(": ".join(complaint))
        return self

    def schedule_of(self, traffic: str | Steps) -> Schedule:
        """What the request's traffic, or the stack's own strategy, comes to with the rest of the request."""
        plan = schedule(traffic, self.health.max_bake_seconds, self.health.sight_seconds)
        return with_approvals(plan, self.approval)

    @property
    def gives_smoke_tests(self) -> bool:
        """It says which there are, or with [] or "off" that there is none."""
        return "smoke_tests" in self.model_fields_set

    def to_json(self) -> dict[str, Any]:
        """The request as an execution's input: what was not given stays away."""
        request: dict[str, Any] = self.as_json(exclude_unset=True)
        return request


def unfit(request: Any, largest: int = LARGEST_REQUEST, advice: str = "shorten payloads") -> str:
    """Why no execution could be started with it, or no plan stored; "" if it can. `largest` is in bytes."""
    if is_deeper(request, DEEPEST):
        return f"it is nested more than {DEEPEST} levels deep; write flatter JSON"
    try:
        size = len(json.dumps(request, allow_nan=False))
    except ValueError as error:
        return f"JSON has no NaN and no Infinity: {error}"
    return f"it has {size} bytes; write {largest} at most; {advice}" if size > largest else ""


def taken_apart(request: Any, *, region: str = "", account: str = "") -> tuple[Any, list[str]]:
    """
    The request with the function's own name, the alias that came with it, and who started it; and what is wrong there.

    Step Functions adds the ARN of the execution that started this one to the input, where a machine asks for that.
    People write `$schema` for their editors.
    """
    if not isinstance(request, dict):
        return request, []
    taken = {
        name: value
        for name, value in request.items()
        if name != STARTED_BY_EXECUTION and not (name == SCHEMA and isinstance(value, str))
    }
    if STARTED_BY_EXECUTION in request:
        claim = plain(request[STARTED_BY_EXECUTION], LONGEST_STARTER - len(NESTED))
        taken["started_by"] = taken.get("started_by") or NESTED.format(claim)
    function = FunctionReference.read(taken.get("function"))
    if function is None:
        return taken, []
    alias = taken.get("alias")
    wrong = function.complaint(region, account, alias if isinstance(alias, str) else None)
    taken |= {"function": function.name} | (
        {"alias": function.qualifier} if function.qualifier and not (wrong or alias) else {}
    )
    return taken, [f"function: {wrong}"] if wrong else []


def misfit(plan: Schedule, health: Health) -> tuple[str, str] | None:
    """
    The field and what is wrong.

    Bakes are too long for a deployment, CloudWatch would forget their beginning, or green would get everything before
    it is seen.
    """
    longest, sight = plan.longest_in_all, health.sight_seconds
    if sight > LONGEST_BAKE_SECONDS and plan.watched:
        return (
            "health.period_seconds",
            f"green would be seen after {sight} seconds, and a deployment takes {LONGEST_BAKE_SECONDS} (48 hours) at "
            "most; write a shorter period",
        )
    blind = health.unmeasured_looks * health.period_seconds
    if blind > LONGEST_BAKE_SECONDS and plan.watched:
        return (
            "health.unmeasured_looks",
            f"green would keep its share for {blind} seconds without metrics, and {LONGEST_BAKE_SECONDS} (48 hours) is "
            "the most; write fewer looks, or a shorter period",
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
    if hurry := _wrong_with_hurry(plan, health):
        return "health.promote_by_seconds", hurry
    if health.period_seconds < 60 and longest > HIGH_RESOLUTION_KEPT_SECONDS:
        return (
            "health.period_seconds",
            f"CloudWatch keeps periods below 60 seconds for three hours, and the bakes may take {longest} seconds; "
            "write 60",
        )
    return None


def _wrong_with_hurry(plan: Schedule, health: Health) -> str:
    """What is wrong with `promote_by_seconds`; "" if nothing is."""
    by = health.promote_by_seconds
    if by is None:
        return ""
    if not plan.adaptive:
        return f'the times of {plan.name} are fixed; leave it out, or write "traffic": "{ADAPTIVE}"'
    if by < health.sight_seconds:
        return (
            f"green would get everything after {by} seconds, before it can be seen; write {health.sight_seconds} or "
            "more"
        )
    if by > plan.longest_seconds:
        return (
            f"{ADAPTIVE} is over after {plan.longest_seconds} seconds (max_bake_seconds); write so many or fewer, or a "
            "longer max_bake_seconds"
        )
    return ""
