"""A machine starts one with a Distributed Map and waits for it: those of tests/machine/pair, with toys for handlers."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.machine.walk import InProcessAws, Run, in_process_aws

PAIR = Path(__file__).with_name("pair")
TOUR, STOPS = PAIR / "tour.asl.json", PAIR / "stops.asl.json"
A_STOP = ["Arrive", "Stay", "Leave", "Left"]
WHERE = {"bucket": "plans", "key": "stops.json"}
NAMES = ("Arrive", "Leave", "Note", "SumUp", "GoHome")


class Closed(Exception):
    pass


class Toys:
    """A handler for every Task state: it keeps its event, and does what it was told to."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.does: dict[str, Callable[[dict[str, Any]], Any]] = {}

    def handler(self, event: dict[str, Any], context: Any) -> Any:
        self.events.append(event)
        does = self.does.get(event["state"])
        return does(event) if does is not None else {}

    def of(self, state: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["state"] == state]


@pytest.fixture
def toys() -> Toys:
    return Toys()


@pytest.fixture
def aws(toys: Toys) -> Iterator[InProcessAws]:
    with in_process_aws({f"{name}Function": toys.handler for name in NAMES}, asl=TOUR) as aws:
        boto3.client("s3").create_bucket(Bucket="plans")
        plan("here", "there", "elsewhere")
        yield aws


def plan(*stops: Any) -> None:
    boto3.client("s3").put_object(Bucket="plans", Key="stops.json", Body=json.dumps(stops).encode())


def visit(aws: InProcessAws) -> Run:
    """The execution that the tour waited for."""
    (arn,) = aws.executions(STOPS)
    return aws.finish(arn)


def stops(aws: InProcessAws) -> list[Run]:
    return [aws.finish(arn) for arn in aws.children_of(visit(aws).arn)]


class TestAMachineThatWaitsForAnother:
    def test_goes_on_when_that_has_succeeded_and_knows_its_answer(self, aws: InProcessAws, toys: Toys) -> None:
        run = aws.walk(WHERE, "tour")

        assert run.path == ["Visit", "SumUp", "Done"]
        answer = run.output["visit"]
        assert answer["Status"] == "SUCCEEDED"
        assert answer["Name"] == "tour-visit"
        assert answer["ExecutionArn"] == visit(aws).arn
        assert answer["Output"] == answer["Input"] == {"tour": run.arn, **WHERE}
        assert answer["StopDate"] - answer["StartDate"] == 60_000
        assert toys.of("SumUp")[0]["document"]["visit"] == answer

    def test_sees_it_fail_as_a_task_that_failed(self, aws: InProcessAws) -> None:
        boto3.client("s3").delete_object(Bucket="plans", Key="stops.json")

        run = aws.walk(WHERE)

        assert run.path == ["Visit", "GoHome", "Failed"]
        assert run.error == "States.TaskFailed"
        assert json.loads(run.cause)["Status"] == "FAILED"
        assert json.loads(run.cause)["Error"] == "States.ItemReaderFailed"

    def test_tells_in_its_history_what_it_started(self, aws: InProcessAws) -> None:
        run = aws.walk(WHERE)

        types = [event["type"] for event in run.history]
        assert types[:6] == [
            "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
        ]  # fmt: skip
        submitted = json.loads(run.history[4]["taskSubmittedEventDetails"]["output"])
        assert submitted["ExecutionArn"] == visit(aws).arn

    def test_takes_no_time_for_waiting(self, aws: InProcessAws) -> None:
        begun = aws.clock.now()

        aws.walk(WHERE)

        assert aws.clock.now() - begun == 60

    def test_stops_it_when_it_is_stopped(self, aws: InProcessAws, toys: Toys) -> None:
        arn = f"{aws.machine_arn().replace(':stateMachine:', ':execution:')}:tour"
        aws.after(30, lambda: aws.stop(arn))

        run = aws.walk(WHERE, "tour")

        assert run.ended == "ABORTED"
        assert run.history[-1]["type"] == "ExecutionAborted"
        assert "TaskSucceeded" not in {event["type"] for event in run.history}
        assert visit(aws).ended == "ABORTED"
        assert {each.ended for each in stops(aws)} == {"ABORTED"}
        assert toys.of("Leave") == []

    def test_is_over_at_the_moment_of_the_stop(self, aws: InProcessAws) -> None:
        arn = f"{aws.machine_arn().replace(':stateMachine:', ':execution:')}:tour"
        aws.after(30, lambda: aws.stop(arn))

        run = aws.walk(WHERE, "tour")

        told = [event["timestamp"] for event in run.history]
        assert told == ["2026-01-05T09:00:00.000Z"] * 5 + ["2026-01-05T09:00:30.000Z"]

    def test_stops_it_when_its_own_time_is_up(self, aws: InProcessAws, toys: Toys) -> None:
        arn = f"{aws.machine_arn().replace(':stateMachine:', ':execution:')}:tour"
        aws.after(30, lambda: aws.time_out(arn))

        assert aws.walk(WHERE, "tour").ended == "TIMED_OUT"
        assert visit(aws).ended == "ABORTED"
        assert toys.of("Leave") == []

    def test_waits_no_longer_than_its_task_may_take(self, aws: InProcessAws, tmp_path: Path) -> None:
        machine = json.loads(TOUR.read_text())
        machine["States"]["Visit"]["TimeoutSeconds"] = 40
        (tmp_path / "tour.asl.json").write_text(json.dumps(machine))
        (tmp_path / "stops.asl.json").write_text(STOPS.read_text())

        run = aws.walk(WHERE, asl=tmp_path / "tour.asl.json")

        assert (run.ended, run.error) == ("Failed", "States.Timeout")
        (arn,) = aws.executions(tmp_path / "stops.asl.json")
        assert aws.finish(arn).ended == "ABORTED"

    def test_sees_it_stopped_and_timed_out(self, aws: InProcessAws) -> None:
        arn = aws.machine_arn(STOPS).replace(":stateMachine:", ":execution:")
        aws.after(30, lambda: aws.stop(f"{arn}:first-visit"))
        aws.after(100, lambda: aws.time_out(f"{arn}:second-visit"))

        runs = [aws.walk(WHERE, name) for name in ("first", "second")]

        assert [run.error for run in runs] == ["States.TaskFailed"] * 2
        assert [json.loads(run.cause)["Status"] for run in runs] == ["ABORTED", "TIMED_OUT"]

    def test_starts_nothing_under_a_name_that_is_taken(self, aws: InProcessAws) -> None:
        aws.walk(WHERE, "tour-visit", asl=STOPS)

        run = aws.walk(WHERE, "tour")

        assert (run.ended, run.error) == ("Failed", "StepFunctions.ExecutionAlreadyExistsException")

    def test_starts_it_again_after_a_hiccup(self, aws: InProcessAws) -> None:
        with aws.state_fails("Visit", "StepFunctions.ExecutionLimitExceededException", times=2) as fault:
            run = aws.walk(WHERE)

        assert run.ended == "Done"
        assert fault.met == 2
        assert len(aws.executions(STOPS)) == 1

    def test_may_fail_after_the_other_is_through(self, aws: InProcessAws, toys: Toys) -> None:
        with aws.state_fails("Visit", "States.TaskFailed", when="after"):
            run = aws.walk(WHERE)

        assert run.path == ["Visit", "GoHome", "Failed"]
        assert len(toys.of("Leave")) == 3

    def test_is_met_by_no_fault_that_is_for_callers_of_aws(self, aws: InProcessAws) -> None:
        with (
            aws.fails("StartExecution", "AccessDenied", times=None) as start,
            aws.fails("DescribeExecution", "AccessDenied", times=None) as look,
            aws.fails("GetObject", "AccessDenied", times=None) as read,
        ):
            assert aws.walk(WHERE).ended == "Done"

        assert (start.met, look.met, read.met) == (0, 0, 0)


class TestADistributedMap:
    def test_has_an_execution_for_each_item(self, aws: InProcessAws, toys: Toys) -> None:
        run = aws.walk(WHERE)

        assert visit(aws).path == ["EachStop"]
        assert [each.path for each in stops(aws)] == [A_STOP] * 3
        assert [each["document"] for each in toys.of("Arrive")] == [
            {"tour": run.arn, "stop": stop, "number": number}
            for number, stop in enumerate(["here", "there", "elsewhere"])
        ]
        assert [each.output["stop"] for each in stops(aws)] == ["here", "there", "elsewhere"]

    def test_is_six_events_long_whatever_the_number_of_items(self, aws: InProcessAws) -> None:
        plan(*range(40))

        aws.walk(WHERE)

        assert [event["type"] for event in visit(aws).history] == [
            "ExecutionStarted",
            "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded",
        ]  # fmt: skip
        assert len(stops(aws)) == 40

    def test_its_executions_know_their_own_name_and_are_found_by_it(self, aws: InProcessAws, toys: Toys) -> None:
        aws.walk(WHERE)

        child = toys.of("Arrive")[1]["execution"]
        assert child == stops(aws)[1].arn
        assert child.startswith("arn:aws:states:us-east-1:123456789012:execution:stops/Stop:")
        states = boto3.client("stepfunctions")
        assert states.describe_execution(executionArn=child)["status"] == "SUCCEEDED"
        assert states.get_execution_history(executionArn=child)["events"][0]["type"] == "ExecutionStarted"

    def test_its_executions_are_none_of_its_machine_s(self, aws: InProcessAws) -> None:
        aws.walk(WHERE)

        states = boto3.client("stepfunctions")
        assert len(states.list_executions(stateMachineArn=aws.machine_arn(STOPS))["executions"]) == 1
        assert [each["name"] for each in states.list_state_machines()["stateMachines"]] == ["stops", "tour"]

    def test_counts_them(self, aws: InProcessAws) -> None:
        aws.walk(WHERE)

        states = boto3.client("stepfunctions")
        (run,) = states.list_map_runs(executionArn=visit(aws).arn)["mapRuns"]
        counts = states.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]
        assert (counts["total"], counts["succeeded"], counts["running"]) == (3, 3, 0)

    def test_they_wait_and_try_again_at_the_same_time(self, aws: InProcessAws, toys: Toys) -> None:
        plan(*range(40))
        begun = aws.clock.now()

        with aws.state_fails("Arrive", "AwsUnavailable", times=40) as fault:
            aws.walk(WHERE)

        assert fault.met == 40
        assert 60 <= aws.clock.now() - begun < 60 + 30

    def test_no_more_of_them_run_than_may(self, aws: InProcessAws, tmp_path: Path) -> None:
        plan(*range(7))
        machine = json.loads(STOPS.read_text())
        machine["States"]["EachStop"]["MaxConcurrency"] = 3
        (tmp_path / "stops.asl.json").write_text(json.dumps(machine))
        begun = aws.clock.now()

        aws.walk(WHERE | {"tour": ""}, asl=tmp_path / "stops.asl.json")

        assert aws.clock.now() - begun == 180

    def test_the_same_seed_does_the_same(self, toys: Toys) -> None:
        def walked() -> list[Any]:
            with in_process_aws({f"{name}Function": toys.handler for name in NAMES}, asl=TOUR, seed=3) as aws:
                boto3.client("s3").create_bucket(Bucket="plans")
                plan(*range(9))
                with aws.state_fails("Arrive", "AwsUnavailable", times=20):
                    aws.walk(WHERE, "tour")
                return [[event["timestamp"] for event in each.history] for each in stops(aws)]

        assert walked() == walked()

    def test_what_one_of_them_catches_is_its_own_affair(self, aws: InProcessAws, toys: Toys) -> None:
        def arrive(event: dict[str, Any]) -> Any:
            if event["document"]["stop"] == "there":
                raise Closed("on Mondays")

        toys.does["Arrive"] = arrive

        assert aws.walk(WHERE).ended == "Done"
        assert [each.path for each in stops(aws)] == [A_STOP, ["Arrive", "Note", "Left"], A_STOP]
        assert toys.of("Note")[0]["document"]["failure"]["Error"] == "Closed"

    def test_failures_that_are_tolerated_are_none(self, aws: InProcessAws) -> None:
        with aws.state_fails("Leave", "Lost", times=None):
            assert aws.walk(WHERE).ended == "Done"

        assert [(each.ended, each.error) for each in stops(aws)] == [("FAILED", "Lost")] * 3

    @pytest.mark.parametrize(
        ("tolerance", "failures", "ended"),
        [
            ({}, 1, "FAILED"),
            ({"ToleratedFailureCount": 1}, 1, "SUCCEEDED"),
            ({"ToleratedFailureCount": 1}, 2, "FAILED"),
            ({"ToleratedFailurePercentage": 50}, 1, "SUCCEEDED"),
            ({"ToleratedFailurePercentage": 50}, 2, "FAILED"),
            ({"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 50}, 2, "FAILED"),
        ],
    )
    def test_more_failures_than_are_tolerated_fail_it(
        self, aws: InProcessAws, tmp_path: Path, tolerance: dict[str, int], failures: int, ended: str
    ) -> None:
        machine = json.loads(STOPS.read_text())
        del machine["States"]["EachStop"]["ToleratedFailurePercentage"]
        machine["States"]["EachStop"] |= tolerance
        (tmp_path / "stops.asl.json").write_text(json.dumps(machine))

        with aws.state_fails("Arrive", "Lost", times=failures):
            run = aws.walk(WHERE | {"tour": ""}, asl=tmp_path / "stops.asl.json")

        assert run.ended == ended
        assert run.error == ("" if ended == "SUCCEEDED" else "States.ExceedToleratedFailureThreshold")

    def test_one_failure_too_many_stops_the_others(self, aws: InProcessAws, tmp_path: Path, toys: Toys) -> None:
        machine = json.loads(STOPS.read_text())
        del machine["States"]["EachStop"]["ToleratedFailurePercentage"]
        (tmp_path / "stops.asl.json").write_text(json.dumps(machine))

        with aws.state_fails("Arrive", "Lost", skip=2):
            run = aws.walk(WHERE | {"tour": ""}, asl=tmp_path / "stops.asl.json")

        assert [aws.finish(arn).ended for arn in aws.children_of(run.arn)] == ["ABORTED", "ABORTED", "FAILED"]
        assert toys.of("Leave") == []

    def test_one_of_them_can_be_stopped(self, aws: InProcessAws) -> None:
        aws.after(30, lambda: aws.stop(aws.children_of(aws.executions(STOPS)[0])[0]))

        assert aws.walk(WHERE).ended == "Done"
        assert [each.ended for each in stops(aws)] == ["ABORTED", "Left", "Left"]

    def test_its_states_are_seen_as_they_are_entered_and_left(self, aws: InProcessAws) -> None:
        seen: list[tuple[str, str, str]] = []
        with aws.at_states(lambda arn, state, moment: seen.append((arn, state, moment))):
            aws.walk(WHERE)

        assert seen[:3] == [
            (aws.executions()[0], "Visit", "entered"),
            (aws.executions(STOPS)[0], "EachStop", "entered"),
            (stops(aws)[0].arn, "Arrive", "entered"),
        ]
        assert seen.count((stops(aws)[2].arn, "Leave", "left")) == 1

    @pytest.mark.parametrize("text", [b"{}", b"[", b'"all"'])
    def test_a_list_that_is_none_cannot_be_read(self, aws: InProcessAws, text: bytes) -> None:
        boto3.client("s3").put_object(Bucket="plans", Key="stops.json", Body=text)

        assert aws.walk(WHERE | {"tour": ""}, asl=STOPS).error == "States.ItemReaderFailed"

    def test_an_empty_list_is_no_failure(self, aws: InProcessAws) -> None:
        plan()

        assert aws.walk(WHERE).ended == "Done"
        assert stops(aws) == []

    def test_it_can_fail_itself(self, aws: InProcessAws, toys: Toys) -> None:
        with aws.state_fails("EachStop", "States.ItemReaderFailed"):
            run = aws.walk(WHERE)

        assert json.loads(run.cause)["Error"] == "States.ItemReaderFailed"
        assert toys.of("Arrive") == []


def test_an_execution_that_is_not_there_is_not_found_in_a_map_either(aws: InProcessAws) -> None:
    aws.walk(WHERE)

    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        boto3.client("stepfunctions").describe_execution(executionArn=f"{stops(aws)[0].arn}x")


def test_no_execution_of_a_map_goes_on_in_the_next_test(toys: Toys) -> None:
    with in_process_aws({f"{name}Function": toys.handler for name in NAMES}, asl=TOUR) as aws:
        boto3.client("s3").create_bucket(Bucket="plans")
        plan("here")
        arrived, may_leave = threading.Event(), threading.Event()

        def arrive(event: dict[str, Any]) -> Any:
            arrived.set()
            may_leave.wait(10)

        toys.does["Arrive"] = arrive
        aws.start(WHERE)
        assert arrived.wait(10)
        (child,) = aws.children_of(aws.executions(STOPS)[0])
        execution = aws._execution(child)
        threading.Timer(0.2, may_leave.set).start()

    assert str(execution.status) == "ABORTED"
    assert toys.of("Leave") == toys.of("GoHome") == []
