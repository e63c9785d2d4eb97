"""RollBack gives users blue back before it looks at anything else, and whatever it finds there."""

import json
import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, another_user_points_the_alias, another_user_updates_the_code, put
from tests.handlers.rolling_back import ANSWERS, at_last, blue_is_back, found
from tests.machine.deployer import FUNCTION, GOOD, TARGET
from tests.machine.faults import Call, HandlerKilled


class TestUsersFirst:
    def test_an_attempt_that_was_killed_while_it_asked_blue_is_the_last_that_asks(self, shifting: Desk) -> None:
        """Otherwise every attempt would be killed there, and the lock be held for ever."""
        with shifting.aws.fails("Invoke", "HandlerKilled", times=None) as killed, pytest.raises(HandlerKilled):
            shifting.run("RollBack")
        shifting.run("RollBack", retries=1)

        assert killed.met == 1
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)
        assert "Whether version 1 is well could not be seen" in shifting.record()["doubts"]

    def test_the_alias_is_put_back_before_latest_and_blue_are_looked_at(self, shifting: Desk) -> None:
        order: list[str] = []

        def watch(call: Call, attempt: Callable[[], Any]) -> Any:
            order.append(call.operation)
            return attempt()

        with shifting.aws.watched(watch):
            shifting.run("RollBack")

        first = [order.index(each) for each in ("UpdateAlias", "GetFunction", "UpdateFunctionCode", "Invoke")]
        assert first == sorted(first)

    @pytest.mark.parametrize("operation", ["GetFunction", "Invoke"])
    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException", "TooManyRequestsException"])
    def test_a_blue_that_cannot_be_asked_gets_its_users_back(self, shifting: Desk, operation: str, code: str) -> None:
        with shifting.aws.fails(operation, code, times=None), suppress(DeploymentError):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})

    def test_a_blue_that_hangs_is_asked_once(self, shifting: Desk) -> None:
        with shifting.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered:
            rollback = shifting.run("RollBack")

        assert unanswered.met == 1
        assert "it did not answer within 5 seconds" in shifting.record()["doubts"]
        assert f" {shifting.record()['doubts']} Green's log" in rollback["cause"]

    @pytest.mark.parametrize(
        ("operation", "code", "when"),
        [
            (None, "", "before"),
            ("UpdateAlias", "ReadTimeout", "after"),
            ("UpdateFunctionCode", "ServiceException", "before"),
            ("TransactWriteItems", "InternalServerError", "before"),
        ],
    )
    def test_a_blue_that_is_unwell_is_told_apart(
        self, desks: Desks, operation: str | None, code: str, when: Any
    ) -> None:
        """Also if the attempt that found it out could not finish, and blue has all traffic when the next one looks."""
        ill = "import os\ndef handler(event, context):\n    raise RuntimeError('the password is 4711-secret')"
        another_user_updates_the_code(desks.deployer, ill)
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        another_user_points_the_alias("2")
        desk = desks(source=GOOD % 3, smoke_tests=ANSWERS).to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.failed()

        with desk.aws.fails(operation, code, times=3, when=when) if operation else nullcontext():
            at_last(desk)

        assert desk.deployer.alias() == ("2", {})
        assert desk.record()["doubts"] == "But version 2 is unwell itself: it raised RuntimeError."
        assert "4711-secret" not in json.dumps(desk.record())

    def test_a_blue_that_is_unwell_is_asked_once(self, desks: Desks) -> None:
        asked = desks(smoke_tests=ANSWERS).to("ShiftAlias")
        asked.run("ShiftAlias")
        asked.failed()

        with (
            asked.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered,
            asked.aws.fails("TransactWriteItems", "InternalServerError", times=6),
        ):
            at_last(asked)

        assert unanswered.met == 1

    @pytest.mark.parametrize(
        "raised",
        ["RuntimeError('x' * 2_000)", "RuntimeError('x' * 450_000)", "type('X' * 2_000, (Exception,), {})()"],
        ids=["much", "very much", "a long name"],
    )
    def test_a_blue_that_says_much_when_it_fails_keeps_no_user_on_green(self, desks: Desks, raised: str) -> None:
        another_user_updates_the_code(desks.deployer, f"def handler(event, context):\n    raise {raised}")
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        another_user_points_the_alias("2")
        desk = desks(source=GOOD % 3, smoke_tests=ANSWERS).to("ShiftAlias")
        desk.run("ShiftAlias")

        cause = desk.failed().run("RollBack")["cause"]

        assert desk.deployer.alias() == ("2", {})
        assert "version 2 is unwell itself: it raised" in desk.record()["doubts"]
        assert len(cause) < 2_000

    def test_a_note_about_blue_that_the_handler_cannot_read_keeps_no_user_on_green(self, shifting: Desk) -> None:
        put({"pk": f"serving#{TARGET.key}", "sk": "version#0000000001", "a field": "of another version"})

        shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.state() == "RolledBack"

    def test_a_document_of_another_stack_version_keeps_no_user_on_green(self, shifting: Desk) -> None:
        document = json.loads(json.dumps(shifting.document))
        for section in (document, document["deployment"], document["bake"], document["bake"]["look"]):
            section["a field"] = "of a later version"
        del document["bake"]["look"]["probes"], document["bake"]["look"]["verdict"]
        shifting.document = document

        with shifting.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)

    def test_a_plan_of_another_stack_version_keeps_no_user_on_green(self, shifting: Desk) -> None:
        """The record alone says how to undo it."""
        put({"pk": "deployment#first", "sk": "plan", "a field": "of another version"})

        shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")

    def test_a_blue_that_fails_its_own_smoke_test_is_told_apart(self, desks: Desks) -> None:
        """It raises nothing; but it is not what it was when it was deployed."""
        blue = "import os\ndef handler(event, context): return {'statusCode': int(os.environ.get('STATUS', 200))}"
        first = desks("first", blue, traffic="AllAtOnce", smoke_tests=[{"name": "ok", "expect": {"statusCode": 200}}])
        first.to("ShiftAlias").run("ShiftAlias")
        first.run("CompleteDeployment")
        desk = desks("second", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        with mock.patch.dict(os.environ, {"STATUS": "500"}):
            desk.failed().run("RollBack")

        assert desk.record()["doubts"].startswith("But version 2 is unwell itself: ")
        assert "reply.statusCode" in desk.record()["doubts"]

    def test_a_smoke_test_that_blue_did_not_come_with_is_not_its_own(self, desks: Desks) -> None:
        """One that rolled back, to this very version, asked for what blue never had."""
        failing = desks("failing", GOOD % 2, smoke_tests=[{"name": "new", "expect": {"bonus": 2}}]).to("SmokeTest")
        failing.failed("SmokeTestFailed", "no bonus").run("RollBack")
        put(failing.record() | {"green": "1"})
        desk = desks("next", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.record()["doubts"] == ""

    def test_a_blue_that_slept_for_weeks_is_told_apart(self, shifting: Desk) -> None:
        """Lambda refuses the invocation that wakes it."""
        describe = functions.describe

        def asleep(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
            seen = describe(target, qualifier)
            return seen.model_copy(update={"state": "Inactive"}) if qualifier == "1" else seen

        with (
            mock.patch.object(functions, "describe", asleep),
            shifting.aws.fails("Invoke", "ResourceConflictException", times=None),
        ):
            shifting.run("RollBack")

        assert "version 1 is unwell itself: it was Inactive; and more could not be seen" in shifting.record()["doubts"]
        assert shifting.deployer.alias() == ("1", {})

    def test_a_blue_that_lacks_what_green_was_tested_for_is_not_unwell(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "new bonus", "expect": {"bonus": 2}}]).to("ShiftAlias")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.record()["doubts"] == ""

    def test_a_blue_whose_users_were_never_moved_is_not_asked(self, desk: Desk) -> None:
        desk.to("ShiftAlias").failed()

        with desk.aws.fails("Invoke", "ReadTimeout", times=None) as asked:
            desk.run("RollBack")

        assert (asked.met, found(desk)["doubts"]) == (0, "")
