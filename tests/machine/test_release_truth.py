"""A release beside what it does not expect: its record goes on telling the truth, and it comes to an end."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen import clock
from bluegreen.aws import executions, table
from bluegreen.document import ROLLED_BACK
from bluegreen.errors import DeploymentOver
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.record import Record
from tests.machine.asking import ask
from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, FUNCTION, GOOD, TARGET
from tests.machine.faults import Call, acting
from tests.machine.shop import BLUE, GREEN, NAMES, RELEASE_ASL, Shop, at, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def member(number: int) -> releases.Member:
    return next(each for each in releases.members("monday") if each.number == number)


def test_a_function_of_a_kept_wave_that_someone_else_moved_is_not_shown_as_deployed(shop: Shop) -> None:
    def someone_moves_orders() -> None:
        lambda_ = boto3.client("lambda")
        lambda_.update_alias(
            FunctionName="Orders", Name=ALIAS, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {}}
        )

    shop.users_call(2)
    with at(shop, "RollBackRelease", someone_moves_orders):
        run = shop.release({"Tax": BAD_UNDER_TRAFFIC}, name="monday", keep_waves=True)

    assert run.ended == "RolledBack"
    assert shop.aliases() == BLUE | {FUNCTION: ("2", {})}
    assert shop.states(run) == {name: "RolledBack" for name in NAMES} | {FUNCTION: "Deployed"}
    assert member(2).error == "AliasMoved"


def test_a_release_that_cannot_be_put_back_says_which_function_is_where_and_what_to_run(shop: Shop) -> None:
    shop.users_call(2)
    blues_go = at(
        shop, "RollBackRelease", lambda: boto3.client("lambda").delete_function(FunctionName="Orders", Qualifier="1")
    )
    with blues_go:
        run = shop.release({"Tax": BAD_UNDER_TRAFFIC}, name="monday")

    why = (
        "1 function could not be put back. The release was rolled back because: functions.4 (Tax:PROD): "
        "GreenUnhealthy: "
    )
    where = (
        " functions.1 (Orders:PROD): someone else deleted version 1, so Orders:PROD stays at version 2. `aws lambda "
        "list-versions-by-function --function-name Orders` lists what there is, and `bluegreen rollback Orders --alias "
        "PROD --to VERSION` gives the alias to one of them."
    )
    says = json.loads(run.cause)["errorMessage"]
    assert run.ended == "RollbackFailed"
    assert (says.startswith(why), says.endswith(where)) == (True, True)
    assert says in shop.deployer.messages()[-1]["Message"]
    assert says == shop.record(run)["cause"]
    assert shop.aliases() == BLUE | {"Orders": ("2", {})}


def test_a_function_of_a_release_takes_no_orders_of_its_own(shop: Shop) -> None:
    answers = []

    def abort_one() -> None:
        answers.append(ask("DELETE", "/deployments/monday.3", json.dumps({"reason": "why"})))

    with at(shop, "Bake", abort_one):
        run = shop.release(name="monday")

    (status, said) = answers[0]
    assert status == 409
    assert "it is a part of the release monday" in said["message"]
    assert run.ended == "Released"
    assert shop.aliases() == GREEN


def test_a_release_that_is_committed_ends_although_a_function_of_it_was_undone(shop: Shop) -> None:
    def undo_one() -> None:
        record = deployments.begin_undoing("monday.3", "Tampered", "someone wrote into the table")
        assert record is not None
        deployments.close(record, ROLLED_BACK, serving="1")

    def after_the_commit(call: Call, attempt: Callable[[], Any]) -> Any:
        if call.state == "CompleteRelease" and call.operation == "TransactWriteItems" and undone == []:
            undone.append(None)
            with acting(None, immune=True):
                undo_one()
        return attempt()

    undone: list[None] = []
    with shop.aws.watched(after_the_commit):
        run = shop.release(name="monday")

    assert run.ended == "Released"
    assert shop.states(run) == {name: "Deployed" for name in NAMES} | {"Prices": "RolledBack"}
    assert (member(3).state, member(3).error) == ("back", "DeploymentOver")
    assert "Tampered" in member(3).cause


def test_a_failure_that_is_noted_late_is_put_back_before_the_release_is_committed(shop: Shop) -> None:
    def a_late_look() -> None:
        releases.learn("monday", member(2), error="GreenUnhealthy", cause="found late")

    with at(shop, "CompleteRelease", a_late_look):
        run = shop.release(name="monday", tolerate=1)

    assert run.ended == "Released"
    assert "PutBackFailed" in run.path
    assert shop.aliases() == GREEN | {"Orders": ("1", {})}
    assert shop.states(run)["Orders"] == "RolledBack"
    assert not shop.locks()


def test_the_next_deployment_frees_a_lock_that_a_release_left_although_it_has_ended(shop: Shop) -> None:
    run = shop.release({FUNCTION: GOOD % 3, "Tax": BAD_UNDER_TRAFFIC}, name="monday", waves=[{"most": 5}])
    left = Record(
        id="monday.6",
        target=TARGET,
        state="open",
        execution=run.arn,
        release="monday",
        started_at=clock.iso(clock.now()),
        started_by="a test",
        artifact="a zip",
        new_code=True,
    )
    deployments.open_deployment(left)

    after = shop.aws.walk({"function": FUNCTION, "artifact": shop.upload(FUNCTION, GOOD % 4)}, "tuesday")

    assert after.ended == "Deployed"
    assert not shop.locks()


def test_a_release_whose_functions_are_not_all_known_is_not_committed(shop: Shop) -> None:
    """A function that the release does not know to be staged is not passed over."""
    with at(shop, "ShiftWave", lambda: _forget_that_it_is_staged(5), number=3):
        run = shop.release(name="monday")

    assert run.ended == "RolledBack"
    assert "functions.4 (Tax:PROD)" in run.cause
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_a_release_is_recovered_although_step_functions_has_forgotten_its_execution(shop: Shop) -> None:
    """Step Functions forgets an execution 90 days after its end."""
    forgotten = []

    def as_after_90_days(arn: str) -> executions.Execution | None:
        return None if arn in forgotten else describe(arn)

    def stop() -> None:
        (arn,) = shop.aws.executions(RELEASE_ASL)
        shop.aws.stop(arn)
        forgotten.append(arn)

    describe = executions.describe
    with at(shop, "Bake", stop), mock.patch.object(executions, "describe", as_after_90_days):
        shop.release(name="monday")
        shop.aws.clock.sleep(90 * 24 * 3600)
        recovered = shop.sweep("monday")

    assert recovered.ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert not shop.locks()


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "unreadable"])
def test_a_function_whose_plan_cannot_be_read_fails_by_itself_and_is_put_back(shop: Shop, gone: bool) -> None:
    def lose_its_plan() -> None:
        key = table.key("deployment#monday.3", "plan")
        assert table.delete({"Key": key})
        if not gone:
            table.put({"Item": key})

    with at(shop, "Bake", lose_its_plan):
        run = shop.release(name="monday", waves=[{}], tolerate=1)

    assert run.ended == "Released"
    assert shop.aliases() == GREEN | {"Prices": ("1", {})}
    assert member(3).error == "DeploymentOver"
    assert member(3).cause == "The plan of monday.3 is gone or cannot be read, so version 2 cannot be watched."
    assert not shop.locks()


def _forget_that_it_is_staged(number: int) -> None:
    boto3.client("dynamodb").update_item(
        TableName="deployments",
        Key={"pk": {"S": "release#monday"}, "sk": {"S": f"member#0001#{number:05}"}},
        UpdateExpression="SET #state = :opened",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":opened": {"S": "opened"}},
    )


def test_a_late_look_does_not_move_a_release_back(shop: Shop) -> None:
    def late() -> None:
        now = releases.find("monday")
        assert now
        with pytest.raises(DeploymentOver, match="has gone on without this attempt"):
            releases.learn_position("monday", now.execution, now.wave, now.step - 1)

    with at(shop, "Bake", late, number=2):
        run = shop.release(name="monday")

    assert run.ended == "Released"
