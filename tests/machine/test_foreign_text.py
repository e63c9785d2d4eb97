"""What functions and requests say stops no rollback, no record and no notification, and reaches nobody raw."""

import json
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluegreen.text import is_sign
from tests.machine.deployer import FUNCTION, GOOD, Deployer, installed
from tests.machine.walk import Run

anything = st.text(st.characters(codec=None), max_size=20)

REPLIES = {
    "half a character": "'\\ud83d'",
    "a terminal's escape": "'\\x1b[2J\\x9b31m'",
    "nesting": "__import__('json').loads('[' * 300 + ']' * 300)",
    "no number": "float('nan')",
    "six megabytes": "'x' * 6_000_000",
}
ERRORS = {
    "half a character": "raise ValueError('\\ud83d')",
    "a terminal's escape": "raise ValueError('\\x1b[2J\\x9b31m[bold]\\u202e')",
    "a name that is none": "raise type('\\x1b[2J', (Exception,), {})('x')",
    "a long story": "raise ValueError('x' * 300_000)",
}


def must_be_told(deployer: Deployer, run: Run, end: str) -> None:
    """Record, cause and notification are there, and plain."""
    record = deployer.record(run)
    assert (run.ended, record["state"]) == (end, end)
    said = [run.error, run.cause, *(value for value in record.values() if isinstance(value, str))]
    assert all(text.encode() and all(map(is_sign, text)) and len(text) < 10_000 for text in said if text)
    assert len(deployer.notified()) == 1
    assert deployer.items("lock#") == []


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_of_any_shape_fails_a_test_and_is_rolled_back(deployer: Deployer, reply: str) -> None:
    source = f"def handler(event, context): return {REPLIES[reply]}"

    run = deployer.deploy(source, smoke_tests=[{"name": "adds", "expect": {"bonus": 2}}])

    must_be_told(deployer, run, "RolledBack")
    assert run.error == "SmokeTestFailed"
    assert deployer.alias() == ("1", {})


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_of_any_text_fails_a_test_and_is_rolled_back(deployer: Deployer, error: str) -> None:
    run = deployer.deploy(f"def handler(event, context): {ERRORS[error]}", smoke_tests=[{"name": "adds"}])

    must_be_told(deployer, run, "RolledBack")
    assert run.error == "SmokeTestFailed"


def test_however_much_aws_says_the_cause_ends_with_what_to_do(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]
    the_first = iter([True])

    def refuse(client: BaseClient, operation: str, asked: Any) -> Any:
        if operation == "UpdateAlias" and not next(the_first, False):
            raise ClientError({"Error": {"Code": "InvalidParameterValueException", "Message": "\ud83d " * 9_000}}, "U")
        return call(client, operation, asked)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)

    run = deployer.deploy(smoke_tests="off")

    assert run.ended == "RollbackFailed"
    assert "By hand: `aws lambda update-alias --function-name" in run.cause


def test_what_a_test_says_of_blue_is_plain_too(deployer: Deployer) -> None:
    """Blue's error is foreign as well, when blue is asked whether it is well."""
    source = "def handler(event, context): raise type('\\x1b[2J', (Exception,), {})('\\ud83d')"
    assert deployer.deploy(source, traffic="AllAtOnce", smoke_tests="off").ended == "Deployed"
    cases = [{"name": "adds", "expect": {"bonus": 3}}]
    deployer.notified()

    must_be_told(deployer, deployer.deploy(GOOD % 2, smoke_tests=cases), "RolledBack")


@pytest.mark.parametrize(
    "wrong",
    [
        {"artifact": "s3://b/\ud83d"},
        {"artifact": "s3://artifacts/\x1b[2J.zip"},
        {"artifact": {"bucket": "artifacts", "key": "x.zip", "version_id": "\ud83d"}},
        {"function": "\ud83d\x1b[2J"},
        {"alias": "\x9b31m"},
        {"started_by": "\ud83d\x1b[2J", "function": "Nobody"},
        {"\ud83d\x1b[2J": 1},
        {"health": {"alarms": ["\ud83d"]}},
        {"smoke_tests": [{"name": "a", "expect_at": {"[" * 900: 1}}]},
        {"smoke_tests": [{"name": "a", "expect_at": {"\ud83d": 1}}]},
        {"health": {"dry_run": ["\ud83d\x1b[2J"]}},
        {"smoke_tests": [{"name": "a", "payload": json.loads("[" * 300 + "]" * 300)}]},
    ],
    ids=lambda wrong: ascii(wrong)[:60],
)
def test_a_request_with_foreign_text_ends_with_a_record(deployer: Deployer, wrong: dict[str, Any]) -> None:
    run = deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)} | wrong)

    must_be_told(deployer, run, "Rejected")
    assert run.error == "InvalidRequest"


@given(st.fixed_dictionaries({}, optional={name: anything for name in ("function", "artifact", "alias", "traffic")}))
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_a_request_of_any_text_ends_with_a_record(texts: dict[str, str]) -> None:
    with installed() as deployer:
        must_be_told(deployer, deployer.run({"function": "F 1"} | texts), "Rejected")


def test_text_that_a_user_sends_and_expects_passes_as_it_is(deployer: Deployer) -> None:
    echo = "def handler(event, context): return event"
    payload = {"half": "\ud83d", "escape": "\x1b[2J", "lines": "a\nb"}

    cases = [{"name": "echo", "payload": payload, "expect": payload}]
    run = deployer.deploy(echo, traffic="AllAtOnce", smoke_tests=cases)

    assert run.ended == "Deployed"
