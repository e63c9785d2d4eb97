"""A function that is a container image: the deployer puts the image of the request there, and the one before back."""

from typing import Any

import boto3
import pytest

import recover_deployments
from tests.handlers.desk import Desk, Desks, context_of, in_its_role
from tests.machine.deployer import ALIAS

POSTER = "Poster"
DIGESTS = {"old": "0" * 64, "new": "1" * 64, "newer": "2" * 64}


def image(of: str) -> dict[str, str]:
    """In the registry of the account."""
    return {"image_uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/poster@sha256:{DIGESTS[of]}"}


@pytest.fixture
def desk(desks: Desks) -> Desk:
    """A deployment of a new image, which $LATEST has. The old image is blue, and $LATEST had it before."""
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName=POSTER,
        PackageType="Image",
        Code={"ImageUri": image("old")["image_uri"]},
        Role=lambda_.get_function(FunctionName="BonusCalculatorLambda")["Configuration"]["Role"],
        Tags={"bluegreen:managed": "true"},
    )
    lambda_.publish_version(FunctionName=POSTER)
    lambda_.create_alias(FunctionName=POSTER, Name=ALIAS, FunctionVersion="1")
    desk = desks(function=POSTER, artifact=image("new")).to("UpdateCode")
    desk.run("UpdateCode")
    return desk


def latest() -> str:
    """The image of $LATEST."""
    return str(boto3.client("lambda").get_function(FunctionName=POSTER)["Code"]["ResolvedImageUri"])


def recover_previous(desk: Desk, desks: Desks) -> Any:
    desk.stop()
    desks("second", function=POSTER, artifact=image("newer")).run("RecoverPrevious")


def recover(desk: Desk, _: Desks) -> Any:
    desk.stop()
    in_its_role(recover_deployments.handler, "RecoverDeployments")({}, context_of("RecoverDeploymentsFunction"))


def roll_back(desk: Desk, _: Desks) -> Any:
    desk.failed().run("RollBack")


def test_latest_gets_the_image_of_the_request(desk: Desk) -> None:
    assert latest() == image("new")["image_uri"]
    assert desk.record()["latest_kept"] == image("old")


@pytest.mark.parametrize("undo", [roll_back, recover_previous, recover])
def test_latest_gets_the_image_before_back(desk: Desk, desks: Desks, undo: Any) -> None:
    undo(desk, desks)

    assert latest() == image("old")["image_uri"]
    assert (desk.state(), desk.record()["latest_outcome"]) == ("RolledBack", "put_back")
