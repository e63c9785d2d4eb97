"""Whether a version that CloudWatch shows no requests of can have had none."""

import random

import pytest

from bluegreen.decisions.silence import NO_CHANCE, SIDES, Hidden, Side, Unshown
from bluegreen.decisions.silence import hidden as hidden_version

Served = tuple[int, int, dict[str, int], dict[str, float]]


def served(requests: int, weight: float = 0.1, /, *, throttled: int = 0, **shown: int) -> Served:
    """A bucket at a weight of green; both versions show requests unless it says otherwise."""
    return requests, throttled, {"green": 1, "blue": 1} | shown, {"green": weight, "blue": 1 - weight}


def hidden(buckets: list[Served]) -> Hidden | None:
    unshown: dict[Side, Unshown] = {side: Unshown() for side in SIDES}
    for requests, throttled, shown, weight in buckets:
        unshown = {side: unshown[side].after(requests, throttled, shown[side], weight[side]) for side in SIDES}
    return hidden_version(unshown)


@pytest.mark.parametrize(("requests", "weight"), [(88, 0.1), (14, 0.5), (9206, 0.001), (1, 0.99999)])
def test_a_green_without_a_request_of_so_many_is_hidden(requests: int, weight: float) -> None:
    assert (1 - weight) ** requests < NO_CHANCE < (1 - weight) ** (requests - 1)
    assert hidden([served(requests, weight, green=0)]) is not None
    assert hidden([served(requests - 1, weight, green=0)]) is None


def test_it_is_known_with_what_the_alias_had_and_what_green_should_have_had_of_it() -> None:
    buckets = [served(500, 0.1, green=0, throttled=20), served(300, 0.5, green=0)]

    assert hidden(buckets) == Hidden(side="green", requests=800, throttled=20, expected=200)


def test_one_request_of_each_version_is_enough_to_believe_their_series() -> None:
    assert hidden([served(100_000, 0.5)]) is None


def test_a_series_that_breaks_off_is_not_believed_from_then_on() -> None:
    buckets = [served(1000, green=90), served(1000, green=0), served(1000, green=0)]

    assert hidden(buckets) == Hidden(side="green", requests=2000, throttled=0, expected=200)
    assert hidden([*buckets, served(1000, green=110)]) is None


def test_what_a_silent_version_should_have_shown_is_json() -> None:
    unshown = Unshown().after(10**9, 0, 0, 1.0)

    assert Unshown.model_validate_json(unshown.model_dump_json()) == unshown


def test_a_blue_without_a_request_is_hidden_too() -> None:
    assert hidden([served(20, 0.5, blue=0)]) == Hidden(side="blue", requests=20, throttled=0, expected=10)


def test_a_version_that_had_no_share_or_no_chance_hides_nothing() -> None:
    assert hidden([]) is None
    assert hidden([served(0, 0.5, green=0, blue=0)]) is None
    assert hidden([(100_000, 0, {"green": 0, "blue": 9}, {"green": 0.0, "blue": 0.5})]) is None
    assert hidden([served(0, 1.0, green=0, blue=0), served(5, 1.0, blue=0)]) is None


def test_a_green_that_chance_leaves_without_requests_for_a_while_is_hardly_ever_called_hidden() -> None:
    """Thin traffic, looked at every minute for an hour: over a whole deployment chance is no more than that bound."""
    draw = random.Random(7)
    called = 0
    for _ in range(2000):
        buckets: list[Served] = []
        for _ in range(60):
            of_green = sum(draw.random() < 0.03 for _ in range(6))
            buckets.append(served(6, 0.03, green=of_green))
            if of_green:
                break
            called += hidden(buckets) is not None
    assert called <= 20
