"""The deployments that the demo shows, one function after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.demo.account import ALIAS, Account, zipped
from sandbox.demo.callers import Callers
from sandbox.demo.chapter import (
    DEPLOYED,
    SMOKE_TEST_FAILED,
    UNHEALTHY,
    Chapter,
    Expected,
    answers,
    green_of,
    path_of,
)
from sandbox.errors import SandboxError
from sandbox.server import ROOT

EXAMPLES = ROOT / "examples"

BY_THE_SECOND = {"period_seconds": 1, "delay_seconds": 2}
TWO_STEPS = {
    "steps": [{"weight": 0.1, "bake_seconds": 4}, {"weight": 0.5, "bake_seconds": 4}],
    "final_bake_seconds": 3,
}
ONE_STEP = {"steps": [{"weight": 0.3, "bake_seconds": 3}], "final_bake_seconds": 2}


class CannotGoOn(SandboxError):
    """A deployment could not even be started."""


@dataclass(frozen=True)
class Subject:
    """A function of the examples: a folder of versions, and the rest of the request beside them."""

    name: str
    runtime: str
    folder: Path

    def settings(self) -> dict[str, Any]:
        """With the patience of a demo instead of production's."""
        settings: dict[str, Any] = json.loads((self.folder / "deployment.json").read_text())
        return settings | {"traffic": TWO_STEPS, "health": BY_THE_SECOND}


NODE = Subject("BonusCalculatorLambda", "nodejs24.x", EXAMPLES / "bonus-calculator")
PYTHON = Subject("BonusCalculatorPython", "python3.14", EXAMPLES / "bonus-calculator-python")


class Story:
    """One function's deployments, with callers all the while."""

    def __init__(self, account: Account, subject: Subject, callers: Callers) -> None:
        self._account = account
        self._subject = subject
        self._callers = callers
        self.chapters: list[Chapter] = []

    def tell(self, code: str, how: str, expected: Expected, deploy: Callable[[], dict[str, Any]]) -> None:
        """Deploy, and write down what happened meanwhile."""
        name, blue = self._subject.name, self._account.serving(self._subject.name)
        print(f"\n== {name} {code}, by {how}: should end {expected.end}", flush=True)
        tally, began = self._callers.during(), time.monotonic()
        ended = deploy()
        if "execution" not in ended:
            raise CannotGoOn(f"{name} {code} was not deployed by {how}: {ended.get('cause')}")
        history = self._account.history(ended["execution"])
        chapter = Chapter(
            function=name,
            code=code,
            how=how,
            expected=expected,
            ended=ended["end"],
            error=ended["error"],
            cause=ended["cause"],
            path=path_of(history),
            blue=blue,
            green=green_of(history),
            serving=self._account.serving(name),
            seconds=time.monotonic() - began,
            tally=tally,
        )
        self.chapters.append(chapter)
        print(f"{chapter.ended} after {chapter.seconds:.0f} s. {chapter.cause or ''}".rstrip())
        print(f"Version {chapter.serving} serves. {tally.requests:,} requests: {answers(tally)}.", flush=True)


@contextmanager
def under_load(account: Account, subject: Subject, role: str, per_second: float) -> Iterator[Story]:
    """Create the function, and call it until its story is told."""
    print(f"\n== {subject.name}, {subject.runtime}", flush=True)
    account.bluegreen(
        *("create", subject.name, "--dir", subject.folder / "v1"),
        *("--runtime", subject.runtime, "--handler", "index.handler", "--role", role),
    )
    with Callers(account.caller(), subject.name, ALIAS, per_second=per_second) as callers:
        print(f"From now on {callers} ask {subject.name}:{ALIAS}.", flush=True)
        yield Story(account, subject, callers)


def node_story(account: Account, story: Story, scratch: Path) -> None:
    """A good version by the command, one that is bad under traffic by an upload, one that is bad at once by hand."""
    name, folder, settings = NODE.name, NODE.folder, NODE.settings()
    request = scratch / "request.json"
    request.write_text(json.dumps(settings))

    def by_command() -> dict[str, Any]:
        return account.bluegreen("deploy", name, folder / "v2", "--request", request)

    def by_upload() -> dict[str, Any]:
        known = account.executions()
        account.upload(f"functions/{name}/deployment.json", json.dumps(settings).encode())
        uploaded = account.upload(f"functions/{name}/v3.zip", zipped(folder / "v3"))
        print(f"Uploaded {uploaded}", flush=True)
        return account.bluegreen("watch", account.started_beside(known))

    def by_hand() -> dict[str, Any]:
        artifact = account.upload(f"functions/{name}/by-request/v4.zip", zipped(folder / "v4"))
        small = {"function": name, "artifact": artifact, "smoke_tests": settings["smoke_tests"]}
        return account.bluegreen("watch", account.start(small))

    story.tell("v2", "bluegreen deploy", DEPLOYED, by_command)
    story.tell("v3", "upload", UNHEALTHY, by_upload)
    story.tell("v4", "StartExecution", SMOKE_TEST_FAILED, by_hand)


def python_story(account: Account, story: Story, scratch: Path) -> None:
    """A good version by the HTTP API, and back again by the command."""
    name, folder, settings = PYTHON.name, PYTHON.folder, PYTHON.settings() | {"traffic": ONE_STEP}

    def by_http() -> dict[str, Any]:
        artifact = account.upload(f"functions/{name}/by-request/v2.zip", zipped(folder / "v2"))
        accepted = account.post("/deployments", settings | {"function": name, "artifact": artifact})
        print(f"POST /deployments: accepted as {accepted['id']}", flush=True)
        return account.bluegreen("watch", accepted["id"])

    def by_command() -> dict[str, Any]:
        return account.bluegreen("rollback", name)

    story.tell("v2", "HTTP API", DEPLOYED, by_http)
    story.tell("back to v1", "bluegreen rollback", DEPLOYED, by_command)


STORIES = ((NODE, node_story), (PYTHON, python_story))
