"""The metrics of the dashboard: what a deployment's end counts, that it counts once, and what runs and waits."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any, NamedTuple

import pytest

import receive_upload
import recover_deployments
from bluegreen import clock
from bluegreen.decisions.gates import Decision
from bluegreen.decisions.orders import Order
from bluegreen.ledger import approvals, deployments, orders, waiting
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.waiting import Waiting
from bluegreen.news import dashboard
from bluegreen.news.dashboard import METRICS
from bluegreen.request.artifact import Zip
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, context_of, just_before
from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, GOOD, TARGET, Deployer
from tests.machine.faults import Fault, HandlerKilled, acting


class Point(NamedTuple):
    """A value of a metric; `of` are its dimensions beside the stack's name."""

    name: str
    of: tuple[str, ...]
    value: float
    at: float


Written = Callable[[], list[Point]]


@pytest.fixture
def written(deployer: Deployer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Written:
    """The points that CloudWatch makes of what was printed since this was last asked for."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "0")
    return lambda: [
        point
        for line in capsys.readouterr().out.splitlines()
        if line.startswith('{"_aws"')
        for point in _points(json.loads(line))
    ]


def _points(line: dict[str, Any]) -> list[Point]:
    ours = []
    for about in line["_aws"]["CloudWatchMetrics"]:
        assert about["Namespace"] == "BlueGreen"
        ((*names,),) = about["Dimensions"]
        for metric in about["Metrics"]:
            if metric["Name"] in METRICS:  # the edge counts errors by their names
                unit, dimensions = METRICS[metric["Name"]]
                assert (metric["Unit"], sorted(names)) == (unit.value, sorted(["service", *dimensions]))
                assert line["service"] == "bluegreen"
                (value,) = line[metric["Name"]]
                at = line["_aws"]["Timestamp"] / 1000
                ours.append(Point(metric["Name"], tuple(line[name] for name in dimensions), value, at))
    return ours


def figures(points: list[Point]) -> dict[tuple[str, ...], float]:
    """Each metric with its dimensions, which comes once."""
    found = {(point.name, *point.of): point.value for point in points}
    assert len(found) == len(points)
    return found


def seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def sweep() -> None:
    with acting("RecoverDeployments"):
        recover_deployments.handler({"detail": {}}, context_of("RecoverDeploymentsFunction"))


def standing(written: Written) -> dict[tuple[str, ...], float]:
    written()
    sweep()
    return figures(written())


CHANGE = (FUNCTION, ALIAS)


def test_a_change_counts_by_its_end_its_times_and_whom_it_harmed(deployer: Deployer, written: Written) -> None:
    good = deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    kept = deployer.record(good)
    points = written()
    assert figures(points) == {
        ("Deployments", "Deployed"): 1,
        ("DeploymentFrequency", *CHANGE): 1,
        ("ChangeFailureRate", *CHANGE): 0,
        ("TimeToVerdict", "Deployed"): pytest.approx(seconds(kept["shifted_at"], kept["ended_at"])),
    }
    assert {point.at for point in points} == {clock.moment(kept["ended_at"])}

    deployer.users_call(times_a_second=2)
    bad = deployer.deploy(BAD_UNDER_TRAFFIC)
    undone = deployer.record(bad)
    found = figures(written())
    (stopped,) = (
        step["sk"].partition("#")[0]
        for step in deployer.items(f"steps#{undone['pk'].partition('#')[2]}")
        if "GreenUnhealthy" in step["evidence"] and "#CheckHealth#" in step["sk"]
    )
    harmed = found.pop(("RequestsHarmed",))
    assert found == {
        ("Deployments", "RolledBack"): 1,
        ("DeploymentFrequency", *CHANGE): 1,
        ("ChangeFailureRate", *CHANGE): 100,
        ("TimeToVerdict", "RolledBack"): pytest.approx(seconds(undone["shifted_at"], stopped)),
        ("TimeToBlue",): pytest.approx(seconds(stopped, undone["alias_returned_at"])),
    }
    assert seconds(undone["shifted_at"], stopped) >= 60
    assert 0 < harmed <= deployer.harmed["3"]

    deployer.run({"function": FUNCTION, "artifact": {"version": "1"}})
    back = figures(written())
    assert back["Deployments", "Deployed"] == 1
    assert back["ChangeFailureRate", *CHANGE] == 100
    assert back["RequestsHarmed",] == 0


def test_functions_of_one_name_in_two_regions_are_counted_apart(deployer: Deployer, written: Written) -> None:
    run = deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    record = deployments.find(run.arn.rpartition(":")[2])
    assert record
    written()

    role = "arn:aws:iam::210987654321:role/deployer"
    there = Target.at("eu", FUNCTION, ALIAS, region="eu-west-1", role=role, bucket="there")
    dashboard.ended(record.model_copy(update={"target": there}))

    of_functions = {point.of for point in written() if point.name == "DeploymentFrequency"}
    assert of_functions == {(f"210987654321:eu-west-1:{FUNCTION}", ALIAS)}


@pytest.mark.parametrize(
    ("request_", "end"),
    [
        ({"artifact": {"version": "1"}}, "NothingToDeploy"),
        ({"artifact": {"version": "7"}}, "Rejected"),
        ({"smoke_tests": [{"name": "none", "expect": {"bonus": 3}}]}, "RolledBack"),
    ],
)
def test_what_no_user_met_is_no_change(
    deployer: Deployer, written: Written, request_: dict[str, Any], end: str
) -> None:
    run = deployer.deploy(**request_)

    assert run.ended == end
    assert figures(written()) == {("Deployments", end): 1}


class TestOnce:
    @pytest.fixture
    def bad(self, desk: Desk) -> Desk:
        desk.to("ShiftAlias").run("ShiftAlias")
        return desk.failed()

    @pytest.mark.parametrize("broken", [("Publish",), ("PutEvents",), ("Publish", "PutEvents")])
    def test_an_end_counts_once_however_often_it_is_told(
        self, bad: Desk, written: Written, broken: tuple[str, ...]
    ) -> None:
        first, *second = (bad.aws.fails(call, "AccessDeniedException", times=None) for call in broken)
        with first:
            if second:
                with second[0]:
                    bad.run("RollBack")
            else:
                bad.run("RollBack")
        assert figures(written())["Deployments", "RolledBack"] == 1

        for _ in range(2):
            assert "Deployments" not in {name for name, *_ in standing(written)}
        bad.run("RollBack", retries=1)
        assert written() == []

    def test_an_end_counts_although_its_handler_was_killed_before_it_told_of_it(
        self, bad: Desk, written: Written
    ) -> None:
        with bad.aws.fails("Publish", "HandlerKilled"), pytest.raises(HandlerKilled):
            bad.run("RollBack")
        assert written() == []

        assert standing(written)["Deployments", "RolledBack"] == 1

    def test_a_write_whose_answer_was_lost_counts_once(self, bad: Desk, written: Written) -> None:
        with ExitStack() as faults:
            lost = bad.aws.fails("UpdateItem", "ReadTimeout", when="after")
            met: list[Fault] = []
            with just_before("events", "PutEvents", lambda: met.append(faults.enter_context(lost))):
                bad.run("RollBack")

        assert [fault.met for fault in met] == [1]
        assert figures(written())["Deployments", "RolledBack"] == 1


def test_an_audit_that_cannot_be_read_holds_no_rollback_up(desk: Desk, written: Written) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.failed()

    with desk.aws.fails("Query", "AccessDeniedException", times=None, state="RollBack", skip=1):
        desk.run("RollBack")

    assert desk.state() == "RolledBack"
    assert ("RequestsHarmed",) not in figures(written())


class TestNow:
    def test_a_sweep_says_what_runs_and_what_waits_for_a_person(self, desks: Desks, written: Written) -> None:
        def runs_and_waits() -> tuple[float, float]:
            found = standing(written)
            return found["DeploymentsRunning",], found["DeploymentsWaiting",]

        assert runs_and_waits() == (0, 0)
        desk = desks(approval={"required": True, "timeout_seconds": 600}).to("ShiftAlias")
        assert runs_and_waits() == (1, 0)
        desk.run("AwaitApproval")
        assert runs_and_waits() == (1, 1)
        made = {"step": 1, "decision": "approved", "by": "API by bob", "at": "2026-01-05T09:00:00.000Z", "reason": "so"}
        assert approvals.decide(of_deployment("first"), Decision.model_validate(made))
        desk.run("ShiftAlias")
        assert runs_and_waits() == (1, 0)
        assert orders.give(of_deployment("first"), Order(order="pause", by="bob", at=clock.now(), seconds=600), known=0)
        assert runs_and_waits() == (1, 1)
        desk.stop()
        assert runs_and_waits() == (0, 0)

    def test_the_event_of_one_end_says_nothing_of_the_others(self, desk: Desk, written: Written) -> None:
        desk.to("ShiftAlias")
        written()

        recover_deployments.handler({"abort": "first"}, context_of("RecoverDeploymentsFunction"))

        assert written() == []

    def test_uploads_wait_until_their_turn(self, desk: Desk, written: Written) -> None:
        desk.to("UpdateCode")
        kept = Waiting(target=TARGET, artifact=Zip(bucket=BUCKET, key="new.zip"), deployment="x", execution=desk.arn)
        assert waiting.wait(kept, instead_of=None)
        written()

        with acting("ReceiveUpload"):
            receive_upload.handler({}, context_of("ReceiveUploadFunction"))

        assert figures(written()) == {("UploadsWaiting",): 1}
