"""The example applications keep working while the function behind them is deployed."""

import json
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing import eventually
from tests.e2e.conftest import Calculators
from tests.e2e.installed import EXAMPLES, PATIENCE_SECONDS, Calculator, Installed

pytestmark = pytest.mark.xdist_group("e2e")

CLIENTS = EXAMPLES / "test-users"
GATEWAY = EXAMPLES / "api-gateway" / "template.yaml"

HALF_FOR_SOME_SECONDS = {"steps": [{"weight": 0.5, "bake_seconds": 4}]}
BY_THE_SECOND = {"period_seconds": 1, "delay_seconds": 2}

TESS = {"user": "tess", "salary": 60_000, "years": 10, "department": "Sales"}
ADA = TESS | {"user": "ada"}
OLD_BONUS, NEW_BONUS = 3000, 4200


@dataclass
class Heard:
    """What an application answered, in order."""

    answers: list[dict[str, Any]] = field(default_factory=list)

    def of(self, user: str) -> list[dict[str, Any]]:
        return [answer for answer in self.answers if answer["user"] == user]


@contextmanager
def asked_all_the_while(command: Sequence[str | Path], environment: dict[str, str], folder: Path) -> Iterator[Heard]:
    """Run a client; Tess and Ada ask by turns, ten times a second, until the context ends."""
    client = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin
    assert client.stdout
    heard, stop = Heard(), threading.Event()

    def ask() -> None:
        assert client.stdin
        while client.poll() is None and not stop.wait(0.1):
            for asks in (TESS, ADA):
                print(json.dumps(asks), file=client.stdin, flush=True)

    def listen() -> None:
        assert client.stdout
        for line in client.stdout:
            heard.answers.append(json.loads(line))

    threads = [threading.Thread(target=ask), threading.Thread(target=listen)]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        stop.set()
        threads[0].join()
        client.stdin.close()
        threads[1].join()
        client.stdout.close()
        ended = client.wait(10)
    assert ended == 0


@pytest.fixture(scope="module")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with what it depends on, installed from its lockfile."""
    folder = tmp_path_factory.mktemp("test-users")
    for name in ("client.mjs", "package.json", "package-lock.json"):
        shutil.copy(CLIENTS / name, folder)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def bonus_url(installed: Installed, calculators: Calculators) -> tuple[Calculator, str, str]:
    """A function with the example's API in front of it; its host and path."""
    calculator = calculators()
    cloudformation = installed.client("cloudformation")
    name = f"{calculator.name}-api"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=GATEWAY.read_text(),
        Parameters=[{"ParameterKey": "FunctionName", "ParameterValue": calculator.name}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    host, _, path = outputs[0]["OutputValue"].removeprefix("https://").partition("/")
    return calculator, host, f"/{path}"


@pytest.mark.parametrize("language", ["python", "node"])
def test_test_users_meet_the_new_code_first_and_no_call_fails(
    installed: Installed, calculator: Calculator, node_client: Path, language: str
) -> None:
    environment = installed.environment | {"FUNCTION": calculator.name}
    command, folder = {
        "python": ([sys.executable, "client.py"], CLIENTS),
        "node": (["node", "client.mjs"], node_client),
    }[language]
    request = calculator.request("v2", traffic=HALF_FOR_SOME_SECONDS, health=BY_THE_SECOND)

    with asked_all_the_while(command, environment, folder) as heard:
        eventually(lambda: heard.of("tess") and heard.of("ada"), PATIENCE_SECONDS)
        ended = installed.deploy(request)
        eventually(lambda: heard.of("ada")[-1]["version"] == "2", PATIENCE_SECONDS)

    assert ended.end == "Deployed"
    tess, ada = heard.of("tess"), heard.of("ada")
    assert {answer["version"] for answer in tess} == {"$LATEST"}
    assert [answer["bonus"] for answer in tess] == sorted(answer["bonus"] for answer in tess)
    assert {(answer["version"], answer["bonus"]) for answer in ada} == {("1", OLD_BONUS), ("2", NEW_BONUS)}
    assert (ada[0]["version"], ada[-1]["version"]) == ("1", "2")
    first_new = [answer["bonus"] for answer in heard.answers].index(NEW_BONUS)
    assert heard.answers[first_new]["user"] == "tess"


def test_api_gateway_in_front_of_the_alias_follows_the_shift(
    installed: Installed, bonus_url: tuple[Calculator, str, str]
) -> None:
    calculator, host, path = bonus_url
    bonuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.1):
            request = urllib.request.Request(
                f"{installed.environment['AWS_ENDPOINT_URL']}{path}",
                json.dumps({"employee": "ada", **ADA}).encode(),
                {"Host": installed.local(host), "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                bonuses.append(json.load(answer)["bonus"])

    caller = threading.Thread(target=ask)
    caller.start()
    eventually(lambda: bonuses, PATIENCE_SECONDS)
    ended = installed.deploy(calculator.request("v2", traffic=HALF_FOR_SOME_SECONDS, health=BY_THE_SECOND))
    eventually(lambda: bonuses[-1] == NEW_BONUS, PATIENCE_SECONDS)
    stop.set()
    caller.join()

    assert ended.end == "Deployed"
    assert bonuses[0] == OLD_BONUS
    assert bonuses[-1] == NEW_BONUS
    assert set(bonuses) == {OLD_BONUS, NEW_BONUS}
