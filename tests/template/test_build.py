"""The artifact: what is in it, for which machine, and that it is the same one for every function."""

import hashlib
import json
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import provenance.__main__ as commands
from provenance.digest import digest_of
from provenance.sbom import Unknown, of_artifact, of_tools, text_of
from sandbox.server import interpreter
from tests.template.stack import ROOT, run_sam, stack

pytestmark = pytest.mark.xdist_group("build")

FUNCTIONS = stack().functions
AARCH64 = 183
"""Of the ELF header's machines."""
COMES_WITH_LAMBDA = ("boto3", "botocore", "s3transfer", "urllib3")


def complaint(bill: str) -> Any:
    """What CycloneDX's schema has against it. The validator is imported here, since that takes seconds."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with gone_afterwards(tmp_path_factory.mktemp("lambda")) as folder:
        run_sam("build", "--build-dir", str(folder / "build"), BLUEGREEN_BUILD_FOR="lambda")
        yield folder / "build"


@pytest.fixture(scope="module")
def for_this_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Without `sam build`, which the tests of the installed stack run for the host."""
    with gone_afterwards(tmp_path_factory.mktemp("host")) as folder:
        for function in ("ShiftAliasFunction", "RollBackFunction"):
            wait_for(start_make(function, folder / "build" / function, BLUEGREEN_BUILD_FOR="host"))
        yield folder / "build"


@contextmanager
def gone_afterwards(folder: Path) -> Iterator[Path]:
    """Pytest would keep 11,000 files, and remove those of a run three runs later."""
    yield folder
    shutil.rmtree(folder)


def start_make(function: str, artifact: Path, umask: int = -1, **variables: str) -> "subprocess.Popen[str]":
    """What `sam build` runs for one function."""
    artifact.mkdir(parents=True)
    variables = {"ARTIFACTS_DIR": str(artifact), "PYTHON": interpreter()} | variables
    command = ["make", "-C", str(ROOT / "handlers"), f"build-{function}", *(f"{k}={v}" for k, v in variables.items())]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=umask)


def wait_for(make: "subprocess.Popen[str]") -> None:
    _, errors = make.communicate()
    assert make.returncode == 0, errors


def files(artifact: Path) -> dict[str, str]:
    """Each file's digest; the time of a file does not count, since SAM's zips have none."""
    return {
        str(path.relative_to(artifact)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(artifact.rglob("*"))
        if path.is_file()
    }


def in_the_sandbox(code: str) -> str:
    """What the code prints where functions run: an interpreter with boto3 and without what the artifact packages."""
    command = [interpreter(), "-I", "-B", "-c", code]
    variables = {"AWS_DEFAULT_REGION": "eu-west-1"}
    ran = subprocess.run(command, env=variables, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def compiled(artifact: Path) -> dict[str, int]:
    """The ELF machine of each compiled module."""
    found = {}
    for path in artifact.rglob("*.so"):
        with path.open("rb") as file:
            magic, machine = struct.unpack("<4s14xH", file.read(20))
        assert magic == b"\x7fELF", path
        found[path.name] = machine
    return found


def test_compiled_modules_are_lambdas_in_an_artifact_for_lambda(for_lambda: Path) -> None:
    modules = compiled(for_lambda / "ShiftAliasFunction")

    assert modules
    assert set(modules.values()) == {AARCH64}
    assert all(".cpython-314-aarch64-linux-gnu." in name for name in modules)


def test_compiled_modules_are_those_of_the_sandboxs_python_in_an_artifact_for_the_host(for_this_host: Path) -> None:
    suffix = in_the_sandbox("import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))").strip()
    modules = list((for_this_host / "ShiftAliasFunction").rglob("*.so"))

    assert modules
    assert all(path.name.endswith(suffix) for path in modules)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_its_handler(function: str, for_lambda: Path) -> None:
    module = FUNCTIONS[function]["Handler"].removesuffix(".handler")

    assert (for_lambda / function / f"{module}.py").is_file()


def test_all_functions_share_one_artifact(for_lambda: Path, for_this_host: Path) -> None:
    for folder in (for_lambda, for_this_host):
        first, *others = map(files, folder.glob("*Function"))
        assert all(other == first for other in others)
    assert {artifact.name for artifact in for_lambda.glob("*Function")} == set(FUNCTIONS)


def test_the_same_input_gives_the_same_artifact_even_side_by_side(for_lambda: Path, tmp_path: Path) -> None:
    """At another time, in another folder, under other umasks; the digest has the modes, too."""
    folder = tmp_path / "a folder with blanks" / "build"
    umasks = {"ShiftAliasFunction": 0o077, "RollBackFunction": 0o002}
    makes = [start_make(function, folder / function, umask) for function, umask in umasks.items()]

    for make in makes:
        wait_for(make)
    digests = {digest_of(artifact) for artifact in (*folder.iterdir(), for_lambda / "ShiftAliasFunction")}
    assert len(digests) == 1
    for artifact in folder.iterdir():
        assert files(artifact) == files(for_lambda / "ShiftAliasFunction")


def test_the_digest_is_that_of_names_modes_and_contents(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "a.py").write_text("a")
    before = digest_of(one)
    assert digest_of(other) == before

    (other / "a.py").chmod(0o755)
    assert digest_of(other) != before
    (one / "a.py").rename(one / "b.py")
    assert digest_of(one) != before


def test_every_file_of_the_artifact_is_in_its_sbom_under_a_package_with_a_licence(for_lambda: Path) -> None:
    artifact = for_lambda / "ShiftAliasFunction"

    bill = of_artifact(artifact, "1")

    assert complaint(text_of(bill)) is None
    listed = [bill["metadata"]["component"], *bill["components"]]
    assert {file["name"]: file["hashes"][0]["content"] for each in listed for file in each["components"]} == files(
        artifact
    )
    assert all(each["licenses"] and each["components"] for each in bill["components"])
    lock = (ROOT / "handlers" / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", lock, re.MULTILINE))
    assert {each["name"].replace("_", "-"): each["version"] for each in bill["components"]} == pinned
    assert text_of(of_artifact(artifact, "1")) == text_of(bill)


def test_the_commands_print_the_digest_and_write_both_sboms(
    for_lambda: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = for_lambda / "ShiftAliasFunction"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(commands, "INTO", tmp_path / "sbom")
    for arguments, exits in ((["digest", str(artifact)], 0), (["sbom", str(artifact)], 0), (["help"], 2)):
        monkeypatch.setattr("sys.argv", ["provenance", *arguments])
        assert commands.main() == exits

    assert f"the artifact's digest is {digest_of(artifact)}" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "sbom").iterdir()} == {"artifact.cdx.json", "tools.cdx.json"}


def test_a_file_of_no_package_is_no_part_of_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "smuggled").mkdir()
    (tmp_path / "smuggled" / "code.py").write_text("")

    with pytest.raises(Unknown, match=r"smuggled/code\.py belongs to no package of the lock"):
        of_artifact(tmp_path, "1")


def test_every_pinned_tool_is_in_the_sbom_of_the_tools() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), ROOT / "handlers" / "requirements.txt"]

    bill = of_tools(locks, [], "1")

    assert complaint(text_of(bill)) is None
    pinned = {pin for lock in locks for pin in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE)}
    assert {(each["name"], each["version"]) for each in bill["components"]} == pinned
    assert all(each["properties"] for each in bill["components"])


def test_the_artifact_has_our_code_and_the_lock_and_nothing_else(for_lambda: Path) -> None:
    artifact = for_lambda / "ShiftAliasFunction"
    ours = {path.name for path in (ROOT / "handlers").iterdir() if path.suffix == ".py" or path.name == "bluegreen"}
    lock = (ROOT / "handlers" / "requirements.txt").read_text()
    locked = {name.replace("-", "_"): version for name, version in re.findall(r"^([\w-]+)==(\S+)", lock, re.MULTILINE)}
    found = {path.name for path in artifact.iterdir()} - ours

    assert {f"{name}-{version}.dist-info" for name, version in locked.items()} <= found
    assert {re.sub(r"-.*|\.py$", "", name) for name in found} == set(locked)
    assert not [path for path in artifact.rglob("*") if path.name in ("__pycache__", "Makefile", "requirements.txt")]


def test_packages_that_lambda_has_are_not_packaged(for_lambda: Path) -> None:
    assert not [name for name in COMES_WITH_LAMBDA if (for_lambda / "ShiftAliasFunction" / name).exists()]


def test_every_handler_runs_on_the_artifact_and_boto3_alone(for_this_host: Path) -> None:
    modules = [function["Handler"].removesuffix(".handler") for function in FUNCTIONS.values()]
    artifact = for_this_host / "ShiftAliasFunction"
    code = f"""
import importlib, json, sys
sys.path.insert(0, {str(artifact)!r})
print(json.dumps([importlib.import_module(name).__file__ for name in {modules!r}]))
"""

    assert json.loads(in_the_sandbox(code)) == [str(artifact / f"{module}.py") for module in modules]


def test_an_artifact_for_elsewhere_is_refused(tmp_path: Path) -> None:
    make = start_make("ShiftAliasFunction", tmp_path / "build" / "ShiftAliasFunction", BLUEGREEN_BUILD_FOR="mars")
    _, errors = make.communicate()

    assert make.returncode != 0
    assert "BLUEGREEN_BUILD_FOR is mars; write lambda or host" in errors


@pytest.mark.parametrize(
    ("given", "code"), [("DefaultAlias=LIVE Notify=ended", 0), ("DefaultAlias=LIVE DefaultAlia=LIVE", 2), ("Api=x", 2)]
)
def test_make_refuses_a_parameter_that_the_template_does_not_have(given: str, code: int) -> None:
    done = subprocess.run(["make", "parameters", f"PARAMETERS={given}"], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, "Nothing was started." in done.stderr) == (code, code == 2)
