"""The examples with what they depend on, built as their README says, each dependency once for all their versions."""

import compileall
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

from sandbox.server import ROOT
from tests.e2e.installed import EXAMPLES

CACHE = ROOT / ".cache" / "examples"
UV = Path(sys.executable).with_name("uv")


def package(example: str, version: str, *, with_dependencies: bool = True) -> bytes:
    """The zip of a version."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for file in (*(EXAMPLES / example).glob("*.js"), *(EXAMPLES / example / version).glob("*.*")):
            files.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
        folder = dependencies(example)
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and with_dependencies):
            files.writestr(zipfile.ZipInfo(str(file.relative_to(folder))), file.read_bytes())
    return archive.getvalue()


def dependencies(example: str) -> Path:
    """The folder with what the example's lockfile names; empty if it has none."""
    locks = [EXAMPLES / example / name for name in ("package.json", "package-lock.json", "requirements.txt")]
    locks = [lock for lock in locks if lock.exists()]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks) + sys.version.encode()).hexdigest()
    folder = CACHE / f"{example}-{digest[:16]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
            partial = Path(temporary) / "build"
            partial.mkdir()
            _install(locks, partial)
            os.chmod(partial, 0o755)
            partial.rename(folder)
    return folder


def _install(locks: Sequence[Path], folder: Path) -> None:
    """Python's cache is made here, and valid wherever it lies, so that no environment compiles what another has."""
    for lock in locks:
        if lock.name == "requirements.txt":
            by_hash = ["--require-hashes", "-r", str(lock), "--target", str(folder)]
            subprocess.run([UV, "pip", "install", "-q", "--python", sys.executable, *by_hash], check=True)
            compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        else:
            shutil.copy(lock, folder)
    if (folder / "package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
