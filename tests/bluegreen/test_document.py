"""The document between the states, and the plan in the ledger: what each has, and what the audit must not have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bluegreen.decisions.shift import Shifted
from bluegreen.document import Bake, Counted, Deployment, Done, Ended, Green, Look, Opening
from bluegreen.model import Section
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.traffic import MOST_STEPS
from tests.bluegreen.examples import IMAGE, PROOF, SHOP, ZIP, plan

DEPLOYMENT = Deployment(id="first", proof=PROOF, target=SHOP, blue="1", brings="new_code")


def test_a_bake_of_an_older_stack_version_was_moved_when_its_last_shift_began() -> None:
    bake = Bake(shifts=shifted(0.1, 0.5), revision="1", look=Look(next_weight=1.0))

    assert bake.moved_at == 300
    assert bake.model_copy(update={"answered_at": 301.5}).moved_at == 301.5
    assert Bake(revision="1", look=Look(next_weight=0.1)).moved_at == 0


def shifted(*weights: float) -> tuple[Shifted, ...]:
    return tuple(Shifted(at=300.0 * number, weight=weight) for number, weight in enumerate(weights))


def bake(*weights: float, next_weight: float = 0.1) -> Bake:
    return Bake(shifts=shifted(*weights), revision="r1", look=Look(next_weight=next_weight))


SECTIONS: list[Section] = [
    Opening(deployment=DEPLOYMENT, bake=bake(), evidence={"blue": "1"}),
    Opening(deployment=DEPLOYMENT, bake=bake(), green=Green(version="7"), evidence={"blue": "1"}),
    bake(0.1, 1.0),
    Look(next_weight=0.5, evidence={"alarms": []}),
    Green(version="2"),
    Done(evidence={"told": True}),
    Ended(error="E", cause="c", evidence={"told": True}),
]


class TestTheAudit:
    @pytest.mark.parametrize("section", SECTIONS, ids=lambda section: type(section).__name__)
    def test_the_audit_never_has_the_proof(self, section: Section) -> None:
        assert PROOF not in json.dumps(section.noted())

    @pytest.mark.parametrize("section", SECTIONS, ids=lambda section: type(section).__name__)
    def test_the_audit_has_the_evidence_and_the_document_has_it_not(self, section: Section) -> None:
        assert section.noted().items() >= section.evidence.items()
        assert not set(section.evidence) & set(section.model_dump(mode="json"))

    def test_the_audit_of_the_opening_is_its_evidence_only(self) -> None:
        assert SECTIONS[0].noted() == {"blue": "1"}

    def test_the_document_has_the_proof_that_every_later_event_must_bring(self) -> None:
        assert SECTIONS[0].model_dump(mode="json")["deployment"]["proof"] == PROOF

    def test_only_the_opening_can_have_a_proof(self) -> None:
        others = {type(section) for section in SECTIONS if not isinstance(section, Opening)}

        assert not [kind for kind in others if "proof" in json.dumps(kind.model_json_schema())]


class TestTheDocument:
    @pytest.mark.parametrize("section", SECTIONS, ids=lambda section: type(section).__name__)
    def test_a_section_survives_the_way_through_json(self, section: Section) -> None:
        read = type(section).model_validate(json.loads(json.dumps(section.model_dump(mode="json"))))

        assert read.model_dump() == section.model_dump()

    def test_a_section_of_another_stack_version_may_have_more(self) -> None:
        assert Green.model_validate({"version": "2", "colour": "green"}) == Green(version="2")

    def test_a_section_is_never_changed(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            Green(version="2").version = "3"  # type: ignore[misc]

    def test_nothing_that_users_sent_is_in_the_opening(self) -> None:
        opening = SECTIONS[0].model_dump(mode="json")

        assert set(opening) == {"deployment", "bake", "green"}
        assert set(opening["deployment"]) == {"id", "proof", "target", "blue", "brings", "old_versions"}

    def test_a_bake_of_five_hundred_steps_leaves_room_in_the_document(self) -> None:
        shifts = tuple(
            Shifted(at=1767603600.123456 + number, weight=(number + 1) / MOST_STEPS) for number in range(MOST_STEPS)
        )
        look = Look(next_weight=1, reason="x" * 2_000, pardoned=("a" * 255,) * 100)
        document = Opening(deployment=DEPLOYMENT, bake=Bake(shifts=shifts, revision="r1", look=look))

        failure = 32_768
        assert len(json.dumps(document.model_dump(mode="json")).encode()) + failure < 262_144


class TestTheBake:
    def test_green_has_nothing_before_the_first_shift(self) -> None:
        assert bake().green_weight == 0
        assert bake(0.1, 0.5).green_weight == 0.5

    @given(st.lists(st.floats(0.001, 1), max_size=4), st.floats(0.001, 1))
    def test_a_bake_survives_the_way_through_json(self, weights: list[float], next_weight: float) -> None:
        one = bake(*weights, next_weight=next_weight)

        assert Bake.model_validate_json(one.model_dump_json()) == one

    def test_a_look_says_nothing_of_green_before_the_first_one(self) -> None:
        look = Look(next_weight=0.1)

        assert (look.next, look.next_seconds, look.verdict) == ("bake_on", 0, "")
        assert (look.blue, look.green) == (Counted(), Counted())


class TestThePlan:
    def test_the_code_of_new_code_is_the_zip_or_the_image(self) -> None:
        assert plan().code == Zip.model_validate(ZIP)
        assert plan(artifact={"image_uri": IMAGE}).code == Image(image_uri=IMAGE)

    def test_a_version_that_is_published_already_has_no_code(self) -> None:
        with pytest.raises(ValueError, match="version 3 is there already"):
            _ = plan(artifact={"version": "3"}, brings="version").code

    @pytest.mark.parametrize("wrong", [{"brings": "luck"}, {"colour": "blue"}, {"blue": {"version": "1"}}])
    def test_a_plan_is_what_it_is_and_nothing_else(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            plan(**wrong)
