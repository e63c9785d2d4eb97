"""Build functions that share their code once, for every process and every run of this checkout, until they change."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from sandbox.server import ROOT, interpreter

BUILDS = ROOT / ".cache" / "builds"
KEPT_SECONDS = 24 * 3600


def builder_of_all(template: Path) -> str | None:
    """One function, where all have the same CodeUri and so the same artifact; None, where each is to be built."""
    text = template.read_text()
    declared = r"^  (\w+):\n    Type: AWS::Serverless::Function$"
    functions: list[str] = re.findall(declared, text, re.MULTILINE)
    return functions[0] if functions and text.count("CodeUri:") == 1 else None


def built_once(template: Path, function: str, build: Callable[[Path], None], builds: Path = BUILDS) -> Path:
    """A folder with the built template and the artifact of all functions; `build` fills it, unless it is there."""
    builds.mkdir(parents=True, exist_ok=True)
    folder = builds / digest(template)
    with open(builds / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            forget_old(builds)
            shutil.rmtree(folder, ignore_errors=True)
            build(folder / "build")
            hand_to_all(folder / "build", function)
            (folder / "complete").touch()
    return folder / "build"


def digest(template: Path) -> str:
    """Of what a build depends on: the template, its place, its code, SAM's settings, the interpreter, this file."""
    found = re.findall(r"^ +CodeUri: (\S+)$", template.read_text(), re.MULTILINE)
    code = sorted(path for uri in found for path in (template.parent / uri).rglob("*") if path.is_file())
    total = hashlib.sha256(f"{template} {interpreter()} {Path(interpreter()).resolve()}".encode())
    for path in [template, ROOT / "samconfig.toml", Path(__file__), *code]:
        if "__pycache__" not in path.parts and path.exists():
            total.update(f"\n{path} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return total.hexdigest()[:32]


def forget_old(builds: Path) -> None:
    """Delete what was built more than a day ago."""
    for folder in builds.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(folder)


def hand_to_all(built: Path, function: str) -> None:
    """Let every function name a zip of what was built for that one."""
    zip_folder(built / function, built / "artifact.zip")
    shutil.rmtree(built / function)
    template = built / "template.yaml"
    template.write_text(re.sub(r"^( +CodeUri: ).*$", r"\1artifact.zip", template.read_text(), flags=re.MULTILINE))


def zip_folder(folder: Path, archive: Path) -> None:
    """Its files, uncompressed, readable for all and without a time."""
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder)))
                entry.external_attr = (path.stat().st_mode | 0o444) << 16
                zipped.writestr(entry, path.read_bytes())
