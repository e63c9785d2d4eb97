"""A deployment's record is opened once, learns step by step while it is open, and is undone once."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from bluegreen.aws import table
from bluegreen.document import ROLLED_BACK
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import deployments, locks
from bluegreen.ledger.record import UNDOING
from bluegreen.request.artifact import Image, Zip
from tests.bluegreen.examples import IMAGE, SHOP, a_newer_stack_version_writes, found, opened, plan, record
from tests.bluegreen.ledger.ending import ENDS, OVER, end
from tests.machine.deployer import TABLE, Deployer
from tests.machine.faults import Call

pytestmark = pytest.mark.usefixtures("deployer")


class TestOpening:
    def test_opening_takes_the_lock_and_writes_the_record(self) -> None:
        opened()

        assert deployments.find("first") == record()
        assert deployments.load("first") == (record(), None)
        assert locks.all_held() == ([locks.of(record())], [])

    def test_opening_twice_is_opening_once(self) -> None:
        opened()
        opened()

        assert found() == record()
        assert locks.held(SHOP) == locks.of(record())

    def test_opening_beside_another_is_refused_and_writes_nothing(self) -> None:
        opened()

        with pytest.raises(deployments.Held, match=r"Shop:PROD is being deployed to by arn:.*:first") as refused:
            opened("second")

        assert refused.value.lock == locks.of(record())
        assert deployments.find("second") is None

    def test_a_deployment_that_has_ended_is_not_opened_again(self) -> None:
        opened()
        end(ROLLED_BACK)

        with pytest.raises(AwsUnavailable):
            opened()

        assert found().state == ROLLED_BACK

    def test_a_deployment_that_has_a_plan_is_not_opened_again(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        with pytest.raises(AwsUnavailable):
            opened(proof="another proof")

        assert found().blue == "1"


class TestLearning:
    def test_green_and_the_weights_to_come_are_kept(self) -> None:
        opened()

        deployments.learn_green("first", "3")  # by an attempt that the one that goes on has overtaken
        deployments.learn_shift("first", 2, "2", (0.1, 0.2))

        assert (found().green, found().weights, found().shift) == ("2", (0.1, 0.2), 2)

    def test_green_is_not_replaced_once_it_was_shifted_to(self) -> None:
        opened()
        deployments.learn_green("first", "2")
        deployments.learn_shift("first", 1, "2", (0.1,))

        with OVER:
            deployments.learn_green("first", "3")

        assert found().green == "2"

    def test_an_attempt_that_a_later_shift_overtook_changes_nothing(self) -> None:
        opened()
        deployments.learn_shift("first", 9, "2", (0.1,))
        deployments.learn_shift("first", 9, "2", (0.1,))
        deployments.learn_shift("first", 10, "2", (0.1, 0.2))

        with OVER:
            deployments.learn_shift("first", 9, "2", (0.1,))

        assert found().weights == (0.1, 0.2)

    @pytest.mark.parametrize(
        "learn",
        [
            lambda: deployments.learn_code_sent("first", None),
            lambda: deployments.learn_green("first", "2"),
            lambda: deployments.learn_shift("first", 1, "2", (0.1,)),
        ],
        ids=["code", "green", "shift"],
    )
    @pytest.mark.parametrize("over", ["undone", "closed", "without a record"])
    def test_a_deployment_that_is_not_open_learns_nothing_more(self, learn: Callable[[], None], over: str) -> None:
        if over != "without a record":
            opened()
        if over == "undone":
            deployments.begin_undoing("first", "E", "why")
        if over == "closed":
            end(ROLLED_BACK)

        with OVER:
            learn()

        known = deployments.find("first")
        assert known is None or (known.code_sent_at, known.green, known.weights) == (None, None, ())

    def test_the_moment_is_kept_at_which_code_was_sent(self, deployer: Deployer) -> None:
        opened()

        deployments.learn_code_sent("first", None)

        assert found().code_sent_at == "2026-01-05T09:00:00.000Z"
        assert found().latest_kept is None

    def test_code_is_sent_after_green_was_written_down_only_to_mend_latest(self) -> None:
        opened()
        deployments.learn_green("first", "1")

        with OVER:
            deployments.learn_code_sent("first", None)
        assert found().code_sent_at is None

        deployments.learn_code_sent("first", None, mends=True)
        assert found().code_sent_at is not None

    @pytest.mark.parametrize("kept", [Zip(bucket="artifacts", key="restored/a.zip"), Image(image_uri=IMAGE)])
    def test_the_place_is_kept_where_the_code_before_is(self, kept: Zip | Image) -> None:
        opened()

        deployments.learn_code_sent("first", kept)

        assert found().latest_kept == kept


class TestUndoing:
    def test_undoing_begins_as_often_as_it_is_tried(self) -> None:
        opened()

        first = deployments.begin_undoing("first", "E", "why")
        again = deployments.begin_undoing("first", "E", "why")

        assert first == again == found()
        assert found().state == UNDOING

    def test_the_first_reason_for_undoing_stays(self) -> None:
        opened()
        deployments.begin_undoing("first", "GreenUnhealthy", "green failed 9 of 10")

        marked = deployments.begin_undoing("first", "DeploymentAbandoned", "the execution is TIMED_OUT")

        assert marked is not None
        assert (marked.error, marked.cause) == ("GreenUnhealthy", "green failed 9 of 10")

    @pytest.mark.parametrize("as_", ENDS)
    def test_undoing_does_not_begin_after_the_end(self, as_: str) -> None:
        opened()
        end(as_)

        ended = deployments.begin_undoing("first", "E", "why")

        assert ended == found()
        assert (found().state, found().error) == (as_, None)

    def test_a_deployment_without_a_record_cannot_be_undone(self) -> None:
        assert deployments.begin_undoing("first", "E", "why") is None
        assert deployments.find("first") is None

    def test_a_deployment_that_must_be_undoing_is_so_or_it_is_over(self) -> None:
        with OVER:
            deployments.must_be_undoing("first")
        opened()
        with OVER:
            deployments.must_be_undoing("first")
        deployments.begin_undoing("first", "E", "why")
        assert deployments.must_be_undoing("first") == found()
        end(ROLLED_BACK)
        with OVER:
            deployments.must_be_undoing("first")

    def test_what_undoing_finds_is_kept_for_the_next_attempt(self, deployer: Deployer) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        deployments.learn_returned("first")
        deployments.learn_doubts("first", "But version 1 is unwell itself: it raised ValueError.")

        assert found().alias_returned_at == "2026-01-05T09:00:00.000Z"
        assert found().doubts == "But version 1 is unwell itself: it raised ValueError."

    def test_a_deployment_that_is_not_being_undone_learns_nothing_of_it(self) -> None:
        opened()

        deployments.learn_returned("first")
        deployments.learn_doubts("first", "none")

        assert (found().alias_returned_at, found().doubts) == (None, None)

    def test_attempts_at_latest_are_counted_from_one(self) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        assert [deployments.learn_latest_attempt("first") for _ in range(3)] == [1, 2, 3]
        assert found().latest_attempts == 3

    def test_an_attempt_at_latest_is_not_begun_for_a_deployment_that_is_not_being_undone(self) -> None:
        opened()

        with OVER:
            deployments.learn_latest_attempt("first")

        assert found().latest_attempts == 0


class TestReading:
    def test_a_record_that_lacks_what_every_stack_version_writes_cannot_be_read(self) -> None:
        table.put({"Item": table.values({"pk": "deployment#first", "sk": "record", "state": "open"})})

        with pytest.raises(ValueError, match="Target"):
            deployments.find("first")

    def test_a_record_of_a_newer_stack_version_is_read(self) -> None:
        opened()

        a_newer_stack_version_writes("record", colour="blue")

        assert found() == record()

    def test_record_and_plan_are_read_by_one_consistent_read(self, deployer: Deployer) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)
        asked: list[str] = []

        def watch(call: Call, make: Callable[[], Any]) -> Any:
            asked.append(call.operation)
            return make()

        with deployer.aws.watched(watch):
            deployments.load("first")

        assert asked == ["Query"]

    def test_a_deployment_that_was_never_opened_is_none(self) -> None:
        assert deployments.find("first") is None
        assert deployments.load("first") == (None, None)
        assert deployments.plan_of("first") is None

    def test_the_plan_is_no_part_of_the_record(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        item = boto3.resource("dynamodb").Table(TABLE).get_item(Key={"pk": "deployment#first", "sk": "record"})["Item"]

        assert not {"plan", "schedule", "smoke_tests", "health"} & set(item)
