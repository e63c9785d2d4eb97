"""
The document of a release as people write it: its functions, what all of them share, and in which waves they are taken.

Of `functions` and `defaults` these models are read one by one, so that every wrong field of every entry is told
(release_entries.py). The JSON Schema of the whole is made of Document.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, ValidationInfo, field_validator, model_validator

from bluegreen.model import Frozen
from bluegreen.request.artifact import Artifact, BucketName
from bluegreen.request.freeze import Reason
from bluegreen.request.gates import Approval, HowHook
from bluegreen.request.health import Health
from bluegreen.request.names import REFERENCE, AliasName, FunctionName, RegionName, RoleArn, TargetName
from bluegreen.request.numbers import Real, Whole
from bluegreen.request.request import Request, Starter
from bluegreen.request.smoke_tests import SmokeTests
from bluegreen.request.traffic import TrafficTogether
from bluegreen.request.versions import KeepVersions
from bluegreen.request.waves import MOST_AT_ONCE
from bluegreen.target import Target

MOST_FUNCTIONS = 10_000
MOST_CALLED = 1_000
"""Functions that one entry may name in depends_on."""
MOST_WAVES_ASKED = 1_000
MOST_TARGETS = 100

Reference = Annotated[str, Field(max_length=512, json_schema_extra={"pattern": REFERENCE})]
"""A function of the release, by its name or its ARN, each also with the alias. What names none is told as that."""


def _said(name: str) -> str:
    """What a field of a request is for; in a release it is for the same."""
    return str(Request.model_fields[name].description)


class Defaults(Frozen):
    """What each function of a release has, unless its entry says otherwise."""

    alias: AliasName | None = Field(None, description=_said("alias"))
    target: TargetName | None = Field(
        None, description="Where the function is: a name of targets. Unless given, in the stack's account and region."
    )
    smoke_tests: SmokeTests = Field((), description=_said("smoke_tests"))
    health: Health = Field(
        Health(),
        description="How the health of green is watched. Each field of an entry's health comes before that of "
        "defaults. All functions of a release have the same period_seconds.",
    )
    bypass: Literal["allow"] | None = Field(None, description=_said("bypass"))
    from_elsewhere: StrictBool = Field(False, description=_said("from_elsewhere"))
    keep_versions: KeepVersions | None = Field(None, description=_said("keep_versions"))


class Entry(Defaults):
    """A function of a release, and what is deployed to it."""

    function: Annotated[FunctionName, Field(json_schema_extra={"pattern": REFERENCE})] = Field(
        description=_said("function")
    )
    artifact: Artifact = Field(description=_said("artifact"))
    depends_on: Annotated[tuple[Reference, ...], Field(max_length=MOST_CALLED)] = Field(
        (), description="Functions of the release that this one calls. They are shifted in an earlier wave."
    )


class WaveHooks(Frozen):
    """Functions that are asked whether the release may go on, before and after a wave."""

    before: HowHook | None = Field(None, description="It is asked before the first shift of the wave.")
    after: HowHook | None = Field(None, description="It is asked once every green of the wave has everything.")


class AskedWave(Frozen):
    """
    How many functions come next, or which ones; without `most`, `share`, `functions` and `target` all are.

    A wave has 1,000 at most: what is asked for beyond comes in the next.
    """

    most: Annotated[Whole, Field(ge=1, le=MOST_FUNCTIONS)] | None = Field(
        None, description="How many functions come next, or fewer if fewer are left."
    )
    share: Annotated[Real, Field(gt=0, le=1)] | None = Field(
        None, description="How many functions come next, or fewer: a share of all functions of the release, rounded up."
    )
    functions: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=MOST_AT_ONCE)] | None = Field(
        None, description="These functions of the release."
    )
    target: TargetName | None = Field(None, description="All functions of this target that are left.")
    approve: StrictBool = Field(False, description="A person must approve before the first shift of the wave.")
    hooks: WaveHooks = Field(WaveHooks(), description="Functions that are asked before and after the wave.")

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Refuse a wave that says twice what it takes."""
        given = [name for name in ("most", "share", "functions", "target") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"it has {' and '.join(given)}; write one of them")
        return self

    @property
    def takes_what_is_left(self) -> bool:
        """It says neither how many nor which."""
        return self.most is None and self.share is None and self.functions is None and self.target is None

    @property
    def is_a_size(self) -> bool:
        """It takes what comes next, so it can be repeated."""
        return self.functions is None and self.target is None


class TargetAt(Frozen):
    """
    A region of another account, or another region, in which functions of the release are.

    The stack `target.yaml` makes role and bucket there. A role is required in the stack's own account, too: the stack's
    roles may touch functions of their own region only.
    """

    region: RegionName = Field(description="The functions' region.")
    role: RoleArn = Field(
        description="The ARN of the role that the deployer assumes, in the functions' account: the output RoleArn of "
        "the stack that target.yaml made there."
    )
    bucket: BucketName = Field(
        description="The artifact bucket in that region, to which zips are copied: the output BucketName of the same "
        "stack."
    )

    @field_validator("role")
    @classmethod
    def is_in_the_partition_of_the_region(cls, role: str, info: ValidationInfo) -> str:
        """Refuse a role that no session of the region can come from."""
        region, partition = info.data.get("region"), role.split(":")[1]
        if region and Target.at("", "", "", region=region, role=role, bucket="").partition != partition:
            raise ValueError(
                f"{role} is in {partition}, another partition of AWS than {region}; write a role of the same partition"
            )
        return role

    @property
    def account(self) -> str:
        """The role's, which is the functions'."""
        return self.role.split(":")[4]

    def target(self, name: str, function: str, alias: str) -> Target:
        """An alias there. `name` is that of this target in the document's `targets`."""
        return Target.at(name, function, alias, region=self.region, role=self.role, bucket=self.bucket)


DEFAULT_WAVES = (AskedWave(most=1), AskedWave(most=10), AskedWave(share=0.2), AskedWave())


class OfAll(Frozen):
    """What a release says of all its functions together."""

    traffic: TrafficTogether | None = Field(
        None,
        description="How the shares of all greens of a wave grow: a strategy except Adaptive, or steps without "
        "approve; the stack's DefaultTraffic unless given.",
    )
    waves: Annotated[tuple[AskedWave, ...], Field(min_length=1, max_length=MOST_WAVES_ASKED)] = Field(
        DEFAULT_WAVES,
        description="Which functions are shifted together, one wave after the other. A wave has functions of one "
        "level, callees first; the last size is repeated for those that are left.",
        json_schema_extra={"default": [wave.as_json(exclude_unset=True) for wave in DEFAULT_WAVES]},
    )
    targets: Annotated[dict[TargetName, TargetAt], Field(max_length=MOST_TARGETS)] = Field(
        {}, description="Other accounts and regions, by the names that entries and waves use."
    )
    tolerate: Annotated[Whole, Field(ge=0, lt=MOST_FUNCTIONS)] = Field(
        0,
        description="How many functions may fail: each of them is put back alone. If one more fails, all are put back; "
        "with rollback target, so many of each target, and those of that target.",
    )
    rollback: Literal["all", "target"] = Field(
        "all",
        description="What a failure puts back: all functions, or those of its own target, and the others go on. The "
        "stack's own account and region are a target, too.",
    )
    keep_waves: StrictBool = Field(
        False,
        description="A failure puts back the functions that failed and the wave that is shifted. Others of waves that "
        "are over stay.",
    )
    calls_per_second: Annotated[Whole, Field(ge=1, le=14)] = Field(
        10,
        description="Calls of Lambda's control plane that the release makes a second at most, for each account and "
        "region. Lambda takes 15, from all callers together.",
    )
    false_alarm: Annotated[Real, Field(ge=0.0001, le=0.1)] = Field(
        0.01,
        description="The highest probability that the release is put back although no green is worse than its blue.",
    )
    approval: Approval = Field(
        Approval(),
        description="How long each wave with approve waits for a person, and who may not approve. required means the "
        "first wave.",
    )
    override_freeze: Reason | None = Field(None, description="Why the release is begun in spite of freezes.")
    started_by: Starter = None


class Document(OfAll):
    """The document of a release: an object at releases/<name>.json, the body of a POST, the input of an execution."""

    functions: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MOST_FUNCTIONS)] = Field(
        description="The functions, each with its artifact."
    )
    defaults: Defaults = Field(
        Defaults(),
        description="What each function has unless its entry says otherwise: the fields of an entry except function, "
        "artifact and depends_on.",
    )


IN_AN_ENTRY: dict[str, str] = {
    "traffic": "all functions of a release are shifted alike; write it beside `functions`",
    "approval": 'people approve waves; write it beside `functions`, and "approve": true in a wave of `waves`',
    "hooks": 'hooks are asked before and after a wave; write them in a wave of `waves`, as {"hooks": {"before": "F"}}',
    "only_newer": "uploads of a single function set it, and a release is none; leave it out",
    **{
        name: "it is of the whole release; write it beside `functions`"
        for name in Document.model_fields
        if name not in ("traffic", "approval")
    },
}
"""Fields that an entry may not have, and where they belong."""

IN_HEALTH: dict[str, str] = {
    "promote_by_seconds": "it is for Adaptive, which no release has; leave it out",
    "false_alarm": "a release keeps one promise for all its functions; write false_alarm beside `functions`",
    "when_suspected": "a release suspects all its functions together, and goes back then unless a person promotes it; "
    "leave it out",
}
"""Fields that the health of an entry may not have, and why."""

IN_DEFAULTS: dict[str, str] = IN_AN_ENTRY | {
    name: "each function has its own; write it in the entry of `functions`"
    for name in Entry.model_fields
    if name not in Defaults.model_fields
}

BESIDE_FUNCTIONS: dict[str, str] = {
    "hooks": IN_AN_ENTRY["hooks"],
    "only_newer": IN_AN_ENTRY["only_newer"],
    **{
        name: "it is of one function; write it in an entry of `functions`, or in `defaults`"
        for name in Defaults.model_fields
    },
    **{
        name: "it is of one function; write it in an entry of `functions`"
        for name in Entry.model_fields
        if name not in Defaults.model_fields
    },
}
"""Fields that a release may not have beside its functions, and where they belong."""
