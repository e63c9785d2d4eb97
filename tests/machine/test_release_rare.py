"""What few releases meet. Each test also says which permissions of a role it needs, since few others need them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from tests.handlers.desk import another_user_points_the_alias, aws_answers
from tests.machine.callers import CANARY_10, Users
from tests.machine.deployer import ALIAS, BROKEN, BUCKET, FUNCTION
from tests.machine.faults import Call
from tests.machine.log_groups import log_group
from tests.machine.shop import Aliases, Shop, at, open_shop
from tests.machine.test_release_orders import ANSWERS, tell
from tests.machine.walk import Run
from tests.permissions.seen import seen
from tests.permissions.table import short

ORDERS = "Orders"
BLUE: Aliases = {FUNCTION: ("1", {}), ORDERS: ("1", {})}
GREEN: Aliases = {FUNCTION: ("2", {}), ORDERS: ("2", {})}
BRIEF: dict[str, Any] = {"steps": [{"weight": 0.5, "bake_seconds": 60}], "final_bake_seconds": 60, "keep_control": 0}
ONE_WAVE: dict[str, Any] = {"traffic": BRIEF, "waves": [{}]}
A_QUOTE = "def handler(event, context): return {'quote': event['quote']}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop((FUNCTION, ORDERS)) as shop:
        yield shop


@pytest.fixture
def kiosk() -> Iterator[Shop]:
    """With one function."""
    with open_shop((FUNCTION,)) as shop:
        yield shop


@pytest.fixture(autouse=True)
def nothing_seen_before() -> Iterator[None]:
    """What other tests of this process have shown is put back afterwards."""
    before = seen.copy()
    seen.clear()
    yield
    seen.update(before)


def used(role: str) -> set[str]:
    """What the role was allowed in this test, as `dynamodb:GetItem decision#x` or `lambda:ListTags function:x`."""
    allowed = [each.asked for each in seen if each.answer == "allowed" and each.asked.role == role]
    return {f"{each.action} {place}" for each in allowed for place in each.keys or (short(each.resource),)}


class TestAGate:
    def test_the_first_wave_waits_for_its_approval_before_any_alias_moves(self, kiosk: Shop) -> None:
        met: list[Any] = []

        def approve() -> None:
            met.append(kiosk.alias(FUNCTION))
            assert tell("approve", step=1)[0] == 200

        with at(kiosk, "LookAtWave", approve, number=2):
            run = kiosk.release(name="monday", traffic=BRIEF, waves=[{"approve": True}])

        assert run.ended == "Released"
        assert met == [("1", {})]
        assert used("ConfirmFunctions") >= {"dynamodb:GetItem decision#x", "dynamodb:UpdateItem approval#x"}

    def test_the_first_wave_waits_for_its_approval_after_a_failed_green_was_put_back(self, shop: Shop) -> None:
        met: list[Any] = []

        def approve() -> None:
            met.append(shop.aliases())
            assert tell("approve", step=1)[0] == 200

        with at(shop, "LookAtWave", approve, number=2):
            run = shop.release({ORDERS: BROKEN}, "monday", traffic=BRIEF, waves=[{"approve": True}], tolerate=1)

        assert run.ended == "Released"
        assert met == [BLUE]
        assert shop.aliases() == GREEN | {ORDERS: ("1", {})}

    @pytest.mark.parametrize(("number", "role"), [(1, "ConfirmFunctions"), (2, "LookAtWave")])
    def test_a_hook_that_has_lost_its_tag_puts_every_function_back(self, shop: Shop, number: int, role: str) -> None:
        shop.aws.create_function("Judge", ANSWERS % "Succeeded", tags={})
        waves: list[dict[str, Any]] = [{"most": 1}, {}]
        waves[number - 1]["hooks"] = {"before": "Judge"}

        run = shop.release(traffic=BRIEF, waves=waves)

        assert run.error == "HookFailed"
        assert f"wave {number}" in run.cause
        assert "Judge has lost its tag" in run.cause
        assert shop.aliases() == BLUE
        assert used(role) >= {"lambda:ListTags function:x", "dynamodb:UpdateItem pace#x"}


class TestWhatServes:
    def test_shift_and_commit_wait_while_lambda_moves_provisioned_concurrency(self, kiosk: Shop) -> None:
        answer = {"Status": "READY"}

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", answer),
            at(kiosk, "ShiftWave", lambda: moves(kiosk, answer, "1", {"2": 0.2}, {"2": 0.5}), number=2),
            at(kiosk, "CompleteRelease", lambda: moves(kiosk, answer, "2", {"1": 1.0})),
        ):
            run = kiosk.release(**ONE_WAVE)

        assert run.ended == "Released"
        assert kiosk.alias(FUNCTION) == ("2", {})
        assert errors_of(run) == {"StillInProgress"}
        for role in ("ShiftWave", "CompleteRelease"):
            assert "lambda:GetProvisionedConcurrencyConfig function:x:x" in used(role)

    def test_a_rollback_waits_while_lambda_moves_provisioned_concurrency(self, kiosk: Shop) -> None:
        answer = {"Status": "READY"}

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", answer),
            kiosk.aws.state_fails("LookAtWave", "Unknown", times=None),
            at(kiosk, "RollBackRelease", lambda: moves(kiosk, answer, "1", {"2": 1.0})),
        ):
            run = kiosk.release(name="monday", **ONE_WAVE)

        (record,) = (item for item in kiosk.deployer.items("deployment#monday.1") if item["sk"] == "record")
        assert run.ended == "RolledBack"
        assert kiosk.alias(FUNCTION) == ("1", {})
        assert record["alias_outcome"] == "back"
        assert "until Lambda has moved the provisioned concurrency" in json.dumps(run.history, default=str)
        assert "lambda:GetProvisionedConcurrencyConfig function:x:x" in used("RollBackRelease")

    def test_an_alias_that_someone_else_moved_stays_and_the_others_go_back(self, shop: Shop) -> None:
        with at(shop, "ShiftWave", lambda: another_user_points_the_alias("1", {"2": 0.2}), number=2):
            run = shop.release(**ONE_WAVE)

        assert run.ended == "RolledBack"
        assert "Someone else moved BonusCalculatorLambda:PROD" in run.cause
        assert shop.aliases() == BLUE | {FUNCTION: ("1", {"2": 0.2})}
        assert "dynamodb:Query deployment#x" in used("ShiftWave")

    def test_the_others_go_back_if_someone_else_deletes_a_function_before_the_commit(self, shop: Shop) -> None:
        with at(shop, "CompleteRelease", lambda: boto3.client("lambda").delete_function(FunctionName=ORDERS)):
            run = shop.release(**ONE_WAVE)

        assert (run.ended, run.error) == ("RolledBack", "FunctionGone")
        assert "There is no function Orders" in run.cause
        assert shop.alias(FUNCTION) == ("1", {})
        assert not shop.locks()
        assert "lambda:ListTags function:x" in used("CompleteRelease")

    def test_a_release_goes_back_although_the_table_is_away_before_the_first_shift(self, kiosk: Shop) -> None:
        """There is no object yet that says what was shifted."""
        with kiosk.table_is_away_in("ConfirmStaged", "RollBackRelease", attempts=60):
            run = kiosk.release(**ONE_WAVE)

        assert run.ended == "RolledBack"
        assert kiosk.alias(FUNCTION) == ("1", {})
        assert not kiosk.locks()
        assert errors_of(run) == {"AwsUnavailable"}
        assert "s3:ListBucket ArtifactBucket" in used("RollBackRelease")


def test_a_rollback_gives_latest_its_old_image_back(kiosk: Shop) -> None:
    images = {of: f"123456789012.dkr.ecr.us-east-1.amazonaws.com/poster@sha256:{of * 64}" for of in "01"}
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName="Poster",
        PackageType="Image",
        Code={"ImageUri": images["0"]},
        Role=lambda_.get_function(FunctionName=FUNCTION)["Configuration"]["Role"],
        Tags={"bluegreen:managed": "true"},
    )
    lambda_.publish_version(FunctionName="Poster")
    lambda_.create_alias(FunctionName="Poster", Name=ALIAS, FunctionVersion="1")
    document = kiosk.document({FUNCTION: BROKEN}, **ONE_WAVE)
    document["functions"] += [{"function": "Poster", "artifact": {"image_uri": images["1"]}, "smoke_tests": []}]
    moved: list[str] = []

    with kiosk.aws.watched(noting("UpdateFunctionCode", "", lambda call: moved.append(call.url))):
        run = kiosk.run(document)

    assert run.ended == "RolledBack"
    assert sum("/functions/Poster/" in url for url in moved) == 2
    assert lambda_.get_function(FunctionName="Poster")["Code"]["ResolvedImageUri"] == images["0"]
    assert used("RollBackRelease") >= {
        f"ecr:{action} repository/x" for action in ("BatchGetImage", "GetDownloadUrlForLayer")
    }


def test_a_green_whose_log_has_bad_lines_puts_the_release_back(kiosk: Shop) -> None:
    Users(kiosk.deployer, 1000)

    with log_group(f"/aws/lambda/{FUNCTION}") as logs:

        def a_minute() -> None:
            for version, bad in (("1", 5), ("2", 30)):
                logs.write(kiosk.aws.clock.now(), f"2026/01/05/[{version}]0a1b", "502", times=bad)

        kiosk.aws.every(60, a_minute)
        watched = {"health": {"logs": {"bad": "502"}}, "smoke_tests": [{"name": "answers"}]}
        run = kiosk.release(traffic=CANARY_10, waves=[{}], defaults=watched)

    assert run.error == "FunctionsFailed"
    assert "green logged as bad (logs)" in run.cause
    assert kiosk.alias(FUNCTION) == ("1", {})
    for role in ("OpenMember", "LookAtWave", "RollBackRelease"):
        assert "logs:FilterLogEvents log-group:x" in used(role)
    assert "lambda:InvokeFunction function:x:x" in used("RollBackRelease"), "blue is asked whether it is well"


def test_a_quiet_green_gets_the_payloads_that_s3_has_at_each_look(kiosk: Shop) -> None:
    key = f"functions/{FUNCTION}/by-request/quote.json"
    version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body='{"quote": 1}')["VersionId"]
    places = (f"s3://{BUCKET}/{key}", f"s3://{BUCKET}/{key}?versionId={version}")
    tests = [{"name": f"quote {number}", "payload_from": place} for number, place in enumerate(places)]
    at_a_look: Counter[float] = Counter()

    with kiosk.aws.watched(noting("Invoke", "LookAtWave", lambda call: at_a_look.update([kiosk.aws.clock.now()]))):
        run = kiosk.release({FUNCTION: A_QUOTE}, traffic=CANARY_10, waves=[{}], defaults={"smoke_tests": tests})

    assert run.ended == "Released", "green raises an error without the payload"
    assert at_a_look
    assert not [number for number in at_a_look.values() if number % len(tests)]
    assert used("LookAtWave") >= {
        f"s3:{action} ArtifactBucket/functions/x" for action in ("GetObject", "GetObjectVersion")
    }


def test_a_version_that_is_deployed_again_gets_the_smoke_tests_written_for_it(kiosk: Shop) -> None:
    written = [{"name": "quote", "payload": {"quote": 1}}]
    kiosk.release({FUNCTION: A_QUOTE}, traffic="AllAtOnce", waves=[{}], defaults={"smoke_tests": written})
    another_user_points_the_alias("1")
    document = kiosk.document(traffic="AllAtOnce", waves=[{}])
    document["functions"][0]["artifact"] = {"version": "2"}
    invoked: list[str] = []

    with kiosk.aws.watched(noting("Invoke", "SmokeTestGreen", lambda call: invoked.append(call.url))):
        run = kiosk.run(document)

    assert run.ended == "Released", "green raises an error without the payload"
    assert len(invoked) == 1
    assert "dynamodb:GetItem deployment#x" in used("OpenMember")


def test_a_function_that_another_release_holds_is_refused(kiosk: Shop) -> None:
    refused: list[Any] = []

    with at(kiosk, "Bake", lambda: refused.append(kiosk.release(name="tuesday", **ONE_WAVE))):
        first = kiosk.release(name="monday", **ONE_WAVE)

    assert first.ended == "Released"
    assert refused[0].ended == "Rejected"
    assert "is being deployed to by the release monday" in refused[0].cause
    assert "states:DescribeExecution execution:stack-release:x" in used("OpenMember")


def test_a_release_of_a_document_in_s3_is_opened_once_although_the_first_answer_is_lost(kiosk: Shop) -> None:
    place = kiosk.uploaded(kiosk.document(**ONE_WAVE))
    del place["release"]["version_id"]

    with kiosk.aws.state_fails("OpenRelease", "Lambda.ServiceException", when="after"):
        run = kiosk.run(place, "monday")

    assert run.ended == "Released"
    assert kiosk.record(run)["document"] == f"s3://{BUCKET}/{place['release']['key']}"
    assert sum("#OpenRelease#" in step["sk"] for step in kiosk.deployer.items("steps#release#monday")) == 1
    assert used("OpenRelease") >= {"s3:GetObject ArtifactBucket/releases/x", "dynamodb:PutItem steps#x"}


def test_a_document_that_s3_does_not_have_is_named(kiosk: Shop) -> None:
    run = kiosk.run({"release": {"bucket": BUCKET, "key": "releases/by-hand/gone.json"}})

    assert run.ended == "Refused"
    assert f"there is no object s3://{BUCKET}/releases/by-hand/gone.json" in run.cause
    assert "s3:ListBucket ArtifactBucket" in used("OpenRelease")


def moves(
    shop: Shop, answer: dict[str, str], version: str, during: dict[str, float], after: dict[str, float] | None = None
) -> None:
    """Lambda moves provisioned concurrency to the version for six minutes: it gives the alias weights of its own."""

    def end() -> None:
        answer["Status"] = "READY"
        another_user_points_the_alias(version, after)

    answer["Status"] = "IN_PROGRESS"
    another_user_points_the_alias(version, during)
    shop.aws.after(360, end)


def errors_of(run: Run) -> set[str]:
    """The names of the errors that handlers raised, those of retries too."""
    return {how["error"] for event in run.history if (how := event.get("lambdaFunctionFailedEventDetails"))}


def noting(operation: str, state: str, note: Callable[[Call], object]) -> Callable[[Call, Callable[[], Any]], Any]:
    """A watcher that notes these calls, of the handler in that state or, without one, of all."""

    def watch(call: Call, attempt: Callable[[], Any]) -> Any:
        if call.operation == operation and state in ("", call.state):
            note(call)
        return attempt()

    return watch
