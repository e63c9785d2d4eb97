"""SmokeTest calls $LATEST as a test user would, and SmokeTestGreen the published version, before users meet it."""

import json
import time
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.errors import AwsRefused, AwsUnavailable, SmokeTestFailed, StillInProgress, Untagged
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, another_user_publishes, aws_refuses
from tests.machine.deployer import ALIAS, BROKEN, BUCKET, FUNCTION, GOOD, TARGET

ECHO = "def handler(event, context): return {'version': context.function_version, 'event': event}"
SLOW = "import time\ndef handler(event, context): time.sleep(0.05); return 1"
LONG = "def handler(event, context): return 'x' * 1_000_000"
COUNTING = """
calls = []
def handler(event, context):
    calls.append(event)
    return len(calls)
"""
ONLY_AS_LATEST = """
def handler(event, context):
    if context.function_version != '$LATEST':
        raise RuntimeError('only as latest')
    return {'version': context.function_version}
"""
TALKATIVE = """
def handler(event, context):
    if event.get('fail'):
        raise PermissionError('the token is 4711-secret')
    return {'token': '4711-secret', 'bonus': 2}
"""


def at_smoke(desks: Desks, source: str = GOOD % 2, cases: Any = None) -> Desk:
    request = {} if cases is None else {"smoke_tests": cases}
    return desks(source=source, **request).to("SmokeTest")


def passed(desk: Desk, state: str = "SmokeTest") -> list[str]:
    """The cases that the audit says the version passed."""
    return list(desk.evidence(state)["passed_ms"])


class TestLatest:
    def test_is_called_and_users_get_blue(self, desks: Desks) -> None:
        desk = at_smoke(desks, ECHO, [{"name": "it is latest", "expect": {"version": "$LATEST"}}])

        desk.run("SmokeTest")

        assert desk.evidence("SmokeTest")["version"] == "$LATEST"
        answer = boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=ALIAS)
        assert json.loads(answer["Payload"].read()) == {"statusCode": 200, "bonus": 1}

    def test_gets_the_payload_of_the_case(self, desks: Desks) -> None:
        desk = at_smoke(desks, ECHO, [{"name": "a", "payload": {"b": [1]}, "expect": {"event": {"b": [1]}}}])

        desk.run("SmokeTest")

        assert passed(desk) == ["a"]

    def test_must_not_fail_on_an_empty_event_if_no_case_is_given(self, desks: Desks) -> None:
        desk = at_smoke(desks, COUNTING)

        desk.run("SmokeTest")

        assert passed(desk) == ["answers {} without an error"]

    def test_that_raises_is_a_failure_if_no_case_is_given(self, desks: Desks) -> None:
        with pytest.raises(SmokeTestFailed, match="it raised RuntimeError"):
            at_smoke(desks, BROKEN).run("SmokeTest")

    def test_is_not_called_if_the_request_switches_smoke_tests_off(self, desks: Desks) -> None:
        desk = at_smoke(desks, BROKEN, "off")

        desk.run("SmokeTest")

        assert passed(desk) == []

    def test_that_raises_what_the_case_expects_passes(self, desks: Desks) -> None:
        desk = at_smoke(desks, BROKEN, [{"name": "a", "expect_error": "RuntimeError"}])

        desk.run("SmokeTest")

        assert passed(desk) == ["a"]

    def test_answers_in_a_time_that_the_audit_has(self, desks: Desks) -> None:
        desk = at_smoke(desks)

        desk.run("SmokeTest")

        assert all(duration >= 0 for duration in desk.evidence("SmokeTest")["passed_ms"].values())

    def test_that_answers_too_late_is_a_failure(self, desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = at_smoke(desks, SLOW, [{"name": "a", "max_duration_ms": 10}])
        monkeypatch.setattr(clock, "now", time.time)

        with pytest.raises(SmokeTestFailed, match="expected an answer within 10 ms"):
            desk.run("SmokeTest")


class TestAFailure:
    def test_says_which_case_what_was_expected_and_what_came(self, desks: Desks) -> None:
        cases = [{"name": "fine"}, {"name": "two thousand", "expect": {"bonus": 2000}}]
        desk = at_smoke(desks, cases=cases)

        with pytest.raises(SmokeTestFailed) as failure:
            desk.run("SmokeTest")

        assert f"{FUNCTION}:$LATEST failed its smoke test 'two thousand'" in str(failure.value)
        assert "expected a number at reply.bonus, but another one, a number, came" in str(failure.value)

    def test_leaves_its_evidence_in_the_audit(self, desks: Desks) -> None:
        desk = at_smoke(desks, cases=[{"name": "a", "expect": {"bonus": 3}}])

        with pytest.raises(SmokeTestFailed):
            desk.run("SmokeTest")

        evidence = desk.evidence("SmokeTest")
        assert (evidence["error"], evidence["case"]) == ("SmokeTestFailed", "a")
        assert evidence["mismatches"] == ["expected 3 at reply.bonus, but 2 came"]
        assert evidence["reply"]["payload"] == "an object with 2 keys"

    @pytest.mark.parametrize(
        ("case", "said", "kept"),
        [
            (
                {"name": "a", "expect": {"token": "another-secret"}},
                "expected a string of 14 characters at reply.token, but a string of 11 characters came",
                'expected "another-secret" at reply.token, but "4711-secret" came',
            ),
            (
                {"name": "a", "expect_at": {"token": "another-secret"}},
                "expected a string of 14 characters at expression 1 of expect_at, but a string of 11 characters came",
                'expected "another-secret" at token, but "4711-secret" came',
            ),
            (
                {"name": "a", "payload": {"fail": "a-secret-payload"}},
                "expected no error, but it raised PermissionError",
                "expected no error, but it raised PermissionError",
            ),
            (
                {"name": "a", "expect_error": "KeyError"},
                "expected the error KeyError, but it returned an object with 2 keys",
                "expected the error KeyError, but it returned an object with 2 keys",
            ),
        ],
        ids=["reply", "path", "error", "no error"],
    )
    def test_says_types_and_leaves_the_values_that_the_case_names_to_the_audit(
        self, desks: Desks, caplog: pytest.LogCaptureFixture, case: dict[str, Any], said: str, kept: str
    ) -> None:
        desk = at_smoke(desks, TALKATIVE, [case])

        with pytest.raises(SmokeTestFailed) as failure:
            desk.run("SmokeTest")

        assert said in str(failure.value)
        logged = [str(vars(record)) for record in caplog.records]
        assert said in logged[-1]
        assert "secret" not in str(failure.value) + "".join(logged)
        evidence = desk.evidence("SmokeTest")
        assert evidence["mismatches"] == [kept]
        assert evidence["cause"] == str(failure.value)
        assert "secret" not in json.dumps(evidence["reply"])

    def test_of_the_first_case_is_the_last_call(self, desks: Desks) -> None:
        cases = [{"name": "first", "expect": 1}, {"name": "second", "expect": 9}, {"name": "third", "expect": 3}]
        desk = at_smoke(desks, COUNTING, cases)

        with pytest.raises(SmokeTestFailed, match="'second'"):
            desk.run("SmokeTest")

        answer = boto3.client("lambda").invoke(FunctionName=FUNCTION)
        assert json.loads(answer["Payload"].read()) == 3

    def test_has_the_type_of_a_large_reply_in_the_audit(self, desks: Desks) -> None:
        desk = at_smoke(desks, LONG, [{"name": "a", "expect": "short"}])

        with pytest.raises(SmokeTestFailed) as failure:
            desk.run("SmokeTest")

        assert len(str(failure.value)) < 3_000
        evidence = desk.evidence("SmokeTest")
        assert evidence["error"] == "SmokeTestFailed"
        assert evidence["reply"]["payload"].startswith("a string of ")

    def test_is_not_hidden_by_a_table_that_does_not_answer(self, desks: Desks) -> None:
        desk = at_smoke(desks, BROKEN)

        with desk.aws.fails("PutItem", "ServiceUnavailable", times=None), pytest.raises(SmokeTestFailed):
            desk.run("SmokeTest")

    def test_is_what_a_function_without_an_answer_comes_to(self, desks: Desks) -> None:
        desk = at_smoke(desks)

        with (
            desk.aws.fails("Invoke", "ReadTimeout") as unanswered,
            pytest.raises(SmokeTestFailed, match="expected no error, but it raised NoAnswer"),
        ):
            desk.run("SmokeTest")

        assert unanswered.met == 1
        assert "nothing came within" in desk.evidence("SmokeTest")["mismatches"][0]


class TestAnInvocation:
    @pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException", "ConnectTimeout"])
    def test_that_lambda_does_not_make_is_worth_a_retry(self, desks: Desks, code: str) -> None:
        desk = at_smoke(desks)

        with desk.aws.fails("Invoke", code), pytest.raises(AwsUnavailable):
            desk.run("SmokeTest")

    def test_is_never_repeated_by_the_sdk(self, desks: Desks) -> None:
        desk = at_smoke(desks, COUNTING)

        with desk.aws.fails("Invoke", "ServiceException", when="after"), pytest.raises(AwsUnavailable):
            desk.run("SmokeTest")

        answer = boto3.client("lambda").invoke(FunctionName=FUNCTION)
        assert json.loads(answer["Payload"].read()) == 2

    def test_is_not_begun_when_the_others_took_all_of_the_time(self, desks: Desks) -> None:
        desk = at_smoke(desks, COUNTING, [{"name": name} for name in ("first", "second", "third")])
        invoke = functions.invoke

        def slowly(*asked: Any) -> Any:
            desk.aws.clock.sleep(61)
            return invoke(*asked)

        with (
            mock.patch.object(functions, "invoke", slowly),
            pytest.raises(SmokeTestFailed, match="after 120 seconds 'third' had not begun"),
        ):
            desk.run("SmokeTest")


class TestGreen:
    def test_itself_is_called(self, desks: Desks) -> None:
        desk = desks(source=ECHO, smoke_tests=[{"name": "it answers", "expect_at": {"version != `3`": True}}])
        desk.to("SmokeTestGreen")

        desk.run("SmokeTestGreen")

        assert desk.evidence("SmokeTestGreen")["version"] == "2"
        assert passed(desk, "SmokeTestGreen") == ["it answers"]

    def test_that_fails_where_latest_did_not_is_found_out(self, desks: Desks) -> None:
        desk = desks(source=ONLY_AS_LATEST).to("SmokeTestGreen")

        with pytest.raises(SmokeTestFailed, match=f"{FUNCTION}:2 failed its smoke test .* it raised RuntimeError"):
            desk.run("SmokeTestGreen")

        assert desk.evidence("SmokeTestGreen")["mismatches"] == ["expected no error, but it raised RuntimeError"]
        assert desk.deployer.alias() == ("1", {})

    def test_that_was_published_before_is_called_as_well(self, desks: Desks) -> None:
        another_user_publishes(ECHO)
        desk = desks(artifact={"version": "2"}, smoke_tests=[{"name": "a", "expect": {"version": "2"}}])
        desk.run("OpenDeployment")

        desk.run("SmokeTestGreen")

        assert desk.evidence("SmokeTestGreen")["version"] == "2"

    @pytest.mark.parametrize("smoke_tests", [[{"name": "a"}], "off"])
    def test_that_sleeps_is_woken_before_users_meet_it(self, desks: Desks, smoke_tests: Any) -> None:
        """Lambda refuses the invocation that wakes it."""
        desk = desks(smoke_tests=smoke_tests).to("SmokeTestGreen")
        describe, asleep = functions.describe, [*["Inactive"] * 3, "Pending", "Active"]

        def waking(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
            found = describe(target, qualifier)
            return found.model_copy(update={"state": asleep.pop(0) if len(asleep) > 1 else asleep[0]})

        with mock.patch.object(functions, "describe", waking):
            with (
                desk.aws.fails("Invoke", "ResourceConflictException", times=None) as refused,
                pytest.raises(StillInProgress),
            ):
                desk.run("SmokeTestGreen")
            with pytest.raises(StillInProgress, match="is activating it"):
                desk.run("SmokeTestGreen", retries=1)
            desk.run("SmokeTestGreen", retries=2)

        assert refused.met == 1
        assert asleep == ["Active"]

    def test_can_be_tested_again(self, desk: Desk) -> None:
        desk.to("SmokeTestGreen")
        desk.run("SmokeTestGreen")
        first = passed(desk, "SmokeTestGreen")

        desk.run("SmokeTestGreen", retries=1)

        assert passed(desk, "SmokeTestGreen") == first == ["answers {} without an error"]


def test_a_function_that_lost_its_tag_is_told_apart_from_one_that_is_gone(desks: Desks) -> None:
    """IAM refuses the invocation of both; only the tags, which SmokeTest reads then, tell which it is."""
    desk = at_smoke(desks)
    boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])

    with pytest.raises(Untagged, match="has lost its tag bluegreen:managed = true"):
        desk.run("SmokeTest")


class TestAPayloadInS3:
    KEY = f"functions/{FUNCTION}/by-request/login.json"
    CASE = {"name": "login", "sensitive": True, "payload_from": f"s3://{BUCKET}/{KEY}", "expect": {"event": {"a": 1}}}

    def put(self, body: bytes = b'{"a": 1, "token": "4711-secret"}') -> str:
        return str(boto3.client("s3").put_object(Bucket=BUCKET, Key=self.KEY, Body=body)["VersionId"])

    def test_is_what_the_function_gets(self, desks: Desks) -> None:
        self.put()

        desk = at_smoke(desks, ECHO, [self.CASE])
        desk.run("SmokeTest")

        assert passed(desk) == ["login"]
        assert "4711-secret" not in json.dumps(desk.deployer.items(""))

    def test_may_be_a_version_of_its_object(self, desks: Desks) -> None:
        version = self.put()
        self.put(b'{"a": 2}')
        place = f"{self.CASE['payload_from']}?versionId={version}"

        desk = at_smoke(desks, ECHO, [self.CASE | {"payload_from": place}])
        desk.run("SmokeTest")

        assert passed(desk) == ["login"]

    @pytest.mark.parametrize("body", [None, b"4711-secret"], ids=["deleted", "no JSON"])
    def test_that_cannot_be_read_any_more_fails_the_test_before_the_function_is_called(
        self, desks: Desks, body: bytes | None
    ) -> None:
        self.put()
        desk = at_smoke(desks, COUNTING, [self.CASE])
        if body is None:
            boto3.client("s3").delete_object(Bucket=BUCKET, Key=self.KEY)
        else:
            self.put(body)

        with pytest.raises(
            SmokeTestFailed, match="The payload of the smoke test 'login' could not be read: "
        ) as failed:
            desk.run("SmokeTest")

        assert "4711-secret" not in str(failed.value) + json.dumps(desk.steps())
        assert json.loads(boto3.client("lambda").invoke(FunctionName=FUNCTION)["Payload"].read()) == 1

    def test_that_lambda_does_not_read_is_not_quoted(self, desks: Desks) -> None:
        """Lambda's parser has limits of its own, and its text has the first 500 bytes of what it got."""
        self.put()
        desk = at_smoke(desks, ECHO, [self.CASE])
        text = 'Could not parse request body into json: at [Source: (byte[])"{"a": 1, "token": "4711-secret"}"]'

        with (
            aws_refuses("invoke", "Invoke", "InvalidRequestContentException", text),
            pytest.raises(AwsRefused, match="Lambda does not read the payload of 'login'") as refused,
        ):
            desk.run("SmokeTest")

        assert "4711-secret" not in str(refused.value) + json.dumps(desk.deployer.items(""))

    def test_is_asked_for_again_when_s3_is_busy(self, desks: Desks) -> None:
        self.put()
        desk = at_smoke(desks, ECHO, [self.CASE])

        with desk.aws.fails("GetObject", "SlowDown", times=None), pytest.raises(AwsUnavailable):
            desk.run("SmokeTest")
