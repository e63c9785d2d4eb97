"""Questions about many functions, put together so that they share calls."""

from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

from bluegreen.target import Target

SPREAD = 30
"""
So many periods the spans that are read together may begin or end apart: each is read as far as the widest of them.

Functions of one wave are shifted seconds apart, and figures are at most half an hour late. 500 queries over that and
this are 33,000 points at a minute a period; CloudWatch answers 100,800 at a time.
"""

Q = TypeVar("Q")


class Asked(NamedTuple, Generic[Q]):
    """What is asked about one target, from `since` up to, not including, `until` (seconds since 1970)."""

    target: Target
    queries: tuple[Q, ...]
    since: int
    until: int
    period_seconds: int


def place(target: Target) -> Target:
    """What the targets have in common that one call reaches: account, region and role."""
    return target.model_copy(update={"function": "", "alias": ""})


def together(asked: Sequence[Asked[Q]], alike: Sequence[Hashable] | None = None) -> list[list[int]]:
    """
    The places in the sequence of those that can share calls: in one place, with one period and nearly the same span.

    Where `alike` is given, one for each, those that differ in it share none.
    """
    parties: dict[Hashable, list[list[int]]] = {}
    for number in sorted(range(len(asked)), key=lambda number: asked[number].since):
        each = asked[number]
        of_kind = parties.setdefault((place(each.target), each.period_seconds, alike[number] if alike else None), [])
        near = next((party for party in of_kind if _is_near(asked[party[0]], each)), None)
        if near is None:
            of_kind.append([number])
        else:
            near.append(number)
    return [party for of_kind in parties.values() for party in of_kind]


def _is_near(one: Asked[Q], other: Asked[Q]) -> bool:
    apart = SPREAD * one.period_seconds
    return abs(one.since - other.since) <= apart and abs(one.until - other.until) <= apart
