"""The picture for people: users harmed by a bad release, under three rules. An SVG for light and dark."""

import math
from collections.abc import Iterator
from html import escape

from benchmarks.verdict.peers import FLAGGER, RATE_5
from benchmarks.verdict.scenario import HOURS, Scenario
from benchmarks.verdict.simulation import Outcome
from benchmarks.verdict.targets import Measured
from bluegreen.request.traffic import ADAPTIVE

BLUE = 0.001
PANELS = {1.0: "Every request fails", 0.05: "One request in twenty fails"}
RULES = {
    ADAPTIVE: ("ours", "Lambda Blue/Green", 20),
    RATE_5: ("codedeploy", "CodeDeploy, 10 % for 5 minutes, alarm at 1 %", 200),
    FLAGGER: ("flagger", "Flagger, 5 failed checks of 99 %", 556),
}
"""The style of a rule, its name, and where the legend has it."""
WIDTH, MARGIN, LABELS, GAP = 830, 20, 84, 26
TOP, BAR, BETWEEN, GROUP = 116, 17, 3, 18
LEAST, MOST = 1.0, 1e7
"""Users harmed at both ends of the scale."""
VALUE = 74
"""The room for the figure behind a bar."""
STYLE = """\
  <style>
    svg { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px }
    .ground { fill: #ffffff } text { fill: #1f2328 } .quiet { fill: #59636e } .line { stroke: #d1d9e0 }
    .title { font-size: 17px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 }
    .ours { fill: #0969da } .codedeploy { fill: #d4812b } .flagger { fill: #8c7bb5 } .strong { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 } .line { stroke: #3d444d }
      .ours { fill: #4493f8 } .codedeploy { fill: #db8f3f } .flagger { fill: #a596cf }
    }
  </style>"""


def drawn(measured: Measured) -> str:
    """The picture of the grid's outcomes, as SVG."""
    traffics = sorted({cell.traffic for cell in measured.bad if cell.traffic >= 1 and cell.blue == BLUE})
    height = TOP + len(traffics) * (len(RULES) * (BAR + BETWEEN) + GROUP) + 34
    half = (WIDTH - 2 * MARGIN - LABELS - GAP) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title">',
        '  <title id="title">Users harmed by a bad release, under three rules</title>',
        STYLE,
        f'  <rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>',
        text(MARGIN, 32, f"Users harmed by a bad release within {HOURS} hours", "title"),
        *legend(),
    ]
    for number, (green, title) in enumerate(PANELS.items()):
        left = MARGIN + LABELS + number * (half + GAP)
        parts += [text(left, TOP - 14, title, "panel"), *panel(measured, traffics, green, left, half)]
        if number == 0:
            parts += [
                text(MARGIN, _top(group) + 1.5 * BAR + BETWEEN + 5, f"{traffic:,g} req/s")
                for group, traffic in enumerate(traffics)
            ]
    said = f"Simulated, one user a request, logarithmic scale. Lambda Blue/Green: {ADAPTIVE}. "
    said += f"The old version fails {100 * BLUE:g} % of its requests."
    return "\n".join([*parts, text(MARGIN, height - 16, said, "quiet"), "</svg>", ""])


def panel(measured: Measured, traffics: list[float], green: float, left: float, width: float) -> Iterator[str]:
    """The bars of one kind of failure."""
    bottom = _top(len(traffics)) - GROUP
    yield f'  <line class="line" x1="{left:.1f}" y1="{TOP - 4}" x2="{left:.1f}" y2="{bottom:.1f}"/>'
    for group, traffic in enumerate(traffics):
        for place, (rule, (style, *_)) in enumerate(RULES.items()):
            outcome = measured[rule, Scenario(traffic, BLUE, green)]
            y = _top(group) + place * (BAR + BETWEEN)
            long = length(outcome.harmed) * (width - VALUE)
            yield f'  <rect class="{style}" x="{left:.1f}" y="{y}" width="{long:.1f}" height="{BAR}" rx="2"/>'
            yield text(left + long + 6, y + BAR - 4, figure(outcome), "strong" if style == "ours" else "")


def _top(group: int) -> int:
    return TOP + group * (len(RULES) * (BAR + BETWEEN) + GROUP)


def length(harmed: float) -> float:
    """Of a bar, as a part of the longest."""
    part = math.log(max(harmed, LEAST) / LEAST) / math.log(MOST / LEAST)
    return max(0.01, min(1.0, part))


def figure(outcome: Outcome) -> str:
    """The harm with two significant figures, in words where it is large."""
    harmed = outcome.harmed
    if harmed < 10:
        return f"{harmed:.1f}"
    rounded = round(harmed, 1 - math.floor(math.log10(harmed)))
    return f"{rounded / 1e6:g} million" if rounded >= 1e6 else f"{rounded:,.0f}"


def legend() -> Iterator[str]:
    """What the colours mean."""
    for style, name, x in RULES.values():
        yield f'  <rect class="{style}" x="{x}" y="52" width="13" height="13" rx="2"/>'
        yield text(x + 19, 63, name, "strong" if style == "ours" else "")


def text(x: float, y: float, said: str, style: str = "") -> str:
    """A line of text."""
    of = f' class="{style}"' if style else ""
    return f'  <text{of} x="{x:.1f}" y="{y:.1f}">{escape(said)}</text>'
