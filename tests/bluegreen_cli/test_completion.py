"""What a shell offers after Tab. It asks AWS for a moment at most, and says nothing of what is wrong."""

import subprocess
import sys
import time

import pytest
from botocore.exceptions import NoCredentialsError
from click.shell_completion import BashComplete

from bluegreen_cli import completion
from bluegreen_cli.main import COMMANDS, cli
from tests.bluegreen_cli.conftest import Answers
from tests.machine.deployer import FUNCTION, GOOD, Deployer


def offered(line: str, incomplete: str = "") -> list[str]:
    found = BashComplete(cli, {}, "bluegreen", "_BLUEGREEN_COMPLETE").get_completions(line.split(), incomplete)
    return [each.value for each in found]


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUEGREEN_STACK", "bluegreen")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def test_commands_options_and_strategies_are_offered_without_aws() -> None:
    assert offered("", "") == list(COMMANDS)
    assert offered("", "ro") == ["rollback"]
    assert offered("", "--st") == ["--stack"]
    assert "--summary" in offered("deploy Shop", "--su")
    assert offered("deploy Shop --traffic", "canary10") == [
        "Canary10Percent5Minutes",
        "Canary10Percent10Minutes",
        "Canary10Percent15Minutes",
        "Canary10Percent30Minutes",
    ]
    assert offered("plan Shop --traffic", "Ad") == ["Adaptive"]


def test_functions_and_deployments_come_from_the_api(deployer: Deployer, http_api: None) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}, name="other")
    deployer.run(
        {"function": FUNCTION, "artifact": deployer.upload(GOOD % 3), "traffic": "AllAtOnce"}, name=f"{FUNCTION}-1"
    )
    seen: list[list[str]] = []
    deployer.aws.after(90, lambda: seen.append(offered("approve")))
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 4)}, name="runs")

    for command in ("deploy", "status", "rollback", "freeze", "history", "adopt"):
        assert offered(command, FUNCTION[:3]) == [FUNCTION]
    assert offered("--stack bluegreen status", "Cart") == []
    assert seen == [["runs"]]
    assert offered("watch", f"{FUNCTION}-") == [f"{FUNCTION}-1"]
    assert offered("create", FUNCTION[:3]) == [], "its function is new"


def test_without_credentials_nothing_is_offered_and_nothing_said(
    answers: Answers, capfd: pytest.CaptureFixture[str]
) -> None:
    def signed_out(_: object) -> object:
        raise NoCredentialsError

    answers.answer("DescribeStacks", signed_out)

    assert offered("status", "S") == offered("watch", "S") == []
    assert capfd.readouterr() == ("", "")


def test_a_slow_aws_holds_no_shell_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SECONDS", 0.05)
    monkeypatch.setattr(completion, "_stack", lambda _: time.sleep(1))
    began = time.monotonic()

    assert offered("status", "S") == []
    assert time.monotonic() - began < 1


def test_the_list_of_commands_is_offered_without_importing_them() -> None:
    asks = "import sys; from bluegreen_cli.main import main; import atexit\n"
    asks += "atexit.register(lambda: print('boto3' in sys.modules, file=sys.stderr)); main()"
    typed = {"_BLUEGREEN_COMPLETE": "bash_complete", "COMP_WORDS": "bluegreen ro", "COMP_CWORD": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", asks],
        env=typed | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )

    assert ran.stdout == "plain,rollback\n"
    assert ran.stderr == "False\n"
