"""Lines of a function's log, by the version that wrote them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bluegreen.aws import logs
from bluegreen.aws.client import client
from bluegreen.aws.logs import LogQuery
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable, NotFound
from tests.machine.deployer import FUNCTION, TARGET, Deployer
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
