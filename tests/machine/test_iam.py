"""A handler in this process has the permissions that the template gives its role, and no others."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.machine import iam
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, Deployer, place
from tests.machine.iam import role_of
from tests.machine.walk import Run, in_process_aws
from tests.permissions import judge, policies
from tests.permissions.policies import Statement
from tests.permissions.seen import seen


@pytest.fixture(autouse=True)
def nothing_seen_stays() -> Iterator[None]:
    """What these tests take away and add is no permission of the template."""
    before = seen.copy()
    yield
    judge.answer.cache_clear()
    seen.clear()
    seen.update(before)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """`without("RollBack", "lambda:UpdateAlias")`: as if the template did not give the role that permission."""
    truly = policies.statements

    def take(role: str, action: str) -> None:
        def statements(asked: str) -> tuple[Statement, ...]:
            left = [
                each | {"Action": [name for name in each["Action"] if (asked, name) != (role, action)]}
                for each in truly(asked)
            ]
            return tuple(each for each in left if each["Action"])

        judge.answer.cache_clear()
        monkeypatch.setattr(policies, "statements", statements)

    return take


@pytest.mark.parametrize(
    ("state", "role"),
    [
        *(("ShiftAlias", "ShiftAlias"), ("SmokeTestGreen", "SmokeTest"), ("OpenMember", "OpenMember")),
        *(("ConfirmOpen", "ConfirmFunctions"), ("PutBackFailed", "RollBackRelease"), ("NoteStaged", "NoteMember")),
        *(("ReleaseStateMachine", "ReleaseStateMachine"), ("RecoverDeployments", "RecoverDeployments")),
        *((FUNCTION, None), ("Bake", None)),
    ],
)
def test_a_state_of_any_machine_has_the_role_of_the_handler_that_it_runs(state: str, role: str | None) -> None:
    assert role_of(state) == role


def test_a_walk_fails_that_needs_what_the_template_does_not_give(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("PublishVersion", "lambda:PublishVersion")

    run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "AccessDenied")
    assert "is not authorized to perform: lambda:PublishVersion" in run.cause
    denied = [each for each in seen if each.answer == "denied"]
    assert {(each.asked.role, each.asked.action) for each in denied} == {("PublishVersion", "lambda:PublishVersion")}
    assert denied[0].where.startswith("tests/machine/test_iam.py::test_a_walk_fails")


def test_a_role_has_no_part_of_a_transaction_that_it_may_not_do_alone(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("RollBack", "dynamodb:DeleteItem")
    deployer.users_call(10)

    run = deployer.deploy(BAD_UNDER_TRAFFIC)

    assert run.ended == "RollbackFailed"
    assert deployer.alias() == ("1", {})
    assert "is not authorized to perform: dynamodb:DeleteItem" in run.cause


def test_new_code_is_read_by_who_puts_it_into_the_function(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("UpdateCode", "s3:GetObjectVersion")

    run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "AccessDenied")
    assert "s3:GetObjectVersion" in run.cause


def test_who_may_not_list_the_bucket_is_not_told_that_an_object_is_missing(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("OpenDeployment", "s3:ListBucket")

    run = deployer.run({"function": FUNCTION, "artifact": {"bucket": BUCKET, "key": place("gone.zip")}})

    assert run.ended == "Rejected"
    assert "is not authorized to perform: s3:ListBucket" in run.cause


def test_calls_without_a_role_are_not_judged(deployer: Deployer) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="theirs.zip", Body=b"")

    assert [role_of(name) for name in ("SmokeTestGreen", "MendLatest", "ReceiveUpload", FUNCTION)] == [
        *("SmokeTest", "UpdateCode", "ReceiveUpload"),
        None,
    ]


PAIR = Path(__file__).with_name("pair")
OF_THE_PAIR = {
    "events:*": "arn:aws:events:region:account:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "states:StartExecution": "arn:aws:states:region:account:stateMachine:stops",
    "states:DescribeExecution": "arn:aws:states:region:account:execution:stops:*",
    "states:StopExecution": "arn:aws:states:region:account:execution:stops:*",
    "lambda:InvokeFunction": "*",
}


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., tuple[Run, list[str]]]]:
    """`walked("DeployStateMachine", allowed)`: the pair, one of whose machines has this role of the template."""

    def walk(role: str, allowed: dict[str, str], stop: bool = False) -> tuple[Run, list[str]]:
        judge.answer.cache_clear()
        policy = tuple({"Effect": "Allow", "Action": [action], "Resource": [on]} for action, on in allowed.items())
        monkeypatch.setattr(policies, "statements", lambda asked: policy if asked == role else ())
        monkeypatch.setattr(iam, "MACHINES", {role})
        iam.role_of.cache_clear()
        tour, stops = tmp_path / "tour.asl.json", tmp_path / "stops.asl.json"
        tour.write_text((PAIR / tour.name).read_text())
        stops.write_text((PAIR / stops.name).read_text())
        names = ("Arrive", "Leave", "Note", "SumUp", "GoHome")
        with in_process_aws({f"{name}Function": lambda event, context: {} for name in names}, asl=tour) as aws:
            boto3.client("s3").create_bucket(Bucket="plans")
            boto3.client("s3").put_object(Bucket="plans", Key="stops.json", Body=b'["here"]')
            if stop:
                aws.after(30, lambda: aws.stop(aws.executions()[0]))
            run = aws.walk({"bucket": "plans", "key": "stops.json"})
            visits = [aws.finish(arn) for arn in aws.executions(stops)]
        return run, [f"{visit.ended} {visit.error}".strip() for visit in visits]

    yield walk
    iam.role_of.cache_clear()


def test_a_machine_has_the_permissions_of_its_role(walked: Callable[..., tuple[Run, list[str]]]) -> None:
    run, visits = walked("TourStateMachine", OF_THE_PAIR)

    assert (run.ended, visits) == ("Done", ["SUCCEEDED"])
    assert {each.asked.action for each in seen if each.asked.role == "TourStateMachine"} == {
        *("events:PutTargets", "events:PutRule", "events:DescribeRule"),
        *("states:StartExecution", "states:DescribeExecution", "lambda:InvokeFunction"),
    }


@pytest.mark.parametrize("action", ["states:StartExecution", "states:DescribeExecution"])
def test_a_machine_needs_to_start_another_and_to_look_at_it(
    walked: Callable[..., tuple[Run, list[str]]], action: str
) -> None:
    run, _ = walked("TourStateMachine", {each: on for each, on in OF_THE_PAIR.items() if each != action})

    assert (run.ended, run.error) == ("Failed", "StepFunctions.AWSStepFunctionsException")
    assert f"is not authorized to perform: {action}" in run.cause


def test_a_machine_is_not_made_without_the_rule_that_it_waits_by(
    walked: Callable[..., tuple[Run, list[str]]],
) -> None:
    with pytest.raises(AssertionError, match="is not authorized to perform: events:PutTargets"):
        walked("TourStateMachine", {"states:*": "*", "lambda:*": "*"})


@pytest.mark.parametrize(("may", "ended"), [(True, "ABORTED"), (False, "SUCCEEDED")])
def test_a_machine_stops_another_if_it_may(walked: Callable[..., tuple[Run, list[str]]], may: bool, ended: str) -> None:
    allowed = {each: on for each, on in OF_THE_PAIR.items() if may or each != "states:StopExecution"}

    run, visits = walked("TourStateMachine", allowed, stop=True)

    assert (run.ended, visits) == ("ABORTED", [ended])


OF_A_MAP = {
    "states:StartExecution": (
        "arn:aws:states:region:account:stateMachine:stops",
        "StepFunctions.AWSStepFunctionsException",
    ),
    "s3:GetObject": ("arn:aws:s3:::plans/*", "States.ItemReaderFailed"),
}


@pytest.mark.parametrize("action", OF_A_MAP)
def test_a_map_needs_to_start_its_own_machine_and_to_read_its_items(
    walked: Callable[..., tuple[Run, list[str]]], action: str
) -> None:
    allowed = {"lambda:InvokeFunction": "*", **{each: on for each, (on, _) in OF_A_MAP.items()}}

    assert walked("StopsStateMachine", allowed)[1] == ["SUCCEEDED"]
    del allowed[action]
    run, visits = walked("StopsStateMachine", allowed)

    assert visits == [f"FAILED {OF_A_MAP[action][1]}"]
    assert f"is not authorized to perform: {action}" in json.loads(run.cause)["Cause"]
