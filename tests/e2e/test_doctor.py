"""
`bluegreen doctor` against the embedded AWS: as it is, and made to differ in each assumption.

What differs is either made so in the embedded AWS, or what it answers to the doctor is changed on its way: then the
doctor's own process alone meets it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock
from urllib.parse import quote

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from bluegreen.aws import client as clients
from bluegreen.target import Target
from bluegreen_cli import stack as stacks
from bluegreen_cli.aws import sign_in
from bluegreen_cli.doctor import assumptions, bells, counting, handling, tags, trials
from bluegreen_cli.doctor.assumptions import ASSUMPTIONS, DIFFERS, HELD
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.patient import HALF, PATH, PREFIX, SPLIT, WHOLE, Patient, new_name, remove
from bluegreen_cli.doctor.services import Services
from sandbox.demo.account import BLUEGREEN
from sandbox.server import ROOT
from tests.e2e.installed import STACK, Calculator, Installed
from tests.e2e.people import Person
from tests.permissions.policies import matches
from tests.template.stack import as_list

pytestmark = pytest.mark.xdist_group("e2e")

QUICK = ("--minute-seconds", "1")
WHO_RUNS_IT = "who-runs-the-doctor"
POLICY = json.loads((ROOT / "docs" / "doctor-policy.json").read_text())
WITH_ITS_PATH = "arn:aws:iam::*:role/bluegreen-doctor/*"
"""On AWS a role's ARN has its path, in the embedded AWS it has none."""

ASKED_BY_AWS_ONLY = {"iam:TagRole", "iam:PassRole", "lambda:TagResource"}
"""What CreateRole with tags, and CreateFunction with tags and a role, ask for besides."""

Doctor = Callable[..., tuple[int, Any]]


class Impatient(Pace):
    """In the embedded AWS a change that has not come within a second does not come."""

    between_calls = property(lambda self: 0.0)
    calling = property(lambda self: 0.0)
    patience_for_settings = property(lambda self: 1.0)
    patience_for_metrics = property(lambda self: 1.5)
    patience_for_uploads = property(lambda self: 5.0)


QUICKLY = Impatient(1)


class Patienter(Impatient):
    """For metrics that are late."""

    patience_for_metrics = property(lambda self: 9.0)


def of_the_doctor(installed: Installed) -> dict[str, Any]:
    """What is left of doctors: in Lambda, IAM, S3, the logs and the table."""
    functions = installed.client("lambda").list_functions()["Functions"]
    groups = installed.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{PREFIX}")["logGroups"]
    versions = installed.client("s3").list_object_versions(Bucket=installed.bucket)
    items = installed.client("dynamodb").scan(TableName=installed.physical("DeploymentsTable"))["Items"]
    return {
        "functions": [each["FunctionName"] for each in functions if each["FunctionName"].startswith(PREFIX)],
        "roles": [each["RoleName"] for each in installed.client("iam").list_roles(PathPrefix=PATH)["Roles"]],
        "groups": [each["logGroupName"] for each in groups],
        "objects": [
            each["Key"]
            for kind in ("Versions", "DeleteMarkers")
            for each in versions.get(kind, [])
            if PREFIX in each["Key"]
        ],
        "items": [each["pk"]["S"] for each in items if PREFIX in each["pk"]["S"]],
    }


NOTHING: dict[str, Any] = {"functions": [], "roles": [], "groups": [], "objects": [], "items": []}


@pytest.fixture(scope="module")
def doctor(installed: Installed) -> Doctor:
    """The command, run by a role that has the permissions of the docs and no others."""
    person = Person.in_role(installed, WHO_RUNS_IT, POLICY)
    return lambda *options: person.command("doctor", *options)


def test_everything_is_as_assumed_and_nothing_is_left(
    installed: Installed, calculator: Calculator, doctor: Doctor
) -> None:
    exit_code, found = doctor(*QUICK)

    said = {each["id"]: each["verdict"] for each in found["assumptions"]}
    assert said == dict.fromkeys((each.id for each in ASSUMPTIONS), "held"), found["assumptions"]
    assert exit_code == 0
    assert found["delay_seconds"] >= 1
    assert found["left"] == []
    assert of_the_doctor(installed) == NOTHING
    _, status = installed.forked_command("status", calculator.name)
    assert (len(status["doctor"]["held"]), status["doctor"]["at"]) == (len(ASSUMPTIONS), found["at"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_doctor_leaves_nothing(installed: Installed, number: signal.Signals) -> None:
    with begun(installed, "good-deployment") as doctor:
        until_said(doctor, "deploying a good version")
        time.sleep(1)

        doctor.send_signal(number)

        _, said = doctor.communicate(timeout=60)
    assert doctor.returncode == 130, said
    assert "Traceback" not in said
    assert of_the_doctor(installed) == NOTHING


def test_what_a_killed_doctor_leaves_is_found_and_deleted(installed: Installed, doctor: Doctor) -> None:
    with begun(installed, "delay") as killed:
        until_said(killed, "calling two aliases")
        killed.kill()
    left = of_the_doctor(installed)
    assert len(left["functions"]) == len(left["roles"]) == 1

    assert installed.forked_command("doctor", *QUICK, "--only", "missing-tags")[0] == 0
    assert of_the_doctor(installed) == left  # it may be another one at work
    assert doctor("--clean")[0] == 0

    assert of_the_doctor(installed) == NOTHING


def test_the_doctor_needs_the_permissions_of_the_docs_and_no_others(installed: Installed, doctor: Doctor) -> None:
    if not installed.asked(WHO_RUNS_IT):
        doctor(*QUICK)
    doctor("--clean")

    asked = installed.asked(WHO_RUNS_IT)
    assert [each for each in asked if not each["allowed"]] == []
    assert [each for each in granted(POLICY) if not any(needs(call, *each) for call in asked)] == []


def granted(policy: Any) -> list[tuple[str, str]]:
    """Every action of a policy with every resource that it is on."""
    return [
        (action, resource)
        for statement in policy["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if resource != WITH_ITS_PATH and action not in ASKED_BY_AWS_ONLY
    ]


def needs(asked: dict[str, Any], action: str, resource: str) -> bool:
    return bool(asked["action"] == action and matches(resource, asked["resource"]))


def begun(installed: Installed, only: str) -> subprocess.Popen[str]:
    """A shell that runs the tests in the background has them ignore SIGINT, and what they start would, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [BLUEGREEN, "doctor", *QUICK, "--only", only],
            env=installed.environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def until_said(doctor: subprocess.Popen[str], words: str) -> None:
    assert doctor.stderr
    while words not in (line := doctor.stderr.readline()):
        assert line, f"it ended without saying {words!r}"


def test_alarms_that_were_not_rung_could_not_be_seen_and_that_was_wanted(installed: Installed) -> None:
    exit_code, found = installed.forked_command("doctor", *QUICK, "--only", "alarms", "--no-alarms")

    assert [(each["id"], each["verdict"]) for each in found["assumptions"]] == [("alarms", "unseen")]
    assert exit_code == 0


def test_an_alarm_that_tells_nobody_is_named_and_the_command_fails(installed: Installed) -> None:
    alarm = installed.physical("RollbackFailedAlarm")
    with without_actions(installed, alarm):
        exit_code, found = installed.forked_command("doctor", *QUICK, "--only", "alarms")

    (said,) = found["assumptions"]
    assert (exit_code, said["verdict"]) == (1, "differs")
    assert said["seen"] == f"{alarm} has no action"
    assert "nobody hears of a deployment" in said["means"]


def test_a_doctor_that_may_not_make_a_role_says_so_and_leaves_nothing(installed: Installed) -> None:
    with fault(installed, "deny", "CreateRole"):
        exit_code, said = installed.forked_command("doctor", *QUICK, "--only", "weights")

    assert exit_code == 2
    assert said["cause"].startswith("making the doctor's function is not allowed")
    assert of_the_doctor(installed) == NOTHING


def test_with_a_role_of_ones_own_the_doctor_makes_none(installed: Installed, role: str) -> None:
    with fault(installed, "deny", "CreateRole"):
        exit_code, said = installed.forked_command(
            "doctor", *QUICK, "--only", "weights", "--only", "tags", "--role", role
        )

    assert {each["id"]: each["verdict"] for each in said["assumptions"]} == {"weights": "held", "tags": "unseen"}
    assert exit_code == 4
    assert of_the_doctor(installed) == NOTHING


def test_what_may_not_be_deleted_is_named_and_the_next_cleaning_finds_it(installed: Installed) -> None:
    with fault(installed, "deny", "DeleteFunction"):
        exit_code, said = installed.forked_command("doctor", *QUICK, "--only", "weights")

    assert exit_code == 0
    assert [each.partition(":")[0] for each in said["left"]] == [f"the function {said['function']}"]
    assert of_the_doctor(installed) == NOTHING | {"functions": [said["function"]], "roles": [said["function"]]}
    assert installed.forked_command("doctor", "--clean")[0] == 0
    assert of_the_doctor(installed) == NOTHING


@contextmanager
def fault(installed: Installed, kind: str, operation: str, session: str = "*") -> Iterator[None]:
    """Calls of that operation, by the function of the stack that `session` names, meet it meanwhile."""
    put = installed._aws.control("faults", {"fault": kind, "operation": operation, "session": session, "times": 0})
    try:
        yield
    finally:
        installed._aws.control(f"faults?id={put['id']}", method="DELETE")


@contextmanager
def without_actions(installed: Installed, alarm: str) -> Iterator[None]:
    cloudwatch = installed.client("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm])
    try:
        yield
    finally:
        cloudwatch.enable_alarm_actions(AlarmNames=[alarm])


# Each assumption, in an AWS that differs in it.

Answer = Callable[[dict[str, Any]], Any]
How = Callable[[dict[str, Any], Answer], Any]
"""What an operation is asked, and what answers it: to what the doctor gets."""


@contextmanager
def answered(**operations: How) -> Iterator[None]:
    """What AWS answers to these operations reaches the doctor as `how` changes it."""
    call = vars(BaseClient)["_make_api_call"]

    def changed(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        def answer(asked: dict[str, Any]) -> Any:
            return call(client, operation, asked)

        how = operations.get(operation)
        return how(asked, answer) if how else answer(asked)

    with mock.patch.object(BaseClient, "_make_api_call", changed):
        yield


def refusal(operation: str, code: str, status: int = 403) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "made so"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


def as_before() -> How:
    """A change without a precondition, which changes nothing, keeps the revision."""
    last: list[str] = []

    def how(asked: dict[str, Any], answer: Answer) -> Any:
        found = answer(asked)
        if "RevisionId" not in asked:
            return found | {"RevisionId": last[-1]}
        last.append(found["RevisionId"])
        return found

    return how


def one_late() -> How:
    """GetAlias tells the revision that it should have told the time before."""
    told: list[str] = []

    def how(asked: dict[str, Any], answer: Answer) -> Any:
        found = answer(asked)
        told.append(found["RevisionId"])
        return found | {"RevisionId": told[max(0, len(told) - 2)]}

    return how


def unconditional(*names: str) -> How:
    """A precondition counts for nothing."""
    return lambda asked, answer: answer({name: value for name, value in asked.items() if name not in names})


def two_decimals(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    rounded = {version: round(weight, 2) for version, weight in weights.items()}
    return found | {"RoutingConfig": {"AdditionalVersionWeights": rounded}}


def keeps_weights(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    left = {} if found.get("RoutingConfig") else {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}
    return found | left if found["FunctionVersion"] == "2" else found


def always_a_new_version(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    return found if {"RevisionId", "CodeSha256"} & set(asked) else found | {"Version": "77"}


def forbidden_if_missing(asked: dict[str, Any], answer: Answer) -> Any:
    if asked["Resource"].endswith("-missing"):
        raise refusal("ListTags", "AccessDeniedException")
    return answer(asked)


def refused_at_aliases(asked: dict[str, Any], answer: Answer) -> Any:
    if asked.get("Qualifier") == "PROD":
        raise refusal("GetFunction", "AccessDeniedException")
    return answer(asked)


def let_in(asked: dict[str, Any], answer: Answer) -> Any:
    return {"StatusCode": 200}


def names_another_version(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    return found | {"ExecutedVersion": "77"} if asked["Qualifier"] == WHOLE else found


def series(
    change: Callable[[list[float]], list[float]], metric: str, alias: str, by_version: bool, statistic: str = ""
) -> How:
    """A metric of an alias, its own or its versions', as changed, or one statistic of it; [] takes its points away."""

    def how(asked: dict[str, Any], answer: Answer) -> Any:
        found = answer(asked)
        stats = {each["Id"]: each["MetricStat"] for each in asked["MetricDataQueries"]}
        for result in found["MetricDataResults"]:
            stat = stats[result["Id"]]
            dimensions = {each["Name"]: each["Value"] for each in stat["Metric"]["Dimensions"]}
            of = (
                stat["Metric"]["MetricName"],
                dimensions.get("Resource", "").rpartition(":")[2],
                "ExecutedVersion" in dimensions,
            )
            if of == (metric, alias, by_version) and statistic in ("", stat["Stat"]):
                result["Values"] = change(result["Values"])
                result["Timestamps"] = result["Timestamps"][: len(result["Values"])]
        return found

    return how


def later(seconds: float) -> How:
    """Requests of the alias without weights are counted so much later than they are."""

    def how(asked: dict[str, Any], answer: Answer) -> Any:
        found = answer(asked)
        stats = {each["Id"]: each["MetricStat"]["Metric"] for each in asked["MetricDataQueries"]}
        for result in found["MetricDataResults"]:
            metric = stats[result["Id"]]
            if metric["MetricName"] == "Invocations" and len(metric["Dimensions"]) == 2:
                points = zip(result["Timestamps"], result["Values"], strict=True)
                seen = [(at, value) for at, value in points if at.timestamp() < time.time() - seconds]
                result["Timestamps"], result["Values"] = [at for at, _ in seen], [value for _, value in seen]
        return found

    return how


def none(values: list[float]) -> list[float]:
    return []


def doubled(values: list[float]) -> list[float]:
    return [2 * each for each in values]


def as_a_fraction(values: list[float]) -> list[float]:
    return [each / 100 for each in values]


def another_execution() -> How:
    """The second start is another one."""
    started: list[str] = []

    def how(asked: dict[str, Any], answer: Answer) -> Any:
        found = answer(asked)
        started.append(found["executionArn"])
        return found | {"executionArn": f"{found['executionArn']}-again"} if len(started) > 1 else found

    return how


def watched_only(asked: dict[str, Any], answer: Answer) -> Any:
    """The deployment watches errors and throttles, and does not act on them."""
    request = json.loads(asked["input"])
    request["health"]["dry_run"] = ["errors", "throttles"]
    return answer(asked | {"input": json.dumps(request)})


def encoded_key(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    request = json.loads(found["input"])
    request["artifact"]["key"] = quote(request["artifact"]["key"])
    return found | {"input": json.dumps(request)}


def not_executed(asked: dict[str, Any], answer: Answer) -> Any:
    found = answer(asked)
    for item in found["AlarmHistoryItems"]:
        item["HistorySummary"] = item["HistorySummary"].replace("Successfully executed", "Failed to execute")
    return found


def counted(patient: Patient) -> Any:
    """Two minutes after the last count of the same aliases, so that nothing of that is counted again."""
    time.sleep(2 * patient.pace.minute)
    return counting.Count(patient).call().read()


def deployed(patient: Patient, bad: bool = False) -> Any:
    with trials.Deployment(patient, f"made at {time.time()}", bad=bad) as deployment:
        return deployment.ended()


LOOKS: dict[str, Callable[[Patient], Any]] = {
    assumptions.HANDLING: handling.look,
    assumptions.MISSING: handling.missing,
    assumptions.TAGS: tags.look,
    assumptions.COUNTING: counted,
    assumptions.GOOD: deployed,
    assumptions.BAD: lambda patient: deployed(patient, bad=True),
    assumptions.NO_FUNCTION: trials.missing_function,
    assumptions.UPLOAD: trials.awkward_upload,
    assumptions.ALARMS: bells.ring,
}

Different = Callable[[Installed, Patient], AbstractContextManager[None]]


def on_its_way(**operations: How) -> Different:
    return lambda installed, patient: answered(**operations)


@contextmanager
def nearly_all_to_one(installed: Installed, patient: Patient) -> Iterator[None]:
    api = patient.services.functions

    def weigh(weight: float) -> None:
        routing = {"AdditionalVersionWeights": {patient.second: weight}}
        api.update_alias(FunctionName=patient.name, Name=SPLIT, RoutingConfig=routing)

    weigh(0.999)
    try:
        yield
    finally:
        weigh(HALF)


def lost_uploads(installed: Installed, patient: Patient) -> AbstractContextManager[Any]:
    return installed.deliveries("lose", "ReceiveUploadFunctionArtifactUploaded")


@dataclass(frozen=True)
class Case:
    """An assumption, and an AWS that differs in it."""

    name: str
    different: Different
    pace: Pace = QUICKLY


CASES = (
    Case("revisions", on_its_way(UpdateAlias=as_before())),
    Case("read-back", on_its_way(GetAlias=one_late())),
    Case("preconditions", on_its_way(PublishVersion=unconditional("RevisionId"))),
    Case("weights", on_its_way(GetAlias=two_decimals)),
    Case("one-call", on_its_way(GetAlias=keeps_weights)),
    Case("republish", on_its_way(PublishVersion=always_a_new_version)),
    Case("code-digest", on_its_way(PublishVersion=unconditional("CodeSha256"))),
    Case("missing-tags", on_its_way(ListTags=forbidden_if_missing)),
    Case("tags", on_its_way(GetFunction=refused_at_aliases)),
    Case("tags", on_its_way(Invoke=let_in)),
    Case("answers", on_its_way(Invoke=names_another_version)),
    Case("routing", nearly_all_to_one),
    Case("alias-counts", on_its_way(GetMetricData=series(none, "Errors", WHOLE, False))),
    Case("split-counts", on_its_way(GetMetricData=series(doubled, "Invocations", SPLIT, False))),
    Case("version-counts", on_its_way(GetMetricData=series(none, "Invocations", SPLIT, True))),
    Case("error-samples", on_its_way(GetMetricData=series(doubled, "Errors", SPLIT, True, "SampleCount"))),
    Case("alias-throttles", on_its_way(GetMetricData=series(none, "Throttles", WHOLE, False))),
    Case("version-throttles", on_its_way(GetMetricData=series(none, "Throttles", SPLIT, True))),
    Case("written-metrics", on_its_way(GetMetricData=series(none, "Replies", "", False))),
    Case("fast-share", on_its_way(GetMetricData=series(as_a_fraction, "Duration", WHOLE, False))),
    Case("delay", on_its_way(GetMetricData=later(4)), Patienter(1)),
    Case("one-start", on_its_way(StartExecution=another_execution())),
    Case("good-deployment", lambda installed, _: fault(installed, "deny", "UpdateAlias", f"{STACK}-ShiftAlias")),
    Case("missing-function", lambda installed, _: fault(installed, "deny", "ListTags", f"{STACK}-OpenDeployment")),
    Case("awkward-key", on_its_way(DescribeExecution=encoded_key)),
    Case("awkward-key", lost_uploads),
    Case("alarms", on_its_way(DescribeAlarmHistory=not_executed)),
    Case("alarms", lambda installed, _: without_actions(installed, installed.physical("ServeApiErrorsAlarm"))),
    Case("bad-deployment", on_its_way(StartExecution=watched_only)),
)  # fmt: skip


@pytest.fixture(scope="module")
def patient(installed: Installed) -> Iterator[Patient]:
    """A function of the doctor's, for all of these."""
    with ExitStack() as after:
        after.enter_context(mock.patch.dict(os.environ, installed.environment))
        after.callback(setattr, boto3, "DEFAULT_SESSION", boto3.DEFAULT_SESSION)
        after.callback(clients._client.cache_clear)
        clients._client.cache_clear()
        account = sign_in(None, None)
        stack, services = stacks.find(STACK, account), Services()
        target = Target(function=new_name(time.time()), alias="PROD", region=account.region, account=account.number)
        made = Patient(target, stack, services, Impatient(1))
        made.create(None)
        late = installed._aws.control("settings")["metrics_late_minutes"]
        after.callback(installed._aws.control, "settings", {"metrics_late_minutes": late})
        installed._aws.control("settings", {"metrics_late_minutes": 0})
        yield made
        assert remove(services, stack, target, 30) == []


def test_an_aws_that_differs_is_tried_for_each_assumption() -> None:
    assert {case.name for case in CASES} == {each.id for each in ASSUMPTIONS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_doctor_says_what_differs_and_nothing_else(installed: Installed, patient: Patient, case: Case) -> None:
    (step,) = {each.step for each in ASSUMPTIONS if each.id == case.name}
    patient.pace = case.pace

    with case.different(installed, patient):
        observation = LOOKS[step](patient)

    found = {each.id: each.judged(observation, case.pace) for each in ASSUMPTIONS if each.step == step}
    assert {id_: each.kind for id_, each in found.items() if each.kind != HELD} == {case.name: DIFFERS}, found
