"""How the health of green is watched: the request's settings."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from bluegreen.model import Frozen
from bluegreen.request.names import printable
from bluegreen.request.numbers import Real, Whole
from bluegreen.text import is_sign, plain
from bluegreen.verdict import SHARES, Policy, Tolerance

HIGH_RESOLUTION_PERIODS = (1, 5, 10, 30)
HIGH_RESOLUTION_KEPT_SECONDS = 3 * 3600
"""CloudWatch keeps data of less than a minute for three hours."""


def _learn(value: Any) -> Any:
    if value != "learn":
        raise ValueError('write milliseconds as a number without quotes, as 800, or "learn"')
    return value


Fraction = Annotated[Real, Field(ge=1e-9, lt=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(printable)]
SlowMs = Annotated[
    Annotated[Literal["learn"], BeforeValidator(_learn), Tag("learn")]
    | Annotated[Whole, Field(gt=0, le=900_000), Tag("milliseconds")],
    Discriminator(lambda value: "learn" if isinstance(value, str) else "milliseconds"),
]
NoTraffic = Literal["proceed", "probe", "wait", "roll_back"]
WhenSuspected = Literal["roll_back", "promote", "hold"]
LogErrors = Literal["message", "type", "off"]
SLOW = "slow"


class MetricPair(Frozen):
    """A pair of CloudWatch metrics that the function writes: of the sum of `requests`, the sum of `bad` was bad."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        description="The signal's name in looks, records and dry_run."
    )
    namespace: Name = Field(description="The metrics' namespace.")
    bad: Name = Field(description="The metric that counts bad requests.")
    requests: Name = Field(description="The metric that counts all requests.")
    dimensions: Annotated[dict[Name, Annotated[str, AfterValidator(printable)]], Field(min_length=1, max_length=30)] = (
        Field(
            description="The metrics' dimensions. In the values {version} stands for the version that is asked about."
        )
    )


class CustomMetric(MetricPair):
    """A pair of your own. One of its dimensions must tell the versions apart."""

    @model_validator(mode="after")
    def tells_versions_apart(self) -> Self:
        """Refuse what would compare a metric with itself."""
        if not any("{version}" in value for value in self.dimensions.values()):
            raise ValueError("write {version} in the value of the dimension that tells blue from green")
        if self.name in SHARES:
            raise ValueError(f"{self.name} is the name of a built-in signal; choose another name")
        return self


LONGEST_PATTERN = 1024
"""Characters of a filter pattern, as CloudWatch Logs has it."""


def _pattern(text: str) -> str:
    if not text.strip():
        raise ValueError("a pattern without a term fits every line; write what the lines to be counted have")
    if not all(map(is_sign, text)):
        raise ValueError(f"{plain(text, 100)!r} has a character that cannot be printed; leave it out")
    return text


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PATTERN), AfterValidator(_pattern)]


class Logs(Frozen):
    """Filter patterns of CloudWatch Logs, by which lines of the versions' logs are counted."""

    bad: Pattern = Field(description="Lines that fit it are bad requests.")
    requests: Pattern | None = Field(
        None, description="Lines that fit it are requests. Without it Lambda's Invocations are."
    )

    @property
    def patterns(self) -> dict[str, str]:
        """By field."""
        return {"bad": self.bad} | ({"requests": self.requests} if self.requests else {})


WRITTEN_BY_FUNCTIONS = "BlueGreen/Functions"
"""The namespace of the metrics that a function writes for `http` and `batch`."""


def _written(name: str, function: str, requests: str, bad: str) -> MetricPair:
    dimensions = {"FunctionName": function, "Version": "{version}"}
    return MetricPair(name=name, namespace=WRITTEN_BY_FUNCTIONS, requests=requests, bad=bad, dimensions=dimensions)


class Health(Frozen):
    """Settings of the watch."""

    period_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = Field(
        60, description="Metrics come in buckets of so many seconds: 1, 5, 10, 30 or a multiple of 60."
    )
    delay_seconds: Annotated[Whole, Field(ge=0, le=900)] = Field(
        120,
        description="How long after its end a bucket is believed. Lambda publishes minutes about two minutes late.",
    )
    false_alarm: Fraction = Field(
        0.01,
        description="The highest probability, over a whole deployment, that a green no worse than blue is found worse.",
    )
    margin: Fraction = Field(
        0.01, description="By how much green's rate of bad requests may exceed blue's and still be fine; 0.01 is 1 %."
    )
    icc: Annotated[Real, Field(ge=0, lt=1), AfterValidator(lambda icc: round(icc, 12))] | None = Field(
        None, description="How alike the requests of one bucket fail; learnt from the last three hours unless given."
    )
    slow_ms: SlowMs | None = Field(
        "learn",
        description='Invocations that take longer are bad. "learn" takes blue\'s own 95th percentile of the last three '
        "hours; without the field that is watched in a dry run. null does not watch them.",
    )
    http: StrictBool = Field(
        False, description="Replies with a statusCode of 500 and more are bad. The function writes them as a metric."
    )
    batch: StrictBool = Field(
        False, description="Failed items of batches are bad. The function writes them as a metric."
    )
    logs: Logs | None = Field(None, description="Lines of the versions' logs are counted.")
    max_bake_seconds: Annotated[Whole, Field(gt=0, le=48 * 3600)] | None = Field(
        None,
        description="How long one bake may last while there is not enough evidence; under Adaptive all of them "
        "together (3600 unless given).",
    )
    no_traffic: NoTraffic = Field(
        "proceed",
        description="What becomes of a green without requests. Without the field it is probe if the request has smoke "
        "tests, else proceed.",
    )
    when_suspected: WhenSuspected = Field(
        "roll_back",
        description="What becomes of a green that is to get everything while the odds against it are 10 to 1 or more "
        "and no proof.",
    )
    promote_by_seconds: Annotated[Whole, Field(ge=300, le=48 * 3600)] | None = Field(
        None, description="Adaptive gives green everything by then, unless the odds that it is worse are above even."
    )
    unmeasured_looks: Annotated[Whole, Field(ge=0, le=100)] = Field(
        5, description="So many looks in a row without metrics are tolerated; then cannot_measure decides."
    )
    cannot_measure: Literal["roll_back", "proceed"] = Field(
        "roll_back", description="What becomes of a green that cannot be measured for longer than that."
    )
    alarms: Annotated[tuple[Name, ...], Field(max_length=100)] = Field(
        (),
        description="Alarms that roll back when they are in ALARM, unless they were before the deployment and have not "
        "been OK since.",
    )
    metrics: Annotated[tuple[CustomMetric, ...], Field(max_length=10)] = Field(
        (), description="Pairs of CloudWatch metrics of your own."
    )
    dry_run: tuple[str, ...] = Field((SLOW,), description="Signals that are watched and reported, and never act.")
    log_errors: LogErrors = Field(
        "message",
        description="What a rollback tells of the error that green's log has most often: its type and message, its "
        'type alone, or nothing ("off": the log is not read).',
    )

    @model_validator(mode="before")
    @classmethod
    def slow_requests_act_if_the_request_says_how(cls, given: Any) -> Any:
        """Without `slow_ms` they are in the dry run. A request that says nothing of either stays as it is."""
        if not isinstance(given, dict):
            return given
        if "slow_ms" in given:
            return {"dry_run": ()} | given
        dry = given.get("dry_run", (SLOW,))
        return given | {"dry_run": (*dry, SLOW)} if isinstance(dry, list | tuple) and SLOW not in dry else given

    @field_validator("period_seconds")
    @classmethod
    def a_period_of_cloudwatch(cls, seconds: int) -> int:
        """CloudWatch aggregates over these periods only."""
        if seconds in HIGH_RESOLUTION_PERIODS or seconds % 60 == 0:
            return seconds
        raise ValueError(f"{seconds} is no period of CloudWatch; write 1, 5, 10, 30 or a multiple of 60")

    @model_validator(mode="after")
    def signals_exist(self) -> Self:
        """Refuse a dry run of something that is not watched."""
        unknown = set(self.dry_run) - set(SHARES) - {metric.name for metric in self.metrics}
        if unknown:
            watched = ", ".join([*SHARES, *(metric.name for metric in self.metrics)])
            named = plain(", ".join(sorted(unknown)))
            raise ValueError(f"dry_run names {named}; the signals are {watched}")
        return self

    @model_validator(mode="after")
    def waiting_ends(self) -> Self:
        """Refuse to wait for ever."""
        if self.no_traffic == "wait" and self.max_bake_seconds is None:
            raise ValueError("no_traffic is wait, so say how long: write max_bake_seconds")
        return self

    def pairs(self, function: str) -> tuple[MetricPair, ...]:
        """The metrics that this function writes and that are watched."""
        asked = (
            (self.http, _written("http", function, "Replies", "ServerErrors")),
            (self.batch, _written("batch", function, "BatchItems", "BatchItemFailures")),
        )
        return (*(pair for wanted, pair in asked if wanted), *self.metrics)

    @property
    def sight_seconds(self) -> int:
        """From the first shift until a whole period of green's traffic is over and published, at the latest."""
        return 2 * self.period_seconds + self.delay_seconds

    def policy(self, icc: float) -> Policy:
        """What is promised and tolerated, for the verdict; `icc` is what was learnt of it."""
        return Policy(
            false_alarm=self.false_alarm,
            icc=icc if self.icc is None else self.icc,
            tolerance=Tolerance(margin=self.margin),
            dry_run=frozenset(self.dry_run),
        )
