"""RunHook: which hook runs, what of its answer is kept, and what follows it."""

import pytest

from bluegreen.errors import AwsUnavailable, DeploymentOver, HookFailed
from tests.handlers.desk import Desk, Desks

ALL = dict.fromkeys(["before_traffic", "after_step", "after_traffic"], "ShopHook")


@pytest.fixture
def desk(desks: Desks) -> Desk:
    desks.deployer.aws.create_function("ShopHook", "def handler(event, context): return None")
    return desks(hooks=ALL).to("ShiftAlias")


def test_keeps_the_last_look_and_says_what_follows(desk: Desk) -> None:
    before = desk.document["bake"]["look"]

    answer = desk.run("RunHook")

    assert before["next"] == "hook"
    assert answer == before | {"next": "shift"}
    assert desk.evidence("RunHook") == {"moment": "before_traffic", "hook": "ShopHook", "seconds": 0.0}


def test_leads_to_the_approval_of_the_first_shift(desks: Desks, desk: Desk) -> None:
    desk.end()
    asking = desks("asking", hooks=ALL, approval={"required": True, "timeout_seconds": 600}, alias="PROD")
    desk.failed().run("RollBack")
    asking.to("ShiftAlias")

    answer = asking.run("RunHook")

    assert (answer["next"], answer["next_seconds"]) == ("approve", 660)


def test_is_not_asked_about_a_deployment_that_is_undone(desk: Desk) -> None:
    event = desk.event("RunHook")
    desk.failed().run("RollBack")

    with pytest.raises(DeploymentOver), desk.in_state("RunHook", event["document"]):
        desk.invoke("RunHook", event)


def test_may_be_asked_again_after_a_throttle(desk: Desk) -> None:
    with desk.aws.fails("Invoke", "TooManyRequestsException"), pytest.raises(AwsUnavailable):
        desk.run("RunHook")

    assert desk.run("RunHook", retries=1)["next"] == "shift"


def test_names_the_hook_that_iam_refuses(desk: Desk) -> None:
    with desk.aws.fails("Invoke", "AccessDeniedException"), pytest.raises(HookFailed) as failed:
        desk.run("RunHook")

    assert str(failed.value).startswith("The hook before_traffic, ShopHook, could not be invoked: ")
