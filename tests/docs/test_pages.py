"""The pages: their links lead somewhere, each can be found from README, and the commands that they name exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from bluegreen_cli.main import COMMANDS, cli
from tests.quickstart import quickstart

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("[a-z]*/README.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


class Link(NamedTuple):
    """A link to a file of this repository, and a heading in it."""

    file: Path
    heading: str


def links(page: Path) -> Iterator[Link]:
    for address in LINK.findall(CODE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:", address):
            name, _, heading = address.partition("#")
            yield Link((page.parent / name).resolve() if name else page, heading)


def headings(page: Path) -> set[str]:
    """As GitHub makes anchors of them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def codes(page: Path) -> list[str]:
    """What stands as code, without the comments of shell lines."""
    return [re.sub(r"(^| +)# .*$", "", code, flags=re.MULTILINE) for code in CODE.findall(page.read_text())]


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not link.file.exists()]
    no_heading = [link for link in links(page) if link.heading and link.heading not in headings(link.file)]

    assert missing == []
    assert no_heading == []


def test_every_page_can_be_found_from_the_readme() -> None:
    found, unread = {README}, [README]
    while unread:
        new = {link.file for link in links(unread.pop()) if link.file.suffix == ".md"} - found
        found |= new
        unread += new

    assert [str(page) for page in PAGES if page not in found] == []


def used(page: Path, program: str) -> list[list[str]]:
    """The words of each use of a program in the page's code, after its name."""
    uses = (re.findall(rf"(?:^|`|\$ |&& )(?:[A-Z_]+=\S+ )?{program} ([^`&\n]+)", code, re.M) for code in codes(page))
    return [use.split() for several in uses for use in several]


@each_page
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    for words in used(page, "bluegreen"):
        name = next((word for word in words if not word.startswith("-")), "")
        said = " ".join(words)
        if name in ("", "…", "COMMAND") or not name.islower():
            continue
        assert name in COMMANDS, said
        command = cli.get_command(click.Context(cli), name)
        assert command
        known = {option for each in (*command.params, *cli.params) for option in (*each.opts, *each.secondary_opts)}
        options = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert options <= {*known, "--help", "--version"}, said


@each_page
def test_every_target_of_make_that_a_page_names_exists(page: Path) -> None:
    for words in used(page, "make"):
        named = [word for word in words if re.fullmatch("[a-z-]+", word)]
        assert named[0] in TARGETS if named else True, " ".join(words)


def test_the_quickstart_can_be_pasted_into_any_shell() -> None:
    """An interactive zsh takes # for a word, and would give it to the command."""
    lines = quickstart()

    assert subprocess.run(["bash", "-n"], input=lines, text=True, check=False).returncode == 0
    assert "#" not in lines
    assert "\n. ./.sandbox.env || cat sandbox.log\n" in lines


def test_a_quickstart_whose_sandbox_did_not_start_does_not_go_on_in_an_account() -> None:
    before, _, after = quickstart().partition(". ./.sandbox.env")

    assert "\nexport AWS_ENDPOINT_URL=http://127.0.0.1:${PORT:-4566}\n" in before
    assert "\nrm -f .sandbox.env\n" in before
    assert ("bluegreen " in after, "bluegreen " in before) == (True, False)
