"""
A machine as a picture, drawn from its ASL.

The main line goes down: from the start along `Next`, and at a Choice along the longest way that comes back to
it, if there is one, and then along its `Default`. Everything else that a Choice does leaves the
line to the left: ends, loops, ways around. A failure that a state mends before the main line goes on leaves it to the
left, too. Every other failure leaves it to the right: neighbours that are caught by the same state share one bracket,
and what stands on a shaded ground is caught by that state, too. States that lead back to the same Choice stand one
below the other, each on a line with two tips. A way to a state that stands elsewhere ends at that state's name.
Everything is placed by these rules, so a new state finds its place by itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise, zip_longest
from typing import Any

ASL = dict[str, Any]

MARGIN = 20
SIDE_WIDTH, SPINE_WIDTH, HANDLER_WIDTH = 170, 300, 220
LEFT_GAP, RIGHT_GAP = 138, 108
GAP = 24
GUTTER = 22
REFERENCE = 40
NAME_SIZE, CAPTION_SIZE = 14, 11.5

STYLE = """
  .ground { fill: #fff; }
  text { font-family: -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .name { font-size: 14px; font-weight: 600; } .caption { font-size: 11.5px; fill: #59636e; }
  .label { font-size: 11.5px; font-style: italic; fill: #59636e; } .failure { fill: #cf222e; }
  .task { fill: #f6f8fa; stroke: #afb8c1; } .pass { fill: #fff; stroke: #afb8c1; }
  .wait { fill: #ddf4ff; stroke: #54aeff; } .choice { fill: #fff8c5; stroke: #d4a72c; }
  .succeed { fill: #dafbe1; stroke: #2da44e; } .fail { fill: #fff1e5; stroke: #e16f24; }
  .broken { fill: #ffebe9; stroke: #cf222e; } .region { fill: #cf222e; fill-opacity: .035; }
  .edge { fill: none; stroke: #6e7781; stroke-width: 1.4; } .tip { fill: #6e7781; }
  .caught { fill: none; stroke: #cf222e; stroke-width: 1.4; stroke-dasharray: 5 4; } .caught-tip { fill: #cf222e; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #e6edf3; } .caption, .label { fill: #9198a1; } .failure { fill: #ff7b72; }
    .task { fill: #161b22; stroke: #656c76; } .pass { fill: #0d1117; stroke: #656c76; }
    .wait { fill: #0c2d4d; stroke: #388bfd; } .choice { fill: #332a0b; stroke: #bb8009; }
    .succeed { fill: #0f2d1a; stroke: #3fb950; } .fail { fill: #38200d; stroke: #db6d28; }
    .broken { fill: #3c1618; stroke: #f85149; } .region { fill: #f85149; fill-opacity: .06; }
    .edge { stroke: #9198a1; } .tip { fill: #9198a1; }
    .caught { stroke: #ff7b72; } .caught-tip { fill: #ff7b72; }
  }
"""


@dataclass
class Box:
    """A state with its place; `x` and `y` are its middle."""

    name: str
    kind: str
    width: float
    caption: list[str] = field(default_factory=list)
    x: float = 0
    y: float = 0

    @property
    def height(self) -> float:
        """A diamond needs room for its corners, a card for its lines."""
        return 52 if self.kind == "choice" else 32 + 15 * len(self.caption)

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height / 2

    def draw(self) -> Iterator[str]:
        """Its shape, and its words in the middle of it."""
        if self.kind == "choice":
            points = [(self.left, self.y), (self.x, self.top), (self.right, self.y), (self.x, self.bottom)]
            yield f'<polygon class="choice" points="{" ".join(f"{x:g},{y:g}" for x, y in points)}"/>'
        else:
            radius = 16 if self.kind in ("succeed", "fail", "broken") else 6
            yield (
                f'<rect class="{self.kind}" x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" '
                f'height="{self.height:g}" rx="{radius}"/>'
            )
        first = self.y + 5 - 7.5 * len(self.caption)
        yield f'<text class="name" x="{self.x:g}" y="{first:g}" text-anchor="middle">{escape(self.name)}</text>'
        for number, line in enumerate(self.caption, 1):
            y = first + 1 + 15 * number
            yield f'<text class="caption" x="{self.x:g}" y="{y:g}" text-anchor="middle">{escape(line)}</text>'


class Elsewhere(Box):
    """Where a way goes on: the name of a state that stands in another place."""

    @property
    def height(self) -> float:
        """Of one small line."""
        return 24

    def draw(self) -> Iterator[str]:
        """A dashed frame, and the name."""
        yield (
            f'<rect class="pass" x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" height="{self.height:g}" '
            f'rx="12" stroke-dasharray="3 3"/>'
        )
        yield f'<text class="caption" x="{self.x:g}" y="{self.y + 4:g}" text-anchor="middle">{escape(self.name)}</text>'


def draw(machine: ASL) -> str:
    """The picture, as SVG."""
    return Picture(machine).svg()


class Picture:
    """A machine whose states have their places: `boxes`, by the states' names."""

    def __init__(self, machine: ASL) -> None:
        self._states: dict[str, ASL] = machine["States"]
        self._title = machine["Comment"].partition(". ")[0]
        self.boxes: dict[str, Box] = {}
        self._elsewhere: dict[tuple[str, str], Elsewhere] = {}
        self._spine = self._main_line(machine["StartAt"])
        self._place_spine()
        self._place_side()
        self._place_handlers()

    def svg(self) -> str:
        """Regions lie lowest, then edges, then states."""
        width = max(box.right for box in self.boxes.values()) + MARGIN + GUTTER
        height = max(box.bottom for box in self.boxes.values()) + MARGIN
        drawn = [*self.boxes.values(), *self._elsewhere.values()]
        body = [*self._regions(), *self._edges(), *(line for box in drawn for line in box.draw())]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
                f'width="{width:g}" height="{height:g}" role="img">',
                f"<title>{escape(self._title)}</title>",
                f"<style>{STYLE}</style>",
                "<defs>",
                _arrow("tip"),
                _arrow("caught-tip"),
                "</defs>",
                f'<rect class="ground" width="{width:g}" height="{height:g}" rx="10"/>',
                *body,
                "</svg>\n",
            ]
        )

    def _main_line(self, start: str, before: tuple[str, ...] = ()) -> list[str]:
        """From a Choice first the longest way that leads back to it, if there is one, then where it leads otherwise."""
        line: list[str] = []
        following: str | None = start
        while following is not None and following not in (*before, *line):
            line.append(following)
            state = self._states[following]
            following = state.get("Next")
            if state["Type"] == "Choice":
                so_far = (*before, *line)
                answers: list[list[str]] = [self._main_line(way, so_far) for way in self._answered(line[-1])]
                rest = self._main_line(state["Default"], so_far)
                loops = [way for way in answers if way and self._states[way[-1]].get("Next") == line[-1]]
                return [*line, *max(loops, key=len, default=[]), *rest]
        return line

    def _answered(self, choice: str) -> list[str]:
        return [rule["Next"] for rule in self._states[choice].get("Choices", [])]

    def _place_spine(self) -> None:
        x = MARGIN + SIDE_WIDTH + LEFT_GAP + SPINE_WIDTH / 2
        y: float = MARGIN + 26
        for name in self._spine:
            box = self._box(name, SPINE_WIDTH)
            box.x, box.y = x, y + box.height / 2
            y = box.bottom + GAP

    @property
    def _side(self) -> float:
        """The middle of what stands left."""
        return MARGIN + SIDE_WIDTH / 2

    def _place_side(self) -> None:
        """Left of the main line: an end beside its Choice, a mending state beside the state whose failure it mends."""
        x = self._side
        for name, mending in self._mended():
            box = self._box(mending, SIDE_WIDTH)
            box.x, box.y = x, self.boxes[name].y
        for choice, targets in self._beside().items():
            if len(self._loops(choice, targets)) > 1:
                self._stack(choice, targets)
                continue
            for target in targets:
                box = self._box(target, SIDE_WIDTH)
                back = self._states[target].get("Next", choice)
                box.x = x
                box.y = self.boxes[choice].y + (self.boxes[back].y - self.boxes[choice].y) / 4
        for choice in self._spine:
            self._refer(choice, [target for _, target in self._ways(choice) if self._stands_elsewhere(choice, target)])

    def _beside(self) -> dict[str, list[str]]:
        """By the Choices of the main line: the states that stand left of each."""
        found: dict[str, list[str]] = {}
        for choice, _, target in self._otherwise():
            if target not in self._spine and not self._stands_elsewhere(choice, target):
                found.setdefault(choice, []).append(target)
        return found

    def _stands_elsewhere(self, choice: str, target: str) -> bool:
        """It catches failures, or it leads back to another Choice of the main line."""
        following = self._states[target].get("Next")
        leads_back = following in self._spine and target in self._answered(following)
        return target in self._caught() or (leads_back and following != choice)

    def _loops(self, choice: str, targets: list[str]) -> list[str]:
        return [target for target in targets if self._states[target].get("Next") == choice]

    def _stack(self, choice: str, targets: list[str]) -> None:
        """One below the other, in the middle those that lead back; the end of the main line comes after them."""
        stacked = [self._box(target, SIDE_WIDTH) for target in targets]
        height = sum(box.height for box in stacked) + GAP * (len(stacked) - 1)
        above = max((box.bottom for box in self.boxes.values() if box.x <= self._side and box.y), default=0) + GAP
        top = max(above, self.boxes[choice].y - height / 2)
        for box in stacked:
            box.x, box.y = self._side, top + box.height / 2
            top = box.bottom + GAP
        last = self.boxes[self._spine[-1]]
        last.y = max(last.y, top + last.height / 2)

    def _refer(self, choice: str, targets: list[str]) -> None:
        above = self.boxes[choice].y - REFERENCE * (len(targets) - 1) / 2
        for number, target in enumerate(targets):
            self._elsewhere[choice, target] = _elsewhere(target, MARGIN + SIDE_WIDTH, above + REFERENCE * number)

    def _place_handlers(self) -> None:
        """Right of the main line: who catches stands in the middle of what it catches, its ends below."""
        x = MARGIN + SIDE_WIDTH + LEFT_GAP + SPINE_WIDTH + RIGHT_GAP + HANDLER_WIDTH / 2
        for handler, caught in self._caught().items():
            column = [*self._column(handler)]
            first, last = self.boxes[caught[0]], self.boxes[caught[-1]]
            height = sum(box.height for box in column) + GAP * (len(column) - 1)
            top = first.top if first is last else (first.top + last.bottom - height) / 2
            for box in column:
                box.x, box.y = x, top + box.height / 2
                top = box.bottom + GAP

    def _column(self, handler: str) -> Iterator[Box]:
        """The handler, the Choice that follows if one does, and the ends, from above to below."""
        yield self._box(handler, HANDLER_WIDTH)
        for name in self._ways_out(handler):
            yield self._box(name, HANDLER_WIDTH)
            for target in self._ends_of(name):
                if target in self.boxes:
                    self._elsewhere[name, target] = _elsewhere(target)
                    yield self._elsewhere[name, target]
                else:
                    yield self._box(target, HANDLER_WIDTH)

    def _ways_out(self, name: str) -> list[str]:
        state = self._states[name]
        following = [state["Next"]] if "Next" in state else []
        return [*following, *(catch["Next"] for catch in state.get("Catch", []))]

    def _ends_of(self, choice: str) -> list[str]:
        """Where a Choice that follows a handler leads, but not back to the handler: the default first."""
        state = self._states[choice]
        ways = [state["Default"], *self._answered(choice)] if "Default" in state else []
        return [way for way in ways if self._states[way].get("Next") != choice]

    def _box(self, name: str, width: float) -> Box:
        state = self._states[name]
        kind = str(state["Type"]).lower()
        if kind == "fail" and any(
            name == catch["Next"] for each in self._states.values() for catch in each.get("Catch", [])
        ):
            kind = "broken"
        if kind == "choice":
            return self.boxes.setdefault(name, Box(name, kind, _width(name, NAME_SIZE) + 76))
        return self.boxes.setdefault(name, Box(name, kind, width, _wrapped(state.get("Comment", ""), width - 24)))

    def _otherwise(self) -> Iterator[tuple[str, str, str]]:
        """What leads from the main line elsewhere than to its next state: from where, at which word, whereto."""
        for name, below in zip_longest(self._spine, self._spine[1:]):
            for word, target in self._ways(name):
                if target != below:
                    yield name, word, target

    def _ways(self, name: str) -> Iterator[tuple[str, str]]:
        """Where a state leads, each with the word that is said of it."""
        state = self._states[name]
        for rule in state.get("Choices", []):
            yield str(rule.get("StringEquals", "")).replace("_", " "), rule["Next"]
        if following := state.get("Next") or state.get("Default"):
            yield "otherwise" if "Default" in state else "", following

    def _mended(self) -> Iterator[tuple[str, str]]:
        """States of the main line, and the state that mends a failure of theirs and leads back to them."""
        for name in self._spine:
            for catch in self._states[name].get("Catch", []):
                if self._states[catch["Next"]].get("Next") == name:
                    yield name, catch["Next"]

    def _caught(self) -> dict[str, list[str]]:
        """The state that catches -> the states of the main line that it catches."""
        mending = {state for _, state in self._mended()}
        caught: dict[str, list[str]] = {}
        for name in self._spine:
            for catch in self._states[name].get("Catch", []):
                if catch["Next"] not in mending:
                    caught.setdefault(catch["Next"], []).append(name)
        return caught

    def _edges(self) -> Iterator[str]:
        start = self.boxes[self._spine[0]]
        yield f'<circle class="tip" cx="{start.x:g}" cy="{start.top - GAP:g}" r="5"/>'
        yield _line([(start.x, start.top - GAP), (start.x, start.top)])
        for name, following in pairwise(self._spine):
            above, below = self.boxes[name], self.boxes[following]
            for word in (word for word, target in self._ways(name) if target == following):
                yield _line([(above.x, above.bottom), (below.x, below.top)])
                yield _label(above.x + 8, above.bottom + 15, word)
        for choice, word, target in self._otherwise():
            box = self._elsewhere.get((choice, target)) or self.boxes[target]
            beside = (box.left, "end") if target in self._spine else (box.right, "start")
            yield _label(beside[0] + (-10 if beside[1] == "end" else 10), box.y - 6, word, anchor=beside[1])
            yield from self._way_left(self.boxes[choice], box)
        for name, mending in self._mended():
            yield from self._there_and_back(self.boxes[name], self.boxes[mending])
        for handler, caught in self._caught().items():
            yield from self._way_right(caught, self.boxes[handler])
            yield from self._ways_down(handler)

    def _way_left(self, choice: Box, target: Box) -> Iterator[str]:
        following = self._states[target.name].get("Next")
        beside = self._beside().get(choice.name, [])
        if target.name in self._spine:
            x = min(choice.x, target.x) - SPINE_WIDTH / 2 - GUTTER * (1 + self._inside(choice, target))
            yield _line([(choice.left, choice.y), (x, choice.y), (x, target.y), (target.left, target.y)])
        elif isinstance(target, Elsewhere):
            x = target.right + 3 * GUTTER
            yield _line([(choice.left, choice.y), (x, choice.y), (x, target.y), (target.right, target.y)])
        elif len(self._loops(choice.name, beside)) > 1:
            yield from self._way_to_stack(choice, target, following)
        elif following is None:
            yield _line([(choice.left, choice.y), (target.right, choice.y)])
        elif following == choice.name:
            yield _line([(choice.left, choice.y), (target.right, choice.y)])
            over, down = target.top - GUTTER / 2, choice.x - GUTTER
            yield _line([(target.x, target.top), (target.x, over), (down, over), (down, choice.top + GUTTER)])
        else:
            back = self.boxes[following]
            x = target.right + GUTTER / 2
            yield _line([(choice.left, choice.y), (x, choice.y), (x, target.y), (target.right, target.y)])
            past = target.left - GUTTER / 2
            yield _line([(target.left, target.y), (past, target.y), (past, back.y), (back.left, back.y)])

    def _way_to_stack(self, choice: Box, target: Box, following: str | None) -> Iterator[str]:
        x = target.right + 3 * GUTTER
        way = [(choice.left, choice.y), (x, choice.y), (x, target.y), (target.right, target.y)]
        yield _line(way)
        if following == choice.name:
            yield _line(way[::-1])
        elif following:
            back = self.boxes[following]
            yield _line([(target.x, target.bottom), (target.x, back.y), (back.left, back.y)])

    def _there_and_back(self, failing: Box, mending: Box) -> Iterator[str]:
        above, below = failing.y - GUTTER / 3, failing.y + GUTTER / 3
        yield _line([(failing.left, above), (mending.right, above)], "caught")
        yield _line([(mending.right, below), (failing.left, below)])
        over = MARGIN / 2
        for catch in self._states[mending.name].get("Catch", []):
            end = self.boxes[catch["Next"]]
            yield _line([(mending.x, mending.top), (mending.x, over), (end.x, over), (end.x, end.top)], "caught")

    def _inside(self, choice: Box, target: Box) -> int:
        """How many loops this one goes around."""

        def within(other: tuple[str, str, str]) -> bool:
            start, end = self.boxes[other[0]], self.boxes[other[2]]
            low, high = sorted((choice.y, target.y))
            return other[2] in self._spine and low <= min(start.y, end.y) and max(start.y, end.y) <= high

        return sum(within(other) for other in self._otherwise()) - 1

    def _way_right(self, caught: list[str], handler: Box) -> Iterator[str]:
        first, last = self.boxes[caught[0]], self.boxes[caught[-1]]
        start = first.right
        if first is not last:
            start += GUTTER
            top, bottom, hook = first.top - GUTTER / 2, last.bottom + GUTTER / 2, start - GUTTER / 2
            yield _line([(hook, top), (start, top), (start, bottom), (hook, bottom)], "caught", tip=False)
        yield _line([(start, handler.y), (handler.left, handler.y)], "caught")
        yield _label((start + handler.left) / 2, handler.y - 7, "any failure", anchor="middle", more=" failure")

    def _ways_down(self, handler: str) -> Iterator[str]:
        above = self.boxes[handler]
        if following := self._states[handler].get("Next"):
            below = self.boxes[following]
            yield _line([(above.x, above.bottom), (below.x, below.top)])
            yield from self._ways_of_answers(above, below)
        for catch in self._states[handler].get("Catch", []):
            end = self.boxes[catch["Next"]]
            x = above.right + GUTTER - 4
            yield _line([(above.right, above.y), (x, above.y), (x, end.y), (end.right, end.y)], "caught")

    def _ways_of_answers(self, handler: Box, choice: Box) -> Iterator[str]:
        """Back to the handler on the right, to the first end below, to the others around it on the left."""
        first = next(iter(self._ends_of(choice.name)), None)
        for word, target in self._ways(choice.name):
            if target == handler.name:
                x = choice.right + GUTTER / 2
                yield _line([(choice.right, choice.y), (x, choice.y), (x, handler.bottom)])
                yield _label(x + 6, choice.y - 8, word)
                continue
            end = self._elsewhere.get((choice.name, target)) or self.boxes[target]
            if target == first:
                yield _line([(choice.x, choice.bottom), (end.x, end.top)])
                yield _label(choice.x + 8, choice.bottom + 15, word)
            elif choice.kind == "choice":
                x = handler.left - GUTTER / 2
                yield _line([(choice.left, choice.y), (x, choice.y), (x, end.y), (end.left, end.y)])
                yield _label(end.left + 2, end.top - 6, word)

    def _regions(self) -> Iterator[str]:
        for handler, caught in self._caught().items():
            first, last = self.boxes[caught[0]], self.boxes[caught[-1]]
            if first is not last:
                yield from self._shaded_beside(handler)
                x, y, right = first.left - GUTTER / 2, first.top - GUTTER / 2, first.right + GUTTER
                yield (
                    f'<rect class="region" x="{x:g}" y="{y:g}" width="{right - x:g}" '
                    f'height="{last.bottom + GUTTER / 2 - y:g}" rx="8"/>'
                )

    def _shaded_beside(self, handler: str) -> Iterator[str]:
        """The ground of states left of the main line whose failures the handler catches."""
        for targets in self._beside().values():
            for box in (self.boxes[target] for target in targets):
                if any(catch["Next"] == handler for catch in self._states[box.name].get("Catch", [])):
                    margin = GUTTER / 2
                    yield (
                        f'<rect class="region" x="{box.left - margin:g}" y="{box.top - margin:g}" '
                        f'width="{box.width + 2 * margin:g}" height="{box.height + 2 * margin:g}" rx="8"/>'
                    )


def _elsewhere(name: str, right: float = 0, y: float = 0) -> Elsewhere:
    width = _width(name, CAPTION_SIZE) + 24
    return Elsewhere(name, "elsewhere", width, x=right - width / 2, y=y)


def _width(text: str, size: float) -> float:
    """Near enough, without the font: capitals are wide, and so is the average of the rest."""
    return size * sum(0.68 if letter.isupper() else 0.3 if letter in "iljtf.,' " else 0.56 for letter in text)


def _wrapped(text: str, width: float) -> list[str]:
    """The first sentence, in as few lines of that width as it takes, of about the same length."""
    words = re.split(r"\.(?: |$)", text)[0].split()
    fewest = len(_lines(words, width))
    while width > 0 and len(narrower := _lines(words, width - 4)) == fewest and _fits(narrower, width - 4):
        width -= 4
    return _lines(words, width)


def _lines(words: list[str], width: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and _fits([f"{lines[-1]} {word}"], width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _fits(lines: list[str], width: float) -> bool:
    return all(_width(line, CAPTION_SIZE) <= width for line in lines)


def _line(points: list[tuple[float, float]], kind: str = "edge", *, tip: bool = True) -> str:
    """A line with round corners and an arrow at its end."""
    (x, y), *rest = points
    path = f"M{x:g} {y:g}"
    for before, corner, after in zip(points, rest, rest[1:], strict=False):
        begin, end = _towards(corner, before), _towards(corner, after)
        path += f" L{begin[0]:g} {begin[1]:g} Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}"
    end = rest[-1]
    arrow = f' marker-end="url(#{"caught-tip" if kind == "caught" else "tip"})"' if tip else ""
    return f'<path class="{kind}" d="{path} L{end[0]:g} {end[1]:g}"{arrow}/>'


def _towards(corner: tuple[float, float], point: tuple[float, float], radius: float = 8) -> tuple[float, float]:
    distance = abs(point[0] - corner[0]) + abs(point[1] - corner[1])
    share = min(radius, distance / 2) / distance
    return corner[0] + (point[0] - corner[0]) * share, corner[1] + (point[1] - corner[1]) * share


def _label(x: float, y: float, text: str, *, anchor: str = "start", more: str = "") -> str:
    return f'<text class="label{more}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _arrow(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path class="{name}" d="M0 0.5 L8 4 L0 7.5 z"/></marker>'
    )
