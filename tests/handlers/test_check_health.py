"""CheckHealth looks at both versions' metrics, and goes on, bakes on, or stops."""

import json
from contextlib import nullcontext
from typing import Any

import boto3
import pytest

from bluegreen.errors import AliasMoved, AwsUnavailable, DeploymentOver, GreenUnhealthy, NotTheHolder, StillInProgress
from tests.handlers.desk import Desk, Desks, another_user_points_the_alias, aws_answers, just_before, payload_in_s3
from tests.machine.asking import CALLER, order
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, GOOD

TAKES_ONE_ONLY = """
def handler(event, context):
    if event and event != {'a': 1}:
        raise ValueError
"""


def baking(desks: Desks, source: str = GOOD % 2, **request: Any) -> Desk:
    desk = desks(source=source, **request).to("ShiftAlias")
    desk.run("ShiftAlias")
    return desk


def users(desk: Desk, version: str, *, calls: int, errors: int = 0) -> None:
    """What Lambda counts of users who are served by a version behind the alias."""
    desk.aws.metrics.count(FUNCTION, "PROD", version, invocations=calls, errors=errors)


def after(desk: Desk, seconds: float) -> None:
    desk.aws.clock.sleep(seconds)


def weight(desk: Desk) -> float:
    """Green's, as the document has it."""
    return float(desk.document["bake"]["shifts"][-1]["weight"])


class TestABake:
    @pytest.mark.parametrize(
        ("seconds", "follows"), [(0, "bake_on"), (299, "bake_on"), (300, "shift"), (10_000, "shift")]
    )
    def test_is_over_when_its_time_is(self, desks: Desks, seconds: float, follows: str) -> None:
        desk = baking(desks)
        after(desk, seconds)

        assert desk.run("CheckHealth")["next"] == follows

    def test_of_nothing_is_over_at_once(self, desks: Desks) -> None:
        assert baking(desks, traffic="AllAtOnce").run("CheckHealth")["next"] == "complete"

    @pytest.mark.parametrize(("seconds", "follows"), [(299, "bake_on"), (300, "complete")])
    def test_of_all_of_the_alias_is_the_last(self, desks: Desks, seconds: float, follows: str) -> None:
        desk = baking(desks, traffic={"steps": [{"weight": 1, "bake_seconds": 300}], "keep_control": 0})
        after(desk, seconds)

        assert desk.run("CheckHealth")["next"] == follows

    @pytest.mark.parametrize(("seconds", "follows"), [(299, "bake_on"), (300, "shift")])
    def test_at_the_end_leaves_blue_its_share_and_is_followed_by_all_of_the_alias(
        self, desks: Desks, seconds: float, follows: str
    ) -> None:
        desk = baking(desks, traffic={"steps": [{"weight": 1, "bake_seconds": 300}]})
        after(desk, seconds)

        look = desk.run("CheckHealth")

        assert desk.deployer.alias() == ("1", {"2": 0.95})
        assert (look["next"], look["next_weight"]) == (follows, 1.0)
        if follows == "shift":
            desk.run("ShiftAlias")
            assert desk.run("CheckHealth")["next"] == "complete"
            assert desk.deployer.alias() == ("2", {})

    def test_is_looked_at_again_after_a_period_of_the_metrics(self, desks: Desks) -> None:
        desk = baking(desks)

        assert desk.run("CheckHealth")["next_seconds"] == 60

    def test_ends_in_the_next_weight_of_the_schedule(self, desks: Desks) -> None:
        desk = baking(desks)
        after(desk, 300)

        assert desk.run("CheckHealth")["next_weight"] == 1.0

    def test_leaves_each_look_in_the_audit_and_only_the_last_in_the_document(self, desks: Desks) -> None:
        desk = baking(desks)

        looks = [desk.run("CheckHealth") for _ in range(3)]

        noted = [evidence for state, evidence in desk.steps() if state == "CheckHealth"]
        told = [{name: value for name, value in look.items() if name != "memory"} for look in looks]
        assert [{name: each[name] for name in told[0]} for each in noted] == told
        assert desk.document["bake"]["look"] == looks[-1]
        assert "evidence" not in looks[-1]

    def test_leaves_what_only_the_next_look_can_read_out_of_the_audit(self, desks: Desks) -> None:
        desk = baking(desks)

        assert "memory" in desk.run("CheckHealth")

        assert "memory" not in desk.evidence("CheckHealth")


class TestTheVerdict:
    def test_a_green_that_fails_under_traffic_stops_the_deployment(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000)
        users(desk, "2", calls=100, errors=90)
        after(desk, 181)

        with pytest.raises(GreenUnhealthy, match="green failed 90 of 100"):
            desk.run("CheckHealth")

    def test_leaves_its_evidence_in_the_audit(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000)
        users(desk, "2", calls=100, errors=90)
        after(desk, 181)

        with pytest.raises(GreenUnhealthy):
            desk.run("CheckHealth")

        evidence = desk.evidence("CheckHealth")
        assert (evidence["error"], evidence["verdict"]) == ("GreenUnhealthy", "worse")
        assert evidence["green"] == {"requests": 100, "failed": 90}
        (errors,) = (each for each in evidence["evidence"]["findings"] if each["signal"] == "errors")
        assert errors["green"]["requests"] == 100

    def test_counts_the_requests_of_both_versions_in_the_document(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000, errors=3)
        users(desk, "2", calls=100, errors=1)
        after(desk, 181)

        look = desk.run("CheckHealth")

        assert look["blue"] == {"requests": 1000, "failed": 3}
        assert look["green"] == {"requests": 100, "failed": 1}

    def test_without_any_user_it_is_not_enough_and_never_fine(self, desks: Desks) -> None:
        desk = baking(desks)
        after(desk, 600)

        assert desk.run("CheckHealth")["verdict"] == "not_enough"

    def test_a_green_as_good_as_blue_becomes_fine(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=20_000)
        users(desk, "2", calls=20_000)
        after(desk, 181)

        assert desk.run("CheckHealth")["verdict"] == "fine"

    def test_a_blue_that_fails_as_often_is_no_reason(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000, errors=500)
        users(desk, "2", calls=100, errors=50)
        after(desk, 181)

        assert desk.run("CheckHealth")["verdict"] != "worse"

    def test_throttles_of_green_count(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000)
        desk.aws.metrics.count(FUNCTION, "PROD", "2", invocations=10, throttles=500)
        after(desk, 181)

        with pytest.raises(GreenUnhealthy, match="throttled"):
            desk.run("CheckHealth")

    def test_what_was_before_the_shift_does_not_count(self, desks: Desks) -> None:
        desk = desks().to("ShiftAlias")
        users(desk, "1", calls=1000)
        users(desk, "2", calls=100, errors=100)
        after(desk, 120)
        desk.run("ShiftAlias")
        after(desk, 181)

        assert desk.run("CheckHealth")["verdict"] == "not_enough"

    def test_a_minute_that_is_not_settled_does_not_count(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000)
        users(desk, "2", calls=100, errors=100)
        after(desk, 170)

        assert desk.run("CheckHealth")["verdict"] == "not_enough"

    def test_what_test_users_of_latest_meet_does_not_count(self, desks: Desks) -> None:
        desk = baking(desks)
        users(desk, "1", calls=1000)
        desk.aws.metrics.count(FUNCTION, "$LATEST", "$LATEST", invocations=100, errors=100)
        desk.aws.metrics.count(FUNCTION, "2", "2", invocations=100, errors=100)
        after(desk, 181)

        assert desk.run("CheckHealth")["verdict"] == "not_enough"

    def test_every_look_takes_in_all_since_the_first_shift(self, desks: Desks) -> None:
        desk = baking(desks)
        for _ in range(5):
            users(desk, "1", calls=100)
            users(desk, "2", calls=10)
            after(desk, 60)
        after(desk, 181)

        before = desk.document
        desk.run("CheckHealth")
        first = desk.evidence("CheckHealth")["evidence"]
        desk.document = before
        desk.run("CheckHealth", retries=1)
        again = desk.evidence("CheckHealth")["evidence"]

        (errors,) = (finding for finding in first["findings"] if finding["signal"] == "errors")
        assert (errors["green"]["requests"], errors["blue"]["requests"]) == (50, 500)
        assert again == first

    @pytest.mark.parametrize(("shown", "verdict"), [(True, "fine"), (False, "cannot_measure")])
    def test_before_another_minute_is_settled_is_that_of_the_last_look(
        self, desks: Desks, shown: bool, verdict: str
    ) -> None:
        desk = desks()
        for _ in range(10):
            users(desk, "1", calls=5000)
            after(desk, 60)
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.aws.metrics.delay_seconds = 240 if shown else 900
        for _ in range(5):
            after(desk, 60)
            users(desk, "1", calls=5000)
            users(desk, "2", calls=5000)
        after(desk, 10)

        looks = [desk.run("CheckHealth") for _ in range(2)]

        assert [look["verdict"] for look in looks] == [verdict, verdict]
        assert [look["unmeasured"] for look in looks] == ([0, 0] if shown else [1, 2])

    def test_real_users_of_a_bad_green_are_heard(self, desks: Desks) -> None:
        desk = baking(desks, BAD_UNDER_TRAFFIC, traffic={"steps": [{"weight": 0.5, "bake_seconds": 300}]})
        for _ in range(60):
            boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier="PROD", Payload=json.dumps({"user": 1}))
        after(desk, 181)

        with pytest.raises(GreenUnhealthy):
            desk.run("CheckHealth")


class TestProbes:
    def silent(self, desks: Desks, *cases: dict[str, Any]) -> Desk:
        desk = baking(desks, smoke_tests=cases, health={"no_traffic": "probe"})
        after(desk, 300)
        return desk

    def test_one_that_neither_version_answers_in_time_proves_nothing(self, desks: Desks) -> None:
        """The smoke test waits for two minutes, a probe for five seconds."""
        desk = self.silent(desks, {"name": "quick"}, {"name": "slow", "max_duration_ms": 30_000})

        with desk.aws.fails("Invoke", "ReadTimeout", times=2, skip=1):
            look = desk.run("CheckHealth")

        assert (look["next"], look["probes"]) == ("shift", 1)
        assert "the probe 'slow' got no answer within 5 seconds, nor the right one from blue" in look["reason"]

    def test_one_that_blue_answers_in_time_and_green_does_not_is_a_failure(self, desks: Desks) -> None:
        desk = self.silent(desks, {"name": "slow"})

        with (
            desk.aws.fails("Invoke", "ReadTimeout", times=1),
            pytest.raises(GreenUnhealthy, match="did not answer the probe 'slow' within 5 seconds, and version 1 did"),
        ):
            desk.run("CheckHealth")

    def test_one_that_blue_lacks_is_not_held_against_a_slow_green(self, desks: Desks) -> None:
        desk = self.silent(desks, {"name": "new", "expect_at": {"bonus": 2}})

        with desk.aws.fails("Invoke", "ReadTimeout", times=1):
            look = desk.run("CheckHealth")

        assert (look["next"], look["probes"]) == ("shift", 0)

    def test_one_has_the_payload_that_s3_has_in_that_object_version(self, desks: Desks) -> None:
        place, version = payload_in_s3({"a": 1})
        payload_in_s3({"a": 2})
        case = {"name": "login", "payload_from": f"{place}?versionId={version}"}
        desk = baking(desks, TAKES_ONE_ONLY, smoke_tests=[case], health={"no_traffic": "probe"})
        after(desk, 300)

        assert desk.run("CheckHealth")["probes"] == 1

    @pytest.mark.parametrize(("why", "said"), [("denied", "AccessDenied"), ("gone", "NoSuchKey")])
    def test_one_whose_payload_s3_does_not_give_is_left_out(self, desks: Desks, why: str, said: str) -> None:
        place, _ = payload_in_s3({})
        desk = self.silent(desks, {"name": "login", "payload_from": place}, {"name": "other"})
        if why == "gone":
            boto3.client("s3").delete_object(Bucket=BUCKET, Key=place.removeprefix(f"s3://{BUCKET}/"))

        with desk.aws.fails("GetObject", "AccessDenied", times=None) if why == "denied" else nullcontext():
            look = desk.run("CheckHealth")

        assert (look["next"], look["probes"]) == ("shift", 1)
        assert "the payload of the probe 'login' could not be read" in look["reason"]
        assert said in look["reason"]

    def test_the_others_are_sent_all_the_same(self, desks: Desks) -> None:
        desk = self.silent(desks, {"name": "slow"}, {"name": "quick"})

        with desk.aws.fails("Invoke", "ReadTimeout", times=2):
            look = desk.run("CheckHealth")

        assert look["probes"] == 1

    def test_the_reason_says_that_no_probe_was_answered(self, desks: Desks) -> None:
        desk = self.silent(desks, {"name": "slow"})

        with desk.aws.fails("Invoke", "ReadTimeout", times=None):
            look = desk.run("CheckHealth")

        assert (look["next"], look["probes"]) == ("shift", 0)
        assert "it answered no probe;" in look["reason"]

    def test_one_that_must_be_answered_sooner_than_a_probe_waits_is_a_failure(self, desks: Desks) -> None:
        desk = self.silent(desks, {"name": "quick", "max_duration_ms": 3000})

        with (
            desk.aws.fails("Invoke", "ReadTimeout", times=None),
            pytest.raises(GreenUnhealthy, match="failed the probe 'quick'"),
        ):
            desk.run("CheckHealth")

    def test_an_error_of_the_function_that_is_named_so_is_no_silence(self, desks: Desks) -> None:
        source = (
            "class NoAnswer(Exception): pass\nasked = []\ndef handler(event, context):\n"
            "    asked.append(event)\n    if len(asked) > 2: raise NoAnswer('from the database')"
        )
        desk = baking(desks, source, health={"no_traffic": "probe"})
        after(desk, 300)

        with pytest.raises(GreenUnhealthy, match=r"failed the probe .* but it raised NoAnswer"):
            desk.run("CheckHealth")

    def test_one_that_fails_is_told_by_types_and_its_values_are_in_the_audit(self, desks: Desks) -> None:
        source = (
            "asked = []\ndef handler(event, context):\n"
            "    asked.append(event)\n    return {'token': 'right' if len(asked) < 3 else '4711-secret'}"
        )
        desk = baking(
            desks,
            source,
            smoke_tests=[{"name": "token", "expect": {"token": "right"}}],
            health={"no_traffic": "probe"},
        )
        after(desk, 300)

        with pytest.raises(GreenUnhealthy) as failure:
            desk.run("CheckHealth")

        assert "expected a string of 5 characters at reply.token, but a string of 11" in str(failure.value)
        assert "secret" not in str(failure.value)
        assert "4711-secret" in json.dumps(desk.evidence("CheckHealth"))


class TestAdaptive:
    def weighty(self, desks: Desks) -> Desk:
        """Green has a tenth or more, since it answered well."""
        desk = baking(desks, traffic="Adaptive")
        for _ in range(9):
            users(desk, "1", calls=540)
            users(desk, "2", calls=60)
            after(desk, 60)
            if desk.run("CheckHealth")["next"] == "shift":
                desk.run("ShiftAlias")
        assert weight(desk) > 0.1
        return desk

    def test_a_suspected_green_is_shifted_down(self, desks: Desks) -> None:
        desk = self.weighty(desks)
        had = weight(desk)
        users(desk, "1", calls=540)
        users(desk, "2", calls=60, errors=1)
        after(desk, 181)

        look = desk.run("CheckHealth")
        shifts = desk.run("ShiftAlias")["shifts"]

        assert (look["next"], look["verdict"]) == ("shift", "not_enough")
        assert look["next_weight"] < had
        assert f"green goes back from {had:.3g} to {look['next_weight']:.3g} until that is cleared up" in look["reason"]
        assert desk.deployer.alias()[1]["2"] == look["next_weight"]
        assert [each["weight"] for each in shifts][-2:] == [had, look["next_weight"]]
        assert desk.run("CheckHealth")["next"] == "bake_on"

    def test_an_alarm_without_data_keeps_green_from_the_last_of_it(self, desks: Desks) -> None:
        cloudwatch = boto3.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName="checkout", ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1.0
        )
        cloudwatch.set_alarm_state(AlarmName="checkout", StateValue="INSUFFICIENT_DATA", StateReason="a test")
        desk = baking(desks, traffic="Adaptive", health={"alarms": ["checkout"]})

        for _ in range(20):
            users(desk, "1", calls=600)
            users(desk, "2", calls=600)
            after(desk, 60)
            look = desk.run("CheckHealth")
            if look["next"] == "shift":
                desk.run("ShiftAlias")
        assert weight(desk) == 0.9
        assert "the alarm checkout has no data" in look["reason"]

        cloudwatch.set_alarm_state(AlarmName="checkout", StateValue="OK", StateReason="a test")
        assert desk.run("CheckHealth")["next_weight"] == 1.0

    def test_a_shift_down_whose_reply_is_lost_is_one_shift(self, desks: Desks) -> None:
        desk = self.weighty(desks)
        users(desk, "1", calls=540)
        users(desk, "2", calls=60, errors=1)
        after(desk, 181)
        look = desk.run("CheckHealth")
        before = len(desk.document["bake"]["shifts"])

        with desk.aws.fails("UpdateAlias", "ReadTimeout", when="after"):
            desk.run("ShiftAlias", retries=1)

        assert weight(desk) == desk.deployer.alias()[1]["2"] == look["next_weight"]
        assert len(desk.document["bake"]["shifts"]) == before + 1


class TestWhatMayStandInTheWay:
    def test_an_alias_that_another_user_moved_stops_the_deployment(self, desks: Desks) -> None:
        desk = baking(desks)
        another_user_points_the_alias("1")

        with pytest.raises(AliasMoved):
            desk.run("CheckHealth")

    def test_an_abort_that_gives_blue_the_alias_while_the_look_runs_is_not_put_on_someone_else(
        self, desks: Desks
    ) -> None:
        desk = baking(desks)

        def is_aborted() -> None:
            desk.failed("Aborted", "Aborted by alice: too many complaints.").run("RollBack")

        with just_before("lambda", "GetAlias", is_aborted), pytest.raises(DeploymentOver):
            desk.run("CheckHealth")

        evidence = desk.evidence("CheckHealth")
        assert evidence["error"] == "DeploymentOver"
        assert "is RolledBack by now (Aborted: Aborted by alice: too many complaints." in evidence["cause"]
        assert "Someone else" not in evidence["cause"]

    def test_weights_that_lambda_sets_are_waited_for(self, desks: Desks) -> None:
        desk = baking(desks)
        another_user_points_the_alias("2", {"1": 0.5})

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress),
        ):
            desk.run("CheckHealth")

    def test_an_alias_that_cannot_be_read_is_worth_a_retry(self, desks: Desks) -> None:
        desk = baking(desks)

        with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.run("CheckHealth")

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "ReadTimeout", "AccessDenied"])
    def test_metrics_that_cannot_be_read_are_borne_for_a_while_and_never_called_fine(
        self, desks: Desks, code: str
    ) -> None:
        desk = baking(desks)
        after(desk, 10_000)

        with desk.aws.fails("GetMetricData", code, times=None):
            looks = [desk.run("CheckHealth") for _ in range(5)]
            with pytest.raises(GreenUnhealthy, match="could not be read"):
                desk.run("CheckHealth")

        assert {look["verdict"] for look in looks} == {"cannot_measure"}
        assert {look["next"] for look in looks} == {"bake_on"}

    def test_metrics_that_come_back_make_all_well_again(self, desks: Desks) -> None:
        desk = baking(desks)
        after(desk, 10_000)

        with desk.aws.fails("GetMetricData", "ServiceUnavailable", times=None):
            for _ in range(5):
                desk.run("CheckHealth")
        look = desk.run("CheckHealth")

        assert (look["unmeasured"], look["next"]) == (0, "shift")

    def test_the_handler_changes_nothing(self, desks: Desks) -> None:
        desk = baking(desks)
        before = desk.deployer.everything(), desk.record()
        after(desk, 300)

        desk.run("CheckHealth")

        assert (desk.deployer.everything(), desk.record()) == before


@pytest.mark.parametrize("number", [0, 3])
def test_shifts_that_no_execution_of_the_plan_makes_are_refused(desks: Desks, number: int) -> None:
    """A principal who reads the history has the proof, and may invoke the function with shifts of their own."""
    desk = baking(desks)
    event = desk.event("CheckHealth")
    bake = event["document"]["bake"]
    event["document"] = event["document"] | {"bake": bake | {"shifts": bake["shifts"] * number}}

    with pytest.raises(NotTheHolder, match=f"The event has {number} shifts, which .* never had; nothing was changed"):
        desk.invoke("CheckHealth", event)


class TestBetweenTwoLooks:
    """A look is due in fifty minutes, and CheckHealth runs every four."""

    @pytest.fixture
    def long(self, desks: Desks) -> Desk:
        desk = desks(traffic={"steps": [{"weight": 0.1, "bake_seconds": 172_800}]})
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.aws.clock.sleep(36_000)
        desk.run("CheckHealth")
        return desk

    def test_only_orders_are_read(self, long: Desk) -> None:
        before = long.document["bake"]["look"]
        long.aws.clock.sleep(240)

        with long.aws.fails("GetMetricData", "InternalError", times=None), long.aws.fails("GetAlias", "X", times=None):
            look = long.run("CheckHealth", due=False)

        assert (before["next_seconds"], look["next_seconds"], look["next"]) == (240, 240, "bake_on")
        assert (look["due_at"], look["memory"]) == (before["due_at"], before["memory"])

    def test_the_last_wait_ends_when_the_look_is_due(self, long: Desk) -> None:
        due_at = long.document["bake"]["look"]["due_at"]
        long.aws.clock.sleep(due_at - long.aws.clock.now() - 100)

        assert long.run("CheckHealth", due=False)["next_seconds"] in (99, 100)
        long.aws.clock.sleep(100)
        assert long.run("CheckHealth", due=False)["due_at"] > due_at

    def test_a_promote_is_carried_out_at_once(self, long: Desk) -> None:
        order("promote", "first")
        long.aws.clock.sleep(240)

        look = long.run("CheckHealth", due=False)

        assert (look["next"], look["next_weight"]) == ("shift", 1.0)
        assert f"going on, as a person promoted it: {CALLER}" in look["reason"]
