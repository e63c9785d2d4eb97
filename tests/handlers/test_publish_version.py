"""PublishVersion freezes the code that was tested, and no other."""

from typing import Any
from unittest import mock

import boto3
import pytest
from moto.awslambda.models import LambdaFunction

from bluegreen.aws import functions
from bluegreen.errors import AwsUnavailable, DeploymentOver, InvalidRequest, LatestMoved, StillInProgress, UpdateFailed
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, another_user_updates_the_code, aws_answers, just_before
from tests.machine.deployer import FUNCTION, GOOD, TARGET


@pytest.fixture
def at_publish(desk: Desk) -> Desk:
    return desk.to("PublishVersion")


def test_green_is_the_code_that_was_tested(at_publish: Desk) -> None:
    at_publish.run("PublishVersion")

    assert at_publish.document["green"] == {"version": "2"}
    assert at_publish.deployer.digest("2") == at_publish.evidence("UpdateCode")["sha256"]
    assert at_publish.deployer.alias() == ("1", {})


def test_the_record_knows_green_before_it_can_get_traffic(at_publish: Desk) -> None:
    at_publish.run("PublishVersion")

    assert at_publish.record()["green"] == "2"


def test_the_version_says_which_deployment_made_it(at_publish: Desk) -> None:
    at_publish.run("PublishVersion")

    described = boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier="2")
    assert described["Description"] == "bluegreen first"


def test_the_same_code_again_is_the_same_version(at_publish: Desk) -> None:
    at_publish.run("PublishVersion")

    assert at_publish.run("PublishVersion", retries=1)["version"] == "2"
    assert at_publish.deployer.versions() == ["1", "2"]


@pytest.mark.parametrize("times", [1, None])
def test_a_reply_lost_on_the_way_makes_no_second_version(at_publish: Desk, times: int | None) -> None:
    with at_publish.aws.fails("PublishVersion", "ReadTimeout", times=times, when="after"):
        if times is None:
            with pytest.raises(AwsUnavailable):
                at_publish.run("PublishVersion")
        else:
            at_publish.run("PublishVersion")

    assert at_publish.run("PublishVersion", retries=1)["version"] == "2"
    assert at_publish.deployer.versions() == ["1", "2"]


def test_an_attempt_that_its_retry_overtook_does_not_rename_green(at_publish: Desk) -> None:
    """Another user publishes in between, so the retry's green is another; what users meet must be in the record."""
    lambda_ = boto3.client("lambda")
    went_on: list[dict[str, Any]] = []

    def overtake() -> None:
        lambda_.update_function_configuration(FunctionName=FUNCTION, Timeout=60)
        lambda_.publish_version(FunctionName=FUNCTION)
        lambda_.update_function_configuration(FunctionName=FUNCTION, Timeout=3)
        assert at_publish.run("PublishVersion", retries=1)["version"] == "4"
        at_publish.run("SmokeTestGreen")
        at_publish.run("ShiftAlias")
        went_on.append(at_publish.document)

    with just_before("dynamodb", "UpdateItem", overtake), pytest.raises(DeploymentOver):
        at_publish.run("PublishVersion")

    at_publish.document = went_on[0]
    at_publish.failed().run("RollBack")
    assert at_publish.deployer.alias() == ("1", {})


def test_a_revision_that_lambda_changes_by_itself_is_not_taken_for_another_user(at_publish: Desk) -> None:
    with at_publish.aws.fails("PublishVersion", "PreconditionFailedException"):
        assert at_publish.run("PublishVersion")["version"] == "2"


def test_code_that_another_user_put_there_is_not_published(at_publish: Desk) -> None:
    another_user_updates_the_code(at_publish.deployer, GOOD % 9)

    with pytest.raises(LatestMoved):
        at_publish.run("PublishVersion")

    assert at_publish.deployer.versions() == ["1"]


def test_code_that_another_user_puts_there_right_before_is_not_published(at_publish: Desk) -> None:
    with (
        just_before("lambda", "PublishVersion", lambda: another_user_updates_the_code(at_publish.deployer, GOOD % 9)),
        pytest.raises(LatestMoved),
    ):
        at_publish.run("PublishVersion")

    assert at_publish.deployer.versions() == ["1"]


def test_what_another_user_puts_there_once_green_is_published_does_not_matter(at_publish: Desk) -> None:
    """Green may take minutes until it can serve, and the state is retried meanwhile."""
    ready, asked = functions.when_ready, []

    def not_yet(target: Target, qualifier: str = "$LATEST") -> Any:
        asked.append(qualifier)
        if asked == ["$LATEST", "2"]:
            raise StillInProgress("Version 2 is Pending.")
        return ready(target, qualifier)

    with mock.patch.object(functions, "when_ready", not_yet):
        with pytest.raises(StillInProgress):
            at_publish.run("PublishVersion")
        another_user_updates_the_code(at_publish.deployer, GOOD % 9)

        assert at_publish.run("PublishVersion", retries=1) == {"version": "2"}

    assert asked == ["$LATEST", "2", "2"]
    assert at_publish.deployer.versions() == ["1", "2"]


def test_a_configuration_that_another_user_changed_is_not_published(at_publish: Desk) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": {"A": "1"}})

    with pytest.raises(LatestMoved):
        at_publish.run("PublishVersion")

    assert at_publish.deployer.versions() == ["1"]


def test_an_environment_that_lambda_cannot_decrypt_is_not_taken_for_a_change(at_publish: Desk) -> None:
    answer: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
    answer["Configuration"]["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS"}}

    with aws_answers("lambda", "GetFunction", answer):
        assert "Environment" not in functions.describe(TARGET).settings
        at_publish.run("PublishVersion")

    assert at_publish.deployer.versions() == ["1", "2"]


def test_a_configuration_changed_right_before_is_not_published(at_publish: Desk) -> None:
    def change() -> None:
        boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=77)

    with just_before("lambda", "PublishVersion", change), pytest.raises(LatestMoved):
        at_publish.run("PublishVersion")

    assert at_publish.deployer.versions() == ["1"]


def test_a_version_that_serves_already_is_not_shifted_to_itself(desks: Desks) -> None:
    """An environment that could not be read keeps $LATEST from being taken for blue, and Lambda knows better."""
    describe = functions.describe

    def undecrypted(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
        found = describe(target, qualifier)
        read = {name: value for name, value in found.settings.items() if name != "Environment"}
        return found.model_copy(update={"settings": read})

    desk = desks(artifact="$LATEST")
    with mock.patch.object(functions, "describe", undecrypted):
        desk.run("OpenDeployment")
        with pytest.raises(InvalidRequest, match=r"Lambda published nothing, since \$LATEST has the code and"):
            desk.run("PublishVersion")

    assert desk.plan.changes == ("Environment (not compared: Lambda could not read it)",)
    assert "green" not in desk.record()


def test_a_version_that_takes_its_time_is_waited_for(at_publish: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    version_is(monkeypatch, State="Pending")

    with pytest.raises(StillInProgress):
        at_publish.run("PublishVersion")

    monkeypatch.undo()
    assert at_publish.run("PublishVersion", retries=1)["version"] == "2"
    assert at_publish.deployer.versions() == ["1", "2"]


def test_a_version_that_will_never_be_active_is_a_failure(at_publish: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    version_is(monkeypatch, State="Failed", StateReason="the subnet is gone")

    with pytest.raises(UpdateFailed, match="the subnet is gone"):
        at_publish.run("PublishVersion")


def test_a_deployment_that_was_undone_learns_no_green(at_publish: Desk) -> None:
    at_publish.failed().run("RollBack")

    with pytest.raises(DeploymentOver):
        at_publish.run("PublishVersion")

    assert "green" not in at_publish.record()
    assert at_publish.deployer.versions() == ["1"]


def test_a_deployment_that_is_undone_while_its_green_is_published_learns_no_green(at_publish: Desk) -> None:
    with (
        just_before("lambda", "PublishVersion", lambda: at_publish.failed().run("RollBack")),
        pytest.raises((DeploymentOver, LatestMoved)),
    ):
        at_publish.run("PublishVersion")

    assert "green" not in at_publish.record()
    assert (at_publish.state(), at_publish.deployer.alias()) == ("RolledBack", ("1", {}))


def version_is(monkeypatch: pytest.MonkeyPatch, **state: str) -> None:
    """Lambda says this of every version but the first."""
    tell = LambdaFunction.get_configuration

    def get_configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
        told: dict[str, Any] = tell(function, on_create)
        return told if told["Version"] in ("$LATEST", "1") else told | state

    monkeypatch.setattr(LambdaFunction, "get_configuration", get_configuration)
