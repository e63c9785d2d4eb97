"""Telling other systems, over EventBridge."""

import json

import pytest

from bluegreen.aws import events
from tests.machine.deployer import Deployer


def test_an_event_is_sent_to_the_default_bus_under_the_name_of_the_product(deployer: Deployer) -> None:
    assert events.put("Deployment Ended", {"state": "Deployed", "text": "ü\U0001f600"}, "arn:of:it")

    (event,) = deployer.announced()
    assert (event["source"], event["detail-type"], event["resources"]) == (
        "bluegreen",
        "Deployment Ended",
        ["arn:of:it"],
    )
    assert event["detail"] == {"state": "Deployed", "text": "ü\U0001f600"}


@pytest.mark.parametrize("code", ["InternalFailure", "AccessDeniedException", "ReadTimeout", "ThrottlingException"])
def test_a_bus_that_does_not_take_it_is_told_by_the_answer(deployer: Deployer, code: str) -> None:
    with deployer.aws.fails("PutEvents", code, times=None):
        assert not events.put("Deployment Ended", {}, "arn:of:it")

    assert deployer.announced() == []


def test_an_entry_that_is_refused_in_an_answer_without_an_error_counts_as_not_sent(deployer: Deployer) -> None:
    assert not events.put("", {"state": "Deployed"}, "arn:of:it")
    assert json.dumps(deployer.announced()) == "[]"
