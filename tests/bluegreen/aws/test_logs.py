"""Lines of a function's log, by the version that wrote them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bluegreen.aws import logs
from bluegreen.aws.client import client
from bluegreen.aws.logs import Counted, LogQuery
from bluegreen.aws.sharing import Asked
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable, NotFound
from tests.machine.deployer import FUNCTION, TARGET, Deployer
from tests.machine.faults import Call
from tests.machine.log_groups import LogGroup, log_group

OWN, SHARED = f"/aws/lambda/{FUNCTION}", "shared"
DAY = "2026/01/05"
MINUTE = 60
BAD = "{ $.status >= 500 }"


@pytest.fixture
def own(deployer: Deployer) -> Iterator[LogGroup]:
    with log_group(OWN) as group:
        yield group


def query(version: str, group: str = OWN, pattern: str = BAD) -> LogQuery:
    return LogQuery(group, version, pattern)


def test_lines_that_fit_are_counted_by_version_and_period(own: LogGroup) -> None:
    for second, version, status in ((0, "1", 500), (59.9, "1", 503), (60, "1", 500), (61, "2", 500), (62, "2", 200)):
        own.write(second, f"{DAY}/[{version}]0a1b", f'{{"status": {status}}}')
    own.write(63, f"{DAY}/[$LATEST]0a1b", '{"status": 500}')

    found = logs.read(TARGET, [query("1"), query("2")], 0, 3 * MINUTE, MINUTE)

    assert found.series == {query("1"): {0: 2, 60: 1}, query("2"): {60: 1}}
    assert found.until == 3 * MINUTE


def test_the_streams_of_a_group_of_ones_own_have_the_functions_name_after_the_day(deployer: Deployer) -> None:
    second = 1767571200 + 600
    with log_group(SHARED) as shared:
        for stream in (
            f"2026/01/05/{FUNCTION}[2][0a]",
            f"2026/01/04/{FUNCTION}[2][0a]",
            f"2026/01/05/{FUNCTION}Too[2][0a]",
            "2026/01/05/[2]0a",
        ):
            shared.write(second, stream, '{"status": 500}')

        found = logs.read(TARGET, [query("2", SHARED)], second // 60 * 60, second // 60 * 60 + 60, MINUTE)

    assert found.series == {query("2", SHARED): {second: 2}}
    assert [each["logStreamNamePrefix"] for each in shared.searches] == [
        f"2026/01/04/{FUNCTION}[",
        f"2026/01/05/{FUNCTION}[",
    ]


def test_a_glance_reads_one_versions_lines_since_a_moment_the_last_day_first(deployer: Deployer) -> None:
    second = 1767571200 + 600  # ten minutes into 2026-01-05
    with log_group(SHARED) as shared:
        shared.write(second, f"2026/01/04/{FUNCTION}[2][0a]", '{"status": 500, "of": "a warm environment"}')
        shared.write(second, f"2026/01/05/{FUNCTION}[2][0a]", '{"status": 500, "of": "a new one"}')
        for stream in (f"2026/01/05/{FUNCTION}[22][0a]", f"2026/01/05/{FUNCTION}Too[2][0a]", "2026/01/05/[2]0a"):
            shared.write(second, stream, '{"status": 500}')
        shared.write(second - 1, f"2026/01/05/{FUNCTION}[2][0a]", '{"status": 500, "of": "before"}')

        lines, all_of_them = logs.glance(TARGET, query("2", SHARED), second - 0.5, second + 60)

    assert [json.loads(line.text)["of"] for line in lines] == ["a new one", "a warm environment"]
    assert (lines[0].at, lines[0].stream) == (second * 1000, f"2026/01/05/{FUNCTION}[2][0a]")
    assert all_of_them


def test_no_version_is_read_further_than_another_and_no_line_twice(own: LogGroup) -> None:
    for minute in range(60):
        for version in "12":
            own.write(minute * MINUTE, f"{DAY}/[{version}]0a1b", '{"status": 500}')

    found = logs.read(TARGET, [query("1"), query("2")], 0, 60 * MINUTE, MINUTE)

    assert found.series == {query(version): {minute * 60: 1 for minute in range(60)} for version in "12"}
    assert [(each["startTime"], each["endTime"]) for each in own.searches] == [
        (900_000 * number, 900_000 * (number + 1) - 1) for number in range(4)
    ]


def test_a_look_makes_so_many_calls_and_what_it_did_not_read_to_the_end_does_not_count(own: LogGroup) -> None:
    own.page = 10
    own.write(0, f"{DAY}/[1]0a1b", '{"status": 500}', times=100)
    own.write(900, f"{DAY}/[1]0a1b", '{"status": 500}', times=101)

    found = logs.read(TARGET, [query("1")], 0, 60 * MINUTE, MINUTE)

    assert len(own.searches) == logs.MOST_CALLS
    assert (found.series, found.until) == ({query("1"): {0: 100}}, 900)


def test_a_look_begins_no_call_after_so_many_seconds(own: LogGroup, deployer: Deployer) -> None:
    def slow(call: object, make: object) -> object:
        deployer.aws.clock.sleep(12)
        return make()  # type: ignore[operator]

    with deployer.aws.watched(slow):
        found = logs.read(TARGET, [query("1")], 0, 60 * MINUTE, MINUTE)

    assert len(own.searches) == 3
    assert found.until == 3 * 15 * MINUTE


def test_nothing_is_asked_where_no_time_has_passed(own: LogGroup) -> None:
    assert logs.read(TARGET, [query("1")], 60, 60, MINUTE).until == 60
    assert own.searches == []


def test_a_pattern_that_aws_does_not_take_is_refused_in_its_words(own: LogGroup) -> None:
    logs.try_pattern(TARGET, OWN, BAD)

    with pytest.raises(AwsRefused, match="must end with '}'"):
        logs.try_pattern(TARGET, OWN, "{ $.status")


def test_a_group_that_is_not_there_is_not_found(deployer: Deployer) -> None:
    with pytest.raises(NotFound):
        logs.try_pattern(TARGET, "nowhere", BAD)


@pytest.mark.parametrize(
    ("code", "error"), [("AccessDeniedException", AccessDenied), ("ThrottlingException", AwsUnavailable)]
)
def test_aws_that_does_not_answer_is_no_empty_log(
    own: LogGroup, deployer: Deployer, code: str, error: type[Exception]
) -> None:
    with deployer.aws.fails("FilterLogEvents", code, times=None), pytest.raises(error):
        logs.read(TARGET, [query("1")], 0, MINUTE, MINUTE)


def test_a_log_that_hangs_holds_a_rollback_up_for_seconds(own: LogGroup, deployer: Deployer) -> None:
    config: Any = client("glance", TARGET).meta.config

    with deployer.aws.fails("FilterLogEvents", "ReadTimeout", times=None) as unanswered, pytest.raises(AwsUnavailable):
        logs.glance(TARGET, query("1"), 0, 60)

    assert unanswered.met * (config.connect_timeout + config.read_timeout) < 15


def wanted(function: str, group: str = "", *, since: int = 0, until: int = 60 * MINUTE) -> Asked[LogQuery]:
    """Bad lines of both versions of a function, in its own group unless another is named."""
    group = group or f"/aws/lambda/{function}"
    of = TARGET.model_copy(update={"function": function})
    return Asked(of, (query("1", group), query("2", group)), since, until, MINUTE)


class TestManyFunctions:
    @pytest.fixture
    def groups(self, deployer: Deployer) -> Iterator[Callable[[str], LogGroup]]:
        """To make one."""
        with ExitStack() as stack:
            yield lambda name: stack.enter_context(log_group(name))

    def test_each_with_a_log_of_its_own_take_a_call_each_no_faster_than_aws_allows(
        self, groups: Callable[[str], LogGroup], deployer: Deployer
    ) -> None:
        logged = [groups(f"/aws/lambda/F{number}") for number in range(4)]
        for number, group in enumerate(logged):
            group.write(61 + number * MINUTE, f"{DAY}/[2]0a1b", '{"status": 500}', times=number)
        began = deployer.aws.clock.now()

        found = logs.read_all([wanted(f"F{number}") for number in range(4)])

        assert [len(group.searches) for group in logged] == [1] * 4
        assert deployer.aws.clock.now() - began == pytest.approx(3 / logs.CALLS_A_SECOND)
        for number, counted in enumerate(found):
            assert isinstance(counted, Counted)
            own = f"/aws/lambda/F{number}"
            lines = {number * MINUTE + 60: number} if number else {}
            assert (counted.series, counted.until) == ({query("1", own): {}, query("2", own): lines}, 3600)

    def test_that_write_to_one_group_share_its_calls(self, groups: Callable[[str], LogGroup]) -> None:
        second = 1767571200 + 600
        shared = groups(SHARED)
        for number, day in ((0, "2026/01/05"), (1, "2026/01/04"), (1, "2026/01/05"), (2, "2026/01/05")):
            shared.write(second, f"{day}/F{number}[2][0a]", '{"status": 500}', times=number + 1)
        shared.write(second, "2026/01/05/[2]0a", '{"status": 500}')
        shared.write(second - 1, "2026/01/05/F0[2][0a]", '{"status": 500}')
        asking = [wanted(f"F{number}", SHARED, since=second, until=second + MINUTE) for number in range(3)]
        asking[1] = asking[1]._replace(since=second - MINUTE, until=second + 2 * MINUTE)

        found = logs.read_all(asking)

        assert [each["logStreamNamePrefix"] for each in shared.searches] == ["2026/01/04/", "2026/01/05/"] * 3
        lines = [each.series[query("2", SHARED)] for each in found if isinstance(each, Counted)]
        assert lines == [{second: 1}, {second: 4}, {second: 3}]
        assert [each.until - second for each in found if isinstance(each, Counted)] == [60, 120, 60]

    def test_one_of_them_may_own_the_group(self, groups: Callable[[str], LogGroup]) -> None:
        own = groups("/aws/lambda/Shop")
        own.write(0, "2020/01/05/[2]0a", '{"status": 500}', times=2)
        own.write(0, f"{DAY}/Cart[2][0a]", '{"status": 500}', times=3)

        found = logs.read_all([wanted("Shop", own.name), wanted("Cart", own.name)])

        assert [each.series[query("2", own.name)] for each in found if isinstance(each, Counted)] == [{0: 2}, {0: 3}]

    def test_a_log_with_much_in_it_is_read_slice_by_slice_and_the_others_whole(
        self, groups: Callable[[str], LogGroup]
    ) -> None:
        noisy, quiet = groups("/aws/lambda/Noisy"), groups("/aws/lambda/Quiet")
        noisy.page = 10
        noisy.write(0, f"{DAY}/[1]0a1b", '{"status": 500}', times=100)
        noisy.write(900, f"{DAY}/[1]0a1b", '{"status": 500}', times=101)

        found = logs.read_all([wanted("Noisy"), wanted("Quiet")])

        assert [(each.until, each.series) for each in found if isinstance(each, Counted)] == [
            (900, {query("1", noisy.name): {0: 100}, query("2", noisy.name): {}}),
            (3600, {query("1", quiet.name): {}, query("2", quiet.name): {}}),
        ]
        assert (len(noisy.searches), len(quiet.searches)) == (1 + logs.MOST_CALLS, 1)

    def test_a_log_that_is_not_answered_concerns_its_own_function(
        self, groups: Callable[[str], LogGroup], deployer: Deployer
    ) -> None:
        for name in "AB":
            groups(f"/aws/lambda/{name}")

        with deployer.aws.fails("FilterLogEvents", "AccessDeniedException", times=1):
            found = logs.read_all([wanted("A"), wanted("B")])

        assert {type(each) for each in found} == {AccessDenied, Counted}

    @pytest.mark.parametrize("minutes", [3, 4, 5, 8, 13])
    def test_those_for_which_there_is_no_time_are_not_read_and_each_has_its_turn(
        self, groups: Callable[[str], LogGroup], deployer: Deployer, minutes: int
    ) -> None:
        names = "ABCDEFGH"
        for name in names:
            groups(f"/aws/lambda/{name}")

        def slow(_: Call, make: Callable[[], Any]) -> Any:
            deployer.aws.clock.sleep(logs.MOST_SECONDS_TOGETHER / 3)
            return make()

        read = []
        for _ in range(20):
            began = deployer.aws.clock.now()
            with deployer.aws.watched(slow):
                found = logs.read_all([wanted(name) for name in names])
            read.append(
                [name for name, each in zip(names, found, strict=True) if isinstance(each, Counted) and each.until]
            )
            deployer.aws.clock.sleep(began + minutes * MINUTE - deployer.aws.clock.now())

        assert [len(each) for each in read] == [3] * 20
        assert {name for each in read for name in each} == set(names)
