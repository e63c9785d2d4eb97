"""A sweep that cannot go on with a release says which one, and the next sweep goes on with it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

import recover_deployments
from bluegreen.aws import executions
from bluegreen.errors import AwsUnavailable, DeploymentError
from tests.crash.world.driver import context_of
from tests.machine.faults import acting
from tests.machine.shop import BLUE, GREEN, RELEASE_ASL, Shop, at, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def sweep() -> Any:
    with acting("RecoverDeployments"):
        return recover_deployments.handler({}, context_of("RecoverDeploymentsFunction"))


def dies(shop: Shop) -> None:
    """While every green has a share."""
    with at(shop, "Bake", lambda: shop.aws.stop(*shop.aws.executions(RELEASE_ASL))):
        assert shop.release(name="monday").ended == "ABORTED"


def is_recovered(shop: Shop) -> None:
    assert shop.sweep("monday").ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_a_sweep_names_the_release_that_step_functions_does_not_start_again(shop: Shop) -> None:
    dies(shop)

    with (
        shop.aws.fails("StartExecution", "ServiceUnavailable", times=None),
        pytest.raises(DeploymentError, match=r"Not recovered, .*: monday\. The next sweep tries again\."),
    ):
        sweep()

    is_recovered(shop)


def test_an_execution_of_somebody_else_with_the_name_of_a_recovery_is_none(shop: Shop) -> None:
    dies(shop)
    theirs = executions.arn_of(shop.aws.machine_arn(RELEASE_ASL), "monday-recovery-1")
    running = executions.Execution(arn=theirs, name="theirs", status="RUNNING", started_at=0, ended_at=0, input="[]")
    describe = executions.describe

    with mock.patch.object(executions, "describe", lambda arn: running if arn == theirs else describe(arn)):
        sweep()

    assert shop.aws.finish(theirs.replace("recovery-1", "recovery-2")).ended == "RolledBack"
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_a_sweep_that_has_no_time_left_for_a_release_leaves_it_to_the_next_sweep(shop: Shop) -> None:
    dies(shop)
    context = replace(context_of("RecoverDeploymentsFunction"), timeout_seconds=30)

    assert recover_deployments.handler({}, context) == {"recovered": []}

    is_recovered(shop)


def test_a_sweep_names_the_release_whose_recovery_meets_a_bug(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    dies(shop)

    with monkeypatch.context() as patched:
        patched.setattr("recover_deployments.look_after", lambda release: release.no_such_field)
        with pytest.raises(DeploymentError, match=r"Not recovered, .*: monday"):
            sweep()

    is_recovered(shop)


def test_a_sweep_names_the_release_whose_end_is_not_sent_because_of_a_bug(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.aws.fails("Publish", "InternalError", times=None):
        assert shop.release(name="monday").ended == "Released"

    with monkeypatch.context() as patched:
        patched.setattr("bluegreen.releasing.news.tell", lambda release: release.no_such_field)
        with pytest.raises(DeploymentError, match="people were not told: monday"):
            sweep()
    sweep()

    assert "monday" in shop.deployer.messages()[-1]["Subject"]
    assert shop.aliases() == GREEN


def test_a_sweep_fails_while_the_table_does_not_say_which_releases_there_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies(shop)

    def is_away() -> Any:
        raise AwsUnavailable("the table does not answer")

    with monkeypatch.context() as patched:
        patched.setattr("bluegreen.ledger.releases.unfinished", is_away)
        with pytest.raises(AwsUnavailable):
            sweep()

    is_recovered(shop)
