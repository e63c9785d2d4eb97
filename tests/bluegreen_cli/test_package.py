"""A folder becomes a zip: the same files are the same zip."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from bluegreen_cli.package import Package
from bluegreen_cli.problems import Refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small function."""
    folder = tmp_path / "shop"
    (folder / "lib").mkdir(parents=True)
    (folder / "index.js").write_text("exports.handler = () => 1")
    (folder / "lib" / "tool.sh").write_text("true")
    (folder / "lib" / "tool.sh").chmod(0o700)
    return folder


def entries(package: Package) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(package.content)) as file:
        return {entry.filename: entry for entry in file.infolist()}


def test_the_same_files_are_the_same_zip_whenever_they_were_written(folder: Path, tmp_path: Path) -> None:
    first = Package.read(folder)
    os.utime(folder / "index.js", (0, 1_700_000_000))
    other = tmp_path / "copy"
    (other / "lib").mkdir(parents=True)
    (other / "lib" / "tool.sh").write_text("true")
    (other / "lib" / "tool.sh").chmod(0o755)
    (other / "index.js").write_text("exports.handler = () => 1")

    assert Package.read(folder).sha256 == Package.read(other).sha256 == first.sha256


def test_other_files_are_another_zip(folder: Path) -> None:
    first = Package.read(folder).sha256
    (folder / "index.js").write_text("exports.handler = () => 2")

    assert Package.read(folder).sha256 != first


def test_names_are_relative_and_programs_stay_executable(folder: Path) -> None:
    found = entries(Package.read(folder))

    assert list(found) == ["index.js", "lib/tool.sh"]
    assert found["index.js"].external_attr >> 16 & 0o777 == 0o644
    assert found["lib/tool.sh"].external_attr >> 16 & 0o777 == 0o755


def test_files_on_which_no_two_copies_agree_are_left_out(folder: Path) -> None:
    before = Package.read(folder).sha256
    for name in (".git", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "file").write_text(name)
    (folder / ".DS_Store").write_text("x")

    assert Package.read(folder).sha256 == before


def test_links_are_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "common.js").write_text("1")
    (folder / "shared").symlink_to(tmp_path / "shared")

    assert "shared/common.js" in entries(Package.read(folder))


def test_a_link_in_a_circle_is_refused(folder: Path) -> None:
    (folder / "lib" / "again").symlink_to(folder)

    with pytest.raises(Refused, match="is a link to a folder that it lies in"):
        Package.read(folder)


def test_a_link_to_nothing_is_refused(folder: Path) -> None:
    (folder / "gone.js").symlink_to(folder / "nothing")

    with pytest.raises(Refused, match="cannot be read"):
        Package.read(folder)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is empty") as refused:
        Package.read(tmp_path)

    assert refused.value.exit_code == 2


def test_a_zip_is_taken_as_it_is(folder: Path, tmp_path: Path) -> None:
    content = Package.read(folder).content
    (tmp_path / "shop.zip").write_bytes(content)

    assert Package.read(tmp_path / "shop.zip").content == content


@pytest.mark.parametrize(
    ("name", "said"),
    [("../x", "has an entry '../x' whose name leads out of the zip"), ("a\\b", "with a backslash in its name")],
)
def test_a_zip_that_lambda_could_not_take_is_refused_before_it_is_uploaded(
    tmp_path: Path, name: str, said: str
) -> None:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as file:
        file.writestr(name, "")

    with pytest.raises(Refused) as refused:
        Package.read(tmp_path / "shop.zip")

    assert said in refused.value.what
    assert refused.value.untouched == "Nothing was uploaded."
    assert refused.value.advice.startswith("Make the zip ")
