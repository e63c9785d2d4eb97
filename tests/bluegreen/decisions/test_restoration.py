"""What a rollback does about the alias and $LATEST: a table of every fact, and what is concluded from it."""

import inspect
import itertools
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bluegreen.baking.latest as at_the_end
from bluegreen.decisions.restoration import (
    AliasFacts,
    AliasKind,
    AliasOutcome,
    LatestFacts,
    LatestKind,
    LatestOutcome,
    Outcome,
    alias_restoration,
    latest_restoration,
)
from bluegreen.decisions.route import Route
from bluegreen.rollback import latest

BLUE, CANARY, ALL_GREEN = Route(primary="1"), Route(primary="1", also={"2": 0.1}), Route(primary="2")

NEVER_SHIFTED, AT_A_CANARY, AT_THE_LAST_SHIFT = "never shifted", "at a canary", "at the last shift"

MADE: dict[str, tuple[Route, ...]] = {
    NEVER_SHIFTED: (),
    AT_A_CANARY: (CANARY,),
    AT_THE_LAST_SHIFT: (CANARY, ALL_GREEN),
}
"""The routes that the deployment may have made."""

FOUND: dict[str, Route | None] = {
    "gone": None,
    "blue": BLUE,
    "canary": CANARY,
    "other weights": Route(primary="1", also={"2": 0.37}),
    "turned round": Route(primary="2", also={"1": 0.37}),
    "green": ALL_GREEN,
    "a stranger": Route(primary="9"),
    "blue and a stranger": Route(primary="1", also={"9": 0.1}),
    "green held back": Route(primary="2", also={"1": 1.0}),
    "blue held back": Route(primary="1", also={"2": 1.0}),
}
"""Where the alias is found; 1 is blue, 2 is green, and 9 is a version that the deployment has nothing to do with."""

SPLIT = ("canary", "other weights", "turned round", "blue and a stranger", "green held back", "blue held back")
"""Only of these can Lambda have set the weights."""

EXPECTED: dict[tuple[str, bool, bool], dict[str, AliasKind]] = {
    (NEVER_SHIFTED, False, False): {
        "gone": "gone",
        "blue": "never_moved",
        "canary": "never_moved",
        "other weights": "never_moved",
        "turned round": "never_moved",
        "green": "never_moved",
        "a stranger": "never_moved",
        "blue and a stranger": "never_moved",
        "green held back": "never_moved",
        "blue held back": "never_moved",
    },
    (AT_A_CANARY, False, False): {
        "gone": "gone",
        "blue": "put_back",
        "canary": "put_back",
        "other weights": "changed_by_others",
        "turned round": "changed_by_others",
        "green": "changed_by_others",
        "a stranger": "changed_by_others",
        "blue and a stranger": "changed_by_others",
        "green held back": "put_back",
        "blue held back": "changed_by_others",
    },
    (AT_THE_LAST_SHIFT, False, False): {
        "gone": "gone",
        "blue": "put_back",
        "canary": "put_back",
        "other weights": "changed_by_others",
        "turned round": "changed_by_others",
        "green": "put_back",
        "a stranger": "changed_by_others",
        "blue and a stranger": "changed_by_others",
        "green held back": "put_back",
        "blue held back": "put_back",
    },
    (AT_THE_LAST_SHIFT, True, False): {
        "gone": "gone",
        "blue": "back",
        "canary": "moved_afterwards",
        "other weights": "moved_afterwards",
        "turned round": "moved_afterwards",
        "green": "moved_afterwards",
        "a stranger": "moved_afterwards",
        "blue and a stranger": "moved_afterwards",
        "green held back": "back",
        "blue held back": "moved_afterwards",
    },
    (NEVER_SHIFTED, False, True): dict.fromkeys(SPLIT, "never_moved"),
    (AT_A_CANARY, False, True): {
        "canary": "put_back",
        "other weights": "put_back",
        "turned round": "put_back",
        "blue and a stranger": "changed_by_others",
        "green held back": "put_back",
        "blue held back": "put_back",
    },
    (AT_THE_LAST_SHIFT, False, True): {
        "canary": "put_back",
        "other weights": "put_back",
        "turned round": "put_back",
        "blue and a stranger": "changed_by_others",
        "green held back": "put_back",
        "blue held back": "put_back",
    },
    (AT_THE_LAST_SHIFT, True, True): {
        "canary": "back",
        "other weights": "back",
        "turned round": "back",
        "blue and a stranger": "back",
        "green held back": "back",
        "blue held back": "back",
    },
}
"""By how far the deployment went, whether blue had the alias back, and whether Lambda is moving it."""

ROWS = [(*facts, found, kind) for facts, row in EXPECTED.items() for found, kind in row.items()]

versions = st.sampled_from(["1", "2", "9", "10"])
routes = st.builds(
    lambda primary, also: Route(primary=primary, also={each: 0.1 for each in also - {primary}}),
    versions,
    st.sets(versions, max_size=1),
)
alias_facts = st.builds(
    AliasFacts,
    blue=st.just("1"),
    routes=st.lists(st.sampled_from([CANARY, ALL_GREEN, Route(primary="1", also={"2": 0.5})]), max_size=2).map(tuple),
    returned=st.booleans(),
    found=st.none() | routes,
    settling=st.booleans(),
)


class TestTheAlias:
    @pytest.mark.parametrize(("made", "returned", "settling", "found", "kind"), ROWS)
    def test_what_is_known_of_the_alias_says_what_is_to_be_done(
        self, made: str, returned: bool, settling: bool, found: str, kind: AliasKind
    ) -> None:
        facts = AliasFacts(blue="1", routes=MADE[made], returned=returned, found=FOUND[found], settling=settling)

        assert alias_restoration(facts) == kind

    def test_the_table_reaches_every_kind_but_those_of_what_was_deleted(self) -> None:
        assert {kind for *_, kind in ROWS} == set(typing.get_args(AliasKind)) - {"function_gone", "blue_gone"}

    @pytest.mark.parametrize(("made", "returned", "settling", "found", "kind"), ROWS)
    def test_a_blue_that_is_gone_matters_only_where_it_would_be_put_back(
        self, made: str, returned: bool, settling: bool, found: str, kind: AliasKind
    ) -> None:
        facts = AliasFacts(
            blue="1",
            routes=MADE[made],
            returned=returned,
            found=FOUND[found],
            settling=settling,
            blue_exists=False,
        )

        assert alias_restoration(facts) == ("blue_gone" if kind == "put_back" else kind)

    def test_of_a_function_that_is_gone_nothing_else_is_asked(self) -> None:
        for returned in (False, True):
            facts = AliasFacts(
                blue="1",
                routes=(CANARY,),
                returned=returned,
                found=None,
                settling=False,
                function_exists=False,
                blue_exists=False,
            )
            assert alias_restoration(facts) == "function_gone"

    def test_the_table_has_every_place_where_the_alias_may_be_found(self) -> None:
        for (_, _, settling), row in EXPECTED.items():
            assert list(row) == [name for name in FOUND if not settling or name in SPLIT]

    @given(alias_facts)
    def test_an_alias_is_put_back_only_from_versions_of_the_deployment(self, facts: AliasFacts) -> None:
        if alias_restoration(facts) == "put_back":
            assert facts.found is not None
            assert facts.found.versions <= {"1", "2"}
            assert facts.routes
            assert not facts.returned

    @given(alias_facts)
    def test_an_alias_that_someone_else_moved_is_left_as_it_is(self, facts: AliasFacts) -> None:
        ours = (BLUE, *facts.routes)
        if facts.found and not any(map(facts.found.serves_as, ours)) and not facts.settling:
            assert alias_restoration(facts) in ("never_moved", "changed_by_others", "moved_afterwards")

    @given(alias_facts)
    def test_an_alias_is_gone_when_it_is_not_found_and_only_then(self, facts: AliasFacts) -> None:
        assert (alias_restoration(facts) == "gone") == (facts.found is None)


OF_LATEST: list[tuple[bool, bool, bool, LatestKind]] = [
    (False, False, False, "changed_by_others"),
    (False, False, True, "changed_by_others"),
    (False, True, False, "as_it_was"),
    (False, True, True, "as_it_was"),
    (True, False, False, "changed_by_others"),
    (True, False, True, "put_back"),
    (True, True, False, "rewrite"),
    (True, True, True, "rewrite"),
]
"""Whether new code may have been sent, whether $LATEST has the old code, whether it has the new; and what is to do."""

NOT_BY_FACTS: dict[LatestKind, str] = {
    "keeps_the_new": inspect.getsource(latest),
    "not_tried_again": inspect.getsource(latest),
    "kept": inspect.getsource(latest),
    "unseen": inspect.getsource(latest),
    "unchanged": inspect.getsource(at_the_end),
}
"""Kinds that come of trying, and where."""


class TestLatest:
    @pytest.mark.parametrize(("sent", "old", "new", "kind"), OF_LATEST)
    def test_what_is_known_of_latest_says_what_is_to_be_done(
        self, sent: bool, old: bool, new: bool, kind: LatestKind
    ) -> None:
        facts = LatestFacts(new_code=True, sent=sent, exists=True, has_the_old=old, has_the_new=new)

        assert latest_restoration(facts) == kind

    @pytest.mark.parametrize(("sent", "old", "new"), [*itertools.product((False, True), repeat=3)])
    def test_a_function_that_is_gone_is_gone_with_any_other_fact(self, sent: bool, old: bool, new: bool) -> None:
        facts = LatestFacts(new_code=True, sent=sent, exists=False, has_the_old=old, has_the_new=new)

        assert latest_restoration(facts) == "gone"

    @pytest.mark.parametrize(("sent", "exists", "old", "new"), [*itertools.product((False, True), repeat=4)])
    def test_latest_is_not_part_of_a_deployment_of_a_published_version(
        self, sent: bool, exists: bool, old: bool, new: bool
    ) -> None:
        facts = LatestFacts(new_code=False, sent=sent, exists=exists, has_the_old=old, has_the_new=new)

        assert latest_restoration(facts) == "not_part"

    def test_every_kind_is_reached_by_the_facts_or_by_trying(self) -> None:
        by_facts = {kind for *_, kind in OF_LATEST} | {"gone", "not_part"}

        assert by_facts | set(NOT_BY_FACTS) == set(typing.get_args(LatestKind))
        assert not by_facts & set(NOT_BY_FACTS)
        for kind, source in NOT_BY_FACTS.items():
            assert f'"{kind}"' in source


class TestTheOutcome:
    @pytest.mark.parametrize(
        ("route", "serving"), [(BLUE, "1"), (Route(primary="1", also={"9": 0.1}), {"1": 0.9, "9": 0.1}), (None, None)]
    )
    def test_the_outcome_says_who_serves(self, route: Route | None, serving: object) -> None:
        outcome = Outcome(alias=AliasOutcome(kind="back", route=route), latest=LatestOutcome(kind="put_back"))

        assert outcome.serving == serving

    def test_an_outcome_survives_the_way_through_json(self) -> None:
        outcome = Outcome(
            alias=AliasOutcome(kind="changed_by_others", route=CANARY),
            latest=LatestOutcome(kind="not_tried_again", problem="AccessDenied"),
            doubts="But version 1 is unwell itself.",
        )

        assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome
