"""A later environment of code that imports boto3 is forked, and finds what a new process finds."""

import base64
import os
import sys
import threading
from typing import Any

import pytest

from sandbox.testing import Function, Functions, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="environments are forked on Linux only")

SOURCE = """
import os, signal, subprocess, sys, time
import boto3

COMMAND = open("/proc/self/cmdline").read().split("\\0")
BEFORE = vars(boto3).setdefault("loaded_by", [])
BEFORE.append(os.environ["AWS_LAMBDA_FUNCTION_NAME"])

def handler(event, context):
    match event:
        case {"exit": code}: os._exit(code)
        case {"signal": number}: os.kill(os.getpid(), number)
        case {"fail": text}: raise ValueError(text)
        case {"print": text}: print(text)
        case {"start": seconds}:
            print(subprocess.Popen(["sleep", str(seconds)]).pid, flush=True)
            time.sleep(seconds)
        case {"sleep": seconds}: time.sleep(seconds)
    return {
        "forked": any(part.endswith("forkserver.py") for part in COMMAND), "loaded_by": BEFORE, "pid": os.getpid(),
        "session": os.getsid(0), "variables": dict(os.environ), "path": sys.path, "arguments": sys.argv,
        "main": sys.modules["__main__"].__file__, "folder": os.getcwd(), "open": sorted(os.listdir("/proc/self/fd")),
    }
"""


@pytest.fixture
def shop(function: Functions) -> Function:
    """Its next environment is a fork, since the first has ended."""
    shop = function(SOURCE, Timeout=20)
    shop.invoke({"exit": 0})
    return shop


def test_a_fork_differs_from_a_new_process_in_nothing_that_a_function_is_given(function: Functions) -> None:
    shop = function(SOURCE, Environment={"Variables": {"MINE": "1"}})
    first = shop.invoke()["Payload"]
    shop.invoke({"exit": 0})

    second = shop.invoke()["Payload"]

    assert (first["forked"], second["forked"]) == (False, True)
    for its_own in ("AWS_ACCESS_KEY_ID", "AWS_LAMBDA_LOG_STREAM_NAME", "TMPDIR"):
        assert first["variables"].pop(its_own) != second["variables"].pop(its_own)
    for secret in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "_X_AMZN_TRACE_ID"):
        assert first["variables"].pop(secret) != second["variables"].pop(secret)
    for what in ("variables", "path", "arguments", "main", "folder", "loaded_by"):
        assert first[what] == second[what], what
    assert len(first["open"]) == len(second["open"])
    assert second["session"] == second["pid"]


def test_functions_with_the_same_code_see_nothing_of_each_other(shop: Function, function: Functions) -> None:
    other = function(SOURCE)

    mine, theirs = shop.invoke()["Payload"], other.invoke()["Payload"]

    assert mine["forked"]
    assert theirs["forked"]
    assert mine["loaded_by"] == [mine["variables"]["AWS_LAMBDA_FUNCTION_NAME"]] == [shop.name]
    assert theirs["loaded_by"] == [theirs["variables"]["AWS_LAMBDA_FUNCTION_NAME"]] == [other.name]


def test_variables_of_its_own_are_those_of_no_other_fork(shop: Function) -> None:
    shop.configure(Environment={"Variables": {"MINE": "1"}})
    shop.invoke({"exit": 0})
    with_one = shop.invoke()["Payload"]
    shop.configure(Environment={"Variables": {}})

    without = shop.invoke()["Payload"]

    assert with_one["forked"]
    assert with_one["variables"]["MINE"] == "1"
    assert without["forked"]
    assert "MINE" not in without["variables"]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ({"exit": 3}, "with error: exit status 3"),
        ({"exit": 0}, "without providing a reason"),
        ({"signal": 9}, "with error: signal: killed"),
    ],
)
def test_how_a_fork_ended_is_told(shop: Function, end: dict[str, int], told: str) -> None:
    assert shop.invoke()["Payload"]["forked"]

    failed = shop.invoke(end)["Payload"]

    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith(f"Runtime exited {told}")
    assert shop.invoke()["Payload"]["forked"]


def test_a_fork_tells_errors_and_logs_as_a_new_process_does(shop: Function) -> None:
    printed = shop.invoke({"print": "in a fork"}, LogType="Tail")
    failed = shop.invoke({"fail": "12"})["Payload"]

    assert printed["Payload"]["forked"]
    assert "\nin a fork\n" in base64.b64decode(printed["LogResult"]).decode()
    assert (failed["errorType"], failed["errorMessage"]) == ("ValueError", "12")
    assert len(failed["stackTrace"]) == 1


def test_a_fork_that_takes_too_long_ends_with_all_that_it_started(shop: Function) -> None:
    shop.configure(Timeout=1)

    failed = shop.invoke({"start": 30}, LogType="Tail")

    assert failed["Payload"]["errorType"] == "Sandbox.Timedout"
    started = int(base64.b64decode(failed["LogResult"]).decode().splitlines()[1])
    eventually(lambda: not os.path.exists(f"/proc/{started}") or "Z" in state(started))


def test_forks_run_beside_each_other(shop: Function) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(shop.invoke({"sleep": 1})["Payload"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(answer["forked"] and len(answer["loaded_by"]) == 1 for answer in answers)
    assert len({answer["pid"] for answer in answers}) == 4
    assert len({answer["variables"]["TMPDIR"] for answer in answers}) == 4


def state(process: int) -> str:
    """As /proc has it: Z of one that has ended, and that nobody has waited for."""
    with open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
