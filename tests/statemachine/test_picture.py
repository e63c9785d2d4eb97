"""The picture in the README: that it shows the committed machine, all of it, and draws any machine like it."""

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from typing import Any

from statemachine.__main__ import DEPLOY_ASL, PICTURE, picture
from statemachine.picture import Picture, draw

MACHINE: dict[str, Any] = json.loads(DEPLOY_ASL.read_text())
SVG = "{http://www.w3.org/2000/svg}"


def names(svg: str) -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.get("class") == "name"]


def test_the_committed_picture_is_of_the_committed_machine() -> None:
    assert PICTURE.read_text() == picture(), "run `python -m statemachine`"


def test_every_state_is_drawn_once() -> None:
    assert sorted(names(picture())) == sorted(MACHINE["States"])


def test_no_two_states_lie_on_each_other() -> None:
    boxes = Picture(MACHINE).boxes.values()

    for one, other in combinations(boxes, 2):
        beside = one.right < other.left or other.right < one.left
        assert beside or one.bottom < other.top or other.bottom < one.top, f"{one.name} and {other.name}"


def test_all_of_it_is_inside_the_frame() -> None:
    root = ElementTree.fromstring(picture())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    numbers = [re.findall(r"[-\d.]+", path.attrib["d"]) for path in root.findall(f"{SVG}path")]

    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for each in numbers for x, y in pairs(each))
    assert all(box.left >= 0 and box.right <= width for box in Picture(MACHINE).boxes.values())


def pairs(numbers: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(numbers))[::2]


def test_a_machine_may_be_as_small_as_one_state() -> None:
    small = {"Comment": "Does a thing.", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}

    assert names(draw(small)) == ["Done"]


def test_names_and_comments_are_text_not_markup() -> None:
    state = {"Type": "Succeed", "Comment": "a < b & c."}

    assert names(draw({"Comment": "<>", "StartAt": "A&B", "States": {"A&B": state}})) == ["A&B"]
