"""The pictures: that each shows its committed machine, all of it, and that any machine like them can be drawn."""

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from statemachine.__main__ import PICTURES, picture
from statemachine.picture import Picture, draw

SVG = "{http://www.w3.org/2000/svg}"

each_picture = pytest.mark.parametrize("file", PICTURES, ids=[file.stem for file in PICTURES])


def machine(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PICTURES[file].read_text())
    return found


def names(svg: str, kind: str = "name") -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.get("class") == kind]


@each_picture
def test_the_committed_picture_is_of_the_committed_machine(file: Path) -> None:
    assert file.read_text() == picture(file), "run `python -m statemachine`"


@each_picture
def test_every_state_is_drawn_once(file: Path) -> None:
    assert sorted(names(picture(file))) == sorted(machine(file)["States"])


@each_picture
def test_every_answer_of_a_question_is_drawn(file: Path) -> None:
    choices = [state for state in machine(file)["States"].values() if state["Type"] == "Choice"]
    answers = [rule["StringEquals"].replace("_", " ") for choice in choices for rule in choice["Choices"]]

    assert sorted(set(answers) - set(names(picture(file), "label"))) == []


@each_picture
def test_no_two_states_lie_on_each_other(file: Path) -> None:
    boxes = Picture(machine(file)).boxes.values()

    for one, other in combinations(boxes, 2):
        beside = one.right < other.left or other.right < one.left
        assert beside or one.bottom < other.top or other.bottom < one.top, f"{one.name} and {other.name}"


@each_picture
def test_all_of_it_is_inside_the_frame(file: Path) -> None:
    root = ElementTree.fromstring(picture(file))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    numbers = [re.findall(r"[-\d.]+", path.attrib["d"]) for path in root.findall(f"{SVG}path")]

    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for each in numbers for x, y in pairs(each))
    assert all(box.left >= 0 and box.right <= width for box in Picture(machine(file)).boxes.values())


def pairs(numbers: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(numbers))[::2]


def test_a_machine_may_be_as_small_as_one_state() -> None:
    small = {"Comment": "Does a thing.", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}

    assert names(draw(small)) == ["Done"]


def test_names_and_comments_are_text_not_markup() -> None:
    state = {"Type": "Succeed", "Comment": "a < b & c."}

    assert names(draw({"Comment": "<>", "StartAt": "A&B", "States": {"A&B": state}})) == ["A&B"]
