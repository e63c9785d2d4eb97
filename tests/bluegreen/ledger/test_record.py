"""The record: what of it people get, what of it DynamoDB has, and under which condition it is changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.aws import table
from bluegreen.decisions.gates import Decision
from bluegreen.decisions.route import Route
from bluegreen.document import DEPLOYED, ENDS, NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK
from bluegreen.ledger.record import LIVE, OPEN, UNDOING, Record, change, listed, readable
from bluegreen.request.artifact import Zip
from tests.bluegreen.examples import IN_BASE64, PROOF, SHOP, record

FULL: dict[str, Any] = {
    "state": ROLLED_BACK,
    "new_code": True,
    "blue": "1",
    "blue_sha256": "the digest of blue",
    "latest_sha256": "the digest of $LATEST",
    "code": "the digest of the new code",
    "override_freeze": "the shop is down",
    "release": "friday",
    "warnings": ("function: it is slow; make it quick",),
    "changes": ("Environment (variable STAGE)", "Timeout"),
    "latest_kept": Zip(bucket="artifacts", key="restored/a.zip", sha256=IN_BASE64),
    "green": "2",
    "weights": (0.1, 1.0),
    "approvals": (Decision(step=1, decision="approved", by="API by bob", at="2026-01-05T09:00:00.000Z", reason="so"),),
    "shift": 2,
    "shifted_at": "2026-01-05T09:00:30.000Z",
    "code_sent_at": "2026-01-05T09:00:10.000Z",
    "started_by_proved": True,
    "undoing_at": "2026-01-05T09:04:59.000Z",
    "alias_returned_at": "2026-01-05T09:05:00.000Z",
    "latest_attempts": 1,
    "untested": "no smoke test was given",
    "doubts": "none",
    "complained": {"group": "/aws/lambda/Shop", "name": "ValueError", "count": 36, "of": 38},
    "alias_outcome": "back",
    "latest_outcome": "put_back",
    "ended_at": "2026-01-05T09:05:01.000Z",
    "error": "GreenUnhealthy",
    "cause": "green failed 9 of 10",
    "serving": {"1": 0.9, "7": 0.1},
    "watched": {"kind": "judged", "seconds": 300, "requests": 90},
    "harmed": 9,
    "to_delete": ("3", "4"),
    "deleted": ("3",),
    "undeleted": "version 4 could not be deleted",
    "told_at": "2026-01-05T09:05:02.000Z",
    "announced_at": "2026-01-05T09:05:02.000Z",
    "paged_at": "2026-01-05T09:05:03.000Z",
    "counted_by": "a call",
}


def test_the_example_has_every_attribute() -> None:
    opened = {"id", "target", "execution", "started_at", "started_by", "artifact", "proof"}
    assert set(FULL) | opened == set(Record.model_fields)


class TestTheItem:
    @pytest.mark.parametrize("one", [record(), record(**FULL)], ids=["opened", "ended"])
    def test_a_record_comes_back_from_the_table_as_it_was(self, one: Record) -> None:
        assert Record.from_item(table.item_of(one.to_item())) == one

    @given(st.lists(st.floats(1e-6, 1), max_size=3), st.integers(0, 600))
    def test_weights_keep_their_digits(self, weights: list[float], shift: int) -> None:
        one = record(weights=weights, shift=shift)

        assert Record.from_item(table.item_of(one.to_item())) == one

    def test_attributes_have_dynamodb_s_own_types(self) -> None:
        item = record(**FULL).to_item()

        assert item["shift"] == {"N": "2"}
        assert item["weights"] == {"L": [{"N": "0.1"}, {"N": "1.0"}]}
        assert item["new_code"] == {"BOOL": True}
        assert item["serving"] == {"M": {"1": {"N": "0.9"}, "7": {"N": "0.1"}}}

    def test_a_record_has_its_whole_target_and_its_place_in_the_list(self) -> None:
        item = table.item_of(record().to_item())

        assert {name: item[name] for name in SHOP.model_dump()} == SHOP.model_dump()
        assert (item["pk"], item["sk"], item["listed"]) == ("deployment#first", "record", listed(SHOP))

    def test_a_record_without_an_attribute_has_its_default(self) -> None:
        item = table.item_of(record().to_item())

        assert "green" not in item
        assert Record.from_item(item).green is None

    def test_refused_requests_are_listed_under_another_key(self) -> None:
        assert listed(SHOP) == f"deployments#{SHOP.function_key}"
        assert listed(SHOP, refused=True) == f"refused#{SHOP.function_key}"


class TestWhatPeopleGet:
    def test_people_get_the_record_without_what_is_for_the_machine(self) -> None:
        shown = record(**FULL).to_json()

        assert (shown["id"], shown["function"], shown["alias"]) == ("first", "Shop", "PROD")
        assert shown["serving"] == {"1": 0.9, "7": 0.1}
        assert not {"target", "proof", "new_code", "shift", "latest_attempts"} & set(shown)

    def test_the_proof_is_in_nothing_that_people_get(self) -> None:
        assert PROOF not in str(record(**FULL).to_json())

    def test_what_is_not_known_is_left_out(self) -> None:
        assert None not in record().to_json().values()


class TestStates:
    @pytest.mark.parametrize("state", [*LIVE, *ENDS])
    def test_a_record_is_live_until_it_has_the_name_of_an_end(self, state: str) -> None:
        assert record(state=state).live == (state in (OPEN, UNDOING))

    @pytest.mark.parametrize(
        ("state", "told_at", "announced_at", "untold"),
        [
            (OPEN, None, None, False),
            (UNDOING, None, None, False),
            (DEPLOYED, None, "2026-01-05", True),
            (ROLLED_BACK, None, "2026-01-05", True),
            (REJECTED, None, "2026-01-05", True),
            (DEPLOYED, "2026-01-05", None, True),
            (DEPLOYED, "2026-01-05", "2026-01-05", False),
            (NOTHING_TO_DEPLOY, None, None, True),
            (NOTHING_TO_DEPLOY, None, "2026-01-05", False),
        ],
    )
    def test_systems_want_to_know_of_every_end_and_people_of_all_but_nothing_to_deploy(
        self, state: str, told_at: str | None, announced_at: str | None, untold: bool
    ) -> None:
        assert record(state=state, told_at=told_at, announced_at=announced_at).untold == untold


class TestRoutes:
    def test_a_deployment_may_have_made_the_routes_of_its_weights(self) -> None:
        assert record(blue="1", green="2", weights=(0.5, 1.0)).routes == (
            Route(primary="1", also={"2": 0.5}),
            Route(primary="2"),
        )

    @pytest.mark.parametrize("known", [{}, {"blue": "1"}, {"blue": "1", "green": "2"}, {"green": "2", "weights": [1]}])
    def test_a_deployment_that_never_shifted_has_made_no_route(self, known: dict[str, Any]) -> None:
        assert record(**known).routes == ()


class TestReadable:
    def test_items_that_cannot_be_read_are_left_out_and_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        items = [{"pk": "a", "n": "1"}, {"pk": "b"}, {"pk": "c", "n": "three"}, {"pk": "d", "n": "4"}]

        assert readable(lambda item: int(item["n"]), items) == [1, 4]
        assert "left out b, unreadable: KeyError" in caplog.text
        assert "left out c, unreadable: ValueError" in caplog.text

    def test_a_fault_of_ours_is_no_item_that_cannot_be_read(self) -> None:
        with pytest.raises(ZeroDivisionError):
            readable(lambda item: 1 // item["n"], [{"pk": "a", "n": 0}])


class TestAChange:
    def test_a_change_wants_the_record_in_one_of_the_states(self) -> None:
        update = change("first", {"green": "2"}, while_in=LIVE)

        assert update["ConditionExpression"] == "#state IN (:while0, :while1)"
        assert update["UpdateExpression"] == "SET #green = :green"
        assert update["ExpressionAttributeValues"] == table.values({":green": "2", ":while0": OPEN, ":while1": UNDOING})

    def test_a_change_may_want_that_something_is_not_known_yet(self) -> None:
        update = change("first", {"green": "2"}, while_in=(OPEN,), unless_known=("shift", "weights"))

        assert update["ConditionExpression"] == (
            "#state IN (:while0) AND attribute_not_exists(#shift) AND attribute_not_exists(#weights)"
        )

    def test_a_change_may_want_a_number_that_is_not_beyond_its_own(self) -> None:
        update = change("first", {"shift": 10}, while_in=(OPEN,), unless_beyond="shift")

        assert update["ConditionExpression"].endswith("(attribute_not_exists(#shift) OR #shift <= :shift)")
        assert update["ExpressionAttributeValues"][":shift"] == {"N": "10"}

    def test_a_change_counts_and_keeps_what_was_there_first(self) -> None:
        update = change("first", {}, at_first={"error": "E"}, count="latest_attempts", while_in=(UNDOING,))

        assert update["UpdateExpression"] == (
            "SET #error = if_not_exists(#error, :error), "
            "#latest_attempts = if_not_exists(#latest_attempts, :zero) + :one"
        )

    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"at_first": {"error": "E"}},
            {"count": "latest_attempts"},
            {"unless_known": ("blue",)},
            {"unless_beyond": "shift"},
        ],
    )
    def test_a_change_names_every_attribute_that_it_uses_and_no_other(self, more: dict[str, Any]) -> None:
        update = change("first", {"shift": 1}, while_in=(OPEN,), **more)
        said = update["UpdateExpression"] + update["ConditionExpression"]

        for kind in ("Names", "Values"):
            assert all(each in said for each in update[f"ExpressionAttribute{kind}"])
