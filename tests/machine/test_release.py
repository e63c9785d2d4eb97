"""A release from end to end: the states it goes through, what the aliases say, what users get."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import boto3
import jsonschema_rs
import pytest

import recover_deployments
from bluegreen.news import schema
from tests.crash.world.driver import context_of
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, GOOD, alarm, zip_of
from tests.machine.faults import Call, HandlerKilled
from tests.machine.shop import BLUE, GREEN, NAMES, Shop, open_shop

OPENED = ["OpenRelease", "WhatToRelease?", "OpenFunctions", "ConfirmOpen", "AnythingToStage?"]
STAGED = [*OPENED, "StageFunctions", "ConfirmStaged", "WhatNext?"]
LOOK = ["Bake", "LookAtWave", "WhatNext?"]
TEN_MINUTES = {"steps": [{"weight": 0.5, "bake_seconds": 900}]}
A_LITTLE_WORSE = """
import random
def handler(event, context):
    if event.get('user') and random.random() < 0.012:
        raise ValueError('now and then')
    return {'statusCode': 200}
"""
COMPLETED = ["CompleteRelease", "WhatNext?", "Released"]
UNDONE = ["RollBackRelease", "AllBack?", "RolledBack"]


def shift(looks: int) -> list[str]:
    return ["ShiftWave", "WhatNext?", *LOOK * looks]


CANARY_5 = [*shift(5), *shift(1)]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def test_good_greens_take_over_wave_by_wave(shop: Shop) -> None:
    shop.users_call(2)

    run = shop.release()

    assert run.path == [*STAGED, *CANARY_5, *CANARY_5, *COMPLETED]
    assert shop.aliases() == GREEN
    assert set(shop.states(run).values()) == {"Deployed"}
    assert shop.record(run)["state"] == "Released"
    assert not shop.locks()
    assert not shop.harmed
    assert all(shop.served[name, "2"] for name in NAMES)
    audit = shop.deployer.items("steps#")
    assert {"ConfirmOpen", "ConfirmStaged"} <= {step["sk"].split("#")[1] for step in audit}
    assert shop.record(run)["proof"] not in json.dumps(audit)


def test_few_functions_wait_for_their_turns_to_be_checked_at_a_time(shop: Shop) -> None:
    at_work: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def count(_: str, state: str, moment: str) -> None:
        at_work[state] += 1 if moment == "entered" else -1
        most[state] = max(most[state], at_work[state])

    with shop.aws.at_states(count):
        run = shop.release(calls_per_second=2, traffic="AllAtOnce", waves=[{}])

    assert run.ended == "Released"
    assert (most["OpenMember"], most["UpdateCode"]) == (2, len(NAMES))


def test_people_hear_of_a_release_once(shop: Shop) -> None:
    run = shop.release(name="monday")

    assert shop.deployer.notified() == ["Released: release monday of 5 functions"]
    assert shop.record(run)["told_at"]


def test_other_systems_get_the_events_of_a_release(shop: Shop) -> None:
    run = shop.release({name: GOOD % 1 for name in NAMES[3:]}, name="monday", waves=[{"most": 2}, {"approve": True}])

    fits = jsonschema_rs.Draft202012Validator
    announced = shop.deployer.announced()
    for event in announced:
        assert fits({**schema.schema(), "$ref": f"#/$defs/{quote(event['detail-type'])}"}).is_valid(event["detail"])
    assert run.error == "ApprovalTimedOut"
    assert [event["detail-type"] for event in announced] == [
        *("Release Started", "Release Shifted", "Release Shifted", "Release Waits", "Release Ended")
    ]
    started, first, second, waits, ended = (event["detail"] for event in announced)
    assert (started["release"], started["functions"], started["waves"]) == ("monday", 5, 2)
    assert [(each["wave"], each["shift"], each["weight"], each["shifted"]) for each in (first, second)] == [
        (1, 1, 0.1, 2),
        (1, 2, 1, 2),
    ]
    assert (waits["wave"], waits["waits_for"]) == (2, "approval")
    assert "bluegreen approve monday" in " ".join(waits["commands"])
    assert (ended["state"], ended["error"], ended["back"], ended["deployed"]) == (
        *("RolledBack", "ApprovalTimedOut"),
        *(3, 0),
    )
    assert "No person approved wave 2 of 2" in ended["cause"]


def test_other_systems_get_the_end_of_a_release_whose_document_is_wrong(shop: Shop) -> None:
    run = shop.run({"functions": []}, "monday")

    (ended,) = shop.deployer.announced("Release Ended")
    assert run.ended == "Refused"
    assert (ended["detail"]["state"], ended["detail"]["functions"]) == ("Rejected", 0)
    assert ended["resources"] == [run.arn]


@pytest.mark.parametrize(("away", "told"), [("PutEvents", "announced_at"), ("Publish", "told_at")])
def test_the_sweep_sends_the_end_of_a_release_that_could_not_be_sent_before(shop: Shop, away: str, told: str) -> None:
    with shop.aws.fails(away, "InternalError", times=None):
        run = shop.release(name="monday", traffic="AllAtOnce")
    assert told not in shop.record(run)

    for _ in range(2):
        recover_deployments.handler({}, context_of("RecoverDeploymentsFunction"))

    assert {"told_at", "announced_at"} <= shop.record(run).keys()
    assert shop.deployer.notified().count("Released: release monday of 5 functions") == 1
    assert [event["detail"]["state"] for event in shop.deployer.announced("Release Ended")] == ["Released"]


def test_one_bad_green_under_traffic_puts_every_function_back(shop: Shop) -> None:
    before = shop.digests()
    shop.users_call(2)

    run = shop.release({"Prices": BAD_UNDER_TRAFFIC})

    assert run.ended == "RolledBack"
    assert run.path[-3:] == UNDONE
    assert run.error == "FunctionsFailed"
    assert "functions.2 (Prices:PROD)" in run.cause
    assert shop.aliases() == BLUE
    assert shop.digests() == before
    assert set(shop.states(run).values()) == {"RolledBack"}
    assert shop.record(run)["failed"] == ["functions.2 (Prices:PROD)"]
    assert {name for name, _ in shop.harmed} == {"Prices"}
    assert not shop.locks()


def test_a_green_that_fails_its_smoke_test_lets_no_user_meet_any_green(shop: Shop) -> None:
    before = shop.digests()
    shop.users_call(2)

    run = shop.release({"Tax": BROKEN})

    assert run.path == [*OPENED, "StageFunctions", "ConfirmStaged", *UNDONE]
    assert "functions.4 (Tax:PROD): SmokeTestFailed" in run.cause
    assert shop.aliases() == BLUE
    assert shop.digests() == before
    assert not shop.harmed
    assert {version for _, version in shop.served} == {"1"}
    assert not shop.locks()


def test_every_function_that_cannot_be_deployed_is_named_and_nothing_is_touched(shop: Shop) -> None:
    document = shop.document()
    document["functions"][1]["artifact"]["key"] = "functions/Orders/by-request/other.zip"
    del document["functions"][1]["artifact"]["version_id"]
    document["functions"].append({"function": "Nobody", "artifact": "$LATEST"})
    before, digests = shop.aliases(), shop.digests()

    run = shop.run(document)

    assert run.ended == "Rejected"
    assert "functions.1 (Orders:PROD)" in run.cause
    assert "functions.5 (Nobody:PROD)" in run.cause
    assert (shop.aliases(), shop.digests()) == (before, digests)
    assert set(shop.states(run).values()) == {"Rejected"}
    assert not shop.locks()


def test_a_release_of_code_that_serves_already_deploys_nothing(shop: Shop) -> None:
    run = shop.release({name: GOOD % 1 for name in NAMES})

    assert run.path == [*OPENED, "NothingToDeploy"]
    assert set(shop.states(run).values()) == {"NothingToDeploy"}
    assert not shop.locks()


def test_a_failure_that_is_tolerated_is_put_back_alone(shop: Shop) -> None:
    shop.users_call(2)

    run = shop.release({FUNCTION: BAD_UNDER_TRAFFIC}, tolerate=1)

    assert run.ended == "Released"
    assert "PutBackFailed" in run.path
    assert shop.aliases() == GREEN | {FUNCTION: ("1", {})}
    assert shop.states(run) == {name: "Deployed" for name in NAMES} | {FUNCTION: "RolledBack"}
    assert not shop.locks()


def test_waves_that_were_baked_stay_at_green_with_keep_waves(shop: Shop) -> None:
    shop.users_call(2)

    run = shop.release({"Tax": BAD_UNDER_TRAFFIC}, keep_waves=True)

    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE | {FUNCTION: ("2", {}), "Orders": ("2", {})}
    assert shop.states(run)["Orders"] == "Deployed"
    assert shop.states(run)["Tax"] == "RolledBack"
    assert not shop.locks()


def test_a_latest_that_was_mended_in_a_wave_that_is_over_stays_mended_with_keep_waves(shop: Shop) -> None:
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 7))
    before = shop.digests()
    shop.users_call(2)

    run = shop.release({FUNCTION: GOOD % 1, "Tax": BAD_UNDER_TRAFFIC}, keep_waves=True)

    assert run.ended == "RolledBack"
    assert shop.states(run) == {name: "RolledBack" for name in NAMES} | {FUNCTION: "Deployed", "Orders": "Deployed"}
    assert shop.digests()[FUNCTION] != before[FUNCTION]
    assert shop.aliases() == BLUE | {"Orders": ("2", {})}
    assert not shop.locks()


def test_a_function_that_another_deployment_holds_is_refused(shop: Shop) -> None:
    refused: list[Any] = []

    def release(arn: str, entered: str, moment: str) -> None:
        if entered == "CheckHealth" and moment == "entered" and not refused:
            refused.append(None)
            refused.append(shop.release(name="monday"))

    with shop.aws.at_states(release):
        first = shop.aws.walk({"function": FUNCTION, "artifact": shop.upload(FUNCTION, GOOD % 3)}, "first")

    run = refused[1]
    assert first.ended == "Deployed"
    assert run.ended == "Rejected"
    assert "functions.0 (BonusCalculatorLambda:PROD): DeploymentInProgress" in run.cause
    assert "first" in run.cause
    assert not shop.locks()


def test_a_function_that_others_of_the_release_call_is_not_tolerated(shop: Shop) -> None:
    shop.users_call(2)
    document = shop.document({"Tax": BAD_UNDER_TRAFFIC}, tolerate=1)
    document["functions"][1]["depends_on"] = ["Tax"]

    run = shop.run(document)

    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE


def test_callees_come_first_and_go_back_last(shop: Shop) -> None:
    document = shop.document({FUNCTION: BAD_UNDER_TRAFFIC}, waves=[{}])
    document["functions"][0]["depends_on"] = ["Tax"]
    document["functions"][4]["depends_on"] = ["Stock"]
    shop.users_call(2)
    moved: list[tuple[str, str]] = []

    with shop.sees_moves(moved):
        run = shop.run(document)

    assert run.ended == "RolledBack"
    of_interest = [each for each in moved if each[0] in (FUNCTION, "Tax", "Stock")]
    assert [name for name, version in of_interest if version == "2"] == ["Stock", "Tax"]
    assert [name for name, version in of_interest if version == "back"] == [FUNCTION, "Tax", "Stock"]


def test_smoke_tests_of_the_defaults_are_kept_once_for_all_functions(shop: Shop) -> None:
    own = [{"name": "of its own", "expect": {"statusCode": 200}}]
    document = shop.document(defaults={"smoke_tests": [{"name": "of all", "payload": {"long": "x" * 10_000}}]})
    document["functions"][1]["smoke_tests"] = own

    run = shop.run(document, "monday")

    asked = [item for item in shop.deployer.items("release#monday") if item["sk"].startswith("request#")]
    assert run.ended == "Released"
    assert sum("of all" in item["request"] for item in asked) == 1
    assert sum(len(item["request"]) for item in asked) < 20_000
    plans = [
        next(item for item in shop.deployer.items(f"deployment#monday.{number}") if item["sk"] == "plan")
        for number in range(1, 6)
    ]
    tested = [[json.loads(case)["name"] for case in plan["smoke_tests"]] for plan in plans]
    assert tested == [["of all"], ["of its own"], ["of all"], ["of all"], ["of all"]]


def test_old_versions_are_deleted_at_the_end_where_the_document_asks_for_it(shop: Shop) -> None:
    shop.release()
    shop.release({name: GOOD % 3 for name in NAMES})

    run = shop.release({name: GOOD % 4 for name in NAMES}, defaults={"keep_versions": 1})

    assert run.path[-3:] == ["WhatNext?", "DeleteOldVersions", "Released"]
    assert {name: shop.versions(name) for name in NAMES} == {name: ["1", "3", "4"] for name in NAMES}


def test_an_alarm_of_a_wave_that_was_baked_puts_every_function_back(shop: Shop) -> None:
    document = shop.document()
    document["functions"][0]["health"] = {"alarms": ["sales"]}
    alarm("sales", "OK")
    shop.aws.after(400, lambda: alarm("sales", "ALARM"))

    run = shop.run(document)

    assert run.error == "FunctionsFailed"
    assert "The alarm sales went off after green had everything" in run.cause
    assert shop.aliases() == BLUE


def test_no_user_stays_on_a_bad_green_while_the_table_is_away(shop: Shop) -> None:
    seen = []

    def away(arn: str, state: str, moment: str) -> None:
        if state == "RollBackRelease" and moment == "entered":
            shop.aws.after(60, lambda: seen.append(shop.aliases()))

    with shop.aws.at_states(away), shop.table_is_away_in("LookAtWave", "RollBackRelease", attempts=60):
        run = shop.release(waves=[{}])

    assert seen[0] == BLUE
    assert run.ended == "RolledBack"
    assert not shop.locks()


@pytest.mark.parametrize("state", ["OpenFunctions", "StageFunctions", "ShiftWave", "Bake", "LookAtWave"])
def test_a_release_whose_execution_is_stopped_goes_back_by_itself(shop: Shop, state: str) -> None:
    before = shop.digests()
    document = shop.document()
    stopped: list[str] = []

    def stop(arn: str, entered: str, moment: str) -> None:
        if entered == state and moment == "entered" and not stopped:
            stopped.append(arn)
            shop.aws.stop(arn)

    with shop.aws.at_states(stop):
        run = shop.run(document, "monday")
        assert run.ended == "ABORTED"
        recovered = shop.sweep("monday")

    assert recovered.ended in ("RolledBack", "Rejected")
    assert shop.aliases() == BLUE
    assert shop.digests() == before
    assert not shop.locks()


def test_a_release_that_dies_after_its_commit_goes_forward(shop: Shop) -> None:
    def stop(arn: str, entered: str, moment: str) -> None:
        if entered == "CompleteRelease" and moment == "left":
            shop.aws.stop(arn)

    no_record_ends = shop.aws.fails("TransactWriteItems", "HandlerKilled", times=None, state="CompleteRelease")
    with no_record_ends, shop.aws.at_states(stop):
        assert shop.run(shop.document(), "monday").ended == "ABORTED"
    assert shop.locks(), "no deployment is closed yet"
    recovered = shop.sweep("monday")

    assert recovered.ended == "Released"
    assert shop.aliases() == GREEN
    assert not shop.locks()


def test_a_late_attempt_to_open_a_function_takes_no_lock_of_a_release_that_is_over(shop: Shop) -> None:
    late: list[Any] = []

    def hold(call: Call, attempt: Callable[[], Any]) -> Any:
        if call.operation == "TransactWriteItems" and call.state == "OpenMember" and len(late) < 12:
            late.append(attempt)
            raise HandlerKilled
        return attempt()

    with shop.aws.watched(hold):
        run = shop.release()
    late[0]()

    assert run.ended == "Rejected"
    assert not shop.locks()


def test_a_fault_that_all_greens_share_rolls_the_release_back_by_all_evidence_together(shop: Shop) -> None:
    shop.users_call(10)

    run = shop.release({name: A_LITTLE_WORSE for name in NAMES}, waves=[{}], traffic=TEN_MINUTES)

    assert run.error == "ReleaseUnhealthy"
    assert shop.aliases() == BLUE
    assert {each["verdict"] for each in shop.members(run)} <= {"not_enough", "fine"}
