"""SmokeTestGreen calls the published version before it gets traffic."""

from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.errors import SmokeTestFailed, StillInProgress
from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import FUNCTION, zip_of

ONLY_AS_LATEST = """
def handler(event, context):
    if context.function_version != '$LATEST':
        raise RuntimeError('only as latest')
    return {'version': context.function_version}
"""
ECHO = "def handler(event, context): return {'version': context.function_version}"


def test_green_itself_is_called(desks: Desks) -> None:
    desk = desks(source=ECHO, smoke_tests=[{"name": "it answers", "expect_at": {"version != `3`": True}}])
    desk.to("SmokeTestGreen")

    smoke = desk.run("SmokeTestGreen")

    assert smoke["version"] == "2"
    assert [each["case"] for each in smoke["passed"]] == ["it answers"]


def test_a_version_that_fails_where_latest_did_not_is_found_out(desks: Desks) -> None:
    desk = desks(source=ONLY_AS_LATEST).to("SmokeTestGreen")

    with pytest.raises(SmokeTestFailed, match=f"{FUNCTION}:2 failed its smoke test .* only as latest"):
        desk.run("SmokeTestGreen")

    assert desk.deployer.alias() == ("1", {})


def test_a_version_that_existed_is_called_as_well(desks: Desks) -> None:
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(ECHO), Publish=True)
    desk = desks(artifact={"version": "2"}, smoke_tests=[{"name": "a", "expect": {"version": "2"}}])
    desk.run("OpenDeployment")
    desk.document["green"] = {"version": "2"}

    assert desk.run("SmokeTestGreen")["version"] == "2"


@pytest.mark.parametrize("smoke_tests", [[{"name": "a"}], "off"])
def test_a_version_that_sleeps_is_woken_before_users_meet_it(desk: Desk, smoke_tests: Any) -> None:
    """Lambda refuses the invocation that wakes it."""
    desk.document["smoke_tests"] = smoke_tests
    desk.to("SmokeTestGreen")
    describe, asleep = functions.describe, [*["Inactive"] * 3, "Pending", "Active"]

    def waking(function: str, qualifier: str = functions.LATEST) -> functions.Function:
        found = describe(function, qualifier)
        return found.model_copy(update={"state": asleep.pop(0) if len(asleep) > 1 else asleep[0]})

    with mock.patch.object(functions, "describe", waking):
        with (
            desk.aws.fails("Invoke", "ResourceConflictException", times=None) as refused,
            pytest.raises(StillInProgress),
        ):
            desk.run("SmokeTestGreen")
        with pytest.raises(StillInProgress, match="wakes up"):
            desk.run("SmokeTestGreen", retries=1)
        desk.run("SmokeTestGreen", retries=2)

    assert refused.met == 1
    assert asleep == ["Active"]


def test_it_can_be_done_again(desk: Desk) -> None:
    desk.to("SmokeTestGreen")

    first, second = desk.run("SmokeTestGreen"), desk.run("SmokeTestGreen", retries=1)

    assert [each["case"] for each in first["passed"]] == [each["case"] for each in second["passed"]]
