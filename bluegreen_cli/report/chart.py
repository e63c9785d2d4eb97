"""
Charts as inline SVG, which fill the width that they get.

The plot's own coordinates are stretched to that width. Labels stand beside it at a percentage of the width, so they
keep their size on a phone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bluegreen_cli.report.markup import Html, el, table

WIDE, HIGH = 1000.0, 100.0
"""The plot's own coordinates."""
PIXELS, TOP = 150, 8
LANE = 15
"""The height of a row of marks' labels above the plot."""
LANES = 3
CLOSE = 0.34
"""Two labels in one row are at least so much of the width apart."""
NICE_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(hours * 3600 for hours in (2, 3, 6, 12, 24, 48, 96)),
)
TICKS = 6
DAY = 86_400


@dataclass(frozen=True)
class Scale:
    """A vertical axis: the values of its lines, how a value is written, and where a value lies from 0 to 1."""

    ticks: tuple[float, ...]
    said: Callable[[float], str]
    place: Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """
    A named line in a style of the page. Each of its `pieces` is a run of points (seconds since 1970, value).

    `filled`: the ground below it, too.
    """

    name: str
    style: str
    pieces: tuple[tuple[tuple[float, float], ...], ...]
    filled: bool = False


@dataclass(frozen=True)
class Mark:
    """A moment with a name, in seconds since 1970."""

    at: float
    said: str
    style: str = "mark"


@dataclass(frozen=True)
class Chart:
    """A chart, and the same figures as a table beside it. `limits` are values with a name and a line across."""

    title: str
    about: str
    lines: tuple[Line, ...]
    scale: Scale
    span: tuple[float, float]
    headings: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    limits: tuple[tuple[float, str], ...] = ()
    marks: tuple[Mark, ...] = field(default=())
    said: Callable[[float], str] | None = None
    """How a moment is written; by the clock, if nothing else is said."""

    def drawn(self, name: str) -> Html:
        """The figure; `name` is its id in the page."""
        labels = list(_lanes(self.marks, self._x))
        top = TOP + LANE * (1 + max((lane for _, _, lane in labels), default=-1))
        legend = [el("li", el("span", class_=f"key {line.style}"), line.name) for line in self.lines if not line.filled]
        said = f"{self.title}. {self.about} The table below has the figures."
        plot = el(
            "svg",
            el("title", said, id=f"{name}-title"),
            *self._grid(top),
            el(
                "svg",
                *(self._path(line) for line in self.lines),
                x="0",
                y=top,
                width="100%",
                height=PIXELS,
                viewBox=f"0 0 {WIDE:g} {HIGH:g}",
                preserveAspectRatio="none",
            ),
            *self._limits(top),
            *self._marks(labels, top),
            *self._ends(top),
            *self._times(top),
            class_="plot",
            height=top + PIXELS + 24,
            role="img",
            aria_labelledby=f"{name}-title",
        )
        return el(
            "figure",
            el("figcaption", el("h3", self.title), el("p", self.about, class_="quiet"), el("ul", *legend)),
            el("div", self._axis(top), plot, class_="chart"),
            el(
                "details",
                el("summary", f"{self.title}: the figures"),
                table(self.headings, self.rows, class_="figures"),
            ),
            id=name,
        )

    def _x(self, at: float) -> float:
        """From 0 to 1."""
        begin, end = self.span
        return min(1.0, max(0.0, (at - begin) / (end - begin)))

    def _y(self, value: float, top: int) -> float:
        return round(top + PIXELS * (1 - min(1.0, max(0.0, self.scale.place(value)))), 1)

    def _axis(self, top: int) -> Html:
        labels = [
            el("text", self.scale.said(tick), x="100%", dx="-6", y=self._y(tick, top) + 4, text_anchor="end")
            for tick in self.scale.ticks
        ]
        return el("svg", *labels, class_="axis", height=top + PIXELS + 24, aria_hidden="true")

    def _grid(self, top: int) -> Iterator[Html]:
        for tick in self.scale.ticks:
            y = self._y(tick, top)
            yield el("line", x1="0", x2="100%", y1=y, y2=y, class_="grid")

    def _limits(self, top: int) -> Iterator[Html]:
        for value, said in self.limits:
            y = self._y(value, top)
            yield el("line", x1="0", x2="100%", y1=y, y2=y, class_="limit")
            yield el("text", said, x="4", y=y - 5, class_="limit-said")

    def _path(self, line: Line) -> Html:
        commands = []
        for piece in line.pieces:
            points = [(WIDE * self._x(at), HIGH * (1 - min(1.0, max(0.0, self.scale.place(v))))) for at, v in piece]
            commands.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in _without_doubles(points)))
            if line.filled:
                commands[-1] += f"L{points[-1][0]:.1f} {HIGH:g}L{points[0][0]:.1f} {HIGH:g}Z"
        style = f"{line.style} filled" if line.filled else line.style
        return el("path", d=Html("".join(commands)), class_=style, vector_effect="non-scaling-stroke")

    def _ends(self, top: int) -> Iterator[Html]:
        """A dot where a line ends, which shows one that has a single point, too."""
        for line in self.lines:
            if line.pieces and not line.filled:
                at, value = line.pieces[-1][-1]
                yield el("circle", cx=_share(self._x(at)), cy=self._y(value, top), r="3", class_=line.style)

    def _marks(self, labels: Sequence[tuple[Mark, float, int]], top: int) -> Iterator[Html]:
        for mark, x, lane in labels:
            y = TOP + LANE * lane + 4
            yield el("line", x1=_share(x), x2=_share(x), y1=y - 8, y2=top + PIXELS, class_=mark.style)
            late = x > 0.5
            yield el(
                "text",
                mark.said,
                x=_share(x),
                dx="-5" if late else "5",
                y=y,
                text_anchor="end" if late else "start",
                class_=f"{mark.style}-said",
            )

    def _times(self, top: int) -> Iterator[Html]:
        """A phone has room for days, or for every other moment."""
        moments = list(_moments(self.span, self.said))
        days = any(at % DAY == 0 for at, _ in moments) and self.said is None
        for number, (at, said) in enumerate(moments):
            x = self._x(at)
            anchor = "start" if x < 0.04 else "end" if x > 0.96 else "middle"
            spare = at % DAY != 0 if days else number % 2 == 1
            yield el("line", x1=_share(x), x2=_share(x), y1=top + PIXELS, y2=top + PIXELS + 4, class_="grid")
            yield el(
                "text", said, x=_share(x), y=top + PIXELS + 18, text_anchor=anchor, class_="spare" if spare else None
            )


def linear(most: float, said: Callable[[float], str]) -> Scale:
    """From 0 to a round number that is not less than `most`, which is not 0."""
    step = _round_up(most / 4)
    top = step * math.ceil(most / step - 1e-9)
    ticks = tuple(step * number for number in range(round(top / step) + 1))
    return Scale(ticks, said, lambda value: value / top)


def logarithmic(least: int, most: int, said: Callable[[float], str]) -> Scale:
    """Between two powers of ten; a value is the power, so that no odds are too large for a number."""
    step = max(1, math.ceil((most - least) / 5))
    return Scale(
        tuple(float(power) for power in range(least, most + 1, step)),
        said,
        lambda power: (power - least) / (most - least),
    )


def clock(at: float, *, seconds: bool = False) -> str:
    """The time of a moment in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S" if seconds else "%H:%M")


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def _moments(span: tuple[float, float], how: Callable[[float], str] | None) -> Iterator[tuple[float, str]]:
    begin, end = span
    step = next((each for each in NICE_SECONDS if (end - begin) / each <= TICKS), 7 * DAY)
    base = 0.0 if how is None else begin
    number = math.ceil((begin - base) / step)
    while (at := base + number * step) <= end:
        number += 1
        if how is not None:
            yield at, how(at)
        elif at % DAY == 0:
            day = datetime.fromtimestamp(at, UTC)
            yield at, f"{day.day} {day:%b}"
        else:
            yield at, clock(at, seconds=step < 60)


def _lanes(marks: Sequence[Mark], place: Callable[[float], float]) -> Iterator[tuple[Mark, float, int]]:
    """Each mark with its place and its row. Labels that would touch get rows of their own, while there are any."""
    last = [-1.0] * LANES
    for mark in sorted(marks, key=lambda each: each.at):
        x = place(mark.at)
        lane = next((lane for lane in range(LANES) if last[lane] < 0 or x - last[lane] >= CLOSE), LANES - 1)
        last[lane] = x
        yield mark, x, lane


def _without_doubles(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    before: tuple[str, str] | None = None
    for x, y in points:
        said = f"{x:.1f}", f"{y:.1f}"
        if said != before:
            yield x, y
        before = said


def _share(x: float) -> str:
    return f"{100 * x:.2f}%"
