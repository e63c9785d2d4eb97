"""
Real requests decide: 10 % of errors next to 0.2 % are found out, 0.2 % next to 0.2 % are not.

The bake is drawn out until there are enough requests, however slow the machine. Simulated with the rule `Fixed` of
benchmarks/verdict at half of the traffic, each of 20,000 bad greens was found, after 1,600 requests at the latest, and
16 of 8,000 good ones were rolled back in a bake of 240 looks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.callers import Tally
from sandbox.testing import eventually, zipped
from tests.e2e import unlucky
from tests.e2e.installed import LOOK, PREPARED, SHIFT, STAGED, Ended, Installed, without_repeated_looks

pytestmark = pytest.mark.xdist_group("e2e")

BLUE_FAILS_ONE_IN, BAD_FAILS_ONE_IN = 500, 10
HALF = {"steps": [{"weight": 0.5, "bake_seconds": 10}]}
UNTIL_THERE_IS_ENOUGH = {
    "period_seconds": 1,
    "delay_seconds": 2,
    "max_bake_seconds": 240,
    "when_suspected": "promote",
}
"""Odds of 10 to 1 at the end, with which a green would be rolled back, come by chance in 1 case of 100."""
PATIENCE_SECONDS = 300
CALLERS, PER_SECOND, MOST_REQUESTS = 8, 100, 100_000
SOME_REQUESTS = 50


@dataclass(frozen=True)
class Counted:
    """What a look counted of both versions."""

    green_failed: int
    green_requests: int
    blue_failed: int
    blue_requests: int

    @classmethod
    def by(cls, look: dict[str, Any]) -> "Counted":
        """Read from the evidence: its sentence may be about another signal than errors."""
        [errors] = [each for each in look["evidence"]["findings"] if each["signal"] == "errors"]
        green, blue = errors["green"], errors["blue"]
        return cls(green["bad"], green["requests"], blue["bad"], blue["requests"])

    def __str__(self) -> str:
        return (
            f"green failed {self.green_failed:,} of {self.green_requests:,}, "
            f"blue {self.blue_failed:,} of {self.blue_requests:,}: "
        )


@dataclass(frozen=True)
class Deployment:
    """What became of it, what callers got while it ran, and what some of them got afterwards."""

    name: str
    ended: Ended
    meanwhile: Tally
    afterwards: Tally


class Shop:
    """A function that fails now and then, with version 1 behind PROD."""

    def __init__(self, installed: Installed, name: str, role: str, folder: Path) -> None:
        self._installed = installed
        self.name = name
        self._one_in = {"1": BLUE_FAILS_ONE_IN}
        package = folder / "blue.zip"
        package.write_bytes(code(BLUE_FAILS_ONE_IN, "blue"))
        exit_code, said = installed.forked_command(
            *("create", name, "--zip", package, "--role", role),
            *("--runtime", "python3.14", "--handler", "index.handler"),
        )
        assert (exit_code, said["version"]) == (0, "1")

    def deploy(self, one_in: int) -> Deployment:
        """Version 2, which fails once in so many requests, while callers ask all the while."""
        self._one_in["2"] = one_in
        request = {
            "function": self.name,
            "artifact": self._installed.upload(f"functions/{self.name}/by-request/green.zip", code(one_in, "green")),
            "traffic": HALF,
            "health": UNTIL_THERE_IS_ENOUGH,
        }
        with self._installed.callers(
            self.name,
            callers=CALLERS,
            per_second=PER_SECOND,
            most=MOST_REQUESTS,
            asks=lambda number: {"number": number},
            is_answer=self._is_answer,
            is_own_error=self._is_own_error,
        ) as callers:
            meanwhile = callers.during()
            deployment = self._installed.start(request)
            ended = self._installed.ended(deployment, PATIENCE_SECONDS)
            afterwards = callers.during()
            eventually(lambda: afterwards.requests >= SOME_REQUESTS, seconds=PATIENCE_SECONDS)
        return Deployment(deployment, ended, meanwhile, afterwards)

    @property
    def serving(self) -> str:
        return self._installed.serving(self.name)

    def code_of(self, qualifier: str) -> str:
        """Its digest."""
        functions = self._installed.client("lambda")
        found = functions.get_function_configuration(FunctionName=self.name, Qualifier=qualifier)
        return str(found["CodeSha256"])

    def _is_answer(self, asked: dict[str, Any], version: str, reply: Any) -> bool:
        return reply == asked and not self._fails(asked, version)

    def _is_own_error(self, asked: dict[str, Any], version: str, reply: Any) -> bool:
        said = (reply["errorType"], reply["errorMessage"])
        return said == ("Unlucky", f"request {asked['number']}") and self._fails(asked, version)

    def _fails(self, asked: dict[str, Any], version: str) -> bool:
        return unlucky.fails(asked["number"], self._one_in[version])


@pytest.fixture
def shop(installed: Installed, role: str, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return Shop(installed, f"shop-{request.node.name.rpartition('_')[2]}", role, tmp_path)


def code(one_in: int, build: str) -> bytes:
    """The same behaviour is another version where the build is another."""
    return zipped(Path(unlucky.__file__).read_text(), **{unlucky.RATE: str(one_in), "build": build})


def of_version(tally: Tally, version: str) -> int:
    return tally.served[version] + tally.failed[version]


def looks(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What CheckHealth left in the audit."""
    return [step["evidence"] for step in record["steps"] if step["state"] == "CheckHealth"]


def within(counted: Counted, tally: Tally) -> bool:
    """What was counted is what callers got, or less: a look comes before the last of them."""
    return (
        0 < counted.green_requests <= of_version(tally, "2")
        and 0 < counted.blue_requests <= of_version(tally, "1")
        and counted.green_failed <= tally.failed["2"]
        and counted.blue_failed <= tally.failed["1"]
    )


def test_ten_percent_of_errors_next_to_two_permille_are_rolled_back(installed: Installed, shop: Shop) -> None:
    deployment = shop.deploy(BAD_FAILS_ONE_IN)

    ended, so_far = deployment.ended, [*PREPARED, *STAGED, "ShiftAlias"]
    assert (ended.end, ended.error) == ("RolledBack", "GreenUnhealthy"), ended.cause
    last_look = ["Bake", "CheckHealth", "RollBack", "RolledBack"]
    at_the_first_or_later = ([*so_far, *last_look], [*so_far, *LOOK, *last_look])
    assert without_repeated_looks(ended.path) in at_the_first_or_later
    assert (shop.serving, shop.code_of("$LATEST")) == ("1", shop.code_of("1"))
    assert (deployment.meanwhile.lost, deployment.afterwards.lost) == ([], [])
    assert of_version(deployment.afterwards, "2") == 0

    cause, record = str(ended.cause), installed.record(deployment.name)
    [found_out] = [look for look in looks(record) if "error" in look]
    counted = Counted.by(found_out)
    assert within(counted, deployment.meanwhile), (counted, deployment.meanwhile)
    assert (record["serving"], record["alias_outcome"], record["latest_outcome"]) == ("1", "back", "put_back")
    assert (record["state"], record["error"], record["cause"]) == ("RolledBack", "GreenUnhealthy", cause)
    _, status = installed.forked_command("status", shop.name)
    assert (status["serving"], status["running"], status["last"]["cause"]) == ("1", None, cause)
    _, history = installed.forked_command("history", shop.name)
    assert [each["cause"] for each in history] == [cause]


def test_two_permille_of_errors_next_to_two_permille_are_promoted(installed: Installed, shop: Shop) -> None:
    deployment = shop.deploy(BLUE_FAILS_ONE_IN)

    ended = deployment.ended
    assert (ended.end, ended.error) == ("Deployed", None), ended.cause
    assert without_repeated_looks(ended.path) == [
        *PREPARED,
        *STAGED,
        *SHIFT * 2,
        "CompleteDeployment",
        "OldVersions?",
        "Deployed",
    ]
    assert (shop.serving, shop.code_of("$LATEST")) == ("2", shop.code_of("2"))
    assert shop.code_of("1") != shop.code_of("2")
    assert (deployment.meanwhile.lost, deployment.afterwards.lost) == ([], [])
    assert of_version(deployment.afterwards, "1") == 0

    record = installed.record(deployment.name)
    assert (record["state"], record["serving"]) == ("Deployed", "2")
    decided = next(look for look in looks(record) if look["next"] != "bake_on")
    counted = Counted.by(decided)
    assert (decided["verdict"], within(counted, deployment.meanwhile)) == ("fine", True), decided["reason"]
    _, status = installed.forked_command("status", shop.name)
    assert (status["serving"], status["running"], status["last"]["state"]) == ("2", None, "Deployed")
