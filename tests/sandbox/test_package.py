"""A deployment package writes only its own files, whatever its entries are called."""

import os
import stat
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from sandbox.layer.package import unpacked

PRIVATE = 0o600


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of the host beside the folder for packages."""
    file = tmp_path / "of-the-host"
    file.write_text("as it was")
    file.chmod(PRIVATE)
    return file


def archive(*entries: tuple[str, int, str]) -> bytes:
    """A zip with these names, modes and contents, as they are said."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as files:
        for name, mode, content in entries:
            entry = zipfile.ZipInfo()
            entry.filename = name
            entry.create_system = 3
            entry.external_attr = mode << 16
            with warnings.catch_warnings(action="ignore"):
                files.writestr(entry, content)
    return made.getvalue()


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def mode(file: Path) -> int:
    return stat.S_IMODE(file.lstat().st_mode)


@pytest.mark.parametrize(
    "name",
    [
        "{own}",
        "../of-the-host",
        "../../of-the-host",
        "a/../../of-the-host",
        "./../of-the-host",
        "//{own}",
        "..\\of-the-host",
        "../packages/../of-the-host",
    ],
)
def test_an_entry_that_names_a_file_of_the_host_leaves_it_as_it_is(tmp_path: Path, own: Path, name: str) -> None:
    code = unpacked(archive((name.format(own=own), 0o777, "changed")), tmp_path / "packages")

    assert (own.read_text(), mode(own)) == ("as it was", PRIVATE)
    assert list(tree(code).values()) == ["changed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["of-the-host", "packages"]
    assert list((tmp_path / "packages").iterdir()) == [code]


def test_a_link_in_a_package_leads_nowhere(tmp_path: Path, own: Path) -> None:
    link, through = ("link", stat.S_IFLNK | 0o777, str(own)), ("link", 0o777, "changed")
    folder = ("folder", stat.S_IFLNK | 0o777, str(tmp_path))

    code = unpacked(archive(link), tmp_path / "packages")
    assert (code / "link").read_text() == str(own)
    assert not (code / "link").is_symlink()
    unpacked(archive(link, through), tmp_path / "packages")
    with pytest.raises(OSError, match="folder"):
        unpacked(archive(folder, ("folder/of-the-host", 0o777, "changed")), tmp_path / "packages")

    assert (own.read_text(), mode(own)) == ("as it was", PRIVATE)


def test_of_two_entries_of_one_name_the_last_counts(tmp_path: Path) -> None:
    twice = archive(("a", 0o400, "first"), ("./a", 0o644, "second"), ("b//c", 0o755, "third"), ("b/c", 0o500, "fourth"))

    code = unpacked(twice, tmp_path)

    assert tree(code) == {"a": "second", "b/c": "fourth"}
    assert (mode(code / "a"), mode(code / "b" / "c")) == (0o644, 0o500)


def test_a_package_that_cannot_be_unpacked_leaves_nothing(tmp_path: Path) -> None:
    broken = bytearray(archive(("a", 0o644, "content " * 10)))
    broken[40] ^= 0xFF
    with pytest.raises(zipfile.BadZipFile):
        unpacked(bytes(broken), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_file_s_mode_is_its_own_and_its_owner_can_read_it(tmp_path: Path) -> None:
    code = unpacked(
        archive(("run", 0o755, ""), ("plain", 0, ""), ("hidden", 0o100, ""), ("special", 0o6755, "")), tmp_path
    )
    assert (mode(code / "run"), mode(code / "hidden"), mode(code / "special")) == (0o755, 0o500, 0o755)
    assert mode(code / "plain") & 0o600 == 0o600
