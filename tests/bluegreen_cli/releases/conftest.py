"""A shop of five functions, which are released together from the command line."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bluegreen_cli.releases import told
from tests.bluegreen_cli.conftest import Answers
from tests.machine.deployer import BUCKET, TABLE, Deployer, installed, zip_of
from tests.machine.shop import FUNCTIONS_ASL, RELEASE_ASL, Shop
from tests.machine.walk import DEPLOY_ASL, Moment, handlers_of

LOGS = "/aws/lambda/bluegreen-1a2b3c4d"
"""The handlers' log group, as the template names it."""


@pytest.fixture
def deployer(answers: Answers) -> Iterator[Deployer]:
    """The deployer with all of its machines, and the stack whose outputs name its resources."""
    with installed(handlers_of(DEPLOY_ASL, RELEASE_ASL, FUNCTIONS_ASL)) as deployer:
        deployer.aws.machine_arn(RELEASE_ASL)
        answers.stack(
            "bluegreen",
            DeployStateMachineArn=deployer.aws.machine_arn(),
            ArtifactBucketName=BUCKET,
            DeploymentsTableName=TABLE,
            StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/bluegreen/1a2b3c4d-0000-1111-2222-333344445555",
            ApiUrl="https://api123.execute-api.eu-central-1.amazonaws.com",
        )
        yield deployer


@pytest.fixture
def shop(deployer: Deployer, http_api: None) -> Shop:
    """Its functions are at version 1, and users call them if a test says so."""
    return Shop(deployer)


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A document on the operator's machine, with local zips beside it; the document's path."""

    def written(document: Any, name: str = "friday.json", **zips: str) -> str:
        for file, source in zips.items():
            (tmp_path / f"{file}.zip").write_bytes(zip_of(source))
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return written


class Pause:
    """Where an execution of a release stands still: `reached` is set once it does, and `over` lets it go on."""

    def __init__(self) -> None:
        self.reached, self.over = threading.Event(), threading.Event()


@contextmanager
def held(shop: Shop, state: str, moment: Moment = "entered") -> Iterator[Pause]:
    """The first time that a release is in that state it stands still there, until the block is over."""
    pause = Pause()

    def hold(arn: str, entered: str, when: Moment) -> None:
        if entered == state and when == moment and ":release:" in arn and not pause.reached.is_set():
            pause.reached.set()
            assert pause.over.wait(120)

    with shop.aws.at_states(hold):
        try:
            yield pause
        finally:
            pause.over.set()


@contextmanager
def running(
    shop: Shop, state: str = "LookAtWave", *, to_the_end: bool = False, at: Moment = "entered", **asked: Any
) -> Iterator[str]:
    """The release `monday` of all functions stands still in that state for the block. Then it is stopped, or ends."""
    with held(shop, state, at) as pause:
        arn = shop.aws.start(shop.document(**asked), "monday", RELEASE_ASL)
        assert pause.reached.wait(60)
        yield "monday"
        if not to_the_end:
            shop.aws.stop(arn)
    if to_the_end:
        shop.aws.finish(arn)


def at_the_gate(shop: Shop, do: Callable[[], object], **asked: Any) -> None:
    """The release `monday`, whose second wave waits for an approval: once it does, this is done, then it goes on."""
    done: list[object] = []

    def hook(arn: str, entered: str, when: Moment) -> None:
        if (entered, when) != ("Bake", "entered") or done or ":release:" not in arn:
            return
        if (known := told.read("monday")) and known.awaits:
            done.append(None)
            do()

    with shop.aws.at_states(hook):
        shop.release(name="monday", waves=[{"most": 1}, {"approve": True}], traffic="AllAtOnce", **asked)
    assert done, "no wave waited"
