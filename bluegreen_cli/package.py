"""The code that a command uploads: a zip, or a folder that becomes one."""

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bluegreen.request import package
from bluegreen.request.package import Contents, Unfit
from bluegreen.request.upload import place_by_request
from bluegreen.text import plain
from bluegreen_cli.problems import NOTHING_UPLOADED, Refused

LEFT_OUT = {".git", "__pycache__", ".DS_Store"}
"""They are no part of a function, and no two copies of a folder agree on them."""

THE_SAME_FOR_ALL = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A zip in memory, the path that it was read from, and the names of its files."""

    content: bytes
    origin: str
    contents: Contents

    @classmethod
    def of(cls, content: bytes, origin: str) -> Self:
        """Raises Refused if Lambda could not take it."""
        try:
            return cls(content, origin, package.read(io.BytesIO(content)))
        except Unfit as unfit:
            advice = f"{unfit.advice[0].upper()}{unfit.advice[1:]}."
            raise Refused(f"artifact: {origin} {unfit.problem}", NOTHING_UPLOADED, advice) from unfit

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises Refused if Lambda could not take it."""
        if not path.exists():
            raise Refused(
                f"artifact: there is no file or folder {path}", NOTHING_UPLOADED, "Build it first, or correct the path."
            )
        try:
            content = _zipped(path) if path.is_dir() else path.read_bytes()
        except OSError as error:
            raise Refused(
                f"artifact: {path} cannot be read: {error}", NOTHING_UPLOADED, "Correct the path or its permissions."
            ) from error
        if not content:
            raise Refused(
                f"artifact: {path} is empty", NOTHING_UPLOADED, "Name the function's zip, or the folder of its code."
            )
        return cls.of(content, plain(path))

    @property
    def size_bytes(self) -> int:
        """Of the zip."""
        return len(self.content)

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def artifact(self, bucket: str, function: str) -> dict[str, Any]:
        """The request's `artifact` for this package in that bucket."""
        return artifact(self.sha256, bucket, function)


def artifact(sha256: str, bucket: str, function: str) -> dict[str, Any]:
    """The request's `artifact` for a zip with this digest in that bucket."""
    return {"bucket": bucket, "key": place_by_request(function, f"{sha256}.zip"), "sha256": sha256}


def _zipped(folder: Path) -> bytes:
    """The same files are the same zip on every machine: it has no order, times and owners of theirs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in sorted(_files(folder, ())):
            entry = zipfile.ZipInfo(name, THE_SAME_FOR_ALL)
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            runs = os.access(file, os.X_OK)
            entry.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
            archive.writestr(entry, file.read_bytes())
        empty = not archive.namelist()
    return b"" if empty else content.getvalue()


def _files(folder: Path, within: tuple[Path, ...], prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every file with its name in the zip. Links are followed: their targets would be missing in Lambda."""
    if folder.resolve() in within:
        raise Refused(
            f"artifact: {folder} is a link to a folder that it lies in", NOTHING_UPLOADED, "Take the link away."
        )
    for path in folder.iterdir():
        if path.name in LEFT_OUT:
            continue
        if path.is_dir():
            yield from _files(path, (*within, folder.resolve()), f"{prefix}{path.name}/")
        else:
            yield f"{prefix}{path.name}", path
