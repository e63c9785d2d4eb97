"""The size of what a function is made of, built for Lambda's platform as `sam build` builds it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sandbox.server import ROOT, interpreter

LIMIT_ZIPPED = 50 * 1024 * 1024
LIMIT_UNZIPPED = 250 * 1024 * 1024


@dataclass(frozen=True)
class Size:
    """Of the artifact, in bytes; `ours` is the part that is not a requirement, unzipped."""

    zipped: int
    unzipped: int
    ours: int
    files: int


def measure() -> Size:
    """Of one function; all have the same."""
    with tempfile.TemporaryDirectory(prefix="bluegreen-artifact-") as folder:
        built = Path(folder) / "build" / "function"
        built.mkdir(parents=True)
        made = subprocess.run(
            ["make", "-C", str(ROOT / "handlers"), "build-OpenDeploymentFunction", f"ARTIFACTS_DIR={built}"],
            env={**os.environ, "PYTHON": interpreter(), "BLUEGREEN_BUILD_FOR": "lambda"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if made.returncode:
            raise RuntimeError(f"the artifact could not be built: {made.stdout[-1000:]}")
        files = sorted(file for file in built.rglob("*") if file.is_file())
        archive = Path(folder) / "function.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in files:
                packed.write(file, file.relative_to(built))
        ours = [built / file.relative_to(ROOT / "handlers") for file in (ROOT / "handlers").rglob("*.py")]
        return Size(
            zipped=archive.stat().st_size,
            unzipped=sum(file.stat().st_size for file in files),
            ours=sum(file.stat().st_size for file in ours),
            files=len(files),
        )
