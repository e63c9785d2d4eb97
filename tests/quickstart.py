"""
`python -m tests.quickstart`: paste README's quickstart into a fresh clone, and say which of its commands failed.

It needs Python's own modules only, as a person's first hour does. The lines are given to a shell as they are; it tells
of each command that it runs, and of each that fails.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

TELLS = "trap 'echo \"FAILED $? $BASH_COMMAND\" >&3' ERR\ntrap 'echo \"RAN $BASH_COMMAND\" >&3' DEBUG\n"

ROLLED_BACK = "1 bluegreen deploy Shop shop --request shop.json"
"""The one command that must fail, the second of its kind: it deploys the bad version."""


def quickstart() -> str:
    """The lines of README."""
    _, _, after = README.read_text().partition("\n## Quickstart\n")
    found = re.search(r"^```sh\n(.*?)^```$", after, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def clone(folder: Path) -> None:
    """Every file of this checkout that git knows, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, listed.split("\0")):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place, follow_symlinks=False)


def free_port() -> str:
    """One that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def main() -> int:
    """0 if every command did what it should."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        clone(folder)
        script, told = Path(name) / "lines.sh", Path(name) / "told"
        script.write_text(TELLS + quickstart())
        host = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BLUEGREEN_", "MAKE"))}
        command = f'exec 3>"{told}"; . "{script}"'
        subprocess.run(["bash", "-c", command], cwd=folder, env={**host, "PORT": free_port()}, check=False)
        lines = told.read_text().splitlines()
    ran = dict.fromkeys(line for line in lines if line.startswith("RAN "))
    failed = [line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED ")]
    wrong = [each for each in failed if each != ROLLED_BACK]
    print(f"\n{len(ran)} commands in {time.monotonic() - began:.0f} seconds, {len(wrong)} failed")
    for each in wrong:
        print(f"FAILED with exit code {each}")
    if failed.count(ROLLED_BACK) != 1:
        print(f"{failed.count(ROLLED_BACK)} deployments were rolled back, and it should be one, the bad version's")
    return 0 if failed == [ROLLED_BACK] else 1


if __name__ == "__main__":
    sys.exit(main())
