"""DeleteVersions deletes versions that are no longer of use, of a deployment that was completed."""

import boto3
import pytest

import recover_deployments
from bluegreen.errors import DeploymentOver, NotTheHolder
from tests.handlers.desk import Desk, Desks, aws_answers, context_of, told
from tests.machine.deployer import FUNCTION, GOOD, RECOVER_DEPLOYMENTS, Deployer
from tests.machine.faults import acting


@pytest.fixture
def completed(deployer: Deployer, desks: Desks) -> Desk:
    """Versions 2 to 4 are the deployer's; version 4 has just taken over, and one version is to be kept."""
    for each in (2, 3):
        assert deployer.deploy(GOOD % each, traffic="AllAtOnce").ended == "Deployed"
    desk = desks(source=GOOD % 4, traffic="AllAtOnce", keep_versions=1).to("ShiftAlias")
    desk.run("ShiftAlias")
    deployer.notified()
    return desk


def test_people_are_told_by_it_and_not_before(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    assert completed.deployer.notified() == []

    completed.run("DeleteVersions")

    assert completed.deployer.notified() == [f"Deployed: {FUNCTION}:PROD is at version 4"]
    assert completed.evidence("DeleteVersions") == {"deleted": ["2"], "stopped": "", "told": True}
    assert completed.deployer.versions() == ["1", "3", "4"]


def recover(**detail: str) -> None:
    with acting("RecoverDeployments"):
        recover_deployments.handler({"detail": detail}, context_of(RECOVER_DEPLOYMENTS))


def sweep() -> None:
    recover()


def test_an_event_that_names_the_deployment_before_it_leaves_the_end_to_it(completed: Desk) -> None:
    """A principal that may invoke RecoverDeployments can send any event."""
    completed.run("CompleteDeployment")
    recover(executionArn="x", name=completed.name, status="RUNNING")
    recover(executionArn=completed.arn, name=completed.name, status="ABORTED")
    assert completed.deployer.notified() == []

    completed.run("DeleteVersions")

    (text,) = told(completed.deployer)
    assert "Old versions that were deleted: 2." in text


def test_the_event_of_its_execution_that_was_stopped_before_it_tells_the_end(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    completed.stop()

    recover(executionArn=completed.arn, name=completed.name, status="ABORTED")

    assert completed.deployer.notified() == [f"Deployed: {FUNCTION}:PROD is at version 4"]


def test_a_sweep_before_it_leaves_the_end_to_it(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    sweep()
    assert completed.deployer.notified() == []

    completed.run("DeleteVersions")
    sweep()

    (text,) = told(completed.deployer)
    assert "Old versions that were deleted: 2." in text


def test_a_sweep_that_cannot_see_whether_it_still_comes_leaves_the_end_to_the_next(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    with completed.aws.fails("DescribeExecution", "ThrottlingException", times=None) as fault:
        sweep()
    assert fault.met
    assert completed.deployer.notified() == []

    completed.end()
    sweep()

    assert len(completed.deployer.notified()) == 1


@pytest.mark.parametrize("what", ["ended", "stopped", "may not be seen"])
def test_a_sweep_tells_the_end_where_it_never_comes(completed: Desk, what: str) -> None:
    completed.run("CompleteDeployment")
    refused = completed.aws.fails("DescribeExecution", "AccessDeniedException", times=None if what[0] == "m" else 0)
    {"ended": completed.end, "stopped": completed.stop}.get(what, lambda: None)()

    with refused:
        sweep()

    assert completed.deployer.notified() == [f"Deployed: {FUNCTION}:PROD is at version 4"]


def test_a_sweep_tells_the_end_that_complete_deployment_could_not_tell(deployer: Deployer, desks: Desks) -> None:
    """Of a request without `keep_versions` its execution tells nothing more."""
    desk = desks(traffic="AllAtOnce").to("ShiftAlias")
    desk.run("ShiftAlias")
    with desk.aws.fails("Publish", "InternalError", times=None):
        desk.run("CompleteDeployment")

    sweep()

    assert deployer.notified() == [f"Deployed: {FUNCTION}:PROD is at version 2"]


def test_it_may_be_repeated(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    completed.run("DeleteVersions")
    completed.run("DeleteVersions", retries=1)

    assert completed.record()["deleted"] == ["2"]
    assert len(completed.deployer.notified()) == 1


def test_nothing_is_deleted_before_the_deployment_is_completed(completed: Desk) -> None:
    with pytest.raises(DeploymentOver, match="is open; nothing was changed"):
        completed.run("DeleteVersions")

    assert completed.deployer.versions() == ["1", "2", "3", "4"]


def test_an_event_that_the_execution_did_not_send_deletes_nothing(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    event = completed.event("DeleteVersions")

    with completed.in_state("Bake", event["document"]), pytest.raises(Exception, match="not seen in the state"):
        completed.invoke("DeleteVersions", event)
    forged = event | {"document": event["document"] | {"green": {"version": "1"}}}
    with completed.in_state("DeleteVersions", event["document"]), pytest.raises(NotTheHolder):
        completed.invoke("DeleteVersions", forged)

    assert completed.deployer.versions() == ["1", "2", "3", "4"]


def test_a_version_with_provisioned_concurrency_of_its_own_stays(completed: Desk) -> None:
    completed.run("CompleteDeployment")

    with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}):
        completed.run("DeleteVersions")

    assert completed.record()["deleted"] == []
    assert completed.deployer.versions() == ["1", "2", "3", "4"]


def test_a_plan_of_a_request_without_the_field_deletes_nothing(deployer: Deployer, desks: Desks) -> None:
    desk = desks(traffic="AllAtOnce").to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("CompleteDeployment")

    desk.run("DeleteVersions")

    assert deployer.versions() == ["1", "2"]


def test_a_function_that_was_deleted_meanwhile_is_nothing_to_tidy(completed: Desk) -> None:
    completed.run("CompleteDeployment")
    boto3.client("lambda").delete_function(FunctionName=FUNCTION)

    with pytest.raises(Exception, match="no function"):
        completed.run("DeleteVersions")

    assert completed.state() == "Deployed"
