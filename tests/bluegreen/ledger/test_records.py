"""The record and the lock: who may write what, when."""

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import boto3
import pytest

from bluegreen.document import Blue, Plan
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger import records
from bluegreen.ledger.records import Lock, Record
from bluegreen.request.artifact import Existing, Zip
from tests.machine.deployer import TABLE, Deployer

ENDS = [records.DEPLOYED, records.ROLLED_BACK, records.REJECTED, records.NOTHING_TO_DEPLOY]


def record(name: str = "first", function: str = "Shop", alias: str = "PROD", started_at: str = "2026-01-05") -> Record:
    return Record(
        id=name,
        function=function,
        alias=alias,
        state=records.OPEN,
        execution=f"arn:{name}",
        started_at=started_at,
        started_by="alice",
        artifact="s3://artifacts/new.zip",
    )


def state(name: str = "first") -> str | None:
    found = records.find(name)
    return found.state if found else None


@pytest.fixture(autouse=True)
def table(deployer: Deployer) -> Deployer:
    return deployer


class TestOpening:
    def test_takes_the_lock_and_writes_the_record(self) -> None:
        records.open_deployment(record())

        assert records.find("first") == record()
        assert records.held("Shop", "PROD") == record().lock
        assert records.locks() == [Lock(function="Shop", alias="PROD", held_by="arn:first", deployment="first")]

    def test_twice_is_once(self) -> None:
        records.open_deployment(record())
        records.open_deployment(record())

        assert records.held("Shop", "PROD") == record().lock

    def test_beside_another_is_refused_and_writes_nothing(self) -> None:
        records.open_deployment(record())

        with pytest.raises(records.Held) as held:
            records.open_deployment(record("second"))

        assert held.value.lock == record().lock
        assert records.find("second") is None

    @pytest.mark.parametrize("other", [record("second", alias="LIVE"), record("second", function="Other")])
    def test_of_another_alias_or_function_is_in_nobodys_way(self, other: Record) -> None:
        records.open_deployment(record())
        records.open_deployment(other)

        assert len(records.locks()) == 2

    def test_what_has_ended_is_not_opened_again(self) -> None:
        records.open_deployment(record())
        records.close(record().lock, records.ROLLED_BACK)

        with pytest.raises(AwsUnavailable):
            records.open_deployment(record())

        assert state() == records.ROLLED_BACK


class TestClosing:
    @pytest.mark.parametrize("end", ENDS)
    def test_writes_how_it_ended_once(self, end: str) -> None:
        records.open_deployment(record())

        assert records.close(record().lock, end, serving="2", error="E", cause="c")
        assert [records.close(record().lock, other, serving="9") for other in ENDS] == [False] * 4

        found = records.find("first")
        assert found is not None
        assert (found.state, found.serving, found.error, found.cause) == (end, "2", "E", "c")
        assert found.ended_at

    def test_as_deployed_needs_a_deployment_that_nobody_undoes(self) -> None:
        records.open_deployment(record())
        records.begin_undoing("first", "E", "why")

        assert not records.close(record().lock, records.DEPLOYED)
        assert state() == records.UNDOING
        assert records.close(record().lock, records.ROLLED_BACK)

    def test_what_is_not_there_writes_nothing(self) -> None:
        assert not records.close(record().lock, records.REJECTED)
        assert records.find("first") is None


class TestUndoing:
    def test_begins_as_often_as_it_is_tried(self) -> None:
        records.open_deployment(record())

        assert records.begin_undoing("first", "E", "why")
        assert records.begin_undoing("first", "E", "why")
        assert state() == records.UNDOING

    @pytest.mark.parametrize("end", ENDS)
    def test_does_not_begin_after_the_end(self, end: str) -> None:
        records.open_deployment(record())
        records.close(record().lock, end)

        assert not records.begin_undoing("first", "E", "why")
        assert state() == end

    @pytest.mark.parametrize(
        "learn",
        [
            lambda: records.learn_code_sent("first"),
            lambda: records.learn_green("first", "2"),
            lambda: records.learn_shift("first", 1, "2", [0.1]),
        ],
        ids=["code", "green", "shift"],
    )
    def test_ends_what_the_deployment_may_learn(self, learn: Callable[[], None]) -> None:
        records.open_deployment(record())
        records.begin_undoing("first", "E", "why")

        with pytest.raises(DeploymentOver):
            learn()

        found = records.find("first")
        assert found is not None
        assert (found.code_sent_at, found.green, found.weights) == (None, None, ())


class TestLearning:
    def test_green_and_the_weights_to_come_are_kept(self) -> None:
        records.open_deployment(record())

        records.learn_green("first", "3")  # by an attempt that the one that goes on has overtaken
        records.learn_shift("first", 2, "2", [0.1, 0.2])

        found = records.find("first")
        assert found is not None
        assert (found.green, found.weights) == ("2", (0.1, 0.2))

    def test_a_plan_of_another_release_is_not_replaced(self) -> None:
        records.open_deployment(record())
        items = boto3.resource("dynamodb").Table(TABLE)
        key = {"pk": "deployment#first", "sk": "record"}
        theirs = '{"a field": "of another release"}'
        items.update_item(
            Key=key,
            UpdateExpression="SET #plan = :plan",
            ExpressionAttributeNames={"#plan": "plan"},
            ExpressionAttributeValues={":plan": theirs},
        )
        blue = Blue(version="1", sha256="", revision="")
        known: Any = {"deployment": "first", "artifact": Existing(version="2"), "blue": blue}

        with pytest.raises(DeploymentOver, match="another release"):
            records.learn_plan(Plan.model_construct(**known), is_newest=False)

        assert items.get_item(Key=key)["Item"]["plan"] == theirs

    @pytest.mark.parametrize("over", [False, True])
    def test_the_newest_upload_is_learned_with_the_plan_or_not_at_all(self, over: bool) -> None:
        records.open_deployment(record())
        upload = Zip(bucket="artifacts", key="new.zip", sequencer="01")
        blue = Blue(version="1", sha256="", revision="")
        known: Any = {"deployment": "first", "function": "Shop", "alias": "PROD", "artifact": upload, "blue": blue}
        if over:
            records.begin_undoing("first", "E", "why")

        with pytest.raises(DeploymentOver) if over else nullcontext():
            records.learn_plan(Plan.model_construct(**known), is_newest=True)

        learned = records.Newest(artifact=upload, deployment="first")
        assert records.newest("Shop", "PROD") == (None if over else learned)

    def test_an_attempt_that_a_later_shift_overtook_changes_nothing(self) -> None:
        records.open_deployment(record())
        records.learn_shift("first", 9, "2", [0.1])
        records.learn_shift("first", 9, "2", [0.1])
        records.learn_shift("first", 10, "2", [0.1, 0.2])

        with pytest.raises(DeploymentOver):
            records.learn_shift("first", 9, "2", [0.1])

        found = records.find("first")
        assert found is not None
        assert found.weights == (0.1, 0.2)

    @pytest.mark.parametrize(
        ("asked", "is_", "over"),
        [
            (records.OPEN, records.OPEN, False),
            (records.OPEN, records.UNDOING, True),
            (records.UNDOING, records.UNDOING, False),
            (records.UNDOING, records.OPEN, True),
        ],
    )
    def test_a_state_is_as_it_must_be_or_it_is_over(self, asked: str, is_: str, over: bool) -> None:
        records.open_deployment(record())
        if is_ == records.UNDOING:
            records.begin_undoing("first", "E", "why")

        if over:
            with pytest.raises(DeploymentOver):
                records.must_be(asked, "first")
        else:
            records.must_be(asked, "first")


class TestTheLock:
    def test_is_held_as_long_as_the_deployment_is_live(self) -> None:
        records.open_deployment(record())
        records.begin_undoing("first", "E", "why")
        assert records.held("Shop", "PROD") == record().lock

        records.close(record().lock, records.ROLLED_BACK)

        assert records.held("Shop", "PROD") is None

    def test_of_another_is_not_freed_by_an_end_that_comes_again(self) -> None:
        records.open_deployment(record())
        records.close(record().lock, records.ROLLED_BACK)
        records.open_deployment(record("second"))

        records.close(record().lock, records.ROLLED_BACK)

        assert records.held("Shop", "PROD") == record("second").lock

    def test_that_somebody_took_away_by_hand_leaves_the_end_unwritten(self) -> None:
        records.open_deployment(record())
        records.free(record().lock)
        records.open_deployment(record("second"))

        with pytest.raises(AwsUnavailable, match="could not take the record"):
            records.close(record().lock, records.ROLLED_BACK)

    def test_is_given_back_by_its_holder(self) -> None:
        records.open_deployment(record())

        records.free(record().lock)
        records.free(record().lock)

        assert records.held("Shop", "PROD") is None

    def test_of_new_code_is_latests_too(self) -> None:
        new_code = record().model_copy(update={"new_code": True})
        records.open_deployment(new_code)

        with pytest.raises(records.Held) as held:
            records.open_deployment(record("second", alias="LIVE").model_copy(update={"new_code": True}))

        assert held.value.lock == new_code.lock == records.held("Shop", "$LATEST")
        assert records.locks() == [new_code.lock]

    def test_of_new_code_is_given_back_so_that_what_is_left_is_found(self, table: Deployer) -> None:
        new_code = record().model_copy(update={"new_code": True})
        records.open_deployment(new_code)

        with table.aws.fails("DeleteItem", "ServiceUnavailable", times=None, skip=1), pytest.raises(AwsUnavailable):
            records.free(new_code.lock)
        assert records.locks() == [new_code.lock]

        records.free(new_code.lock)
        assert table.items("lock#") == []

    def test_is_not_given_back_by_anybody_else(self) -> None:
        records.open_deployment(record())

        records.free(record("second").lock)

        assert records.held("Shop", "PROD") == record().lock

    def test_that_is_free_can_be_taken(self) -> None:
        records.open_deployment(record())
        records.close(record().lock, records.ROLLED_BACK)

        records.open_deployment(record("second"))

        assert records.held("Shop", "PROD") == record("second").lock


class TestTellingPeople:
    @pytest.mark.parametrize("end", [records.DEPLOYED, records.ROLLED_BACK, records.REJECTED])
    def test_of_an_end_is_open_until_it_is_done(self, end: str) -> None:
        records.open_deployment(record())
        assert records.untold() == []

        records.close(record().lock, end)
        assert [found.id for found in records.untold()] == ["first"]

        records.told("first")
        assert records.untold() == []
        found = records.find("first")
        assert found is not None
        assert found.told_at

    def test_that_there_was_nothing_to_deploy_is_not_called_for(self) -> None:
        records.open_deployment(record())
        records.close(record().lock, records.NOTHING_TO_DEPLOY)

        assert records.untold() == []

    def test_of_what_was_never_opened_is_open_too(self) -> None:
        records.keep(record().model_copy(update={"state": records.REJECTED}))

        assert [found.id for found in records.untold()] == ["first"]


class TestKeeping:
    def test_a_record_that_is_there_stays_as_it_is(self) -> None:
        records.open_deployment(record())

        records.keep(record().model_copy(update={"state": records.REJECTED}))

        assert state() == records.OPEN


class TestTheAudit:
    def test_has_every_step_in_order(self, table: Deployer) -> None:
        for name in ("OpenDeployment", "UpdateCode", "SmokeTest"):
            records.note("first", name, {"learned": name})
            table.aws.clock.sleep(1)

        assert [(step.state, step.evidence) for step in records.steps("first")] == [
            ("OpenDeployment", {"learned": "OpenDeployment"}),
            ("UpdateCode", {"learned": "UpdateCode"}),
            ("SmokeTest", {"learned": "SmokeTest"}),
        ]

    def test_keeps_two_steps_of_one_moment(self) -> None:
        records.note("first", "SmokeTest", {"attempt": 1})
        records.note("first", "SmokeTest", {"attempt": 2})

        assert sorted(step.evidence["attempt"] for step in records.steps("first")) == [1, 2]

    def test_leaves_out_what_no_item_can_hold_and_says_so(self) -> None:
        records.note("first", "SmokeTest", {"reply": "x" * 1_000_000, "error": "SmokeTestFailed", "cause": "c"})

        (step,) = records.steps("first")
        assert step.evidence["error"] == "SmokeTestFailed"
        assert step.evidence["bytes_left_out"] > 1_000_000

    def test_is_read_however_long_it_is(self, table: Deployer) -> None:
        for number in range(12):
            records.note("first", "CheckHealth", {"number": number, "evidence": "x" * 99_000})
            table.aws.clock.sleep(1)

        assert [step.evidence["number"] for step in records.steps("first")] == list(range(12))

    def test_of_one_deployment_is_not_anothers(self) -> None:
        records.note("first", "SmokeTest", {})

        assert records.steps("first-2") == []


class TestAFunctionsDeployments:
    def test_are_listed_the_newest_first_and_fifty_at_most(self) -> None:
        for number in range(52):
            records.keep(record(f"d{number}", started_at=f"2026-01-05T09:00:{number:02}.000Z"))
        records.keep(record("other", function="Other"))

        found = [each.id for each in records.of_function("Shop")]

        assert found == [f"d{number}" for number in itertools.islice(reversed(range(52)), 50)]
