"""Looking at many functions at once: each is seen as a look at it alone sees it, for fewer calls."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluegreen.aws.client import client
from bluegreen.baking import watch
from tests.bluegreen.aws.answers import asked
from tests.bluegreen.many import BAD, MINUTE, SHARED, Function, Minute, functions, world
from tests.machine.deployer import TARGET, Deployer


@given(deployed=st.lists(functions, min_size=2, max_size=7), first=st.integers(0, 14), more=st.integers(4, 12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_each_of_many_is_seen_as_a_look_at_it_alone_sees_it(deployed: list[Function], first: int, more: int) -> None:
    """With the memories of a look before that."""
    with world(deployed) as called:
        called.pass_minutes(0, first)
        now = called.began + first * MINUTE
        called.memories = [each.memory for each in watch.look_at_all(called.all(), now)]
        called.pass_minutes(first, first + more)
        now += more * MINUTE
        alone = called.look_at_each(now)

        assert watch.look_at_all(called.all(), now) == alone


class TestMany:
    def test_share_the_calls_and_none_is_asked_more_about_than_alone(self) -> None:
        with world([Function(shifted_after=number % 200) for number in range(120)]) as called:
            called.pass_minutes(0, 10)
            now = called.began + 600
            with asked(client("cloudwatch", TARGET), "GetMetricData") as alone:
                called.look_at_each(now)
            with asked(client("cloudwatch", TARGET), "GetMetricData") as together:
                watch.look_at_all(called.all(), now)

        queries = [sum(len(call["MetricDataQueries"]) for call in calls) for calls in (alone, together)]
        assert (len(alone), len(together)) == (120, 3)
        assert queries == [1200, 1200]

    def test_are_answered_in_the_order_in_which_they_are_asked_about(self) -> None:
        silent = Function(minutes=(Minute(0, 0, 0, 0),))
        kinds = {"calm": Function(), "bad": Function(minutes=BAD), "silent": silent}
        order = ["bad", "silent", "calm", "silent", "bad", "calm"]

        with world([kinds[kind] for kind in order]) as called:
            called.pass_minutes(0, 10)
            seen = watch.look_at_all(called.all(), called.began + 600)

        found = ["bad" if each.verdict.kind == "worse" else "silent" if each.silent else "calm" for each in seen]
        assert found == order

    def test_none_is_nothing_to_look_at(self, deployer: Deployer) -> None:
        with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
            assert watch.look_at_all([], deployer.aws.clock.now()) == []

        assert calls == []


class TestWhatIsNotAnswered:
    @pytest.mark.parametrize("status", ["PartialData", "InternalError"])
    def test_blinds_the_function_that_it_is_about_and_the_others_are_judged(self, status: str) -> None:
        deployed = [Function(minutes=BAD, broken="Errors" if number == 1 else "", status=status) for number in range(3)]

        with world(deployed) as called:
            called.pass_minutes(0, 10)
            seen = watch.look_at_all(called.all(), called.began + 600)

        assert [each.verdict.kind for each in seen] == ["worse", "cannot_measure", "worse"]
        assert seen[1].verdict.reason == (
            f"the metrics could not be read (CloudWatch did not answer in full: Errors is {status})"
        )

    def test_is_read_by_the_next_look(self) -> None:
        deployed = [Function(minutes=BAD, broken="Errors", status="InternalError"), Function()]

        with world(deployed) as called:
            called.pass_minutes(0, 10)
            called.memories = [each.memory for each in watch.look_at_all(called.all(), called.began + 600)]
            called.mend()
            called.pass_minutes(10, 11)
            seen = watch.look_at_all(called.all(), called.began + 660)

        assert [each.verdict.kind for each in seen] == ["worse", "not_enough"]

    def test_of_a_call_blinds_those_whom_it_asked_about(self) -> None:
        with world([Function() for _ in range(70)]) as called:
            called.pass_minutes(0, 5)
            with called.fails("GetMetricData", "ServiceUnavailable", times=3, skip=1):
                seen = watch.look_at_all(called.all(), called.began + 600)

        kinds = [each.verdict.kind for each in seen]
        assert (set(kinds[:50]), set(kinds[50:])) == ({"not_enough"}, {"cannot_measure"})

    def test_of_a_log_blinds_the_functions_that_write_to_it(self) -> None:
        logged = {"logs": {"bad": "ERROR"}}
        deployed = [
            Function(health=logged),
            Function(health=logged, group=SHARED),
            Function(),
            Function(health=logged, group=SHARED),
        ]

        with world(deployed) as called:
            called.pass_minutes(0, 5)
            with called.unsearchable(SHARED):
                seen = watch.look_at_all(called.all(), called.began + 600)

        assert [each.verdict.kind for each in seen] == ["not_enough", "cannot_measure", "not_enough", "cannot_measure"]
        assert seen[1].verdict.reason.startswith("the metrics and logs could not be read (")
