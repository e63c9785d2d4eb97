"""
Releases over two accounts with two regions each, in which users call real functions all the while.

Targets are prepared with the very commands of docs/targets.md, releases are started with `bluegreen release`, and the
embedded AWS checks each call of a target's role against target.yaml.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.server import REGION
from sandbox.testing import ACCOUNT, zipped
from tests.e2e.elsewhere import AWAY, HOME, PLACES, STRANGER, TARGET_ROLES, Elsewhere, document
from tests.e2e.installed import Installed

pytestmark = pytest.mark.xdist_group("e2e")

TILL, UNTAGGED = "till", "untagged"
"""A function of every place, and one that was not adopted."""
TARGETS = [place for place in PLACES if place != HOME]

WORKS = """
import os  # %s

def handler(event, context):
    return {"user": event.get("user"), "region": os.environ["AWS_REGION"], "arn": context.invoked_function_arn}
"""
FAILS = """
def handler(event, context):  # %s
    if event:
        raise RuntimeError("sold out")
"""
SELDOM, OFTEN = 8.0, 25.0
"""Calls a second: often where half of them are to show a bad green within seconds."""
FIRST, SECOND = WORKS % "first", WORKS % "second"
CHANGES = {
    "lambda:UpdateFunctionCode",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:InvokeFunction",
    "s3:PutObject",
}


class Releases:
    """What an operator has on their machine: zips, and documents of releases beside them."""

    def __init__(self, installed: Installed, elsewhere: Elsewhere, folder: Path) -> None:
        self._installed, self._elsewhere, self._folder = installed, elsewhere, folder

    def document(self, sources: Mapping[str, str], function: str = TILL, **more: Any) -> Path:
        """A release of the function with these sources, by places. Each source has a zip beside the document."""
        functions = []
        for place, source in sources.items():
            path = key_of(source).replace("/", "-")
            (self._folder / path).write_bytes(code(source))
            there = {"target": place} if place != HOME else {}
            functions.append({"function": function, "artifact": {"path": path}} | there)
        document = {
            "functions": functions,
            "targets": {place: self._elsewhere.targets[place] for place in sources if place != HOME},
            "defaults": {"health": {"period_seconds": 1, "delay_seconds": 2}},
        }
        file = self._folder / "friday.json"
        file.write_text(json.dumps(document | more))
        return file

    def release(self, document: Path, *options: str) -> tuple[int, dict[str, Any]]:
        """By the command: its exit code and its JSON."""
        return self._installed.forked_command("release", document, *options)


def code(source: str) -> bytes:
    """Its zip."""
    return zipped(source)


def key_of(source: str) -> str:
    """Where the copy of its zip lies in the bucket of a target."""
    return f"bluegreen/{hashlib.sha256(code(source)).hexdigest()}.zip"


@pytest.fixture(scope="module")
def elsewhere(installed: Installed) -> Elsewhere:
    elsewhere = Elsewhere(installed)
    elsewhere.prepare()
    elsewhere.create(TILL, code(WORKS % "blue"), [*PLACES])
    return elsewhere


@pytest.fixture
def releases(installed: Installed, elsewhere: Elsewhere, tmp_path: Path) -> Releases:
    return Releases(installed, elsewhere, tmp_path)


def test_the_stack_was_told_the_names_that_the_roles_have(elsewhere: Elsewhere) -> None:
    assert [elsewhere.targets[place]["role"] for place in TARGETS] == TARGET_ROLES.split(",")


def test_the_document_of_the_page_can_be_released(releases: Releases, elsewhere: Elsewhere, tmp_path: Path) -> None:
    us = elsewhere.targets["us"]
    here = {"eu-west-1": us["region"], "ROLE_ARN": us["role"], "BUCKET_NAME": us["bucket"], "Shop": TILL, "build/": ""}
    written = document()
    for word, meant in here.items():
        written = written.replace(word, meant)
    (tmp_path / "friday.json").write_text(written)
    (tmp_path / "shop.zip").write_bytes(code(FIRST))

    exit_code, planned = releases.release(tmp_path / "friday.json", "--plan")

    assert exit_code == 0, planned
    assert [(each.get("target"), each["wave"]) for each in planned["functions"]] == [(None, 2), ("eu", 1)]


def test_a_release_goes_region_by_region_and_gives_every_alias_its_green(
    releases: Releases, elsewhere: Elsewhere
) -> None:
    waves = [{"target": "away-us"}, {"target": "us"}, {}]
    asked = releases.document(dict.fromkeys(PLACES, FIRST), waves=waves, traffic="AllAtOnce")
    _, planned = releases.release(asked, "--plan")

    moved = elsewhere.moves()
    with elsewhere.called(TILL, dict.fromkeys(PLACES, SELDOM)) as users:
        exit_code, told = releases.release(asked)

    assert (exit_code, told["end"]) == (0, "Released"), told
    assert elsewhere.serving(TILL) == dict.fromkeys(PLACES, FIRST)
    assert [each.harmed(None) for each in users.values()] == [0] * 4
    first, second, *others = moved()
    assert (first, second, {*others}) == ("us-east-1", "us-east-1", {REGION, "at home"})
    assert [each.get("target") for each in planned["functions"]] == [None, *TARGETS]
    assert [each["wave"] for each in planned["functions"]] == [3, 2, 3, 1]
    for place in TARGETS:
        assert elsewhere.copies(place) == [(key_of(FIRST), FIRST)], place
    by_targets, by_handlers = elsewhere.asked_there()
    assert {each["session"] for each in by_targets} == {"bluegreen-bluegreen"}
    assert {each["action"] for each in by_targets if each["allowed"]} >= CHANGES
    assert {each["action"] for each in by_handlers} == {"sts:AssumeRole"}


@pytest.mark.parametrize(
    ("rollback", "good", "end", "back"),
    [("target", SECOND, (0, "Released"), ["away"]), ("all", FIRST, (1, "RolledBack"), [*PLACES])],
)
def test_a_green_that_fails_under_traffic_puts_back_its_target_or_all(
    releases: Releases, elsewhere: Elsewhere, rollback: str, good: str, end: tuple[int, str], back: list[str]
) -> None:
    before = elsewhere.serving(TILL)
    new = dict.fromkeys(PLACES, good) | {"away": FAILS % rollback}
    half = {"steps": [{"weight": 0.5, "bake_seconds": 5}]}
    asked = releases.document(new, waves=[{}], traffic=half, rollback=rollback)

    with elsewhere.called(TILL, dict.fromkeys(PLACES, SELDOM) | {"away": OFTEN}) as users:
        exit_code, told = releases.release(asked)

    assert (exit_code, told["end"]) == end, told
    assert told["failed"] == [f"functions.2 ({TILL}:PROD, {AWAY}, eu-central-1)"]
    assert elsewhere.serving(TILL) == {place: (before if place in back else new)[place] for place in PLACES}
    greens = {place: each["green"] for place, each in zip(PLACES, told["functions"], strict=True)}
    assert users["away"].failed[greens["away"]] > 0
    assert users["away"].harmed(greens["away"]) == 0
    for place in PLACES:
        if place != "away":
            assert users[place].served[greens[place]] > 0, place
            assert users[place].harmed(None) == 0, place
    for place in TARGETS:
        assert elsewhere.copies(place).count((key_of(new[place]), new[place])) == 1, place


def test_what_iam_refuses_is_told_by_its_entry_and_nothing_is_touched(releases: Releases, elsewhere: Elsewhere) -> None:
    """One function has no tag. The other's target has a role that TargetRoles does not name."""
    places = ["us", STRANGER]
    elsewhere.create(UNTAGGED, code(FIRST), places, adopted=False)
    before = [elsewhere.digests(place, UNTAGGED) for place in places]

    exit_code, told = releases.release(releases.document(dict.fromkeys(places, SECOND), UNTAGGED))

    assert (exit_code, told["end"]) == (2, "Rejected"), told
    untagged, unnamed = told["cause"].split("; functions.1 ")
    assert untagged.startswith(
        f"functions.0 ({UNTAGGED}:PROD, {ACCOUNT}, us-east-1): InvalidRequest: function: {UNTAGGED} has no tag "
        "bluegreen:managed = true, so the deployer may not change it; `bluegreen --region us-east-1 adopt "
    )
    assert unnamed.startswith(
        f"({UNTAGGED}:PROD, {AWAY}, eu-west-1): AccessDenied: targets.{STRANGER}.role: the deployer may not assume "
        f"{elsewhere.targets[STRANGER]['role']} "
    )
    assert [elsewhere.digests(place, UNTAGGED) for place in places] == before
    _, by_handlers = elsewhere.asked_there()
    assert {(each["action"], each["resource"]) for each in by_handlers if not each["allowed"]} == {
        ("sts:AssumeRole", elsewhere.targets[STRANGER]["role"])
    }


def test_the_role_of_target_yaml_touches_functions_with_the_tag_only_and_deletes_none(elsewhere: Elsewhere) -> None:
    function = "guarded"
    elsewhere.create(function, code(FIRST), [STRANGER], adopted=False)
    as_role, owner = elsewhere.as_role(STRANGER), elsewhere.client(STRANGER, "lambda")

    with pytest.raises(ClientError, match="is not authorized to perform: lambda:GetFunction"):
        as_role.get_function(FunctionName=function)
    arn = owner.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    owner.tag_resource(Resource=arn, Tags={"bluegreen:managed": "true"})
    assert as_role.get_function(FunctionName=function)["Tags"] == {"bluegreen:managed": "true"}
    with pytest.raises(ClientError, match="is not authorized to perform: lambda:DeleteFunction"):
        as_role.delete_function(FunctionName=function)
