"""The sandbox starts in a process of its own, says what is wrong when it cannot, and leaves nothing behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import EnvironmentMissing, PortTaken, Sandbox, SandboxError, ServerFailed
from sandbox.__main__ import minute_seconds, parameters, write_privately
from sandbox.server import ROOT, free_port, interpreter
from sandbox.testing import eventually


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is in use .* PORT="), Sandbox(port):
            pass


def test_a_missing_environment_is_named_with_what_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_PYTHON", "/nowhere/python")
    words = r"/nowhere/python does not exist; `make .venv-sandbox`"
    with pytest.raises(EnvironmentMissing, match=words), Sandbox():
        pass


def test_a_setting_that_is_misspelt_stops_the_start_and_says_so() -> None:
    with pytest.raises(ServerFailed, match="there is no setting 'speed'"), Sandbox(speed=1):
        pass


def test_a_sandbox_that_has_stopped_leaves_no_process_and_no_file() -> None:
    with Sandbox() as running:
        folder, process = running.folder, running.process_id
        assert folder.exists()
        assert mode(folder) == 0o700
        assert interpreter() in command(process)
    assert not folder.exists()
    assert not command(process)


def test_a_launcher_that_is_killed_leaves_no_server_behind() -> None:
    source = "import time, sandbox\nwith sandbox.Sandbox() as aws: print(aws.process_id, flush=True); time.sleep(60)"
    launcher = subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout
    process = int(launcher.stdout.readline())
    assert command(process)
    launcher.kill()
    launcher.communicate()
    eventually(lambda: not command(process))


@pytest.mark.parametrize(
    ("port", "said"),
    [("http", "PORT is 'http'; write a number"), ("80", "PORT is '80', which HTTP clients do not name")],
)
def test_make_sandbox_refuses_a_port_that_it_cannot_serve(port: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox"], cwd=ROOT, env={**os.environ, "PORT": port}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_launcher_needs_nothing_of_the_server_s_environment() -> None:
    source = "import sys; import sandbox; print([name for name in sys.modules if name.startswith(('boto', 'mini'))])"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_make_sandbox_serves_the_stack_until_it_is_interrupted() -> None:
    port = str(free_port())
    (ROOT / ".sandbox.env").write_text("of a sandbox that was killed")
    serving = subprocess.Popen(
        [sys.executable, "-m", "sandbox", str(Path(__file__).with_name("stack") / "template.yaml")],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines: list[str] = []
        assert serving.stdout
        assert serving.stderr
        while "deploying the stack" not in serving.stderr.readline():
            pass
        while (ROOT / ".sandbox.env").exists() and (ROOT / ".sandbox.env").read_text().startswith("of a sandbox"):
            assert serving.poll() is None
        while not lines or lines[-1] not in ("ready", ""):
            lines.append(serving.stdout.readline().strip())
        secret = lines[2].removeprefix("export AWS_SECRET_ACCESS_KEY=")
        assert len(secret) >= 40
        assert lines == [
            f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}",
            "export AWS_ACCESS_KEY_ID=test",
            f"export AWS_SECRET_ACCESS_KEY={secret}",
            "export AWS_DEFAULT_REGION=eu-central-1",
            "export AWS_REGION=eu-central-1",
            "export LAMBDA_METRICS_BY_THE_SECOND=true",
            "export ROLE=arn:aws:iam::000000000000:role/functions",
            "ready",
        ]
        assert (ROOT / ".sandbox.env").read_text().splitlines() == lines[:-1]
        assert mode(ROOT / ".sandbox.env") == 0o600
    finally:
        serving.send_signal(signal.SIGINT)
        _, said = serving.communicate(timeout=60)
    assert serving.returncode == 0, said
    assert "In another terminal" in said
    assert "source .sandbox.env\n    bluegreen create Shop --dir FOLDER" in said
    assert not (ROOT / ".sandbox.env").exists()


def test_the_file_with_the_secret_was_never_readable_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, others = [], tmp_path / "readable"
    others.write_text("a file of somebody else")
    (tmp_path / "env").symlink_to(others)
    replace = os.replace

    def look_and_replace(source: str, target: Path) -> None:
        seen.append((Path(source).read_text(), mode(Path(source))))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look_and_replace)
    write_privately(tmp_path / "env", "secret")

    assert seen == [("secret", 0o600)]
    assert others.read_text() == "a file of somebody else"
    assert (tmp_path / "env").read_text() == "secret"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env", "readable"]


def test_each_start_has_a_secret_of_its_own() -> None:
    secrets = {Sandbox(port).environment["AWS_SECRET_ACCESS_KEY"] for port in (1, 2)}
    assert len(secrets) == 2


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def command(process: int) -> Any:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize(("text", "seconds"), [(None, 60.0), ("1", 1.0)])
def test_a_minute_of_cloudwatch_lasts_sixty_seconds_unless_minute_seconds_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, text: str | None, seconds: float
) -> None:
    monkeypatch.delenv("MINUTE_SECONDS", raising=False)
    if text:
        monkeypatch.setenv("MINUTE_SECONDS", text)
    assert minute_seconds() == seconds


@pytest.mark.parametrize("text", ["0", "61", "soon"])
def test_a_minute_that_is_none_is_refused_with_what_to_write(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MINUTE_SECONDS", text)
    with pytest.raises(SandboxError, match="write a number from 1 to 60, as in MINUTE_SECONDS=1"):
        minute_seconds()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("DefaultAlias=LIVE", {"DefaultAlias": "LIVE"}),
        ("TargetRoles=arn:1,arn:2 KmsKeyArn=", {"TargetRoles": "arn:1,arn:2", "KmsKeyArn": ""}),
    ],
)
def test_parameters_of_the_stack_are_read(monkeypatch: pytest.MonkeyPatch, text: str, found: dict[str, str]) -> None:
    monkeypatch.setenv("PARAMETERS", text)
    assert parameters() == found


@pytest.mark.parametrize("text", ["DefaultAlias", "=LIVE", "DefaultAlias=LIVE PROD"])
def test_parameters_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PARAMETERS", text)
    with pytest.raises(SandboxError, match="write NAME=VALUE"):
        parameters()
