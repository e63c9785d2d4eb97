"""Hooks and approvals in the committed machine: what passes them, and what rolls back and says why."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.decisions.pace import MOST_SECONDS
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import approvals
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.text import is_sign
from tests.machine.asking import CALLER, ask, order
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.faults import acting
from tests.machine.test_deploy import COMPLETED, LOOK, STAGED, UNDONE, shift
from tests.machine.walk import Run

HOOK = "ShopHook"
BOB = "arn:aws:iam::123456789012:user/bob"
AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}
BY_STEPS: dict[str, Any] = {"traffic": {"steps": [{"weight": 0.5, "bake_seconds": 300}]}}
ASKS_LATER = {"steps": [{"weight": 0.1, "bake_seconds": 300}, {"weight": 0.5, "bake_seconds": 300, "approve": True}]}
HOOKED = ["RunHook", "WhatNext?"]


def hook(deployer: Deployer, source: str = "return None", **more: Any) -> str:
    deployer.aws.create_function(HOOK, f"def handler(event, context):\n    {source}", **more)
    return HOOK


def decide(deployer: Deployer, run: str, which: str, body: Any = None, caller: str = BOB) -> tuple[int, Any]:
    """What a person asks of the API, as the role of its function."""
    with acting("ServeApi"):
        return ask("POST", f"/deployments/{run}/{which}", json.dumps(body or {}), caller=caller)


def later(deployer: Deployer, seconds: float, do: Callable[[], Any]) -> list[Any]:
    """Do it so many seconds from now; the answer, once it is there."""
    answers: list[Any] = []
    deployer.aws.clock.after(seconds, lambda: answers.append(do()))
    return answers


def deploy(deployer: Deployer, name: str = "first", **request: Any) -> Run:
    return deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)} | request, name)


def must_be_back(deployer: Deployer, run: Run, error: str) -> None:
    assert (run.ended, run.error) == ("RolledBack", error)
    assert deployer.alias() == ("1", {})
    record = deployer.record(run)
    assert (record["state"], record["error"], record["cause"]) == ("RolledBack", error, run.cause)
    assert deployer.items("lock#") == []


class TestAHook:
    def test_runs_at_each_moment(self, deployer: Deployer) -> None:
        name = hook(deployer, "return {'status': 'Succeeded'}")

        run = deploy(deployer, hooks=dict.fromkeys(["before_traffic", "after_step", "after_traffic"], name), **BY_STEPS)

        assert run.ended == "Deployed"
        assert run.path == [*STAGED, *HOOKED, *shift(5), *HOOKED, *shift(1), *HOOKED, *COMPLETED]
        steps = [json.loads(item["evidence"]) for item in deployer.items("steps#first") if "#RunHook#" in item["sk"]]
        moments = sorted(step["moment"] for step in steps)
        assert moments == ["after_step", "after_traffic", "before_traffic"]
        assert all(step["hook"] == name and "look" not in step for step in steps)

    def test_gets_function_alias_versions_step_weight_and_the_last_look(self, deployer: Deployer) -> None:
        """It refuses, and the reason is the event."""
        source = "return {'status': 'Failed', 'reason': __import__('json').dumps(event)[:500]}"
        name = hook(deployer, source)

        run = deploy(deployer, hooks={"after_step": name}, **BY_STEPS)

        must_be_back(deployer, run, "HookFailed")
        assert run.path[-3:] == ["RunHook", *UNDONE]
        for part in ('"moment": "after_step"', '"blue": "1"', '"green": "2"', '"step": 1', '"weight": 0.5', "verdict"):
            assert part in run.cause
        assert f'"function": "{FUNCTION}", "alias": "PROD"' in run.cause

    @pytest.mark.parametrize("moment", ["before_traffic", "after_step", "after_traffic"])
    @pytest.mark.parametrize(
        ("source", "says"),
        [
            ("return {'status': 'Failed', 'reason': 'the till is closed'}", "the till is closed."),
            ("return {'status': 'Failed'}", "it gave no reason."),
            ("raise KeyError('secret')", "it raised KeyError."),
            ("return 'yes'", "it answered a string of 3 characters;"),
            ("return {'status': 'succeeded'}", "it answered an object with the status a string of 9 characters;"),
            ("return {'status': 'Failed', 'reason': '\\x1b[2J' * 900}", "\ufffd[2J"),
        ],
    )
    def test_that_says_no_rolls_back_with_its_reason(
        self, deployer: Deployer, moment: str, source: str, says: str
    ) -> None:
        run = deploy(deployer, hooks={moment: hook(deployer, source)}, **BY_STEPS)

        must_be_back(deployer, run, "HookFailed")
        assert run.cause.startswith(f"The hook {moment}, {HOOK}, stops the deployment: ")
        assert says in run.cause
        assert "secret" not in run.cause
        assert all(map(is_sign, run.cause))
        assert len(run.cause) < 2000

    def test_that_hangs_is_waited_for_as_long_as_the_request_says(self, deployer: Deployer) -> None:
        with deployer.aws.fails("Invoke", "ReadTimeout", state="RunHook") as fault:
            run = deploy(
                deployer, hooks={"before_traffic": {"function": hook(deployer), "timeout_seconds": 7}}, **AT_ONCE
            )

        must_be_back(deployer, run, "HookFailed")
        assert fault.met == 1
        assert "nothing came within" in run.cause

    def test_that_is_throttled_is_asked_again(self, deployer: Deployer) -> None:
        name = hook(deployer)
        with deployer.aws.fails("Invoke", "TooManyRequestsException", state="RunHook", times=2):
            assert deploy(deployer, hooks={"before_traffic": name}, **AT_ONCE).ended == "Deployed"

    def test_that_loses_its_tag_meanwhile_rolls_back(self, deployer: Deployer) -> None:
        name = hook(deployer)
        arn = boto3.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        untag = lambda: boto3.client("lambda").untag_resource(Resource=arn, TagKeys=["bluegreen:managed"])  # noqa: E731
        deployer.aws.after(150, untag)

        run = deploy(deployer, hooks={"after_step": name}, **BY_STEPS)

        must_be_back(deployer, run, "HookFailed")
        assert f"{name} has lost its tag" in run.cause

    @pytest.mark.parametrize("qualifier", ["1", "LIVE"])
    def test_may_be_an_alias_or_a_version(self, deployer: Deployer, qualifier: str) -> None:
        name = hook(deployer)
        boto3.client("lambda").publish_version(FunctionName=name)
        boto3.client("lambda").create_alias(FunctionName=name, Name="LIVE", FunctionVersion="1")

        assert deploy(deployer, hooks={"before_traffic": f"{name}:{qualifier}"}, **AT_ONCE).ended == "Deployed"

    @pytest.mark.parametrize(
        ("hooks", "tags", "says"),
        [
            ({"before_traffic": HOOK}, {}, f"hooks.before_traffic: {HOOK} has no tag bluegreen:managed = true"),
            ({"after_step": "Nobody"}, None, "hooks.after_step: there is no function Nobody in this account"),
            ({"after_traffic": FUNCTION}, None, f"hooks.after_traffic: {FUNCTION} is the function that is deployed"),
            (
                {"after_traffic": f"{FUNCTION}:PROD"},
                None,
                "is the function that is deployed, which cannot judge itself",
            ),
            ({"after_traffic": "stack-RollBack"}, None, "there is no function stack-RollBack"),
            ({"after_step": f"{HOOK}:LIVE"}, None, f"hooks.after_step: {HOOK} has no alias LIVE; correct the alias"),
            (
                {"before_traffic": f"{HOOK}:77"},
                None,
                f"hooks.before_traffic: {HOOK} has no version 77; correct the ver",
            ),
        ],
    )
    def test_that_may_not_be_invoked_is_refused_before_anything_is_touched(
        self, deployer: Deployer, hooks: Any, tags: Any, says: str
    ) -> None:
        hook(deployer, tags=tags)
        before = deployer.everything()

        run = deploy(deployer, hooks=hooks)

        assert (run.ended, run.error) == ("Rejected", "InvalidRequest")
        assert says in run.cause
        assert deployer.everything() == before


class TestAnApproval:
    def test_lets_the_first_shift_go_on_and_stands_in_the_record(self, deployer: Deployer) -> None:
        answer = later(deployer, 600, lambda: decide(deployer, "first", "approve", {"reason": "looks good"}))

        run = deploy(deployer, approval={"required": True}, **AT_ONCE)

        assert answer[0][0] == 200, answer
        assert run.path == [*STAGED, "AwaitApproval", *shift(1), *COMPLETED]
        (approved,) = deployer.record(run)["approvals"]
        assert (approved["by"], approved["reason"], approved["step"]) == (f"API by {BOB}", "looks good", 1)
        assert "Waits: BonusCalculatorLambda:PROD needs an approval" in deployer.notified()
        assert "task_token" not in json.dumps(ask("GET", "/deployments/first"))

    def test_that_is_refused_rolls_back_with_who_and_why(self, deployer: Deployer) -> None:
        later(deployer, 600, lambda: decide(deployer, "first", "reject", {"reason": "not today \x1b[2J"}))

        run = deploy(deployer, approval={"required": True})

        must_be_back(deployer, run, "ApprovalRefused")
        assert run.path == [*STAGED, "AwaitApproval", *UNDONE]
        assert f"Step 1 was rejected by API by {BOB} at " in run.cause
        assert "not today \ufffd[2J" in run.cause

    def test_that_does_not_come_in_time_rolls_back(self, deployer: Deployer) -> None:
        answer = later(deployer, 700, lambda: decide(deployer, "first", "approve"))
        begun = deployer.aws.clock.now()

        run = deploy(deployer, approval={"required": True, "timeout_seconds": 600})

        must_be_back(deployer, run, "ApprovalTimedOut")
        assert run.path == [*STAGED, "AwaitApproval", *UNDONE]
        assert "No person approved step 1 within 10 min" in run.cause
        assert deployer.aws.clock.now() - begun < 800
        assert not answer

    def test_after_its_time_is_refused(self, deployer: Deployer) -> None:
        """The state waits a minute longer than people may decide."""
        answer = later(deployer, 640, lambda: decide(deployer, "first", "approve"))

        run = deploy(deployer, approval={"required": True, "timeout_seconds": 600})

        must_be_back(deployer, run, "ApprovalTimedOut")
        status, said = answer[0]
        assert (status, "the time to decide about step 1 of first was over at" in said["message"]) == (409, True)

    def test_is_given_once(self, deployer: Deployer) -> None:
        first = later(deployer, 60, lambda: decide(deployer, "first", "approve"))
        change = later(deployer, 60, lambda: decide(deployer, "first", "reject"))
        other = later(deployer, 60, lambda: decide(deployer, "first", "approve", caller=CALLER))

        assert deploy(deployer, approval={"required": True}, **AT_ONCE).ended == "Deployed"
        assert first[0][0] == 200
        for status, said in (change[0], other[0]):
            assert status == 409
            assert f"step 1 of first was approved by API by {BOB} at" in said["message"]

    def test_that_is_repeated_is_answered_as_it_stands(self, deployer: Deployer) -> None:
        first = later(deployer, 60, lambda: decide(deployer, "first", "approve", {"reason": "tried it"}))
        again = later(deployer, 61, lambda: decide(deployer, "first", "approve"))

        deploy(deployer, approval={"required": True}, **BY_STEPS)

        assert first[0] == again[0]
        assert first[0][1]["reason"] == "tried it"

    def test_about_a_step_is_none_about_the_next(self, deployer: Deployer) -> None:
        """Two approvers got the message about step 2; the second one comes when step 3 waits."""
        steps = [{"weight": weight, "bake_seconds": 300, "approve": weight > 0.1} for weight in (0.1, 0.5, 0.9)]
        of_two = {"step": 2}
        first = later(deployer, 1000, lambda: decide(deployer, "first", "approve", of_two))
        late = later(deployer, 2000, lambda: decide(deployer, "first", "approve", of_two, caller=CALLER))
        again = later(deployer, 2000, lambda: decide(deployer, "first", "approve", of_two))
        early = later(deployer, 2000, lambda: decide(deployer, "first", "approve", {"step": 4}))

        run = deploy(deployer, traffic={"steps": steps}, approval={"timeout_seconds": 3600})

        must_be_back(deployer, run, "ApprovalTimedOut")
        assert "No person approved step 3" in run.cause
        assert (first[0][0], again[0]) == (200, first[0])
        assert (late[0][0], early[0][0]) == (409, 409)
        assert f"step 2 of first was approved by API by {BOB}" in late[0][1]["message"]
        assert "step 4 of first does not wait for an approval; nothing was changed" in early[0][1]["message"]

    def test_that_step_functions_refuses_is_recorded_and_says_so(self, deployer: Deployer) -> None:
        with deployer.aws.fails("SendTaskSuccess", "AccessDeniedException"):
            refused = later(deployer, 60, lambda: decide(deployer, "first", "approve"))
            again = later(deployer, 90, lambda: decide(deployer, "first", "approve"))

            assert deploy(deployer, approval={"required": True}, **AT_ONCE).ended == "Deployed"
        status, said = refused[0]
        assert status == 503
        assert said["message"].startswith("the decision about step 1 of first is recorded, but it could not be sent")
        assert again[0][0] == 200

    @pytest.mark.parametrize("which", ["approve", "reject"])
    def test_that_took_effect_by_a_call_whose_answer_was_lost_is_answered_as_it_stands(
        self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch, which: str
    ) -> None:
        """The SDK's second try finds that the task is closed."""
        send = getattr(executions, "succeed" if which == "approve" else "fail")

        def sent_twice(*of: Any) -> bool:
            send(*of)
            return False

        monkeypatch.setattr(executions, "succeed" if which == "approve" else "fail", sent_twice)
        first = later(deployer, 60, lambda: decide(deployer, "first", which))
        again = later(deployer, 400, lambda: decide(deployer, "first", which))

        run = deploy(deployer, approval={"required": True}, **BY_STEPS)

        assert run.ended == ("Deployed" if which == "approve" else "RolledBack")
        assert first[0][0] == 200
        assert not again or again[0][0] == 200

    def test_that_could_not_be_noted_as_sent_is_answered_as_it_stands(
        self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*of: Any) -> None:
            raise AwsUnavailable("DynamoDB is away")

        monkeypatch.setattr(approvals, "learn_sent", away)
        first = later(deployer, 60, lambda: decide(deployer, "first", "approve"))
        again = later(deployer, 90, lambda: decide(deployer, "first", "approve"))

        assert deploy(deployer, approval={"required": True}, **BY_STEPS).ended == "Deployed"
        assert (first[0][0], again[0]) == (200, first[0])

    def test_that_is_written_a_little_late_counts(self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
        """ServeApi takes it in the last second, and DynamoDB takes its time."""
        write = approvals.decide

        def slowly(owner: Owner, decision: Any) -> bool:
            deployer.aws.clock.after(20, lambda: write(owner, decision))
            return True

        monkeypatch.setattr(approvals, "decide", slowly)
        ends: list[str] = []

        def at_the_end() -> None:
            (waiting,) = approvals.asked(of_deployment("first"))
            ends.append(waiting.ends_at)
            seconds = clock.moment(waiting.ends_at) - deployer.aws.clock.now() - 1
            deployer.aws.clock.after(seconds, lambda: decide(deployer, "first", "approve"))

        later(deployer, 1000, at_the_end)

        assert deploy(deployer, traffic=ASKS_LATER, approval={"timeout_seconds": 900}).ended == "Deployed"
        assert len(ends) == 1

    def test_that_could_not_be_sent_is_sent_when_the_same_person_repeats_it(self, deployer: Deployer) -> None:
        with deployer.aws.fails("SendTaskSuccess", "ServiceUnavailable", times=3):
            lost = later(deployer, 60, lambda: decide(deployer, "first", "approve"))
            other = later(deployer, 80, lambda: decide(deployer, "first", "reject", caller=CALLER))
            again = later(deployer, 90, lambda: decide(deployer, "first", "approve"))

            assert deploy(deployer, approval={"required": True}, **AT_ONCE).ended == "Deployed"
        assert (lost[0][0], other[0][0], again[0][0]) == (503, 409, 200)

    def test_that_was_never_sent_counts_once_the_state_comes_back(self, deployer: Deployer) -> None:
        with deployer.aws.fails("SendTaskSuccess", "ServiceUnavailable", times=3):
            lost = later(deployer, 60, lambda: decide(deployer, "first", "approve"))

            run = deploy(deployer, approval={"required": True, "timeout_seconds": 600}, **AT_ONCE)

        assert (lost[0][0], run.ended) == (503, "Deployed")

    def test_that_another_principal_fails_without_a_word_rolls_back(self, deployer: Deployer) -> None:
        def fail() -> None:
            (item,) = deployer.items("approval#first")
            boto3.client("stepfunctions").send_task_failure(taskToken=item["task_token"])

        later(deployer, 60, fail)

        assert deploy(deployer, approval={"required": True}).ended == "RolledBack"

    def test_with_another_token_moves_no_alias(self, deployer: Deployer) -> None:
        """A principal that may send success for any task has no say: the ledger has no approval."""

        def send() -> None:
            (item,) = deployer.items("approval#first")
            boto3.client("stepfunctions").send_task_success(taskToken=item["task_token"], output="{}")

        later(deployer, 60, send)

        run = deploy(deployer, approval={"required": True}, **AT_ONCE)

        must_be_back(deployer, run, "NotApproved")
        assert run.path == [*STAGED, "AwaitApproval", "ShiftAlias", *UNDONE]
        assert "weights" not in deployer.record(run)

    def test_of_the_starter_is_refused_where_the_request_says_so(self, deployer: Deployer) -> None:
        """Who starts it past the API is known by a claim only, so such a start is refused."""
        run = deploy(deployer, approval={"required": True, "other_than_starter": True})

        assert (run.ended, run.error) == ("Rejected", "InvalidRequest")
        assert "approval.other_than_starter: this request does not prove who started it" in run.cause

    def test_of_the_starter_is_refused_and_anothers_counts(self, deployer: Deployer) -> None:
        request = {
            "function": FUNCTION,
            "artifact": deployer.upload(GOOD % 2),
            "approval": {"required": True},
        } | AT_ONCE
        request["approval"] |= {"other_than_starter": True}
        answers: list[Any] = []

        def people() -> None:
            (name,) = {item["pk"].partition("#")[2] for item in deployer.items("approval#")}
            answers.append(decide(deployer, name, "approve", caller=CALLER))
            answers.append(decide(deployer, name, "approve"))

        deployer.aws.clock.after(300, people)
        with acting("ServeApi"):
            _, started = ask("POST", "/deployments", json.dumps(request))
        run = deployer.aws.finish(started["execution"])

        assert run.ended == "Deployed"
        assert [status for status, _ in answers] == [403, 200]
        assert f"API by {CALLER} started" in answers[0][1]["message"]

    def test_comes_after_the_hook_before_traffic(self, deployer: Deployer) -> None:
        later(deployer, 60, lambda: decide(deployer, "first", "approve"))

        run = deploy(deployer, hooks={"before_traffic": hook(deployer)}, approval={"required": True}, **AT_ONCE)

        assert run.path == [*STAGED, *HOOKED, "AwaitApproval", *shift(1), *COMPLETED]

    def test_of_a_later_step_is_waited_for_while_looks_go_on(self, deployer: Deployer) -> None:
        deployer.users_call(times_a_second=1)
        waits = later(deployer, 1500, lambda: ask("GET", "/deployments/first")[1]["approvals"])
        later(deployer, 2000, lambda: decide(deployer, "first", "approve"))

        run = deploy(deployer, traffic=ASKS_LATER, hooks={"after_step": hook(deployer)})

        assert run.ended == "Deployed"
        assert "AwaitApproval" not in run.path
        looks = run.path[: run.path.index("RunHook")].count("CheckHealth")
        assert 25 <= looks <= 40
        assert run.path[run.path.index("RunHook") : run.path.index("RunHook") + 3] == [*HOOKED, "ShiftAlias"]
        assert [(each["step"], "decision" in each) for each in waits[0]] == [(2, False)]
        assert [each["step"] for each in deployer.record(run)["approvals"]] == [2]
        assert deployer.notified().count("Waits: BonusCalculatorLambda:PROD needs an approval") == 1

    @pytest.mark.parametrize(
        ("which", "promote", "decided", "moved", "error"),
        [
            ("approve", False, 4300, "ShiftAlias", ""),
            ("approve", True, 4300, "ShiftAlias", ""),
            ("reject", False, 2100, "RollBack", "ApprovalRefused"),
            ("", False, 4730, "RollBack", "ApprovalTimedOut"),
        ],
        ids=["approved", "approved after a promote", "refused", "late"],
    )
    def test_of_a_later_step_is_read_every_four_minutes_and_metrics_only_when_a_look_is_due(
        self, deployer: Deployer, which: str, promote: bool, decided: int, moved: str, error: str
    ) -> None:
        """A look is due every ten minutes here, and the decision comes between two of them."""
        begun, made = deployer.aws.clock.now(), list[tuple[str, str, float]]()
        if promote:
            later(deployer, 2000, lambda: order("promote", "first", to="next"))
        if which:
            later(deployer, decided, lambda: decide(deployer, "first", which))

        def watcher(call: Any, make: Callable[[], Any]) -> Any:
            made.append((call.state, call.operation, deployer.aws.clock.now() - begun))
            return make()

        with deployer.aws.watched(watcher):
            run = deploy(
                deployer,
                traffic={"steps": [{"weight": 0.1, "bake_seconds": 600}, ASKS_LATER["steps"][1]]},
                health={"period_seconds": 600},
                approval={"timeout_seconds": 4100},
            )

        assert run.error == error
        for read in ("GetAlias", "GetMetricData"):
            looks = [round(at) for state, name, at in made if (state, name) == ("CheckHealth", read) and at < decided]
            assert looks == list(range(601 if read == "GetAlias" else 1201, decided, 600))
        takes_effect = min(at for state, name, at in made if (state, name) == (moved, "UpdateAlias") and at > decided)
        assert takes_effect - decided < (MOST_SECONDS + 2 if which else 2)

    def test_of_a_later_step_that_is_refused_during_a_pause_rolls_back_at_the_next_run(
        self, deployer: Deployer
    ) -> None:
        begun = deployer.aws.clock.now()
        later(deployer, 1000, lambda: order("pause", "first", seconds=20_000))
        later(deployer, 1200, lambda: decide(deployer, "first", "reject", {"reason": "no"}))

        run = deploy(deployer, traffic=ASKS_LATER, approval={"timeout_seconds": 3000})

        must_be_back(deployer, run, "ApprovalRefused")
        assert deployer.aws.clock.now() - begun < 1200 + 300

    def test_that_people_could_not_be_told_of_at_first_is_told_by_a_retry(self, deployer: Deployer) -> None:
        later(deployer, 300, lambda: decide(deployer, "first", "approve"))
        with deployer.aws.fails("Publish", "InternalError", times=1, state="AwaitApproval"):
            run = deploy(deployer, approval={"required": True})

        assert run.ended == "Deployed"
        assert deployer.notified().count(f"Waits: {FUNCTION}:PROD needs an approval") == 1

    def test_is_not_waited_for_after_an_abort_that_found_no_token(self, deployer: Deployer) -> None:
        begun = deployer.aws.clock.now()
        given: list[int] = []

        def watcher(call: Any, make: Callable[[], Any]) -> Any:
            if call.operation == "UpdateItem" and call.state == "AwaitApproval" and not given:
                with acting(None, immune=True):
                    given.append(order("abort", "first")[0])
            return make()

        with deployer.aws.watched(watcher):
            run = deploy(deployer, approval={"required": True})

        must_be_back(deployer, run, "Aborted")
        assert given == [202]
        assert deployer.aws.clock.now() - begun < 60
        assert deployer.notified() == [f"Aborted: {FUNCTION}:PROD is at version 1"]

    def test_goes_to_the_token_that_a_retry_wrote_meanwhile(
        self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        write = approvals.decide

        def after_a_retry(owner: Owner, decision: Any) -> bool:
            with acting(None, immune=True):
                approvals.ask(owner, 1, 600, "the later token")
            return write(owner, decision)

        monkeypatch.setattr(approvals, "decide", after_a_retry)

        def succeed(token: str) -> bool:
            sent.append(token)
            return True

        monkeypatch.setattr(executions, "succeed", succeed)
        later(deployer, 60, lambda: decide(deployer, "first", "approve"))

        deploy(deployer, approval={"required": True, "timeout_seconds": 600})

        assert sent[0] == "the later token"

    @pytest.mark.parametrize(
        ("which", "error"), [("reject", "ApprovalRefused"), ("nobody", "ApprovalTimedOut")], ids=["refused", "late"]
    )
    def test_of_a_later_step_that_is_not_given_rolls_back(self, deployer: Deployer, which: str, error: str) -> None:
        if which == "reject":
            later(deployer, 1000, lambda: decide(deployer, "first", which, {"reason": "no"}))

        run = deploy(deployer, traffic=ASKS_LATER, approval={"timeout_seconds": 900})

        must_be_back(deployer, run, error)
        assert run.path[-4:] == [*LOOK[:2], *UNDONE]

    def test_is_waited_for_no_longer_once_green_is_worse(self, deployer: Deployer) -> None:
        source = (
            "import time\n"
            "from bluegreen import clock\n"
            "begun = clock.now()\n"
            "def handler(event, context):\n"
            "    if event.get('user') and clock.now() - begun > 900: raise ValueError\n"
        )
        deployer.users_call(times_a_second=2)

        run = deployer.run(
            {"function": FUNCTION, "artifact": deployer.upload(source), "traffic": ASKS_LATER, "smoke_tests": "off"}
        )

        assert (run.ended, run.error) == ("RolledBack", "GreenUnhealthy")


class TestADecision:
    @pytest.mark.parametrize(
        ("name", "body", "status", "says"),
        [
            ("nobody", {}, 404, "there is no deployment nobody; nothing was changed"),
            ("first", {}, 409, "deployment first has ended as Deployed, so there is nothing to decide"),
            ("first", {"reson": "x"}, 400, "reson: unknown field; did you mean reason?; nothing was changed"),
            ("first", {"reason": 5}, 400, "reason: "),
            ("first", {"reason": "x" * 501}, 400, "reason: "),
            ("first", [], 400, "request: "),
        ],
    )
    def test_about_what_does_not_wait_is_refused(
        self, deployer: Deployer, name: str, body: Any, status: int, says: str
    ) -> None:
        deploy(deployer, **AT_ONCE)

        with acting("ServeApi"):
            found, answer = ask("POST", f"/deployments/{name}/approve", json.dumps(body))

        assert (found, says in answer["message"]) == (status, True), answer

    def test_before_it_is_asked_for_is_refused(self, deployer: Deployer) -> None:
        answer = later(deployer, 100, lambda: decide(deployer, "first", "approve"))

        assert deploy(deployer).ended == "Deployed"
        assert answer[0][0] == 409
        assert "deployment first does not wait for an approval" in answer[0][1]["message"]
