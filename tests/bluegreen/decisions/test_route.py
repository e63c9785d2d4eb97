"""Where an alias points, and the words for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.route import Route, Serving, route


def test_blue_keeps_the_alias_until_green_has_all_of_it() -> None:
    assert route("1", "2", 0.9) == Route(primary="1", also={"2": 0.9})
    assert route("1", "2", 1) == Route(primary="2")


@given(st.floats(min_value=0.001, max_value=1, exclude_max=True))
def test_a_split_names_both_versions_and_gives_green_its_share(weight: float) -> None:
    split = route("1", "2", weight)

    assert split.versions == {"1", "2"}
    assert not split.whole
    assert split.also == {"2": pytest.approx(weight, abs=0.0005)}


@pytest.mark.parametrize(
    ("kept", "same"), [(0.033, True), (0.0333, True), (0.0326, True), (0.0336, False), (0.1, False)]
)
def test_a_weight_is_the_one_that_was_sent_within_half_of_the_last_decimal(kept: float, same: bool) -> None:
    sent = route("1", "2", 1 / 30)

    assert sent.also == {"2": 0.033}
    assert (Route(primary="1", also={"2": kept}) == sent) is same


def test_a_whole_alias_names_one_version() -> None:
    assert route("1", "2", 1).versions == {"2"}
    assert route("1", "2", 1).whole


@pytest.mark.parametrize(
    ("given", "serving", "words"),
    [
        (Route(primary="3"), "3", "version 3"),
        (Route(primary="2", also={"3": 0.1}), {"2": 0.9, "3": 0.1}, "version 2 (90 %) and version 3 (10 %)"),
        (
            Route(primary="3", also={"4": 0.123456}),
            {"3": 0.877, "4": 0.123},
            "version 3 (87.7 %) and version 4 (12.3 %)",
        ),
        (Route(primary="3", also={"4": 0.001}), {"3": 0.999, "4": 0.001}, "version 3 (99.9 %) and version 4 (0.1 %)"),
    ],
)
def test_a_route_says_who_serves_as_data_and_as_words(given: Route, serving: Serving, words: str) -> None:
    assert given.serving == serving
    assert str(given) == words


@given(st.floats(min_value=1e-6, max_value=1, exclude_max=True))
def test_the_shares_of_a_split_are_everything_together_and_name_the_main_version_first(weight: float) -> None:
    shares = route("1", "2", weight).shares

    assert list(shares) == ["1", "2"]
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("alias", "alone"),
    [
        (Route(primary="1"), "1"),
        (Route(primary="2", also={"1": 1.0}), "1"),
        (Route(primary="1", also={"2": 0.999}), None),
        (Route(primary="1", also={"2": 0.1}), None),
    ],
)
def test_a_weight_of_one_lets_that_version_serve_alone(alias: Route, alone: str | None) -> None:
    assert alias.alone == alone
    assert alias.serving == (alone or alias.shares)


def test_routes_are_told_apart_by_who_serves() -> None:
    assert Route(primary="2", also={"1": 1.0}).serves_as(Route(primary="1"))
    assert not Route(primary="2", also={"1": 1.0}).serves_as(Route(primary="2"))
    assert not Route(primary="1", also={"2": 0.1}).serves_as(Route(primary="1"))
    assert not Route(primary="1", also={"2": 0.1}).serves_as(Route(primary="1", also={"2": 0.2}))
