"""
    python -m provenance digest ARTIFACT      prints the digest of a built artifact
    python -m provenance sbom ARTIFACT        writes artifact.cdx.json and tools.cdx.json into build/sbom/

`make build` and `make sbom` run them. An SBOM is not committed: it follows from the locks and the code, and each change
of them would have to write it anew.
"""

import sys
import tomllib
from pathlib import Path

from provenance.digest import digest_of
from provenance.sbom import of_artifact, of_tools, text_of

INTO = Path("build/sbom")
LOCKS = (*Path("requirements").glob("*.txt"), Path("handlers/requirements.txt"))
ENVIRONMENTS = tuple(Path(".").glob(".venv*/lib/python3*/site-packages"))


def main() -> int:
    """The exit code."""
    match sys.argv[1:]:
        case ["digest", artifact]:
            print(f"the artifact's digest is {digest_of(Path(artifact))}")
        case ["sbom", artifact]:
            version = str(tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"])
            INTO.mkdir(parents=True, exist_ok=True)
            (INTO / "artifact.cdx.json").write_text(text_of(of_artifact(Path(artifact), version)))
            (INTO / "tools.cdx.json").write_text(text_of(of_tools(LOCKS, ENVIRONMENTS, version)))
            print(f"wrote {INTO}/artifact.cdx.json and {INTO}/tools.cdx.json")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
