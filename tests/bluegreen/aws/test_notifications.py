"""Telling people, over SNS."""

import pytest

from bluegreen.aws import notifications
from tests.handlers.desk import told
from tests.machine.deployer import Deployer


def test_people_are_told(deployer: Deployer) -> None:
    assert notifications.tell("Deployed: Shop:PROD is at version 2", "It went from version 1.")

    assert deployer.notified() == ["Deployed: Shop:PROD is at version 2"]


def test_a_subject_that_sns_would_refuse_is_cut_short(deployer: Deployer) -> None:
    assert notifications.tell("x" * 500, "text")

    assert deployer.notified() == ["x" * 100]


def test_a_subject_is_what_sns_takes_whatever_an_executions_name_is(deployer: Deployer) -> None:
    assert notifications.tell("Rejected: Zürich\n\ud83d touched nothing", "text")

    assert deployer.notified() == ["Rejected: Z?rich ? touched nothing"]


def test_no_text_keeps_people_from_being_told(deployer: Deployer) -> None:
    assert notifications.tell("Deployed", "half a \ud83d character\n" + "ü" * 300_000)

    (text,) = told(deployer)
    assert text.startswith("half a \ufffd character\nü")
    assert len(text.encode()) < 256 * 1024


@pytest.mark.parametrize("code", ["InternalFailure", "AuthorizationError", "ReadTimeout", "InvalidParameter"])
def test_a_topic_that_does_not_take_it_is_told_by_the_answer(deployer: Deployer, code: str) -> None:
    with deployer.aws.fails("Publish", code, times=None):
        assert not notifications.tell("Deployed", "text")

    assert deployer.notified() == []
