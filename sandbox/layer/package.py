"""Unpack deployment packages once, and lay out boto3 as Lambda's Python runtimes have it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import re
import tempfile
import threading
import zipfile
from pathlib import Path

_unpacking = threading.Lock()


def unpacked(archive: bytes, under: Path) -> Path:
    """The folder that holds the archive's files; shared by every worker that runs the same bytes."""
    folder = under / hashlib.sha256(archive).hexdigest()[:32]
    with _unpacking:
        if not folder.exists():
            under.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=under) as empty:
                code = Path(empty) / "code"
                code.mkdir()
                unzip(archive, code)
                code.rename(folder)
    return folder


def unzip(archive: bytes, folder: Path) -> None:
    """
    Write the archive's files into the folder, with their modes.

    An entry may name any file of this machine. `extract` leaves out what leads outside and says where it wrote, and
    only that file gets the mode. It writes a link as a file that has the link's target for its content.
    """
    modes: dict[Path, int] = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for entry in files.infolist():
            written = Path(files.extract(entry, folder))
            if not entry.is_dir():
                modes[written] = entry.external_attr >> 16 & 0o777
    for file, mode in modes.items():
        if mode:
            file.chmod(mode | 0o400)


def boto3_folder(under: Path) -> Path:
    """A folder with boto3 and what boto3 requires, linked from the server's own environment."""
    folder = under / "boto3"
    with _unpacking:
        if not folder.exists():
            folder.mkdir(parents=True)
            for name in required_by("boto3"):
                distribution = importlib.metadata.distribution(name)
                for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
                    (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder


def required_by(distribution: str) -> set[str]:
    """The distribution and everything it needs, extras aside."""
    names, waiting = set[str](), [distribution]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            needed = importlib.metadata.requires(name) or []
            waiting += [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in needed if "extra ==" not in need]
    return names
