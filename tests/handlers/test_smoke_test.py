"""SmokeTest calls $LATEST as a test user would, while everyone else still gets blue."""

import json
import time
from typing import Any

import boto3
import pytest

from bluegreen import clock
from bluegreen.errors import AwsUnavailable, SmokeTestFailed
from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import ALIAS, BROKEN, FUNCTION, GOOD

ECHO = "def handler(event, context): return {'version': context.function_version, 'event': event}"
SLOW = "import time\ndef handler(event, context): time.sleep(0.05); return 1"
LONG = "def handler(event, context): return 'x' * 1_000_000"
COUNTING = """
calls = []
def handler(event, context):
    calls.append(event)
    return len(calls)
"""


def at_smoke(desks: Desks, source: str = GOOD % 2, cases: Any = None) -> Desk:
    request = {} if cases is None else {"smoke_tests": cases}
    return desks(source=source, **request).to("SmokeTest")


def test_the_new_code_is_called_and_users_get_blue(desks: Desks) -> None:
    desk = at_smoke(desks, ECHO, [{"name": "it is latest", "expect": {"version": "$LATEST"}}])

    smoke = desk.run("SmokeTest")

    assert smoke["version"] == "$LATEST"
    answer = boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=ALIAS)
    assert json.loads(answer["Payload"].read()) == {"statusCode": 200, "bonus": 1}


def test_a_cases_payload_is_what_the_function_gets(desks: Desks) -> None:
    desk = at_smoke(desks, ECHO, [{"name": "a", "payload": {"b": [1]}, "expect": {"event": {"b": [1]}}}])

    assert [each["case"] for each in desk.run("SmokeTest")["passed"]] == ["a"]


def test_without_cases_it_must_not_fail_on_an_empty_event(desks: Desks) -> None:
    assert len(at_smoke(desks).run("SmokeTest")["passed"]) == 1


def test_without_cases_an_error_is_a_failure(desks: Desks) -> None:
    with pytest.raises(SmokeTestFailed, match="RuntimeError: broken"):
        at_smoke(desks, BROKEN).run("SmokeTest")


def test_switched_off_nothing_is_called(desks: Desks) -> None:
    assert at_smoke(desks, BROKEN, "off").run("SmokeTest")["passed"] == []


def test_a_failure_says_which_case_what_was_expected_and_what_came(desks: Desks) -> None:
    cases = [{"name": "fine"}, {"name": "two thousand", "expect": {"bonus": 2000}}]
    desk = at_smoke(desks, cases=cases)

    with pytest.raises(SmokeTestFailed) as failure:
        desk.run("SmokeTest")

    assert f"{FUNCTION}:$LATEST failed its smoke test 'two thousand'" in str(failure.value)
    assert "expected 2000 at reply.bonus, but 2 came" in str(failure.value)


def test_a_failure_leaves_its_evidence_in_the_record(desks: Desks) -> None:
    desk = at_smoke(desks, cases=[{"name": "a", "expect": {"bonus": 3}}])

    with pytest.raises(SmokeTestFailed):
        desk.run("SmokeTest")

    evidence = dict(desk.steps())["SmokeTest"]
    assert (evidence["error"], evidence["case"]) == ("SmokeTestFailed", "a")
    assert evidence["reply"]["payload"] == {"statusCode": 200, "bonus": 2}


def test_the_first_case_that_fails_is_the_last_that_is_called(desks: Desks) -> None:
    cases = [{"name": "first", "expect": 1}, {"name": "second", "expect": 9}, {"name": "third", "expect": 3}]
    desk = at_smoke(desks, COUNTING, cases)

    with pytest.raises(SmokeTestFailed, match="'second'"):
        desk.run("SmokeTest")

    answer = boto3.client("lambda").invoke(FunctionName=FUNCTION)
    assert json.loads(answer["Payload"].read()) == 3


def test_an_error_that_is_expected_is_a_pass(desks: Desks) -> None:
    assert at_smoke(desks, BROKEN, [{"name": "a", "expect_error": "RuntimeError"}]).run("SmokeTest")["passed"]


def test_a_reply_too_large_for_the_record_still_fails_by_its_name(desks: Desks) -> None:
    desk = at_smoke(desks, LONG, [{"name": "a", "expect": "short"}])

    with pytest.raises(SmokeTestFailed) as failure:
        desk.run("SmokeTest")

    assert len(str(failure.value)) < 3_000
    assert dict(desk.steps())["SmokeTest"]["error"] == "SmokeTestFailed"


def test_a_table_that_does_not_answer_does_not_hide_the_failure(desks: Desks) -> None:
    desk = at_smoke(desks, BROKEN)

    with desk.aws.fails("PutItem", "ServiceUnavailable", times=None), pytest.raises(SmokeTestFailed):
        desk.run("SmokeTest")


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException", "ConnectTimeout"])
def test_what_is_lambdas_fault_is_worth_a_retry(desks: Desks, code: str) -> None:
    desk = at_smoke(desks)

    with desk.aws.fails("Invoke", code), pytest.raises(AwsUnavailable):
        desk.run("SmokeTest")


def test_no_answer_at_all_is_a_failure_of_the_case(desks: Desks) -> None:
    desk = at_smoke(desks)

    with desk.aws.fails("Invoke", "ReadTimeout") as unanswered, pytest.raises(SmokeTestFailed, match="nothing came"):
        desk.run("SmokeTest")

    assert unanswered.met == 1


def test_an_invocation_is_never_repeated_behind_our_back(desks: Desks) -> None:
    desk = at_smoke(desks, COUNTING)

    with desk.aws.fails("Invoke", "ServiceException", when="after"), pytest.raises(AwsUnavailable):
        desk.run("SmokeTest")

    answer = boto3.client("lambda").invoke(FunctionName=FUNCTION)
    assert json.loads(answer["Payload"].read()) == 2


def test_how_long_it_took_is_kept(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:

    desk = at_smoke(desks, SLOW, [{"name": "a", "max_duration_ms": 10}])
    monkeypatch.setattr(clock, "now", time.time)

    with pytest.raises(SmokeTestFailed, match="expected an answer within 10 ms"):
        desk.run("SmokeTest")
