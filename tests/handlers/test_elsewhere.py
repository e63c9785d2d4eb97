"""
A function in another account and region, deployed to by the handlers as one beside the stack.

No request names such a target: only a release's document does. So each test lets OpenDeployment open a deployment of
it, in the place of the release's own handler.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bluegreen import clock
from bluegreen.aws import refusals
from bluegreen.errors import AccessDenied, DeploymentError
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import Freeze
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks
from tests.machine import targets
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, Deployer, zip_of
from tests.machine.elsewhere import OTHER_ACCOUNT, Elsewhere, elsewhere
from tests.machine.faults import Call

PLACES = {
    "another account and region": (OTHER_ACCOUNT, "eu-west-1"),
    "another account": (OTHER_ACCOUNT, TARGET.region),
    "another region": (TARGET.account, "eu-west-1"),
}
ANSWERS = [{"name": "answers", "payload": {}}]
AN_ALARM = {
    "Namespace": "Shop",
    "MetricName": "Sales",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "LessThanThreshold",
}
wherever_it_is = pytest.mark.parametrize("there", PLACES, indirect=True)


@pytest.fixture
def there(request: pytest.FixtureRequest, deployer: Deployer) -> Iterator[Elsewhere]:
    """In another account and region, unless a test wants it elsewhere."""
    with elsewhere(*PLACES[getattr(request, "param", "another account and region")]) as found:
        yield found


@pytest.fixture
def opened_there(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenDeployment takes the function there for the one that a request names."""
    beside = Target.beside.__func__  # type: ignore[attr-defined]

    def beside_or_there(cls: type[Target], arn: str, function: str, alias: str) -> Target:
        return there.target if function else beside(cls, arn, function, alias)

    monkeypatch.setattr(Target, "beside", classmethod(beside_or_there))


@pytest.fixture
def desk(desks: Desks, opened_there: None) -> Desk:
    """A deployment of new code to the function there."""
    return desks(smoke_tests=ANSWERS)


@pytest.fixture
def shifted(desk: Desk) -> Desk:
    """Green has its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk


@wherever_it_is
def test_everything_about_the_function_is_done_there_by_its_role_and_nothing_at_home(
    there: Elsewhere, desks: Desks, deployer: Deployer, opened_there: None
) -> None:
    there.client("cloudwatch").put_metric_alarm(AlarmName="sales", **AN_ALARM)
    desk = desks(smoke_tests=ANSWERS, health={"alarms": ["sales"]}, keep_versions=3)
    at_home, calls = deployer.everything(), list[Call]()

    def see(call: Call, make: Any) -> Any:
        calls.append(call)
        return make()

    with deployer.aws.watched(see):
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.run("CheckHealth")
        shifted = there.alias()
        desk.failed().run("RollBack")

    of_functions = [call for call in calls if call.service in ("lambda", "monitoring", "logs")]
    places = {(call.account, call.url.split("/")[2].split(".")[1]) for call in of_functions}
    assert places == {(there.account, there.region)}
    assert {"DescribeAlarms", "GetMetricData", "FilterLogEvents"} <= {call.operation for call in of_functions}
    assert {call.account for call in calls if call.service in ("dynamodb", "states", "sns", "events")} == {
        TARGET.account
    }
    assert (shifted, there.alias()) == (("1", {"2": 0.1}), ("1", {}))
    assert there.digest("2") != there.digest() == there.digest("1")
    assert deployer.everything() == at_home


@wherever_it_is
def test_lambda_gets_the_copy_in_its_own_region(there: Elsewhere, desk: Desk) -> None:
    desk.to("SmokeTest")

    ((key, version),) = there.objects()
    assert there.content(key, version) == zip_of(GOOD % 2)
    assert desk.plan.artifact.bucket == BUCKET  # type: ignore[union-attr]
    assert (desk.plan.code.bucket, desk.plan.code.key) == (there.bucket, key)  # type: ignore[union-attr]
    assert desk.plan.digest == there.digest()
    assert desk.record()["artifact"].startswith(f"s3://{BUCKET}/functions/{FUNCTION}/")


@wherever_it_is
def test_a_watch_sees_the_requests_there_and_none_of_a_function_of_that_name_at_home(
    there: Elsewhere, shifted: Desk, deployer: Deployer
) -> None:
    for _ in range(200):
        there.users_call()
    for _ in range(50):
        deployer.aws.metrics.count(FUNCTION, "PROD", "1")
    deployer.aws.clock.sleep(600)

    looked = shifted.run("CheckHealth")

    assert looked["blue"]["requests"] + looked["green"]["requests"] == 200
    assert looked["green"]["requests"] == there.served["2"] > 0


@wherever_it_is
def test_a_rollback_gives_alias_and_latest_back_there(there: Elsewhere, shifted: Desk, deployer: Deployer) -> None:
    before, at_home = there.digest("1"), deployer.everything()

    shifted.failed().run("RollBack")

    assert there.alias() == ("1", {})
    assert there.digest() == before
    assert shifted.outcome() == ("back", "put_back", "1")
    assert deployer.everything() == at_home


def test_code_that_is_nowhere_else_is_kept_in_the_bucket_there_and_put_back_from_it(
    there: Elsewhere, desk: Desk
) -> None:
    mine = zip_of(GOOD % 7)
    there.functions.update_function_code(FunctionName=FUNCTION, ZipFile=mine)
    before = there.digest()
    desk.to("ShiftAlias").run("ShiftAlias")

    kept = [(key, version) for key, version in there.objects() if key.startswith("restored/")]
    desk.failed().run("RollBack")

    assert [key.split("/")[1:4] for key, _ in kept] == [[there.account, there.region, FUNCTION]]
    assert [there.content(*each) for each in kept] == [mine]
    assert there.digest() == before
    assert not [
        each for each in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"] if "restored" in each["Key"]
    ]


def test_a_rollback_without_the_table_gives_the_alias_back_there(
    there: Elsewhere, shifted: Desk, deployer: Deployer
) -> None:
    shifted.failed()
    with (
        deployer.aws.fails("Query", "InternalServerError", times=None),
        deployer.aws.fails("UpdateItem", "InternalServerError", times=None),
        pytest.raises(DeploymentError, match="is back at version 1"),
    ):
        shifted.run("RollBack")

    assert there.alias() == ("1", {})


def test_a_deployment_is_completed_there(there: Elsewhere, shifted: Desk, deployer: Deployer) -> None:
    shifted.document["bake"]["look"] |= {"next_weight": 1.0}
    shifted.run("ShiftAlias")

    shifted.run("CompleteDeployment")

    assert there.alias() == ("2", {})
    assert shifted.record()["latest_outcome"] == "unchanged"
    assert [item["pk"] for item in deployer.items("serving#") if item["sk"] == "now"] == [f"serving#{there.target.key}"]


def test_its_lock_record_and_code_are_its_own(there: Elsewhere, desk: Desk, desks: Desks, deployer: Deployer) -> None:
    desk.to("SmokeTest")

    locks = {item["pk"] for item in deployer.items("lock#")}
    assert locks == {f"lock#{there.target.key}", f"lock#{there.target.function_key}:$LATEST"}
    ((code,),) = [[item["pk"]] for item in deployer.items("code#")]
    assert code == f"code#{there.target.function_key}"
    assert desk.record()["listed"] == f"deployments#{there.target.function_key}"


def test_a_freeze_holds_functions_of_that_name_wherever_they_are(there: Elsewhere, desk: Desk) -> None:

    freeze = Freeze.read({"reason": "Christmas", "until": clock.iso(clock.now() + 3600)}, clock.now())
    freezes.order(TARGET, Ordered(pattern="Bonus*", owner="alice", since=clock.iso(clock.now()), freeze=freeze))

    with pytest.raises(DeploymentError, match=r"Bonus\* is frozen until"):
        desk.run("OpenDeployment")


class TestATargetThatDoesNotLetItIn:
    @pytest.fixture
    def stranger(self, there: Elsewhere, desk: Desk) -> Desk:
        """The stack's parameter TargetRoles does not have the role."""
        targets.named.clear()
        return desk

    def test_is_refused_before_anything_is_touched(self, there: Elsewhere, stranger: Desk) -> None:
        with pytest.raises(AccessDenied) as refused:
            stranger.run("OpenDeployment")

        assert f"targets.eu.role: the deployer may not assume {there.target.role} " in str(refused.value)
        assert "its parameter TargetRoles" in str(refused.value)
        assert stranger.record() == {}
        assert there.objects() == []

    def test_shuts_out_a_rollback_that_tells_an_operator_what_to_mend_and_goes_on_then(
        self, there: Elsewhere, shifted: Desk, deployer: Deployer
    ) -> None:
        role = there.target.role
        shifted.failed()
        targets.named.clear()

        with pytest.raises(AccessDenied, match=r"targets\.eu\.role"):
            shifted.run("RollBack", retries=1)

        (called,) = deployer.messages()
        assert called["Subject"] == f"ROLLBACK FAILED: {there.target.said} may be split"[:100]
        assert f"--function-name {there.target.arn} --region {there.region} --name PROD" in called["Message"]
        targets.named.add(role)
        shifted.run("RollBack", retries=2)
        assert there.alias() == ("1", {})


@pytest.mark.parametrize("handler", ["UpdateCode", "SmokeTest", "PublishVersion", "RecoverDeployments"])
def test_each_handler_that_a_release_runs_is_let_in_by_both_stacks(handler: str, deployer: Deployer) -> None:

    with elsewhere(OTHER_ACCOUNT, "eu-west-1") as there, deployer.aws.acting(handler):
        assert refusals.tags(there.target) == targets.TAG


@pytest.mark.parametrize("handler", ["AwaitApproval", "RejectDeployment", "ReceiveUpload", "ServeApi"])
def test_no_other_handler_is(handler: str, deployer: Deployer) -> None:

    with (
        elsewhere(OTHER_ACCOUNT, "eu-west-1") as there,
        deployer.aws.acting(handler),
        pytest.raises(AccessDenied, match=r"^targets\.eu\.role: "),
    ):
        refusals.tags(there.target)


def test_another_stack_that_knows_the_role_is_not_let_in(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:

    with elsewhere(OTHER_ACCOUNT, "eu-west-1") as there, deployer.aws.acting("UpdateCode"):
        asked = there.target
        monkeypatch.setattr(targets, "_target_allows", lambda role, external_id: external_id == "another stack's id")
        with pytest.raises(AccessDenied, match=r"^targets\.eu\.role: "):
            refusals.tags(asked)
