"""Functions that share their code are built once, by whichever process comes first, until something changes."""

import os
import threading
import time
import zipfile
from pathlib import Path

import pytest

from sandbox.builds import builder_of_all, built_once, digest
from sandbox.server import ROOT

TEMPLATE = """Globals:
  Function:
    CodeUri: code/
Resources:
  First:
    Type: AWS::Serverless::Function
  Second:
    Type: AWS::Serverless::Function
"""


class Project:
    """A template with its code, and what is done where `sam build` would run."""

    def __init__(self, folder: Path) -> None:
        self.builds, self.template = folder / "builds", folder / "template.yaml"
        self.code = folder / "code" / "shop.py"
        self.code.parent.mkdir()
        self.code.write_text("one")
        self.template.write_text(TEMPLATE)
        self.runs = 0

    def build(self, folder: Path) -> None:
        self.runs += 1
        time.sleep(0.05)
        (folder / "First").mkdir(parents=True)
        (folder / "First" / "shop.py").write_text(self.code.read_text())
        (folder / "template.yaml").write_text(TEMPLATE.replace("code/", "First"))

    def artifact(self) -> str:
        built = built_once(self.template, "First", self.build, self.builds)
        assert "    CodeUri: artifact.zip\n" in (built / "template.yaml").read_text()
        with zipfile.ZipFile(built / "artifact.zip") as files:
            assert files.namelist() == ["shop.py"]
            return files.read("shop.py").decode()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_functions_that_share_their_code_have_one_builder() -> None:
    assert builder_of_all(ROOT / "template.yaml")
    assert builder_of_all(Path(__file__).with_name("stack") / "template.yaml") is None


def test_what_is_built_serves_all_who_ask_at_the_same_time(project: Project) -> None:
    threads = [threading.Thread(target=project.artifact) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert project.artifact() == "one"
    assert project.runs == 1


def test_changed_code_is_built_anew(project: Project) -> None:
    project.artifact()
    project.code.write_text("two")

    assert project.artifact() == "two"
    assert project.runs == 2


def test_a_build_that_failed_is_begun_anew(project: Project) -> None:
    def fails(folder: Path) -> None:
        project.build(folder)
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        built_once(project.template, "First", fails, project.builds)

    assert project.artifact() == "one"


def test_builds_of_the_day_before_are_deleted_by_the_next_build(project: Project) -> None:
    project.artifact()
    (old,) = (path for path in project.builds.iterdir() if path.is_dir())
    os.utime(old, (0, 0))
    project.code.write_text("two")
    project.artifact()

    assert not old.exists()


@pytest.mark.parametrize("name", ["template.yaml", "code/shop.py", "code/requirements.txt", "code/deeper/data.json"])
def test_a_build_depends_on_the_template_and_on_each_file_of_the_code(project: Project, name: str) -> None:
    before = digest(project.template)
    file = project.template.parent / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{TEMPLATE}# changed\n")

    assert digest(project.template) != before


def test_a_build_does_not_depend_on_bytecode(project: Project) -> None:
    before = digest(project.template)
    (project.code.parent / "__pycache__").mkdir()
    (project.code.parent / "__pycache__" / "shop.pyc").write_bytes(b"")

    assert digest(project.template) == before
