"""
A principal who may only invoke functions sends the handlers events of their own, while a release runs.

They know the names of everything. Unless a test says so, they do not know the release's proof. The release is in the
state LookAtWave.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import executions
from bluegreen.errors import AccessDenied, AwsUnavailable, DeploymentOver, NotTheHolder
from tests.crash.world.driver import context_of
from tests.machine.shop import GREEN, Shop, at, open_shop
from tests.permissions.seen import seen
from tests.template.stack import file_of

OF_THE_RELEASE = ("ConfirmFunctions", "ShiftWave", "LookAtWave", "CompleteRelease", "RollBackRelease")
OF_ONE_FUNCTION = ("OpenMember", "NoteMember", "UpdateCode", "SmokeTest", "PublishVersion", "DeleteVersions")
OF_THE_DEPLOY_MACHINE = ("ShiftAlias", "CompleteDeployment", "RunHook", "RollBack")
GUESSED = "a-guessed-proof-of-the-same-length-as-a-true-one"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


class Forger:
    """What a principal can send about the release `monday`, whose first wave is looked at."""

    def __init__(self, shop: Shop, proof: str | None = None) -> None:
        (record,) = (item for item in shop.deployer.items("release#monday") if item["sk"] == "record")
        self._shop, self.arn, self.proof = shop, record["began_as"], record["proof"] if proof is None else proof

    def document(self, **sections: Any) -> dict[str, Any]:
        """A document as any state of the release's machines has it, or RollBack."""
        held = {"id": "monday", "proof": self.proof, "execution": self.arn, "calls_per_second": 10.0}
        go = {"next": "complete", "wave": 1, "step": 1}
        deployment = {"id": "monday.5", "proof": self.proof, "brings": "new_code"}
        member = {"wave": 1, "number": 5, "id": "monday.5", "brings": "new_code"}
        return {
            "release": held,
            "bucket": "b",
            "go": go,
            "member": member,
            "deployment": deployment,
            "execution": self.arn,
            "green": {"version": "1"},
            "bake": {"revision": "r", "look": {"next_weight": 1.0}},
            "failure": {"Error": "Forged", "Cause": "by a principal"},
        } | sections

    def send(self, name: str, state: str = "", **sections: Any) -> Any:
        """To the function of that name, in its own role."""
        event = {"document": self.document(**sections), "execution": self.arn, "started": "", "retries": 0}
        return self.invoke(name, event | {"state": state or name})

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """The function of that name with any event, in its own role."""
        handler: Callable[..., Any] = importlib.import_module(file_of(name)).handler
        with self._shop.aws.acting(name):
            return handler(json.loads(json.dumps(event)), context_of(f"{name}Function"))


def everything(shop: Shop) -> Any:
    """Aliases, code, and all items of the table."""
    return shop.aliases(), shop.digests(), sorted(json.dumps(item, sort_keys=True) for item in shop.deployer.items(""))


def during(shop: Shop, do: Callable[[], None]) -> None:
    """While a release that ends well is looked at."""
    done: list[str] = []

    def act() -> None:
        try:
            do()
        except BaseException as error:
            done.append(repr(error))
            raise
        done.append("")

    with at(shop, "LookAtWave", act):
        run = shop.release(name="monday")

    assert done == [""]
    assert run.ended == "Released"
    assert shop.aliases() == GREEN


def test_an_event_without_the_proof_changes_nothing(shop: Shop, subtests: pytest.Subtests) -> None:
    def send() -> None:
        for name in (*OF_THE_RELEASE, *OF_ONE_FUNCTION, *OF_THE_DEPLOY_MACHINE):
            before = everything(shop)
            with subtests.test(name):
                with pytest.raises(NotTheHolder):
                    Forger(shop, GUESSED).send(name)
                assert everything(shop) == before

    during(shop, send)


def test_a_refused_release_has_no_proof_and_an_event_without_one_changes_nothing(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    assert shop.release(name="monday", waves="none").ended == "Refused"
    before = everything(shop)

    for name in (*OF_THE_RELEASE, *OF_ONE_FUNCTION):
        with subtests.test(name):
            with pytest.raises(NotTheHolder):
                Forger(shop, "").send(name, "AnyState")
            assert everything(shop) == before


def test_the_input_of_the_execution_gets_nobody_the_proof(shop: Shop) -> None:
    """Nor does an order to go on with a release whose execution runs."""

    def send() -> None:
        before = everything(shop)
        for state in ("OpenRelease", "LookAtWave"):
            with pytest.raises((NotTheHolder, AwsUnavailable)):
                Forger(shop, GUESSED).send("OpenRelease", state)
        assert everything(shop) == before

    during(shop, send)


def test_the_state_that_an_event_says_is_not_the_one_that_the_execution_must_be_in(shop: Shop) -> None:
    """Of an execution that is seen in another state than OpenRelease, which got the execution's input there."""
    answers: list[Any] = []

    def send() -> None:
        before, arn = everything(shop), Forger(shop).arn
        described = boto3.client("stepfunctions").describe_execution(executionArn=arn)
        event = {"execution": arn, "started": described["startDate"].isoformat(), "state": "LookAtWave", "retries": 0}
        with mock.patch.object(
            executions, "state_entered", return_value=executions.Entered("LookAtWave", described["input"])
        ):
            try:
                answers.append(Forger(shop).invoke("OpenRelease", event | {"document": json.loads(described["input"])}))
            except AwsUnavailable as error:
                answers.append(str(error))
        answers.append(everything(shop) == before)

    during(shop, send)

    said, untouched = answers
    assert "is not seen in the state OpenRelease; nothing was changed" in said
    assert untouched


@pytest.fixture
def denials_are_expected() -> Iterator[None]:
    """A handler of the deploy machine asks for the forged event's execution of a release: its role may not."""
    before = seen.copy()
    yield
    denied = {each for each in seen - before if each.answer == "denied"}
    assert {each.asked.action for each in denied} <= {"states:DescribeExecution"}
    seen.difference_update(denied)


@pytest.mark.usefixtures("denials_are_expected")
def test_who_knows_the_proof_moves_nobody_to_green_and_completes_nothing(shop: Shop) -> None:
    """As a principal does who reads the execution's history: but the execution is not in those states."""

    def send() -> None:
        before = everything(shop)
        for name in ("ShiftWave", "CompleteRelease", "ShiftAlias", "CompleteDeployment", "RunHook"):
            with pytest.raises((NotTheHolder, AwsUnavailable, AccessDenied)):
                Forger(shop).send(name)
        with pytest.raises(DeploymentOver):
            Forger(shop).send("DeleteVersions")
        assert everything(shop) == before

    during(shop, send)


def test_who_knows_the_proof_opens_no_function_anew(shop: Shop) -> None:
    """Green's version and the alias's revision would be forgotten, and the alias left as it is."""

    def send() -> None:
        aliases = shop.aliases()
        with pytest.raises(DeploymentOver):
            Forger(shop).send("OpenMember", member={"wave": 0, "number": 1})
        with pytest.raises(DeploymentOver):
            Forger(shop).send("NoteMember", failure=None, member={"wave": 0, "number": 1})
        assert shop.aliases() == aliases

    during(shop, send)


def test_who_knows_the_proof_puts_nothing_back_and_asks_nobody(shop: Shop) -> None:
    """Neither the functions of a release that runs well, nor a person about a wave that is not due."""
    early: dict[str, Any] = {"go": {"next": "bake", "wave": 1, "step": -1}}
    asked: list[str] = []

    def send() -> None:
        before = everything(shop)
        for name in ("RollBackRelease", "ConfirmFunctions", "LookAtWave"):
            with pytest.raises(AwsUnavailable, match="nothing was changed"):
                Forger(shop).send(name, "", **early)
            assert everything(shop) == before
            asked.append(name)

    with at(shop, "Bake", send):
        run = shop.release(name="monday", waves=[{"most": 2}, {"approve": True}])

    assert len(asked) == 3
    assert run.error == "ApprovalTimedOut"
    assert "ShiftWave" in run.path
