"""What was measured, as tables for people and as JSON."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from benchmarks.deployment import aborts, gates, prices, size
from benchmarks.deployment.aborts import Abort
from benchmarks.deployment.counts import METRICS_DELAY_SECONDS, UPDATE_SECONDS, USERS_PER_SECOND, Counts
from benchmarks.deployment.first_green import FirstGreen
from benchmarks.deployment.gates import Gate, Gates
from benchmarks.deployment.imports import Import
from benchmarks.deployment.invokes import Invokes
from benchmarks.deployment.size import Size

MEGABYTE = 1024 * 1024
SERVICES = ("lambda", "dynamodb", "cloudwatch", "s3", "sns", "events")


@dataclass(frozen=True)
class Imports:
    """Every handler's import, beside boto3's own in milliseconds."""

    boto3_milliseconds: float
    handlers: list[Import]


@dataclass(frozen=True)
class Measured:
    """Everything; None is what a quick run leaves out."""

    counts: list[Counts]
    memory_gb: float
    gates: Gates | None = None
    aborts: list[Abort] | None = None
    imports: Imports | None = None
    size: Size | None = None
    first_green: FirstGreen | None = None
    invokes: list[Invokes] | None = None


@dataclass(frozen=True)
class Table:
    """Its first column says what, the others how much; the note below says how that was measured."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str


def tables(measured: Measured) -> Iterator[Table]:
    """In the order in which people ask."""
    yield _uses(measured.counts)
    yield _dollars(measured.counts, measured.memory_gb)
    if measured.gates:
        yield _gates(measured.gates)
    if measured.aborts:
        yield _aborts(measured.aborts)
    if measured.first_green:
        yield _first_green(measured.first_green)
    if measured.imports:
        yield _imports(measured.imports)
    if measured.size:
        yield _size(measured.size)
    if measured.invokes:
        yield _invokes(measured.invokes)


def as_json(measured: Measured) -> str:
    """With dollars and ratios, which follow from the rest."""
    every = dataclasses.asdict(measured)
    for counts, said in zip(measured.counts, every["counts"], strict=True):
        dollars = prices.price(counts, measured.memory_gb)
        said["dollars"] = dataclasses.asdict(dollars) | {"total": dollars.total}
        said["peer_transitions"] = prices.peer_transitions(counts.shifts)
    if measured.first_green:
        every["first_green"]["ratio"] = measured.first_green.ratio
    for invokes, said in zip(measured.invokes or [], every["invokes"] or [], strict=True):
        said["ratio"] = invokes.ratio
    return json.dumps(every, indent=2) + "\n"


def from_json(text: str) -> Measured:
    """What `as_json` wrote, without what follows from the rest."""
    return TypeAdapter(Measured).validate_json(text)


def as_markdown(measured: Measured) -> str:
    """The page."""
    parts = [
        "# Costs, measured",
        "Written by `make bench`; the same figures are in [benchmarks.json](benchmarks.json).",
    ]
    for table in tables(measured):
        lines = [table.columns, ["---", *["---:"] * (len(table.columns) - 1)], *table.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"## {table.title}\n\n{body}\n\n{table.note}")
    return "\n\n".join(parts) + "\n"


def _uses(counts: list[Counts]) -> Table:
    def row(what: str, *values: object) -> list[str]:
        return [what, *map(str, values)]

    rows = [
        row("steps of traffic (N)", *(each.shifts for each in counts)),
        row("looks at the health", *(each.looks for each in counts)),
        row("state transitions", *(each.transitions for each in counts)),
        row("aws-lambda-deploy, which only shifts: 5N+2", *(prices.peer_transitions(each.shifts) for each in counts)),
        row(
            "ratio",
            *(f"{each.transitions / prices.peer_transitions(each.shifts):.2f}" for each in counts),
        ),
        row("invocations of the deployer's functions", *(each.handlers for each in counts)),
        row("invocations of the user's function, as smoke tests", *(each.invokes for each in counts)),
        row("calls of AWS", *(sum(each.calls.values()) for each in counts)),
        *(row(f"- {service}", *(each.calls.get(service, 0) for each in counts)) for service in SERVICES),
        row("of Lambda's, in its bucket of 15 a second", *(each.control_plane for each in counts)),
        row("of Lambda's, GetFunction", *(each.get_function for each in counts)),
        row("of DynamoDB's, for turns to call Lambda", *(each.pace for each in counts)),
        row("events of the execution's history", *(each.events for each in counts)),
        row("KB of that history", *(f"{each.history_bytes / 1024:.0f}" for each in counts)),
    ]
    return Table(
        "What a deployment uses",
        ["", *(each.traffic for each in counts)],
        rows,
        "Counted while the committed machine runs in process with the real handlers, from the start of the "
        f"execution to `Deployed`: transitions are the states entered, and retries. "
        f"{USERS_PER_SECOND} requests a second, updates of {UPDATE_SECONDS:g} s, metrics {METRICS_DELAY_SECONDS:g} s "
        "late; for two days there are two requests in ten minutes. An upload adds one invocation, of `ReceiveUpload`.",
    )


def _dollars(counts: list[Counts], gb: float) -> Table:
    bills = [prices.price(each, gb) for each in counts]
    peers = [prices.peer_transitions(each.shifts) * prices.PER_TRANSITION for each in counts]

    def row(what: str, dollars: list[float]) -> list[str]:
        return [what, *(f"{each:.6f}" for each in dollars)]

    waited = ", ".join(f"{each.waited_seconds:g}" for each in counts)
    return Table(
        "Dollars a deployment, at list price",
        ["", *(each.traffic for each in counts)],
        [
            row("Step Functions", [bill.step_functions for bill in bills]),
            row("Lambda", [bill.lambda_ for bill in bills]),
            row("DynamoDB", [bill.dynamodb for bill in bills]),
            row("CloudWatch", [bill.cloudwatch for bill in bills]),
            row("together", [bill.total for bill in bills]),
            ["deployments for a dollar", *(f"{1 / bill.total:,.0f}" for bill in bills)],
            row("aws-lambda-deploy, its transitions alone", peers),
        ],
        "us-east-1, no free tier: $0.025 for 1,000 transitions (Standard), $0.20 for a million requests and "
        "$0.0000133334 for a GB-second of Lambda on arm64 with the template's "
        f"{gb * 1024:g} MB, $0.625 and $0.125 for a million write and read units of DynamoDB on demand, $0.01 for "
        f"1,000 metrics of GetMetricData. Each invocation is assumed to take {prices.BUSY_SECONDS:g} s, and the "
        f"handlers' waits for Lambda are added as counted ({waited} s). Logs, traces, S3, SNS and the user's own "
        "function are not in it.",
    )


def _gates(found: Gates) -> Table:
    without = found.without

    def row(gate: Gate) -> list[str]:
        return [
            gate.what,
            gate.ends,
            f"{gate.transitions - without.transitions:+d}",
            f"{gate.transitions / without.transitions:.2f}",
            f"{gate.events - without.events:+d}",
            f"{gate.handlers - without.handlers:+d}",
            f"{gate.calls - without.calls:+d}",
        ]

    return Table(
        f"What each gate and each order adds to {gates.CANARY}",
        ["", "ends", "state transitions", "ratio", "events", "invocations", "calls of AWS"],
        [
            [
                without.what,
                without.ends,
                str(without.transitions),
                "1.00",
                *(str(each) for each in (without.events, without.handlers, without.calls)),
            ],
            *map(row, found.gates),
        ],
        "Counted as above. The first row is the whole deployment, and the others are the difference from it. "
        "Invocations are of the deployer's functions, with one of `ServeApi` for each decision or order, and one of "
        "`RecoverDeployments` for an abort. The ratio is of the transitions. The approval before the first shift comes "
        "60 s after the start. The approval of the later step comes before the second look that finds it missing. The "
        "pause begins after 70 s. Looks are 120 s apart during a pause, so this one adds minutes and no look.",
    )


def _aborts(found: list[Abort]) -> Table:
    def row(abort: Abort) -> list[str]:
        left, rounds = abort.that_left_blue, len(abort.rounds)
        some = f" ({len(left.rounds)} of {rounds})" if len(left.rounds) < rounds else ""
        return [
            abort.what,
            f"{abort.median('green_percent'):g} %",
            f"{abort.median('to_answer'):.2f}",
            f"{left.median('to_blue'):.2f}{some}" if left.rounds else "never left",
            f"{left.median('calls_to_blue'):g}" if left.rounds else "0",
            f"{abort.median('to_end'):.2f}",
            f"{abort.median('calls_to_end'):g}",
        ]

    return Table(
        "From `abort` to everybody on blue",
        ["state", "green's share", "s to the answer", "s to blue", "calls to blue", "s to the end", "calls to the end"],
        [row(each) for each in found],
        f"Medians of {len(found[0].rounds)} rounds in the sandbox with the deployed stack, since the order was sent to "
        'the HTTP API. Blue is when GetAlias shows it alone for good, and "never left" is where no look found another '
        "version. The end is the record's. Calls are those in Lambda's bucket of 15 a second, which the sandbox "
        "counted of the deployer's functions: of `RecoverDeployments`, and of the state that still ran. An update of "
        "the function takes 0.5 s. In `AwaitApproval`, `RunHook` and `Bake` the order comes "
        f"{aborts.IN_THE_MIDDLE_SECONDS:g} s after the state began. The first call of `CompleteDeployment` is held for "
        f"{aborts.HELD_SECONDS:g} s, since the state would be over before the order.",
    )


def _first_green(found: FirstGreen) -> Table:
    def row(what: str, seconds: list[float]) -> list[str]:
        return [what, f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f} to {max(seconds):.2f}"]

    return Table(
        "From the upload to the first green request, bakes aside",
        ["seconds", "median", f"of {len(found.deployed)} rounds"],
        [
            row("by a deployment (AllAtOnce, by upload)", found.deployed),
            row("by hand (update, publish, flip)", found.by_hand),
            ["ratio", f"{found.ratio:.2f}", ""],
        ],
        "In the sandbox with the deployed stack, where an update takes 0.5 s and a version is Active at once; callers "
        "ask all the while. By hand is without lock, record, smoke tests and checks.",
    )


def _imports(found: Imports) -> Table:
    slowest_first = sorted(found.handlers, key=lambda each: -each.ratio)
    return Table(
        "Import of each handler, beside boto3 alone",
        ["handler", "ms", "times boto3"],
        [
            ["boto3 alone", f"{found.boto3_milliseconds:.0f}", "1.00"],
            *([f"`{each.handler}`", f"{each.milliseconds:.0f}", f"{each.ratio:.2f}"] for each in slowest_first),
        ],
        "Medians of fresh interpreters on this machine, in turn; only the ratio means anything elsewhere.",
    )


def _size(found: Size) -> Table:
    def row(what: str, bytes_: int, limit: int) -> list[str]:
        return [what, f"{bytes_ / MEGABYTE:.2f}", f"{bytes_ / limit:.1%}"]

    return Table(
        "Size of the artifact",
        ["MB", "size", "of Lambda's limit"],
        [
            row("zipped", found.zipped, size.LIMIT_ZIPPED),
            row("unzipped", found.unzipped, size.LIMIT_UNZIPPED),
            row("of that our own code", found.ours, size.LIMIT_UNZIPPED),
        ],
        f"Built for Lambda's platform as `sam build` does it: {found.files} files, the same for every function.",
    )


def _invokes(found: list[Invokes]) -> Table:
    return Table(
        "Warm invokes a second in the sandbox",
        ["function, callers", "sandbox", "stock MiniStack", "ratio"],
        [
            [
                f"{each.language}, {each.concurrency}",
                f"{each.sandbox:.0f}",
                f"{each.stock:.0f}",
                f"{each.ratio:.1f}",
            ]
            for each in found
        ],
        "Both servers run, and are asked in turn by the same client. The sandbox "
        "runs with IAM on (AUTH=true), MiniStack as its package starts it by default.",
    )
