"""
The document that a deployment is: the request, the section each state adds, and the rings that states read.

The request is flat and forbids unknown keys. A ring is the part of the document that a state needs:
each is a step richer than the one before, so nothing in it is optional.
"""

import base64
import difflib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from bluegreen.errors import InvalidRequest
from bluegreen.health import HIGH_RESOLUTION_KEPT_SECONDS, Health
from bluegreen.model import Frozen, Ring
from bluegreen.smoke import MOST_CASES, Case
from bluegreen.traffic import LONGEST_BAKE_SECONDS, Schedule, Shift, Steps, known, schedule

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AliasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", max_length=128)]
VersionNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]

OPT_IN_TAG = "bluegreen:managed"
OPTED_IN = "true"

DIRECTLY = "StartExecution"
"""Who started it, if the request does not say: CloudTrail has the caller of that call."""

LARGEST_REQUEST = 64 * 1024
"""Bytes: the document holds the request about twice, and Step Functions takes 256 KB."""


def code_digest(text: str) -> str:
    """A SHA-256 as Lambda writes it (base64), from hexadecimal or base64."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=", text):
        return text
    raise ValueError("write the SHA-256 of the zip in hexadecimal (64 characters) or base64 (44 characters)")


Digest = Annotated[str, BeforeValidator(code_digest)]


def _plain_key(key: str) -> str:
    if ".." in key.split("/"):
        raise ValueError(f"{key!r} has a part `..`; write the object's own key")
    return key


class Zip(Frozen):
    """
    A zip in the artifact bucket; the newest object version unless one is named.

    `uploaded_at` is S3's own time of it, to the second; `sequencer` is from S3's event, and orders the uploads of one
    key.
    """

    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    key: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_plain_key)]
    version_id: str | None = None
    sha256: Digest | None = None
    uploaded_at: str | None = None
    sequencer: Annotated[str, Field(max_length=64)] | None = None

    def is_newer_than(self, other: Self) -> bool:
        """
        It was uploaded after the other, as far as anybody can tell: two uploads of one second are not ordered.

        Except by sequencers of one key, compared as AWS says (re:Post knowledge center, "duplicate messages in SQS"):
        as text, the shorter padded with zeros on the right.
        """
        if (self.bucket, self.key) == (other.bucket, other.key) and self.sequencer and other.sequencer:
            digits = max(len(self.sequencer), len(other.sequencer))
            return self.sequencer.upper().ljust(digits, "0") > other.sequencer.upper().ljust(digits, "0")
        return (self.uploaded_at or "") > (other.uploaded_at or "")

    def is_same_upload_as(self, other: Self) -> bool:
        """It is that very object version."""
        return (self.bucket, self.key, self.version_id) == (other.bucket, other.key, other.version_id)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Image(Frozen):
    """A container image, by digest: a tag may move between the test and a retry."""

    image_uri: Annotated[str, StringConstraints(pattern=r"^\S+@sha256:[0-9a-f]{64}$")]

    @property
    def digest(self) -> str:
        """`sha256:…`"""
        return self.image_uri.rpartition("@")[2]

    def __str__(self) -> str:
        return self.image_uri


class Existing(Frozen):
    """A version that is published already: how one goes back by hand."""

    version: VersionNumber

    def __str__(self) -> str:
        return f"version {self.version}"


def _artifact(value: Any) -> Any:
    if isinstance(value, str):
        bucket, _, key = value.removeprefix("s3://").partition("/")
        if not value.startswith("s3://") or not bucket or not key:
            raise ValueError(f"{value!r} is not an artifact; write s3://bucket/key or an object with bucket and key")
        return {"bucket": bucket, "key": key}
    return value


def _kind_of_artifact(value: Any) -> str:
    keys = value if isinstance(value, Mapping) else vars(value) if isinstance(value, Frozen) else {}
    return "image" if "image_uri" in keys else "existing" if "version" in keys else "zip"


Artifact = Annotated[
    Annotated[Zip, Tag("zip")] | Annotated[Image, Tag("image")] | Annotated[Existing, Tag("existing")],
    Discriminator(_kind_of_artifact),
    BeforeValidator(_artifact),
]


def _kind_of_traffic(value: Any) -> str:
    return "strategy" if isinstance(value, str) else "steps"


Strategy = Annotated[str, BeforeValidator(lambda name: known(name.removeprefix("CodeDeployDefault.Lambda")))]
HowTraffic = Annotated[
    Annotated[Strategy, Tag("strategy")] | Annotated[Steps, Tag("steps")], Discriminator(_kind_of_traffic)
]


def _off(value: Any) -> Any:
    if value != "off":
        raise ValueError('write a list of cases, or "off" to deploy without smoke tests')
    return value


def _kind_of_smoke_tests(value: Any) -> str:
    return "off" if isinstance(value, str) else "cases"


SmokeTests = Annotated[
    Annotated[Literal["off"], BeforeValidator(_off), Tag("off")]
    | Annotated[tuple[Case, ...], Field(max_length=MOST_CASES), Tag("cases")],
    Discriminator(_kind_of_smoke_tests),
]


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
            raise InvalidRequest(explain(error)) from error

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


_FIELDS = {"zip": Zip.model_fields, "steps": Steps.model_fields, "health": Health.model_fields}
_TAGS = {"artifact": {"zip", "image", "existing"}, "traffic": {"strategy", "steps"}, "smoke_tests": {"off", "cases"}}


def explain(error: ValidationError) -> str:
    """Every complaint as `field: what is wrong`, in the request's own field names."""
    return "; ".join(f"{_field(detail['loc'])}: {_complaint(detail)}" for detail in error.errors())


def _field(location: tuple[int | str, ...]) -> str:
    """`artifact.zip.key` is `artifact.key` to people: a union's tag follows the field that holds the union."""
    kept = [
        str(part)
        for number, part in enumerate(location)
        if not (number == 1 and part in _TAGS.get(str(location[0]), ()))
    ]
    return ".".join(kept) or "request"


def _complaint(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        known_there = _FIELDS.get(str(detail["loc"][-2]), ()) if len(detail["loc"]) > 1 else Request.model_fields
        close = difflib.get_close_matches(str(detail["loc"][-1]), [*known_there], n=1)
        return "unknown field" + (f"; did you mean {close[0]}?" if close else "; leave it out")
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "string_pattern_mismatch":
        return f"{_shown(detail['input'])} does not match {detail['ctx']['pattern']}"
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return f"{_shown(detail['input'])} is not a JSON object"
    return detail["msg"].removeprefix("Value error, ")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + " …"


class Blue(Frozen):
    """What serves when the deployment opens: all of the alias, which has that revision."""

    version: VersionNumber
    sha256: str
    revision: str


class Latest(Frozen):
    """$LATEST when the deployment opens: its code, a digest of its settings, and its revision."""

    sha256: str
    settings: str
    revision: str


class Plan(Frozen):
    """The section of OpenDeployment: everything decided and everything needed to undo it."""

    deployment: str
    execution: str
    function: FunctionName
    alias: AliasName
    artifact: Artifact
    schedule: Schedule
    smoke_tests: tuple[Case, ...]
    health: Health
    blue: Blue
    latest: Latest
    red_alarms: tuple[str, ...] = ()
    anything_to_deploy: bool
    new_code: bool

    @property
    def code(self) -> Zip | Image:
        """What goes into $LATEST. Raises ValueError for a version that is published already: it has no such step."""
        if isinstance(self.artifact, Existing):
            raise ValueError(f"{self.artifact} is published already")
        return self.artifact

    @property
    def name(self) -> str:
        """The alias as people write it."""
        return f"{self.function}:{self.alias}"


class Code(Frozen):
    """The section of UpdateCode."""

    sha256: str


class Green(Frozen):
    """The section of PublishVersion, and of ReuseVersion."""

    version: VersionNumber


class Look(Frozen):
    """
    The section of CheckHealth.

    `next_weight` is green's weight after this look, under `Adaptive`; `unmeasured` looks in a row had no metrics;
    `probes` were answered so far; `alarms` are red, and of them `pardoned` were so before the deployment.
    """

    number: int
    bake_over: bool
    verdict: str
    reason: str
    next_weight: float
    unmeasured: int
    probes: int
    pardoned: tuple[str, ...]
    alarms: tuple[str, ...]
    evidence: dict[str, Any]

    @classmethod
    def before_any(cls, plan: Plan) -> Self:
        """What the first look follows."""
        return cls(
            number=0,
            bake_over=False,
            verdict="",
            reason="",
            next_weight=0.0,
            unmeasured=0,
            probes=0,
            pardoned=plan.red_alarms,
            alarms=(),
            evidence={},
        )


class Rollback(Frozen):
    """The section of RollBack: the error that began it, what was done about it, and which version serves now."""

    error: str
    cause: str
    serving: str
    told: bool = False


class Rejection(Frozen):
    """The section of RejectDeployment."""

    error: str
    cause: str
    told: bool


class Completion(Frozen):
    """The section of CompleteDeployment; `told` is whether the notifications topic took it."""

    serving: str
    told: bool


class Failure(Frozen):
    """What a Catch keeps: the error's class name, and its cause as Lambda or Step Functions wrote it."""

    error: Annotated[str, Field(alias="Error")]
    cause: Annotated[str, Field(alias="Cause")] = ""

    @property
    def sentence(self) -> str:
        """The message of what was raised; Lambda wraps it in JSON."""
        try:
            details = json.loads(self.cause)
        except ValueError:
            details = None
        if isinstance(details, dict) and "errorMessage" in details:
            return str(details["errorMessage"])
        return self.cause or f"{self.error}, and no cause was given"


class Opened(Ring):
    """After OpenDeployment."""

    plan: Plan


class Updated(Opened):
    """After UpdateCode."""

    code: Code


class Published(Opened):
    """After PublishVersion or ReuseVersion."""

    green: Green


class Shifting(Published):
    """At ShiftAlias: `shift` is what the one before left and `look` the last look, if there were any."""

    shift: Shift | None = None
    look: Look | None = None


class Baking(Published):
    """After ShiftAlias: `look` is what the one before found, if there was one."""

    shift: Shift
    look: Look | None = None


class LastShift(Ring):
    """All of a Shift that RollBack cannot do without, whichever release wrote it."""

    step: int
    green_weight: float


class LastLook(Ring):
    """All of a Look that RollBack cannot do without."""

    next_weight: float


class Failed(Opened):
    """At RollBack: green is known only if it came to that, and so are the last shift and the last look at it."""

    failure: Failure
    green: Green | None = None
    shift: LastShift | None = None
    look: LastLook | None = None


class Refused(Ring):
    """At RejectDeployment: whatever the request was, and why it was refused."""

    failure: Failure
    function: Any = None
    alias: Any = None
    artifact: Any = None
    started_by: Any = None
