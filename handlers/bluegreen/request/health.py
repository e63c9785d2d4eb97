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
    """
    A pair of CloudWatch metrics that the function writes: of the sum of `requests`, the sum of `bad` was bad.

    In the values of `dimensions`, `{version}` stands for the version that is asked about.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    namespace: Name
    bad: Name
    requests: Name
    dimensions: Annotated[dict[Name, Annotated[str, AfterValidator(printable)]], Field(min_length=1, max_length=30)]


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
    """
    Filter patterns of CloudWatch Logs: lines that fit `bad` are bad requests, those that fit `requests` are requests.

    Without `requests` Lambda's Invocations are the requests.
    """

    bad: Pattern
    requests: Pattern | None = None

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
    """
    Settings of the watch.

    Metrics come in buckets of `period_seconds` and are believed `delay_seconds` after a bucket ended (Lambda publishes
    minutes about two minutes late). `false_alarm` is the highest probability, over a whole deployment, that the verdict
    rolls back a green no worse than blue; `margin` is by how much its rate of bad requests may exceed blue's (a
    fraction) and still be fine; `icc` how alike the requests of one bucket are, learnt from blue's last hours unless it
    is given. `slow_ms` counts slower invocations as bad ("learn": slower than blue's own recent 95th percentile, which
    is watched in a dry run unless it is asked for). `http` counts replies with a statusCode of 500 and more, `batch`
    the failed items of batches; the function writes both as metrics. `logs` counts lines of the versions' logs.
    `max_bake_seconds` is how long one bake may last while there is not enough evidence (with `Adaptive`: all of them
    together). `when_suspected` says what becomes of a green that is to get everything while the odds against it are
    high and no proof. `promote_by_seconds` is when `Adaptive` gives it everything unless the odds are worse than even.
    `unmeasured_looks` in a row without metrics are tolerated, then `cannot_measure` decides. `alarms` in ALARM roll
    back, unless they were in ALARM before the deployment and have not been OK since. Signals of `dry_run` are watched
    and reported, and never act. `log_errors` is what a rollback tells of the error that green's log has most often: its
    type, the message too, or nothing ("off": the log is not read).
    """

    period_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = 60
    delay_seconds: Annotated[Whole, Field(ge=0, le=900)] = 120
    false_alarm: Fraction = 0.01
    margin: Fraction = 0.01
    icc: Annotated[Real, Field(ge=0, lt=1), AfterValidator(lambda icc: round(icc, 12))] | None = None
    slow_ms: SlowMs | None = "learn"
    http: StrictBool = False
    batch: StrictBool = False
    logs: Logs | None = None
    max_bake_seconds: Annotated[Whole, Field(gt=0, le=48 * 3600)] | None = None
    no_traffic: NoTraffic = "proceed"
    when_suspected: WhenSuspected = "roll_back"
    promote_by_seconds: Annotated[Whole, Field(ge=300, le=48 * 3600)] | None = None
    unmeasured_looks: Annotated[Whole, Field(ge=0, le=100)] = 5
    cannot_measure: Literal["roll_back", "proceed"] = "roll_back"
    alarms: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    metrics: Annotated[tuple[CustomMetric, ...], Field(max_length=10)] = ()
    dry_run: tuple[str, ...] = (SLOW,)
    log_errors: LogErrors = "type"

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
