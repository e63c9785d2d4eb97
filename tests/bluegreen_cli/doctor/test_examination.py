"""What an examination does with a step that AWS does not allow, and with steps that nobody wants."""

from collections.abc import Sequence
from typing import Any

import pytest

from bluegreen.errors import AccessDenied
from bluegreen.target import Target
from bluegreen_cli.doctor import assumptions, bells, counting, handling, tags
from bluegreen_cli.doctor.assumptions import ASSUMPTIONS, HELD, UNSEEN
from bluegreen_cli.doctor.examination import Examination, Unseen, findings, named
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.patient import Patient, made_at, new_name
from tests.bluegreen_cli.doctor.test_assumptions import AS_ASSUMED

TARGET = Target(function="f", alias="PROD", region="us-east-1", account="123456789012")


def examination(*names: str) -> Examination:
    patient = Patient(TARGET, stack=None, services=None, pace=Pace())  # type: ignore[arg-type]
    return Examination(patient, lambda line: None, frozenset(each.step for each in named(names)))


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were taken; each sees what is assumed."""
    taken: list[str] = []

    def look(step: str) -> Any:
        def looked(patient: Patient) -> Any:
            taken.append(step)
            return AS_ASSUMED[step]

        return looked

    monkeypatch.setattr(handling, "look", look(assumptions.HANDLING))
    monkeypatch.setattr(handling, "missing", look(assumptions.MISSING))
    monkeypatch.setattr(tags, "look", look(assumptions.TAGS))
    monkeypatch.setattr(bells, "ring", look(assumptions.ALARMS))
    return taken


def refuse(*_: object) -> Any:
    raise AccessDenied("no iam:CreateRole for you")


def kinds(taken: Examination, names: Sequence[str]) -> dict[str, str]:
    return {each.assumption.id: each.judgement.kind for each in findings(taken, named(names))}


def test_only_the_steps_of_the_wanted_assumptions_are_taken(looks: list[str]) -> None:
    taken = examination("weights", "alarms")
    taken.take()

    assert looks == [assumptions.HANDLING, assumptions.ALARMS]
    assert kinds(taken, ["weights", "alarms"]) == {"weights": HELD, "alarms": HELD}


def test_what_is_not_allowed_could_not_be_seen_and_the_others_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "look", refuse)
    names = ["weights", "tags", "alarms"]
    taken = examination(*names)

    taken.take()

    assert kinds(taken, names) == {"weights": HELD, "tags": UNSEEN, "alarms": HELD}
    (found,) = findings(taken, named(["tags"]))
    assert found.judgement.seen == "asking IAM for what tags allow: AccessDenied: no iam:CreateRole for you."
    assert not found.left_out


def test_calls_that_could_not_be_made_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "Count", refuse)
    taken = examination("delay")

    taken.take()

    assert kinds(taken, ["delay"]) == {"delay": UNSEEN}


def test_alarms_that_are_left_out_are_not_rung(looks: list[str]) -> None:
    taken = examination("alarms")
    taken.seen[assumptions.ALARMS] = Unseen("they were not rung", on_purpose=True)

    taken.take()

    assert looks == []
    assert list(taken.messages()) == []
    (found,) = findings(taken, named(["alarms"]))
    assert (found.judgement.kind, found.left_out) == (UNSEEN, True)


def test_people_are_told_before_it_of_every_message_that_they_will_get() -> None:
    assert len(list(examination().messages())) == 2
    assert list(examination("weights").messages()) == []


def test_what_looks_at_nothing_of_its_own_makes_no_function() -> None:
    assert not examination("alarms", "missing-function", "missing-tags").needs_the_function
    assert examination("alarms", "weights").needs_the_function


def test_without_a_name_every_assumption_is_wanted() -> None:
    assert named([]) == list(ASSUMPTIONS)


def test_a_name_tells_when_it_was_made_and_that_it_is_the_doctors() -> None:
    assert made_at(new_name(1_767_603_600.0)) == 1_767_603_600.0
    assert made_at(f"{new_name(1_767_603_600.0)}-tags") == 1_767_603_600.0
    assert made_at("bluegreen-doctor-of-somebody") is None
