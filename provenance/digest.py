"""
One digest of a built artifact: of each file's name, mode and content.

Times of files are not in it, since the zips that SAM makes have none.
"""

import hashlib
from pathlib import Path


def digest_of(artifact: Path) -> str:
    """SHA-256, in hexadecimal."""
    whole = hashlib.sha256()
    for path in files_of(artifact):
        mode = path.stat().st_mode & 0o777
        whole.update(f"{path.relative_to(artifact).as_posix()}\0{mode:o}\0{sha256_of(path)}\n".encode())
    return whole.hexdigest()


def files_of(artifact: Path) -> list[Path]:
    """In the order of their names."""
    return sorted(path for path in artifact.rglob("*") if path.is_file())


def sha256_of(path: Path) -> str:
    """In hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
