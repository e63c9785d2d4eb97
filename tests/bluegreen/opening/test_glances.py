"""Reads without which a deployment can go on."""

from bluegreen.errors import AccessDenied, AwsUnavailable
from bluegreen.opening.glances import Glances


def fail(error: Exception) -> int:
    raise error


def test_what_aws_shows_is_seen() -> None:
    glances = Glances()

    assert glances.at("its policy", lambda: 7) == 7
    assert glances.unseen == {}


def test_a_refusal_is_noted_and_the_next_read_is_made() -> None:
    glances = Glances()

    assert glances.at("its policy", lambda: fail(AccessDenied("no lambda:GetPolicy"))) is None
    assert glances.at("its URL", lambda: 7) == 7
    assert glances.unseen == {"its policy": "no lambda:GetPolicy"}


def test_an_answer_that_nobody_foresaw_is_noted_too() -> None:
    glances = Glances()

    assert glances.at("its limits", lambda: fail(KeyError("AccountLimit"))) is None
    assert glances.at("its URL", lambda: 7) == 7
    assert glances.unseen == {"its limits": "AWS's answer could not be read (KeyError)"}


def test_after_silence_nothing_more_is_asked() -> None:
    glances = Glances()
    asked: list[str] = []

    glances.at("its policy", lambda: fail(AwsUnavailable("ReadTimeout")))

    assert glances.at("its URL", lambda: asked.append("URL")) is None
    assert asked == []
    assert glances.unseen == {
        "its policy": "ReadTimeout",
        "its URL": "it was not asked for, since AWS had given no answer before",
    }
