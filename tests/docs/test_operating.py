"""docs/operating.md says of every end, error and alarm what it means, who serves and what to do next."""

import json
import re
from pathlib import Path

import pytest

import open_release
from bluegreen import errors
from bluegreen.document import ENDS
from bluegreen.rollback.recovery import ABANDONED
from statemachine.__main__ import RELEASE_ASL
from statemachine.states import AWS_IS_BUSY, LAMBDA_GAVE_UP, UNREADABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text()


def subclasses(of: type[Exception]) -> list[type[Exception]]:
    return [of, *(deeper for each in of.__subclasses__() for deeper in subclasses(each))]


OURS = {each.__name__ for each in subclasses(errors.DeploymentError) if each.__module__ == errors.__name__}
OF_RELEASES = {open_release.ABANDONED, "Unfinished"}
ERRORS = {*OURS, *OF_RELEASES, ABANDONED, "RollbackFailed", *AWS_IS_BUSY, *LAMBDA_GAVE_UP, UNREADABLE}
ENDS_OF_RELEASES = {
    name
    for name, state in json.loads(RELEASE_ASL.read_text())["States"].items()
    if state["Type"] in ("Succeed", "Fail")
}
ALARMS = set(re.findall(r'AlarmName: !Sub "\$\{AWS::StackName\}-([a-z-]+)"', (ROOT / "template.yaml").read_text()))


def rows(heading: str, level: str = "## ") -> dict[str, list[str]]:
    """The cells of each row in a part of the page, by each of the names in its first cell."""
    _, found, part = PAGE.partition(f"\n{level}{heading}\n")
    assert found
    part = re.split(rf"^{level}", part, flags=re.MULTILINE)[0]
    lines = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("| `")]
    named = [
        (name, [cell.strip() for cell in rest]) for first, *rest in lines for name in re.findall("`([^`]+)`", first)
    ]
    assert len(named) == len(dict(named)), "a name has two rows"
    return dict(named)


@pytest.mark.parametrize(
    ("heading", "names", "cells"),
    [
        ("Ends", {*ENDS}, 3),
        ("Ends of a release", ENDS_OF_RELEASES, 3),
        ("Errors", ERRORS, 2),
        ("Alarms", ALARMS, 2),
    ],
)
def test_each_has_a_row_that_says_everything(heading: str, names: set[str], cells: int) -> None:
    found = rows(heading)

    assert {*found} == names
    assert [name for name, said in found.items() if len(said) != cells or not all(said)] == []


def test_the_alarms_of_the_template_are_found() -> None:
    assert {"rollback-failed", "deployment-cut-short"} < ALARMS


def test_what_is_refused_stands_among_the_refusals() -> None:
    refusals = rows("Refused: nothing was touched", "### ")

    assert {"InvalidRequest", "Frozen", "DeploymentInProgress", "UploadWaits"} <= {*refusals}
