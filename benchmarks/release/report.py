"""What releases cost by their size, as a page for people and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

from pydantic import TypeAdapter

from benchmarks.deployment.prices import Dollars
from benchmarks.release.counts import Counts

MEGABYTE = 1024 * 1024
FEWEST = 10
"""From so many functions on, what a release costs once is no large part of its price."""

TITLE = """# What a release costs

Written by `make bench-release`; the same figures are in [release-costs.json](release-costs.json). Measured in process,
not on AWS: the committed state machines are walked with the real handlers by a clock that jumps. Updates take two
seconds, metrics come a minute late, and calls take no time. A release has new code for every function, no smoke tests,
and a canary of five minutes in one wave for each 500 functions. Each function is called once a second, and was
for four hours before. The release makes ten control-plane calls a second."""

NOTES = """- **Transitions** are those that AWS bills: states entered and retries, of all executions, and one for each
  child of a Distributed Map.
- **Control-plane calls** are Lambda's, which takes 15 a second. The floor is GetAlias, UpdateFunctionCode,
  PublishVersion and an UpdateAlias for each of N shifts. Nine more calls check the function and its callers, and one
  sees it serve green before the release is committed. GetFunction, GetPolicy and Invoke have limits of their own.
- **Most in any second**: a turn that was not used in time may be used a little later, so one call more than ten may
  come in a second.
- **Dollars** are list prices of us-east-1. As in [benchmarks.md](benchmarks.md), every invocation is assumed to take a
  second besides its waits, which are counted.
- **Metrics**: CloudWatch bills each that GetMetricData is asked for. Each function is looked at by its own clock. In a
  wave of 1,000, whose shift takes 100 seconds, those that are shifted first wait for the last ones, and are looked at
  once or twice more.
- **Waits** are for updates and for turns. In a release of ten, fewer functions wait for the turns of others.
- **The least possible time** is that of all control-plane calls at ten a second, and of the bakes.
- **Memory** is what Python allocates during one invocation, beside the imported modules and with what the tests' AWS
  allocates for its calls. Every third invocation of each state of the release is traced; states that work on one
  function are not.
- **Users are back** once the last alias is at blue alone, counted from the look that failed. In that release one
  function fails every request. It is over once every `$LATEST` has its code again: one function after the other, and
  each update takes two seconds."""

ROWS: dict[str, Callable[[Counts], str]] = {
    "state transitions": lambda each: f"{each.transitions:,}",
    "- of them retries": lambda each: f"{each.retries:,}",
    "control-plane calls a function": lambda each: f"{each.control_plane / each.functions:.2f}",
    "- the floor, 3 + N": lambda each: f"{each.floor / each.functions:.2f}",
    "- most in any second": lambda each: f"{each.most_in_a_second}",
    "GetFunction a function": lambda each: f"{each.get_function / each.functions:.2f}",
    "GetMetricData": lambda each: f"{each.metric_calls:,}",
    "- metrics asked for, a function": lambda each: f"{each.metrics / each.functions:.1f}",
    "calls of DynamoDB a function": lambda each: f"{each.dynamodb / each.functions:.1f}",
    "invocations of handlers a function": lambda each: f"{each.handlers / each.functions:.1f}",
    "- seconds that they wait, a function": lambda each: f"{each.waited_seconds / each.functions:.1f}",
    "dollars": lambda each: f"{each.dollars.total:.4f}",
    "- Step Functions": lambda each: f"{each.dollars.step_functions:.4f}",
    "- Lambda": lambda each: f"{each.dollars.lambda_:.4f}",
    "- DynamoDB": lambda each: f"{each.dollars.dynamodb:.4f}",
    "- CloudWatch": lambda each: f"{each.dollars.cloudwatch:.4f}",
    "seconds": lambda each: f"{each.seconds:,.0f}",
    "- as a multiple of the least possible": lambda each: f"{each.seconds / each.paced_seconds:.3f}",
    "longest history, events of 25,000": lambda each: f"{each.events:,}",
    "largest document of a state, bytes of 262,144": lambda each: f"{each.payload_bytes:,}",
    "most memory of an invocation, MB of 512": lambda each: _of_the_largest(each.memory)[1],
    "- in the state": lambda each: _of_the_largest(each.memory)[0],
    "seconds until users are back": lambda each: f"{each.back_seconds:,.1f}",
    "- and the release is over": lambda each: f"{each.over_seconds:,.1f}",
}


def _of_the_largest(memory: Mapping[str, int]) -> tuple[str, str]:
    """The state and its megabytes, or a dash for each in a quick run."""
    state = max(memory, key=lambda name: memory[name], default=None)
    return (state, f"{memory[state] / MEGABYTE:.1f}") if state else ("-", "-")


def as_markdown(found: Sequence[Counts]) -> str:
    """One table, a column for each size, and what it says of a function more."""
    head = f"| functions | {' | '.join(f'{each.functions:,}' for each in found)} |"
    lines = [head, f"|---|{'--:|' * len(found)}"]
    lines += [f"| {name} | {' | '.join(said(each) for each in found)} |" for name, said in ROWS.items()]
    return "\n".join([TITLE, "", *lines, "", *_of_a_function_more(found), NOTES, ""])


def _of_a_function_more(found: Sequence[Counts]) -> list[str]:
    """Nothing if there are no two sizes to compare."""
    first, more = found[0], [each for each in found if each.functions >= FEWEST]
    if first.functions != 1 or len(more) < 2:
        return []
    whole = [of_one_more(first, each) for each in more]
    rest = [of_one_more(first, each, lambda dollars: dollars.total - dollars.cloudwatch) for each in more]
    sizes = " / ".join(f"{each.functions:,}" for each in more)
    return [
        f"In releases of {sizes} functions each function after the first costs {_dollars(whole)}, {_apart(whole)}. "
        f"Without CloudWatch's metrics it is {_dollars(rest)}, {_apart(rest)}.",
        "",
    ]


def of_one_more(one: Counts, many: Counts, part: Callable[[Dollars], float] = lambda dollars: dollars.total) -> float:
    """What each function after the first costs, beside a release of one."""
    return (part(many.dollars) - part(one.dollars)) / (many.functions - one.functions)


def _dollars(each: Sequence[float]) -> str:
    return f"{' / '.join(f'{one:.6f}' for one in each)} dollars"


def _apart(each: Sequence[float]) -> str:
    return f"{100 * (max(each) / min(each) - 1):.1f} % apart"


def as_json(found: Sequence[Counts]) -> str:
    """With the prices, which `from_json` leaves out."""
    priced = [{**dataclasses.asdict(each), "dollars": dataclasses.asdict(each.dollars)} for each in found]
    return json.dumps(priced, indent=2) + "\n"


def from_json(text: str) -> list[Counts]:
    """What `as_json` wrote."""
    return TypeAdapter(list[Counts]).validate_json(text)
