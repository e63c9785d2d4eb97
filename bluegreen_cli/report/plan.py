"""The report of a plan: what a deployment would do, when each step comes at the earliest and the latest, its cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of

from bluegreen import clock
from bluegreen.decisions.bake import HELD_SECONDS
from bluegreen.decisions.gates import moment_of
from bluegreen.decisions.pace import longest, pace_of
from bluegreen.request.gates import Hooks
from bluegreen.request.health import Health
from bluegreen.request.order import LONGEST_PAUSES_SECONDS
from bluegreen.request.traffic import Schedule
from bluegreen.text import duration, sentence
from bluegreen_cli.format import percent
from bluegreen_cli.preparations import Preparation
from bluegreen_cli.report import chart
from bluegreen_cli.report.chart import Chart, Line
from bluegreen_cli.report.markup import Html, el, section, table
from bluegreen_cli.report.page import notice, page

FARTHEST = 6
"""So many times the earliest end may the latest one be; a chart with a later one would show nothing of the steps."""


@dataclass(frozen=True)
class Due:
    """A shift of the plan: green's share, and when it comes at the earliest and at the latest, in seconds."""

    weight: float
    earliest: int
    latest: int


@dataclass(frozen=True)
class Planned:
    """
    What `bluegreen plan` found, in its own words.

    `differ` are the settings that differ. Of each step `steps` says how it bakes and is looked at, and `watch` how the
    watch changes that; Adaptive has neither. `lines` is all else. `schedule` is None if there is nothing to deploy.
    """

    target: str
    heading: str
    warnings: tuple[str, ...]
    differ: tuple[str, ...]
    schedule: Schedule | None
    health: Health
    hooks: Hooks
    prepared: tuple[Preparation, ...]
    lines: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    watch: str = ""
    cost: str = ""


def report(planned: Planned) -> str:
    """The page."""
    due = dues(planned) if planned.schedule else ()
    deploys = planned.schedule is not None
    return page(
        f"{planned.target}: a plan",
        el("p", "Lambda Blue/Green: plan of a deployment", class_="over"),
        el("h1", planned.target.rpartition(":")[0], ":", el("wbr"), planned.target.rpartition(":")[2]),
        notice(
            "still" if deploys else "good", sentence(planned.heading.removesuffix(":")), "The plan changed nothing."
        ),
        *(el("p", f"Warning: {warning}", class_="warning") for warning in planned.warnings),
        section("Steps", *_steps(planned, due), _chart(planned, due)),
        section("What it would do and know", _list((*planned.differ, *planned.lines, planned.watch))),
        section("Cost", el("p", sentence(f"{planned.cost[:1].upper()}{planned.cost[1:]}")) if planned.cost else ""),
        el("footer", el("p", f"Written at {clock.iso(clock.now())[:19]}Z by bluegreen {version_of('bluegreen')}.")),
    )


def _list(lines: Iterable[str]) -> Html:
    said = [el("li", line) for line in lines if line]
    return el("ul", *said) if said else Html()


def dues(planned: Planned) -> tuple[Due, ...]:
    """
    Every shift, counted from the moment at which green is tested.

    At the earliest each look is fine and no person is waited for. At the latest each bake is drawn out, and approvals,
    hooks and Lambda take as long as they may. Under Adaptive the two are its first weight and the whole alias.
    """
    schedule, health = planned.schedule, planned.health
    assert schedule
    before = sum(each.most_seconds for each in planned.prepared if each.what != "provisioned_concurrency")
    late = before + _gates(planned, 0.0, schedule.steps[0].weight if schedule.steps else schedule.first_weight)
    if schedule.adaptive:
        over = late + schedule.longest_seconds + (HELD_SECONDS if health.when_suspected == "hold" else 0)
        soon = min(health.sight_seconds, schedule.longest_seconds)
        return Due(schedule.first_weight, 0, late), Due(1.0, soon, over)
    found, early = [Due(schedule.steps[0].weight, 0, late)], 0
    for step, following in zip(schedule.steps, schedule.steps[1:], strict=False):
        early += step.bake_seconds
        late += longest(schedule, step) + _gates(planned, step.weight, following.weight)
        if following.weight == 1 and health.when_suspected == "hold":
            late += HELD_SECONDS
        found.append(Due(following.weight, early, late))
    return tuple(found)


def _gates(planned: Planned, before: float, after: float) -> int:
    """Seconds that hooks and people may take before a shift between these weights."""
    assert planned.schedule
    hook = planned.hooks.given.get(moment_of(before))
    approvals = planned.schedule.approvals(before, after)
    return (hook.timeout_seconds if hook else 0) + len(approvals) * planned.schedule.approval_seconds


def _steps(planned: Planned, due: Sequence[Due]) -> Iterator[Html]:
    if not due:
        return
    bakes = planned.steps or _of_adaptive(planned)
    yield table(
        ("step", "green's share", "at the earliest", "at the latest", "bake and looks"),
        (
            (number, percent(each.weight), _after(each.earliest), _after(each.latest), bake)
            for number, (each, bake) in enumerate(zip(due, bakes, strict=True), start=1)
        ),
        class_="stacked labelled signals",
    )
    yield el(
        "p",
        "Times count from the moment at which green is published and tested. At the earliest every look is fine and no "
        "person is waited for. At the latest each bake is drawn out, and approvals, hooks and Lambda take as long as "
        f"they may. Not counted: people's pauses ({duration(LONGEST_PAUSES_SECONDS)} together at most), a promote, "
        "figures that come late, and retries while AWS does not answer.",
        class_="small",
    )


def _of_adaptive(planned: Planned) -> tuple[str, str]:
    assert planned.schedule
    pace = duration(pace_of(planned.schedule, planned.health.period_seconds))
    return f"looked at every {pace} in the first hour; its share follows the evidence", "one more look"


def _chart(planned: Planned, due: Sequence[Due]) -> Html:
    """Only of steps: under Adaptive the time between the first share and the whole is not known."""
    if len(due) < 2 or not due[-1].earliest or not planned.steps:
        return Html()
    drawn_out = due[-1].latest > due[-1].earliest and due[-1].latest <= FARTHEST * due[-1].earliest
    end = (due[-1].latest if drawn_out else due[-1].earliest) * 1.05
    lines = [("at the earliest", "green", [(each.earliest, each.weight) for each in due])]
    if drawn_out:
        lines.append(("at the latest", "late", [(each.latest, each.weight) for each in due]))
    return Chart(
        title="Green's share",
        about="If green is healthy. A green that is worse is rolled back at the look that finds it.",
        lines=tuple(Line(name, style, (tuple(_stepped(shifts, end)),)) for name, style, shifts in lines),
        scale=chart.linear(1.0, percent),
        span=(0.0, end),
        said=_after,
        headings=("green's share", "at the earliest", "at the latest"),
        rows=tuple((percent(each.weight), _after(each.earliest), _after(each.latest)) for each in due),
    ).drawn("chart")


def _stepped(shifts: Sequence[tuple[float, float]], end: float) -> Iterator[tuple[float, float]]:
    before = 0.0
    yield 0.0, before
    for at, weight in shifts:
        yield at, before
        yield at, weight
        before = weight
    yield end, before


def _after(seconds: float) -> str:
    return f"+{duration(seconds)}" if seconds else "at once"
