"""People in command: orders to a deployment that runs, whatever state it is in."""

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import boto3
import pytest

import recover_deployments
from bluegreen import clock
from bluegreen.decisions.pace import MOST_SECONDS
from bluegreen.ledger import orders
from bluegreen.ledger.owner import of_deployment
from tests.handlers.desk import context_of, just_before
from tests.machine.asking import CALLER, ask, order
from tests.machine.deployer import BAD_UNDER_TRAFFIC, GOOD, RECOVER_DEPLOYMENTS, Deployer
from tests.machine.faults import acting
from tests.machine.walk import Run

ID = "first"
WHY = f"Aborted by {CALLER}: too many complaints."
LINEAR = "Linear10PercentEvery1Minute"
WAITING = ["AwaitApproval", "RollBack"]
LONG = {"steps": [{"weight": 0.1, "bake_seconds": 86_400}]}


def run(deployer: Deployer, source: str = GOOD % 2, **request: Any) -> Run:
    request = {"function": "BonusCalculatorLambda", "artifact": deployer.upload(source)} | request
    return deployer.run(request, ID)


def abort(**more: Any) -> int:
    status, _ = order("abort", ID, reason="too many complaints", **more)
    return status


def decide(which: str) -> int:
    """As another person than the starter."""
    with acting("ServeApi"):
        status, _ = ask("POST", f"/deployments/{ID}/{which}", caller=CALLER)
    return status


def sweep() -> None:
    with acting("RecoverDeployments"):
        recover_deployments.handler({"detail": {}}, context_of(RECOVER_DEPLOYMENTS))


def at(deployer: Deployer, state: str, moment: str, do: Callable[[], object], number: int = 1) -> Any:
    """Once, when the execution enters or leaves that state for the time with this number."""
    seen = [0]

    def hook(_: str, name: str, when: str) -> None:
        if (name, when) == (state, moment):
            seen[0] += 1
            if seen[0] == number:
                with acting(None, immune=True):
                    do()

    return deployer.aws.at_states(hook)


def is_aborted(deployer: Deployer, ended: Run, *, waited: bool = False) -> None:
    record = deployer.record(ended)
    assert (ended.ended, ended.error, ended.path[-1]) == ("RolledBack", "Aborted", "RolledBack")
    assert ended.cause.startswith(WHY), ended.cause
    assert (record["state"], record["error"], record["cause"]) == ("RolledBack", "Aborted", ended.cause)
    assert deployer.alias() == ("1", {})
    assert deployer.digest() == deployer.digest("1")
    assert deployer.items("lock#") == []
    asked = ["Waits: BonusCalculatorLambda:PROD needs an approval"] if waited else []
    assert deployer.notified() == [*asked, "Aborted: BonusCalculatorLambda:PROD is at version 1"]


class TestAbort:
    @pytest.mark.parametrize("moment", ["entered", "left"])
    @pytest.mark.parametrize(
        "state", ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias", "Bake", "CheckHealth"]
    )
    def test_gives_blue_everybody_in_whatever_state_the_execution_is(
        self, deployer: Deployer, state: str, moment: str
    ) -> None:
        found: list[Any] = []

        def give() -> None:
            found.extend([abort(), deployer.alias()])

        with at(deployer, state, moment, give):
            ended = run(deployer)

        assert found == [202, ("1", {})]
        is_aborted(deployer, ended)

    def test_gives_blue_everybody_before_the_execution_has_moved(self, deployer: Deployer) -> None:
        deployer.users_call()
        served: list[Any] = []

        def give() -> None:
            abort()
            served.append(deployer.served["2"])

        deployer.aws.after(100, give)
        ended = run(deployer)

        is_aborted(deployer, ended)
        assert [deployer.served["2"]] == served
        assert deployer.harmed["no version"] == 0

    @pytest.mark.parametrize("shift", [1, 4])
    def test_between_the_intent_of_a_shift_and_the_shift_itself_refuses_the_shift(
        self, deployer: Deployer, shift: int
    ) -> None:
        seen = [0]

        def watcher(call: Any, make: Callable[[], Any]) -> Any:
            if call.operation == "UpdateAlias" and call.state == "ShiftAlias":
                seen[0] += 1
                if seen[0] == shift:
                    with acting(None, immune=True):
                        assert abort() == 202
            return make()

        with deployer.aws.watched(watcher):
            ended = run(deployer, traffic=LINEAR)

        is_aborted(deployer, ended)
        assert ended.path.count("ShiftAlias") == shift

    def test_ends_the_waiting_for_an_approval(self, deployer: Deployer) -> None:
        begun = deployer.aws.clock.now()
        deployer.aws.after(60, abort)

        ended = run(deployer, approval={"required": True})

        record = deployer.record(ended)
        assert (ended.error, record["error"], ended.path[-3:]) == ("Aborted", "Aborted", [*WAITING, "RolledBack"])
        assert deployer.alias() == ("1", {})
        assert deployer.aws.clock.now() - begun < 120

    def test_while_complete_deployment_closes_the_record_undoes_it(self, deployer: Deployer) -> None:
        with at(deployer, "CompleteDeployment", "entered", abort):
            ended = run(deployer)

        is_aborted(deployer, ended)
        assert ended.path[-3:] == ["CompleteDeployment", "RollBack", "RolledBack"]

    def test_after_complete_deployment_is_refused(self, deployer: Deployer) -> None:
        answers: list[Any] = []

        with at(deployer, "CompleteDeployment", "left", lambda: answers.append(order("abort", ID))):
            ended = run(deployer)

        assert ended.ended == "Deployed"
        ((status, answer),) = answers
        assert status == 409
        assert "nothing was ordered: it has ended as Deployed. `bluegreen rollback" in answer["message"]

    @pytest.mark.parametrize("failing", [0, None], ids=["the table answers", "the table does not answer afterwards"])
    def test_before_there_is_a_plan_rejects_the_request_and_says_who_and_why(
        self, deployer: Deployer, failing: int | None
    ) -> None:
        """People are told, too, although they were told of another refused request of the function within the hour."""

        def watcher(call: Any, make: Callable[[], Any]) -> Any:
            answer = make()
            if call.operation == "TransactWriteItems" and call.state == "OpenDeployment" and not given:
                given.append(1)
                with acting(None, immune=True):
                    abort()
            return answer

        deployer.run({"function": "BonusCalculatorLambda"}, "wrong")
        deployer.notified()
        given: list[int] = []
        before = deployer.everything()
        fault = deployer.aws.fails(
            "TransactWriteItems", "ServiceUnavailable", state="OpenDeployment", skip=1, times=failing
        )
        with deployer.aws.watched(watcher), fault:
            ended = run(deployer)

        assert given
        record = deployer.record(ended)
        assert (ended.ended, ended.error, ended.cause) == ("Rejected", "Aborted", WHY)
        assert (record["state"], record["error"], record["cause"]) == ("Rejected", "Aborted", WHY)
        assert deployer.notified() == ["Aborted: BonusCalculatorLambda:PROD was not touched"]
        assert deployer.everything() == before
        assert deployer.items("lock#") == []

    def test_whose_invocation_was_lost_is_carried_out_by_the_next_look(self, deployer: Deployer) -> None:
        deployer.aws.after(100, lambda: abort_unheard(deployer))

        ended = run(deployer)

        is_aborted(deployer, ended)
        assert ended.path[-3:] == ["CheckHealth", "RollBack", "RolledBack"]

    def test_whose_invocation_was_lost_after_the_last_look_is_carried_out_by_complete_deployment(
        self, deployer: Deployer
    ) -> None:
        with at(deployer, "CompleteDeployment", "entered", lambda: abort_unheard(deployer)):
            ended = run(deployer)

        is_aborted(deployer, ended)
        assert ended.path[-3:] == ["CompleteDeployment", "RollBack", "RolledBack"]
        assert sum(event["type"] == "LambdaFunctionFailed" for event in ended.history) == 1

    def test_that_is_only_late_is_left_to_the_sweep_without_an_error(self, deployer: Deployer) -> None:
        answers: list[Any] = []

        def late() -> None:
            with deployer.aws.fails("UpdateAlias", "TooManyRequestsException", times=None):
                abort_unheard(deployer)
                with acting("RecoverDeployments"):
                    answers.append(recover_deployments.handler({"abort": ID}, context_of(RECOVER_DEPLOYMENTS)))

        deployer.aws.after(100, late)
        ended = run(deployer)

        assert answers == [{"recovered": []}]
        is_aborted(deployer, ended)

    def test_that_comes_while_await_approval_begins_to_wait_is_seen_by_one_of_the_two(self, deployer: Deployer) -> None:
        """RecoverDeployments has read the tokens, and goes on only when AwaitApproval waits."""
        begun, read, waits = deployer.aws.clock.now(), threading.Event(), threading.Event()
        recovery = threading.Thread(target=abort)

        def watcher(call: Any, make: Callable[[], Any]) -> Any:
            answer = make()
            if (call.state, call.operation) == ("RecoverDeployments", "Query") and not read.is_set():
                read.set()
                assert waits.wait(60)
            return answer

        def meanwhile() -> None:
            recovery.start()
            assert read.wait(60)

        def go_on() -> None:
            waits.set()
            recovery.join()

        deployer.aws.after(30, go_on)
        with deployer.aws.watched(watcher), at(deployer, "AwaitApproval", "entered", meanwhile):
            ended = run(deployer, approval={"required": True})

        go_on()
        is_aborted(deployer, ended)
        assert deployer.aws.clock.now() - begun < 300

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDeniedException"])
    def test_after_the_first_shift_asks_step_functions_for_nothing(self, deployer: Deployer, code: str) -> None:
        found: list[Any] = []

        def give() -> None:
            with deployer.aws.fails("SendTaskFailure", code, times=None):
                found.extend([abort(), deployer.alias()])

        deployer.aws.after(60, lambda: decide("approve"))
        deployer.aws.after(200, give)
        ended = run(deployer, approval={"required": True}, traffic=LONG)

        assert found == [202, ("1", {})]
        is_aborted(deployer, ended, waited=True)

    def test_whose_token_step_functions_does_not_take_is_carried_out_by_the_sweep(self, deployer: Deployer) -> None:
        begun = deployer.aws.clock.now()

        def give() -> None:
            with deployer.aws.fails("SendTaskFailure", "ServiceUnavailable", times=None):
                assert abort() == 202

        deployer.aws.after(60, give)
        deployer.aws.after(300, sweep)
        ended = run(deployer, approval={"required": True})

        is_aborted(deployer, ended, waited=True)
        assert ended.path[-3:-1] == WAITING
        assert deployer.aws.clock.now() - begun < 360

    def test_whose_invocation_was_lost_is_carried_out_by_the_sweep(self, deployer: Deployer) -> None:
        alias: list[Any] = []

        def swept() -> None:
            sweep()
            alias.append(deployer.alias())

        deployer.aws.after(100, lambda: abort_unheard(deployer))
        deployer.aws.after(101, swept)
        ended = run(deployer)

        assert alias == [("1", {})]
        is_aborted(deployer, ended)

    def test_twice_keeps_the_first_and_is_harmless(self, deployer: Deployer) -> None:
        answers: list[Any] = []

        def twice() -> None:
            abort_unheard(deployer)
            answers.append(order("abort", ID, reason="I too", caller="arn:aws:iam::123456789012:user/bob"))

        deployer.aws.after(100, twice)
        ended = run(deployer)

        assert [status for status, _ in answers] == [202]
        assert [each["by"] for each in answers[0][1]["orders"]] == [CALLER]
        is_aborted(deployer, ended)

    @pytest.mark.parametrize("event", [{"abort": ID}, {"abort": "another"}, {"abort": 7}, {"abort": "a b"}])
    def test_an_event_without_an_order_changes_nothing(self, deployer: Deployer, event: Any) -> None:
        found: list[Any] = []

        def forged() -> None:
            with acting("RecoverDeployments"):
                found.append(recover_deployments.handler(event, context_of(RECOVER_DEPLOYMENTS)))

        deployer.aws.after(100, forged)

        assert run(deployer).ended == "Deployed"
        assert found == [{"recovered": []}]

    def test_ends_the_execution_within_five_minutes_however_long_the_pause_between_looks_is(
        self, deployer: Deployer
    ) -> None:
        given: list[float] = []

        def give() -> None:
            given.append(deployer.aws.clock.now())
            abort()

        deployer.aws.after(20_010, give)
        ended = run(deployer, traffic=LONG)

        is_aborted(deployer, ended)
        assert deployer.aws.clock.now() - given[0] < 300
        entered = [event.get("stateEnteredEventDetails", {}) for event in ended.history]
        waits = [json.loads(each["input"])["bake"]["look"] for each in entered if each.get("name") == "Bake"]
        assert max(look["next_seconds"] for look in waits) == MOST_SECONDS

    def test_that_lambda_refuses_calls_an_operator_and_is_tried_again(self, deployer: Deployer) -> None:
        with deployer.aws.fails("UpdateAlias", "AccessDeniedException", times=3, state="RecoverDeployments"):
            deployer.aws.after(100, abort)
            ended = run(deployer)

        assert (ended.error, deployer.alias()) == ("Aborted", ("1", {}))
        assert "ROLLBACK FAILED: BonusCalculatorLambda:PROD may be split" in deployer.notified()


def abort_unheard(deployer: Deployer) -> None:
    """Lambda does not take the invocation of RecoverDeployments."""
    with (
        deployer.aws.acting("ServeApi"),
        deployer.aws.fails("Invoke", "ServiceException", times=None, state="ServeApi"),
    ):
        assert abort() == 202


class TestPause:
    def test_holds_green_where_it_is_until_it_is_resumed(self, deployer: Deployer) -> None:
        deployer.users_call()
        weights: list[Any] = []
        deployer.aws.after(70, lambda: order("pause", ID))
        for second in (400, 1200):
            deployer.aws.after(second, lambda: weights.append(deployer.alias()))
        deployer.aws.after(1300, lambda: order("resume", ID))

        ended = run(deployer, traffic=LINEAR)

        assert weights[0] == weights[1]
        assert weights[0][0] == "1"
        assert ended.ended == "Deployed"

    def test_that_nobody_takes_back_is_rolled_back_at_its_limit(self, deployer: Deployer) -> None:
        deployer.aws.after(100, lambda: order("pause", ID, seconds=500, reason="lunch"))

        ended = run(deployer)

        assert (ended.ended, ended.error) == ("RolledBack", "PausedTooLong")
        assert ended.cause.startswith(f"Paused by {CALLER}: lunch. No other order came within 8 min 20 s, which was")
        assert 600 <= deployer.aws.clock.now() - began(ended) < 660
        assert deployer.alias() == ("1", {})

    def test_is_told_to_people_once_with_what_they_can_do(self, deployer: Deployer) -> None:
        deployer.aws.after(100, lambda: order("pause", ID, seconds=3000, reason="lunch"))
        deployer.aws.after(2000, lambda: order("resume", ID))

        with deployer.aws.fails("GetAlias", "ResourceConflictException", state="CheckHealth", times=12) as refused:
            run(deployer, traffic={"steps": [{"weight": 0.1, "bake_seconds": 3600}]})

        assert refused.met == 12
        (message,) = (each for each in deployer.messages() if each["Subject"].startswith("Waits: "))
        assert message["Subject"] == "Waits: BonusCalculatorLambda:PROD needs somebody who resumes it"
        for part in ("lunch", CALLER, "`bluegreen resume BonusCalculatorLambda --alias PROD`"):
            assert part in message["Message"]

    def test_is_over_at_the_next_run_however_far_the_next_look_is(self, deployer: Deployer) -> None:
        begun = deployer.aws.clock.now()
        deployer.aws.after(14_000, lambda: order("pause", ID, seconds=7200))
        deployer.aws.after(16_000, lambda: order("resume", ID))

        ended = run(deployer, traffic={"steps": [{"weight": 0.1, "bake_seconds": 14_400}]})

        assert ended.ended == "Deployed"
        assert deployer.aws.clock.now() - begun < 16_000 + 300

    def test_takes_back_a_promote_that_is_not_carried_out_yet(self, deployer: Deployer) -> None:
        deployer.aws.after(65, lambda: order("promote", ID))
        deployer.aws.after(66, lambda: order("pause", ID, seconds=600))

        ended = run(deployer, traffic=LINEAR)

        assert (ended.error, ended.path.count("ShiftAlias")) == ("PausedTooLong", 2)

    def test_still_rolls_a_worse_green_back(self, deployer: Deployer) -> None:
        deployer.users_call(10)
        deployer.aws.after(70, lambda: order("pause", ID))

        ended = run(deployer, BAD_UNDER_TRAFFIC)

        assert (ended.ended, ended.error) == ("RolledBack", "GreenUnhealthy")

    def test_holds_adaptive_too(self, deployer: Deployer) -> None:
        deployer.users_call(10)
        weights: list[float] = []
        deployer.aws.after(130, lambda: order("pause", ID))
        for second in range(200, 1500, 50):
            deployer.aws.after(second, lambda: weights.append(deployer.alias()[1].get("2", 0.0)))
        deployer.aws.after(1510, lambda: order("resume", ID))

        ended = run(deployer, traffic="Adaptive")

        assert weights == sorted(weights, reverse=True)
        assert ended.ended == "Deployed"


def began(ended: Run) -> float:
    return clock.moment(ended.history[0]["timestamp"])


class TestPromote:
    def test_gives_green_everything_at_the_next_look(self, deployer: Deployer) -> None:
        deployer.aws.after(70, lambda: order("promote", ID, reason="the fix is urgent"))

        ended = run(deployer, traffic=LINEAR)

        assert ended.ended == "Deployed"
        assert ended.path.count("ShiftAlias") < 4
        assert deployer.alias() == ("2", {})
        watched = deployer.record(ended)["watched"]
        assert (watched["given"], watched["given_by"]) == ("by_a_person", f"{CALLER}: the fix is urgent")

    def test_to_the_next_step_shortens_one_bake(self, deployer: Deployer) -> None:
        long = {"steps": [{"weight": 0.1, "bake_seconds": 3600}, {"weight": 0.5, "bake_seconds": 3600}]}
        weights: list[Any] = []
        deployer.aws.after(100, lambda: order("promote", ID, to="next"))
        for second in (300, 3000):
            deployer.aws.after(second, lambda: weights.append(deployer.alias()))

        ended = run(deployer, traffic=long)

        assert weights == [("1", {"2": 0.5})] * 2
        assert ended.ended == "Deployed"
        assert deployer.record(ended)["watched"].get("given") is None

    def test_to_the_next_step_takes_one_step_also_if_it_comes_in_the_middle_of_a_shift(
        self, deployer: Deployer
    ) -> None:
        steps = [{"weight": weight, "bake_seconds": 3600} for weight in (0.1, 0.5, 0.9)]
        orders: list[int] = []

        def promote() -> None:
            orders.append(order("promote", ID, to="next")[0])

        def in_the_second_shift() -> None:
            stack.enter_context(just_before("lambda", "UpdateAlias", promote))

        weights: list[Any] = []
        deployer.aws.after(1000, in_the_second_shift)
        deployer.aws.after(5000, lambda: weights.append(deployer.alias()))
        with ExitStack() as stack:
            ended = run(deployer, traffic={"steps": steps})

        assert orders == [202]
        assert weights == [("1", {"2": 0.5})]
        assert ended.ended == "Deployed"

    def test_takes_a_pause_back(self, deployer: Deployer) -> None:
        deployer.aws.after(70, lambda: order("pause", ID))
        deployer.aws.after(400, lambda: order("promote", ID))

        ended = run(deployer)

        assert ended.ended == "Deployed"
        assert deployer.aws.clock.now() - began(ended) < 600

    def test_does_not_save_a_green_that_is_worse(self, deployer: Deployer) -> None:
        deployer.users_call(10)
        deployer.aws.after(230, lambda: order("promote", ID))

        assert run(deployer, BAD_UNDER_TRAFFIC, traffic=LONG).error == "GreenUnhealthy"

    def test_to_all_passes_over_the_steps_and_keeps_the_final_bake(self, deployer: Deployer) -> None:
        steps = [{"weight": weight, "bake_seconds": 600} for weight in (0.1, 0.2, 0.3)]
        traffic = {"steps": steps, "final_bake_seconds": 1200, "keep_control": 0}
        deployer.aws.after(70, lambda: order("promote", ID))

        ended = run(deployer, traffic=traffic)

        assert ended.path.count("ShiftAlias") == 2
        assert 1200 < deployer.aws.clock.now() - began(ended) < 1600

    def test_where_green_has_everything_ends_the_final_bake(self, deployer: Deployer) -> None:
        traffic = {"steps": [{"weight": 0.5, "bake_seconds": 60}], "final_bake_seconds": 36_000, "keep_control": 0}
        deployer.aws.after(400, lambda: order("promote", ID))

        ended = run(deployer, traffic=traffic)

        assert ended.ended == "Deployed"
        assert deployer.aws.clock.now() - began(ended) < 700
        assert deployer.record(ended)["watched"]["given"] is None

    def test_that_was_taken_back_before_it_was_carried_out_is_not_in_the_record(self, deployer: Deployer) -> None:
        """The look on the promote waits for the approval. By the time of that the promote does not stand any more."""
        steps = [{"weight": 0.1, "bake_seconds": 600}, {"weight": 0.5, "bake_seconds": 60, "approve": True}]
        deployer.aws.after(65, lambda: order("promote", ID))
        deployer.aws.after(400, lambda: order("pause", ID))
        deployer.aws.after(700, lambda: order("resume", ID))
        deployer.aws.after(1000, lambda: ask("POST", f"/deployments/{ID}/approve", "{}"))

        ended = run(deployer, traffic={"steps": steps})

        assert (ended.ended, ended.path.count("ShiftAlias")) == ("Deployed", 3)
        assert deployer.record(ended)["watched"]["given"] is None


class TestWhatPeopleSee:
    def test_orders_are_in_the_api_and_in_the_audit_with_who_and_why(self, deployer: Deployer) -> None:
        deployer.aws.after(70, lambda: order("pause", ID, reason="look at the logs"))
        deployer.aws.after(400, lambda: order("promote", ID))
        run(deployer)

        _, shown = ask("GET", f"/deployments/{ID}")

        assert [(each["order"], each["by"], each.get("reason")) for each in shown["orders"]] == [
            ("pause", CALLER, "look at the logs"),
            ("promote", CALLER, None),
        ]
        noted = [step["evidence"]["orders"] for step in shown["steps"] if step["evidence"].get("orders")]
        assert {"paused": f"{CALLER}: look at the logs"} in noted
        assert {"promoted": CALLER} in noted

    def test_no_execution_is_cut_short_by_an_abort(self, deployer: Deployer) -> None:
        """The alarm DeploymentCutShort counts aborted and timed-out executions; ServeApi stops none."""
        deployer.aws.after(100, abort)

        ended = run(deployer)

        assert ended.history[-1]["type"] == "ExecutionFailed"
        found = boto3.client("stepfunctions").describe_execution(executionArn=ended.arn)
        assert found["status"] == "FAILED"

    def test_orders_outlive_the_deployment(self, deployer: Deployer) -> None:
        deployer.aws.after(100, abort)
        run(deployer)

        assert [each.order for each in orders.given(of_deployment(ID))] == ["abort"]
