"""The pace: never more calls of Lambda than its limit in any second, undoing first, and nothing stops for it."""

import contextvars
import itertools
import os
import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen.aws import accounts, callers, functions, pacing, table
from bluegreen.aws.client import client
from bluegreen.decisions.turns import CUT_MS, HOLD_MS
from bluegreen.errors import AwsUnavailable
from bluegreen.request.smoke_tests import Case
from tests.bluegreen.aws.town import BEGIN, Town, item, most
from tests.machine.deployer import TABLE, TARGET, Deployer, installed

LIMIT = pacing.CONTROL_PLANE.most
ORDINARY = 10
CUT, HOLD = CUT_MS / 1000, HOLD_MS / 1000


@pytest.fixture
def town(deployer: Deployer) -> Iterator[Town]:
    town = Town()
    with town.installed(), deployer.aws.watched(town.watch):
        yield town


def undo(town: Town, times: int) -> None:
    with pacing.undoing():
        town.calls(times)


def release(town: Town, times: int, rate: float = ORDINARY) -> None:
    with pacing.at_rate(rate), pacing.expecting(times):
        town.calls(times)


def standing(name: str = pacing.CONTROL_PLANE.item) -> dict[str, Any]:
    return table.get(**item(name)) or {}


class TestTogether:
    def test_callers_make_no_more_than_their_rate_in_the_long_run_and_never_more_than_lambda_allows(
        self, town: Town
    ) -> None:
        for number in range(60):
            town.caller(f"caller {number}", lambda: town.calls(2), after=number % 7 / 10)
        town.run()

        assert town.errors == []
        assert len(town.sent) == 120
        assert town.most() <= LIMIT
        assert town.most(within=10) <= 10 * ORDINARY + 5
        assert town.seconds()[-1] <= 120 / ORDINARY + 1, "and no turn is lost"

    def test_releases_make_evenly_no_more_than_their_rate_and_one(self, town: Town) -> None:
        for number in range(4):
            town.caller(f"release {number}", lambda: release(town, 40), after=number / 3)
        town.run()

        assert town.errors == []
        assert len(town.sent) == 160
        assert town.most() <= ORDINARY + 1
        assert town.seconds()[-1] <= 160 / ORDINARY + 1.5

    def test_a_release_may_be_slower_than_the_stack(self, town: Town) -> None:
        town.caller("release", lambda: release(town, 12, rate=4))
        town.run()

        assert town.most() <= 5
        assert town.seconds()[-1] == pytest.approx(11 / 4)

    def test_nobody_waits_where_nobody_else_calls(self, town: Town) -> None:
        for _ in range(3):
            begun = town.now
            town.calls(4)
            assert town.now - begun == pytest.approx(4 * town.latency), "four calls, and no pause"
            town.sleep(1)

    def test_a_second_process_in_the_same_second_waits_for_its_turn(self, town: Town) -> None:
        for number in range(12):
            town.caller(f"caller {number}", town.call)
        town.run()

        assert town.seconds()[:4] == [0, 0, 0, 0]
        assert town.seconds()[4:] == pytest.approx([number / 10 for number in range(1, 9)])

    def test_boto3_s_own_retries_take_turns_as_well(self, town: Town) -> None:
        town.throttles = lambda who: who == "unlucky" and sum(name == who for _, name in town.sent) < 3
        town.caller("unlucky", town.call)
        for number in range(30):
            town.caller(f"caller {number}", town.call)
        town.run()

        assert town.errors == []
        assert len(town.seconds("unlucky")) == 3
        assert len(town.writes) >= len(town.sent), "each attempt has a turn of its own"
        assert most(town.seconds()[4:]) <= ORDINARY + 1

    def test_get_function_has_turns_of_its_own(self, town: Town) -> None:
        for number in range(150):
            town.caller(f"caller {number}", lambda: functions.describe(TARGET))
        town.run()

        assert town.most() <= pacing.GET_FUNCTION.most
        assert town.seconds()[-1] == pytest.approx(146 / pacing.GET_FUNCTION.ordinary, abs=0.2)
        assert standing() == {}
        assert standing(pacing.GET_FUNCTION.item)["next_at"] > BEGIN

    def test_invocations_and_the_policy_are_not_paced(self, town: Town) -> None:
        functions.invoke(TARGET, "1", Case(name="a"))
        callers.permissions(TARGET)

        assert town.writes == []

    @pytest.mark.parametrize("missing", ["CALLS_PER_SECOND", "STACK_ID"])
    def test_the_command_line_is_not_paced(self, town: Town, missing: str) -> None:
        """Someone's environment may have one of the two for other reasons."""
        begun = town.now
        with mock.patch.dict(os.environ):
            del os.environ[missing]
            town.calls(30)

        assert town.writes == []
        assert town.now - begun == pytest.approx(30 * town.latency)

    def test_every_account_and_region_has_its_own_pace(self, town: Town) -> None:
        elsewhere = TARGET.model_copy(update={"region": "eu-west-1"})
        role = "arn:aws:iam::210987654321:role/deployer"
        other = TARGET.model_copy(update={"account": "210987654321", "role": role})

        for target in (TARGET, elsewhere, other):
            accounts.settings(target)

        found = {
            found["pk"]["S"]
            for found in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
            if found["pk"]["S"].startswith("pace#")
        }
        assert found == {"pace#123456789012:us-east-1", "pace#123456789012:eu-west-1", "pace#210987654321:us-east-1"}


class TestMoreTurnsWithOneWrite:
    def test_a_block_that_expects_calls_takes_ten_turns_at_a_time(self, town: Town) -> None:
        town.caller("release", lambda: release(town, 35))
        town.run()

        assert len(town.sent) == 35
        assert len(town.writes) == 4 + 7, "and a look every 0.3 s, whether an undo has gone before"
        assert town.seconds() == pytest.approx([number / 10 for number in range(35)])

    def test_a_turn_is_lost_once_the_next_one_begins(self, town: Town) -> None:
        def late() -> None:
            with pacing.expecting(10):
                town.call()
                town.sleep(0.95)
                town.calls(9)

        town.caller("late", late)
        for number in range(20):
            town.caller(f"caller {number}", town.call)
        town.run()

        assert town.most() <= LIMIT
        assert town.most(within=2) <= 2 * ORDINARY + 5

    def test_threads_of_a_block_share_its_turns(self, town: Town) -> None:
        def with_threads() -> None:
            with pacing.at_rate(10), pacing.expecting(20):
                for _ in range(20):
                    context = contextvars.copy_context()
                    town.caller("thread", lambda context=context: context.run(town.call))  # type: ignore[misc]

        town.latency = 0.25
        town.caller("release", with_threads)
        town.run()

        assert len(town.sent) == 20
        assert town.most() <= 11
        assert town.seconds()[-1] == pytest.approx(2, abs=0.3), "though each call takes longer than a turn"

    def test_what_a_block_does_not_use_does_not_hold_others_up_for_long(self, town: Town) -> None:
        def fewer_than_expected() -> None:
            with pacing.expecting(1_000):
                town.call()

        town.caller("release", fewer_than_expected)
        town.caller("another", town.call, after=0.1)
        town.run()

        assert town.seconds("another")[0] <= 1


class TestUndoing:
    def queue(self, town: Town, callers: int = 100) -> None:
        for number in range(callers):
            town.caller(f"ordinary {number}", town.call)

    def test_goes_before_a_queue_of_others(self, town: Town) -> None:
        self.queue(town)
        town.caller("undo", lambda: undo(town, 20), after=2)
        town.run()

        undone, others = town.seconds("undo"), town.seconds("ordinary")
        assert town.errors == []
        assert undone[0] <= 2 + CUT + 0.01
        assert undone[-1] - undone[0] <= 20 / 13.8
        assert not [moment for moment in others if undone[0] <= moment <= undone[-1] + HOLD - 0.1]
        assert len(others) == 100, "who go on when it is done"
        assert town.most() <= LIMIT

    def test_waits_for_nobody_where_nobody_calls(self, town: Town) -> None:
        begun = town.now
        undo(town, 1)

        assert town.now - begun == pytest.approx(town.latency)

    def test_of_several_makes_fourteen_calls_a_second_together(self, town: Town) -> None:
        for number in range(5):
            town.caller(f"undo {number}", lambda: undo(town, 14))
        town.run()

        assert town.most() <= LIMIT
        assert town.seconds()[-1] == pytest.approx(70 / 14, abs=0.2)

    def test_holds_others_up_for_as_long_as_they_have_time_and_they_send_nothing_then(self, town: Town) -> None:
        def impatient() -> None:
            with pacing.within(3):
                town.call()

        town.caller("undo", lambda: undo(town, 100))
        town.caller("ordinary", impatient, after=0.5)
        town.run()

        (error,) = town.errors
        assert isinstance(error, AwsUnavailable)
        assert "a rollback is under way" in str(error)
        assert town.seconds("ordinary") == []

    def test_puts_nobody_off_who_was_about_to_call(self, town: Town) -> None:
        self.queue(town, 5)
        town.caller("undo", lambda: undo(town, 1), after=0.1)
        town.run()

        assert len(town.seconds("ordinary")) == 5
        assert town.seconds("ordinary")[-1] < town.seconds("undo")[0] <= 0.1 + CUT
        assert "cut" not in standing()


class TestAThrottle:
    def throttled_once(self, town: Town, who: str = "unlucky") -> None:
        town.throttles = lambda name: name == who and sum(each == who for _, each in town.sent) == 1

    def test_halves_everybody_s_rate_for_a_minute_and_then_it_grows_by_one_every_ten_seconds(self, town: Town) -> None:
        self.throttled_once(town)
        town.caller("unlucky", town.call)
        for number in range(4):
            town.caller(f"release {number}", lambda: town.calls(240), after=0.05)
        town.run()

        moments = town.seconds("release")
        assert town.errors == []
        assert most([each for each in moments if 5 < each < 60]) <= 6
        for number, rate in enumerate((6, 7, 8, 9), start=7):
            span = [each for each in moments if number * 10 + 0.5 <= each <= number * 10 + 9.5]
            assert len(span) == pytest.approx(9 * rate, abs=3), rate
        assert most([each for each in moments if each > 112]) > 9

    def test_of_calls_under_way_together_counts_once(self, town: Town) -> None:
        town.throttles = lambda name: town.now - BEGIN < 0.5
        for number in range(4):
            town.caller(f"caller {number}", town.call)
        town.run()

        assert standing()["slowed_to"] == 50

    def test_again_halves_again(self, town: Town) -> None:
        town.throttles = lambda name: (town.now - BEGIN) % 3 < 0.1
        town.caller("unlucky", town.call)
        town.caller("another", town.call, after=3)
        town.run()

        assert standing()["slowed_to"] == 25

    def test_slows_an_undo_down_as_well(self, town: Town) -> None:
        self.throttled_once(town)
        town.caller("unlucky", town.call)
        town.caller("undo", lambda: undo(town, 30), after=2)
        town.run()

        assert town.most(who="undo") <= 14 / 2 + 1

    def test_of_a_function_s_own_invocations_slows_nobody_down(self, town: Town, deployer: Deployer) -> None:
        throttled = deployer.aws.fails("Invoke", "TooManyRequestsException")
        with throttled, pytest.raises(AwsUnavailable):
            functions.invoke(TARGET, "1", Case(name="a"))

        assert town.writes == []


class TestTimeToWait:
    def test_ends_with_an_error_that_is_retried_and_nothing_is_sent(self, town: Town) -> None:
        for number in range(100):
            town.caller(f"caller {number}", town.call)

        def impatient() -> None:
            with pacing.within(5):
                town.call()

        town.caller("impatient", impatient, after=1)
        town.run()

        (error,) = town.errors
        assert isinstance(error, AwsUnavailable)
        assert "others have taken the turns of" in str(error)
        assert town.seconds("impatient") == []
        assert len(town.sent) == 100, "and no turn was taken for it"

    def test_is_short_where_nothing_says_how_much_there_is(self, town: Town) -> None:
        for number in range(400):
            town.caller(f"caller {number}", town.call)
        town.run()

        assert town.seconds()[-1] <= pacing.PATIENCE_SECONDS + 0.1
        assert len(town.sent) + len(town.errors) == 400
        assert {type(error) for error in town.errors} == {AwsUnavailable}

    def test_is_not_spent_for_what_this_process_remembers_wrongly(self, town: Town) -> None:
        release(town, 10)
        boto3.client("dynamodb").delete_item(TableName=TABLE, Key=table.key(**item()))

        with pacing.within(0.01):
            town.call()

        assert len(town.sent) == 11


class TestATableThatIsAway:
    @pytest.mark.parametrize("code", ["ReadTimeout", "InternalServerError", "AccessDeniedException"])
    def test_stops_nothing_and_is_asked_seldom(self, town: Town, deployer: Deployer, code: str) -> None:
        with deployer.aws.fails("Pace", code, times=None) as away:
            town.caller("deployment", lambda: town.calls(130))
            town.run()

        assert town.errors == []
        assert len(town.sent) == 130
        assert away.met == 2, "again after ten seconds"
        assert town.most() <= ORDINARY + 1, "a process still spaces its own calls"

    def test_leaves_a_process_slow_that_lambda_throttled(self, town: Town, deployer: Deployer) -> None:
        town.throttles = lambda who: len(town.sent) == 1
        with deployer.aws.fails("Pace", "ReadTimeout", times=None):
            town.caller("deployment", lambda: town.calls(20))
            town.run()

        assert most(town.seconds()[1:]) <= ORDINARY / 2 + 1

    def test_does_not_stop_an_undo(self, town: Town, deployer: Deployer) -> None:
        with deployer.aws.fails("Pace", "ReadTimeout", times=None):
            undo(town, 5)

        assert town.now - BEGIN == pytest.approx(5 * 0.072, abs=0.05)

    def test_is_waited_for_two_seconds_at_most(self) -> None:
        config: Any = client("pace").meta.config

        assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) <= 2

    def test_between_taking_a_turn_and_going_does_not_stop_who_has_one(self, town: Town, deployer: Deployer) -> None:
        with deployer.aws.fails("Pace", "ReadTimeout", times=None, skip=20):
            for number in range(20):
                town.caller(f"caller {number}", town.call)
            town.run()

        assert town.errors == []
        assert town.seconds()[4:] == pytest.approx([number / 10 for number in range(1, 17)])

    @pytest.mark.parametrize("rubbish", [{"next_at": "soon"}, {"next_at": 1.5, "cut": "x"}, {"slowed_to": None}])
    def test_is_one_that_has_rubbish(self, town: Town, rubbish: dict[str, Any]) -> None:
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=table.values(item() | rubbish))

        town.calls(3)

        assert len(town.sent) == 3


class TestAWrongClock:
    @pytest.mark.parametrize("skew", [-300.0, 300.0])
    def test_holds_nobody_up(self, town: Town, skew: float) -> None:
        town.now += skew
        undo(town, 3)
        town.now -= skew
        begun = town.now
        town.calls(3)

        assert town.now - begun < 1

    def test_does_not_make_an_undo_wait(self, town: Town) -> None:
        town.now += 300
        town.calls(3)
        town.now -= 300
        begun = town.now
        undo(town, 3)

        assert town.now - begun < 1


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), calls_per_second=st.sampled_from([1, 3, 7, 10, 12, 14]), throttled=st.booleans())
def test_whoever_calls_whenever_lambda_s_limit_is_kept(seed: int, calls_per_second: int, throttled: bool) -> None:
    dice = random.Random(seed)
    town = Town()
    town.latency = dice.choice([0.005, 0.03, 0.06])
    kinds = [town.calls, lambda times: release(town, times, dice.choice([2, 8, 14])), lambda times: undo(town, times)]
    at_this_pace = mock.patch.dict(os.environ, {"CALLS_PER_SECOND": str(calls_per_second)})
    with installed(), at_this_pace, town.installed():
        if throttled:
            at = dice.uniform(0, 10)
            town.throttles = lambda who: at < town.now - BEGIN < at + 0.2
        for number, kind in zip(range(25), itertools.cycle(kinds), strict=False):
            times = dice.randint(1, 12)
            town.caller(f"{number}", lambda kind=kind, times=times: kind(times), after=dice.uniform(0, 12))  # type: ignore[misc]
        town.run()

    assert town.most() <= LIMIT
    assert {type(error) for error in town.errors} <= {AwsUnavailable}
