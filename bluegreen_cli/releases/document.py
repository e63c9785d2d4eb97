"""
A release's document as people write it for the command: local zips and folders stand where their code is to be.

An entry's artifact may be {"path": "build/shop.zip"}, relative to the document's own folder. What is sent names the
object that the command uploads, as `deploy` names it. Every mistake is found before anything is read of AWS.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bluegreen.aws.client import in_our_words
from bluegreen.decisions.release_pace import must_be_affordable
from bluegreen.errors import InvalidRequest
from bluegreen.opening.permitted import must_be_permitted
from bluegreen.request import release
from bluegreen.request.names import FunctionReference
from bluegreen.request.package import Contents
from bluegreen.request.release import Member, Release
from bluegreen.request.upload import RELEASES_BY_REQUEST
from bluegreen.target import Target
from bluegreen.text import plain
from bluegreen_cli import package
from bluegreen_cli.aws import client
from bluegreen_cli.package import Package
from bluegreen_cli.problems import NOTHING_UPLOADED_OR_STARTED, Problem, Refused, explained, unreadable
from bluegreen_cli.releases.together import each_of
from bluegreen_cli.request import LONGEST_SHOWN, THE_STACKS_BUCKET
from bluegreen_cli.stack import Stack

PATH = "path"

LARGEST_SENT = 100 * 1024
"""Bytes of a document that is sent by itself; a larger one is uploaded first."""

CHECK_IT = "`bluegreen release FILE --plan` checks it and starts nothing."
CORRECT_IT = f"Correct the file. {CHECK_IT}"


@dataclass(frozen=True)
class Local:
    """A zip or folder on this machine: its digest, its size as a zip, and the names of its files."""

    path: Path
    sha256: str
    size_bytes: int
    contents: Contents

    @classmethod
    def read(cls, path: Path) -> "Local":
        """Raises Refused if Lambda could not take it."""
        read = Package.read(path)
        return cls(path, read.sha256, read.size_bytes, read.contents)

    def content(self) -> bytes:
        """The zip. Raises Refused if it is another one by now."""
        read = Package.read(self.path)
        if read.sha256 != self.sha256:
            raise Refused(
                f"{plain(self.path)} was changed while the command ran",
                "Nothing was started; what was uploaded before is not used.",
                "Run the command again once the build is over.",
            )
        return read.content


@dataclass(frozen=True)
class Written:
    """A document that was read: where, what is to be sent, and the local code by the number of its entry, from 1."""

    origin: str
    content: dict[str, Any]
    local: dict[int, Local]

    def within(self, stack: Stack, override_freeze: str | None = None) -> "Read":
        """What it comes to in this stack. Raises Refused, with every mistake."""
        content = _in_bucket(self.content, self.local, stack.bucket)
        if override_freeze is not None:
            content = content | {"override_freeze": override_freeze}
        read = _checked(self.origin, content, stack)
        targets = {each.number: _target(read, each, stack) for each in read.members}
        wrong = list(_not_permitted(read, targets, stack))
        if wrong:
            raise refused(self.origin, wrong)
        return Read(self.origin, content, self.local, read, targets)


@dataclass(frozen=True)
class Read:
    """A document as this stack takes it; `targets` are those of the functions, by their numbers."""

    origin: str
    content: dict[str, Any]
    local: dict[int, Local]
    release: Release
    targets: dict[int, Target]

    def uploaded(self, stack: Stack) -> dict[str, Any]:
        """Upload what is local, and what is to be sent then: the document, or the place of a large one."""
        self._upload_code(stack)
        encoded = json.dumps(self.content, ensure_ascii=False).encode()
        if len(encoded) <= LARGEST_SENT:
            return self.content
        name = re.sub(r"[^A-Za-z0-9_-]", "-", Path(self.origin).stem)[:40]
        key = f"{RELEASES_BY_REQUEST}{name}-{hashlib.sha256(encoded).hexdigest()[:24]}.json"
        return {"release": _put(stack, key, encoded)}

    def _upload_code(self, stack: Stack) -> None:
        """
        Each zip once for each function, in however many targets that is.

        An object's own version is named, so a later upload changes nothing.
        """
        entries = self.content["functions"]
        numbers: dict[str, list[int]] = {}
        for number in self.local:
            numbers.setdefault(entries[number - 1]["artifact"]["key"], []).append(number)

        def upload(key: str) -> None:
            placed = _put(stack, key, self.local[numbers[key][0]].content())
            for number in numbers[key]:
                entries[number - 1]["artifact"] |= placed

        for done in each_of(numbers, upload):
            click.echo(f"uploaded {done} of {len(numbers)}", err=True)


def read(path: str) -> Written:
    """Read a file. Raises Refused, with every mistake that can be found without AWS."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Refused(unreadable(path, error), NOTHING_UPLOADED_OR_STARTED, "Correct the path.") from error
    try:
        content = release.parsed(text)
    except InvalidRequest as error:
        raise refused(path, [str(error)]) from error
    wrong: list[str] = []
    local: dict[int, Local] = {}
    if isinstance(content, dict):
        wrong, local = _local_code(content, file.parent)
        content = _in_bucket(content, local, THE_STACKS_BUCKET)
    wrong += release.complaints(content)
    if wrong:
        raise refused(path, wrong)
    return Written(path, content, local)


def refused(origin: str, wrong: list[str]) -> Refused:
    """Everything that is wrong with a document, a line each."""
    number = "1 mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
    return Refused(f"{plain(origin)} has {number}", NOTHING_UPLOADED_OR_STARTED, CORRECT_IT, wrong)


def _local_code(content: dict[str, Any], folder: Path) -> tuple[list[str], dict[int, Local]]:
    """What is wrong with the paths, and what they lead to."""
    wrong: list[str] = []
    local: dict[int, Local] = {}
    known: dict[str, Local | Problem] = {}
    for number, path in _paths(content):
        if not path:
            wrong.append(f"{_at(content, number)}: it is empty; write a zip or a folder, relative to this document")
            continue
        if path not in known:
            try:
                known[path] = Local.read(folder / path)
            except Problem as problem:
                known[path] = problem
        found = known[path]
        if isinstance(found, Local):
            local[number] = found
        else:
            advice = f"{found.advice[:1].lower()}{found.advice[1:]}".removesuffix(".")
            wrong.append(f"{_at(content, number)}: {found.what.removeprefix('artifact: ')}; {advice}")
    return wrong, local


def _at(content: dict[str, Any], number: int) -> str:
    """Where a path stands, with the function's name, as other complaints have it."""
    function = content["functions"][number - 1].get("function")
    named = f" ({plain(function, LONGEST_SHOWN)})" if isinstance(function, str) else ""
    return f"functions.{number - 1}.artifact.path{named}"


def _paths(content: dict[str, Any]) -> Iterator[tuple[int, str]]:
    entries = content.get("functions")
    for number, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        artifact = entry.get("artifact") if isinstance(entry, dict) else None
        if isinstance(artifact, dict) and [*artifact] == [PATH] and isinstance(artifact[PATH], str):
            yield number, artifact[PATH]


def _in_bucket(content: dict[str, Any], local: dict[int, Local], bucket: str) -> dict[str, Any]:
    """With the objects that will be uploaded. A path that leads nowhere is told already: any artifact stands for it."""
    paths = dict(_paths(content))
    entries = content.get("functions")
    if (not local and not paths) or not isinstance(entries, list):
        return content
    found = list(entries)
    for number in {*local, *paths}:
        entry = found[number - 1]
        code = local.get(number)
        placed = package.artifact(code.sha256, bucket, _folder(entry.get("function"))) if code else {"version": "1"}
        found[number - 1] = entry | {"artifact": placed}
    return content | {"functions": found}


def _folder(function: Any) -> str:
    """A name that is wrong is refused as such, and not for the key that it would make."""
    reference = FunctionReference.read(function) if isinstance(function, str) else None
    return reference.name if reference else re.sub(r"[^A-Za-z0-9_-]", "-", str(function)) or "-"


def _checked(origin: str, content: dict[str, Any], stack: Stack) -> Release:
    region, account, alias = stack.region, stack.number, stack.default_alias
    if wrong := release.complaints(content, region=region, account=account, default_alias=alias):
        raise refused(origin, wrong)
    try:
        read_ = Release.read(content, region=region, account=account, default_alias=alias)
        must_be_affordable(read_, stack.default_traffic)
    except InvalidRequest as error:
        raise refused(origin, [str(error)]) from error
    return read_


def _target(read_: Release, member: Member, stack: Stack) -> Target:
    request = member.request
    if at := read_.targets.get(member.target):
        return at.target(member.target, request.function, request.alias or stack.default_alias)
    return stack.target(request.function, request.alias)


def _not_permitted(read_: Release, targets: dict[int, Target], stack: Stack) -> Iterator[str]:
    """What the stack may not deploy, as far as the document alone tells."""
    for each in read_.members:
        try:
            must_be_permitted(each.request, targets[each.number], stack.home)
        except InvalidRequest as error:
            yield f"functions.{each.number - 1} ({each.request.function}): {error}"


def _put(stack: Stack, key: str, content: bytes) -> dict[str, str]:
    """Upload an object; its place."""
    where = f"s3://{stack.bucket}/{key}"
    with explained(f"uploading to {where}", "Nothing was started; what was uploaded is not used."), in_our_words():
        answer: dict[str, Any] = client("s3").put_object(Bucket=stack.bucket, Key=key, Body=io.BytesIO(content))
    version = {"version_id": answer["VersionId"]} if "VersionId" in answer else {}
    return {"bucket": stack.bucket, "key": key} | version
