"""A release that somebody or something crosses: answers that are lost, people who act beside it, little time."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
import pytest

import delete_versions
import look_at_wave
import note_member
import roll_back_release
from bluegreen.aws import table
from bluegreen.decisions.gates import REJECTED, Decision
from bluegreen.errors import ApprovalRefused, AwsUnavailable, NotTheHolder
from bluegreen.ledger import approvals, evidence
from bluegreen.ledger.owner import of_release
from bluegreen.ledger.releases import Member, Release, WavePlan
from bluegreen.releasing import gates, putting_back, watching
from bluegreen.releasing.clockwork import in_a_slice
from bluegreen.target import Target
from tests.crash.world.driver import context_of
from tests.machine.deployer import BAD_UNDER_TRAFFIC, FUNCTION, GOOD, TABLE, alarm, zip_of
from tests.machine.faults import Call, HandlerKilled, acting
from tests.machine.shop import BLUE, GREEN, NAMES, Shop, at, open_shop
from tests.machine.test_release_orders import tell

MOST_TURNS = 40


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def a_release() -> Release:
    """With one wave, which a person must approve, and which is being shifted."""
    approved = (WavePlan(functions=1, approve=True),)
    empty = dict.fromkeys(("began_as", "execution", "started_at", "started_by", "document"), "")
    return Release(id="monday", state="open", waves=approved, step=0, **empty)


def bounded(shop: Shop, state: str) -> Any:
    """A release that comes to this state again and again is stopped, so that the test ends."""
    seen = [0]

    def hook(arn: str, name: str, moment: str) -> None:
        if (name, moment) == (state, "entered"):
            seen[0] += 1
            if seen[0] == MOST_TURNS:
                shop.aws.stop(arn)

    return shop.aws.at_states(hook)


def slices_of(turns: int) -> Any:
    """RollBackRelease has time for so many functions at a time."""

    def in_a_slice() -> Callable[[], bool]:
        left = [turns]

        def in_time() -> bool:
            left[0] -= 1
            return left[0] >= 0

        return in_time

    return mock.patch.object(roll_back_release, "in_a_slice", in_a_slice)


def test_a_release_whose_last_answer_is_lost_is_released_once(shop: Shop) -> None:
    with (
        bounded(shop, "CompleteRelease"),
        shop.aws.state_fails("CompleteRelease", "HandlerKilled", when="after"),
    ):
        run = shop.release()

    assert run.ended == "Released"
    assert "RollBackRelease" not in run.path
    assert shop.aliases() == GREEN


def test_a_release_with_nothing_to_deploy_says_so_although_an_answer_is_lost(shop: Shop) -> None:
    with shop.aws.state_fails("ConfirmOpen", "Lambda.ServiceException", when="after"):
        run = shop.release({name: GOOD % 1 for name in NAMES})

    assert run.ended == "NothingToDeploy"


def test_a_promote_overrules_the_suspicion_of_its_own_wave_only(shop: Shop) -> None:
    with mock.patch.object(look_at_wave, "SUSPECTED_ODDS", 1e-9), at(shop, "LookAtWave", lambda: tell("promote")):
        run = shop.release(name="monday")

    assert run.error == "ReleaseUnhealthy"
    assert run.path.count("ShiftWave") == 3
    assert shop.aliases() == BLUE


def test_an_alarm_that_was_in_alarm_before_the_release_puts_nothing_back(shop: Shop) -> None:
    document = shop.document()
    document["functions"][0]["health"] = {"alarms": ["sales"]}
    alarm("sales", "ALARM")

    assert shop.run(document).ended == "Released"


def test_a_caller_with_the_proof_cannot_choose_the_version_that_a_function_gets(shop: Shop) -> None:
    """As a principal may who reads the execution's history and invokes NoteMember."""
    lambda_ = boto3.client("lambda")
    for name in NAMES:
        lambda_.update_function_code(FunctionName=name, ZipFile=zip_of(GOOD % 7), Publish=True)

    def forge() -> None:
        items = {item["sk"]: item for item in shop.deployer.items("release#monday")}
        held = {
            "id": "monday",
            "proof": items["record"]["proof"],
            "execution": items["record"]["began_as"],
            "calls_per_second": 10.0,
        }
        document = {"release": held, "member": {"wave": 1, "number": 5}, "green": {"version": "2"}}
        event = {"document": document, "execution": held["execution"], "started": "", "state": "NoteStaged"}
        with shop.aws.acting("NoteMember"):
            note_member.handler(event | {"retries": 0}, context_of("NoteMemberFunction"))

    with at(shop, "LookAtWave", forge):
        run = shop.release(name="monday")

    assert run.ended == "Released"
    assert shop.aliases() == {name: ("3", {}) for name in NAMES}


def test_shifted_functions_go_back_before_functions_of_later_waves(shop: Shop) -> None:
    with (
        bounded(shop, "RollBackRelease"),
        slices_of(3),
        shop.aws.state_fails("LookAtWave", "Unknown", times=None),
    ):
        run = shop.release(waves=[{"most": 1}, {}])

    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_the_others_go_back_although_one_function_does_not(shop: Shop) -> None:
    """An attempt that has come on is no failure: the retries are for those that are left at the end."""
    denied = shop.aws.fails("GetAlias", "AccessDeniedException", times=1, state="RollBackRelease")
    with slices_of(2), denied, shop.aws.state_fails("LookAtWave", "Unknown", times=None):
        run = shop.release(waves=[{}])

    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert "StillInProgress" not in json.dumps(run.history, default=str)


def test_all_users_are_back_slice_by_slice_while_the_table_is_away(shop: Shop) -> None:
    """As many functions as one invocation has no time for, and one that AWS refuses at first."""
    entered: list[set[str]] = []

    def note(arn: str, state: str, moment: str) -> None:
        if (state, moment) == ("RollBackRelease", "entered"):
            with acting(None, immune=True):
                entered.append({name for name, where in shop.aliases().items() if where == ("1", {})})

    denied = shop.aws.fails("GetAlias", "AccessDeniedException", times=1, state="RollBackRelease")
    with (
        bounded(shop, "RollBackRelease"),
        slices_of(2),
        denied,
        shop.aws.at_states(note),
        shop.table_is_away_in("LookAtWave", "RollBackRelease", attempts=60),
        shop.aws.fails("PutItem", "ServiceUnavailable", times=60, state="RollBackRelease"),
    ):
        run = shop.release(waves=[{}])

    assert [len(each) for each in entered[:4]] == [0, 1, 3, 5]
    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_a_rollback_without_the_table_says_which_functions_are_not_back_and_what_to_run(shop: Shop) -> None:
    denied = shop.aws.fails("GetAlias", "AccessDeniedException", times=None, state="RollBackRelease")
    away = shop.table_is_away_in("LookAtWave", "RollBackRelease", attempts=10_000)
    with bounded(shop, "RollBackRelease"), denied, away:
        run = shop.release(waves=[{"functions": ["Orders", "Prices"]}, {}])

    said = json.loads(run.cause)["errorMessage"]
    by_hand = "aws lambda update-alias --function-name Prices --name PROD --function-version 1 --routing-config"
    assert run.ended == "RollbackFailed"
    assert said.startswith("The deployments table does not answer. 0 of 2 aliases are at blue. Not yet: Orders:PROD: ")
    assert f"By hand: `{by_hand} AdditionalVersionWeights={{}}`." in said


def test_a_shift_stops_once_more_functions_failed_than_are_tolerated(shop: Shop) -> None:
    shifted: list[str] = []

    def watch(call: Call, attempt: Callable[[], Any]) -> Any:
        answer = attempt()
        if call.operation == "UpdateAlias" and call.state == "ShiftWave":
            shifted.append(call.url)
        return answer

    with shop.aws.watched(watch), shop.aws.fails("UpdateAlias", "AccessDeniedException", state="ShiftWave"):
        run = shop.release(waves=[{}])

    assert run.ended == "RolledBack"
    assert len(shifted) == 1
    assert FUNCTION in shifted[0]


def test_kept_waves_stay_at_green_if_a_person_rejects_the_next_wave(shop: Shop) -> None:
    with at(shop, "LookAtWave", lambda: tell("reject"), number=9):
        run = shop.release(name="monday", keep_waves=True, waves=[{"most": 1}, {"approve": True}])

    assert run.error == "ApprovalRefused"
    assert shop.aliases() == BLUE | {FUNCTION: ("2", {})}
    assert shop.states(run)[FUNCTION] == "Deployed"


def test_the_others_go_back_although_one_record_cannot_be_read(shop: Shop) -> None:
    def damage() -> None:
        boto3.client("dynamodb").update_item(
            TableName=TABLE,
            Key=table.key("deployment#monday.2", "record"),
            UpdateExpression="REMOVE started_at",
        )

    with at(shop, "RollBackRelease", damage), shop.aws.state_fails("LookAtWave", "Unknown", times=None):
        run = shop.release(name="monday", waves=[{}])

    assert run.ended == "RollbackFailed"
    assert {name: where for name, where in shop.aliases().items() if name != "Orders"} == {
        name: where for name, where in BLUE.items() if name != "Orders"
    }


def test_a_wave_that_a_person_rejected_is_not_shifted(shop: Shop) -> None:
    approvals.ask(of_release("monday"), 1, 600)
    by_a_person = {"step": 1, "decision": REJECTED, "by": "people", "at": "2026-01-01T00:00:00Z", "reason": ""}
    assert approvals.decide(of_release("monday"), Decision.model_validate(by_a_person))

    with pytest.raises(ApprovalRefused):
        gates.must_be_approved(a_release(), 0)


def test_a_caller_with_the_proof_of_an_old_release_cannot_delete_versions(shop: Shop) -> None:
    for number in (2, 3, 4):
        shop.release({name: GOOD % number for name in NAMES}, name=f"v{number}", defaults={"keep_versions": 1})
    record = next(each for each in shop.deployer.items("release#v4") if each["sk"] == "record")
    deployment = {"id": "v4.1", "proof": record["proof"]}
    event = {"document": {"deployment": deployment}, "started": "", "state": "DeleteVersions", "retries": 0}
    event["execution"] = record["began_as"]
    shop.aws.clock.sleep(25 * 3600)

    with shop.aws.acting("DeleteVersions"), pytest.raises(NotTheHolder, match="tidied no more"):
        delete_versions.handler(event, context_of("DeleteVersionsFunction"))


def test_a_function_that_a_killed_look_found_bad_goes_back_at_once(shop: Shop) -> None:
    killed: list[str] = []

    def kill(call: Call, attempt: Callable[[], Any]) -> Any:
        answer = attempt()
        if call.operation == "UpdateItem" and call.state == "LookAtWave" and not killed:
            with acting(None, immune=True):
                killed.extend(item["error"] for item in shop.deployer.items("release#monday") if "error" in item)
            if killed:
                raise HandlerKilled
        return answer

    shop.users_call(2)
    with shop.aws.watched(kill):
        run = shop.release({"Prices": BAD_UNDER_TRAFFIC}, name="monday", waves=[{}])

    assert killed == ["GreenUnhealthy"]
    assert run.error == "FunctionsFailed"
    assert run.path[-4:] == ["LookAtWave", "RollBackRelease", "AllBack?", "RolledBack"]


def test_putting_one_function_back_changes_no_evidence_of_the_others(shop: Shop) -> None:
    shop.users_call(2)

    with mock.patch.object(watching, "AT_ONCE", 2):
        run = shop.release({FUNCTION: BAD_UNDER_TRAFFIC}, name="monday", waves=[{}], tolerate=1)
        kept = [{*evidence.read("monday", 0, chunk)} for chunk in range(3)]

    assert run.ended == "Released"
    assert kept == [{"monday.2"}, {"monday.3", "monday.4"}, {"monday.5"}]


def test_other_regions_go_back_although_one_region_does_not_answer(shop: Shop) -> None:
    def member(number: int, region: str) -> Member:
        target = Target(function=f"F{number}", alias="PROD", region=region, account="123456789012")
        return Member(number=number, wave=0, deployment=f"monday.{number}", target=target, state="shifted")

    members = [*(member(number, "eu-west-1") for number in range(1, 9)), member(9, "us-east-1")]
    tried: list[str] = []

    def returned(release: str, member: Member, why: object, attempt: int) -> Member:
        tried.append(member.target.region)
        if member.target.region == "eu-west-1":
            shop.aws.clock.sleep(30)
            raise AwsUnavailable("no answer")
        return member.model_copy(update={"returned": True})

    def closed(release: Release, member: Member, why: object, attempt: int) -> Member:
        return member.model_copy(update={"state": "back"})

    with mock.patch.multiple(putting_back, _returned=returned, _closed=closed):
        found = putting_back.put_back(a_release(), members, lambda each: ("", ""), 0, in_a_slice())

    assert tried == ["eu-west-1", "us-east-1"]
    assert found.members[-1].state == "back"
    assert {*found.errors} == {*range(1, 9)}
