"""
What people's orders to a running deployment come to.

Orders are only ever added, and each keeps who gave it and why. A look reads all of them and acts on what stands.
"""

import math
from typing import Literal, NamedTuple

from bluegreen.errors import Aborted, PausedTooLong
from bluegreen.model import Frozen, Text
from bluegreen.request.order import LONGEST_PAUSES_SECONDS
from bluegreen.text import duration, sentence

Kind = Literal["abort", "pause", "resume", "promote"]

MOST = 100
"""Orders of one deployment, so that their item stays small. An abort is taken beyond it."""


class Order(Frozen):
    """
    An order as it is remembered: `by` is the IAM principal's ARN, `at` is in seconds since 1970.

    A pause lasts `seconds`. A promote goes `to` the next step or gives green everything.
    """

    order: Kind
    by: Text
    at: float
    reason: Text = ""
    seconds: int = 0
    to: Literal["all", "next"] = "all"

    @property
    def said(self) -> str:
        """Who, and why if they said so."""
        return f"{self.by}: {self.reason}" if self.reason else self.by

    @property
    def why_aborted(self) -> str:
        """The cause of the deployment's end."""
        return sentence(f"Aborted by {self.said}")

    @property
    def over_at(self) -> float:
        """Of a pause: its limit, in seconds since 1970."""
        return self.at + self.seconds


class Standing(Frozen):
    """The orders that stand: the abort, the pause that no other order has taken back, and the last promote."""

    aborted: Order | None = None
    paused: Order | None = None
    promoted: Order | None = None
    paused_seconds: float = 0.0

    def must_go_on(self, now: float) -> None:
        """Raises Aborted, and PausedTooLong once the limit of a pause is over."""
        if self.aborted:
            raise Aborted(self.aborted.why_aborted)
        if self.paused and now >= self.paused.over_at:
            limit = duration(self.paused.seconds)
            raise PausedTooLong(
                f"Paused by {self.paused.said}. No other order came within {limit}, which was the pause's limit."
            )

    def promotes(self, moved_at: float, weight: float) -> Order | None:
        """
        The promote that is still to be carried out, where UpdateAlias gave green `weight` at `moved_at`.

        A shift that was under way when the promote came counts: the person saw the alias as it was before.
        """
        order = self.promoted
        if order is None or (moved_at >= order.at and (order.to == "next" or weight == 1)):
            return None
        return order

    def wait(self, now: float, seconds: int) -> int:
        """The Wait before CheckHealth runs again: not beyond the limit of a pause."""
        return max(0, min(seconds, math.ceil(self.paused.over_at - now))) if self.paused else seconds

    def noted(self) -> dict[str, str]:
        """For the audit of a look: who ordered what, and why."""
        orders = {"paused": self.paused, "promoted": self.promoted}
        return {name: order.said for name, order in orders.items() if order}


NONE = Standing()


def standing(given: tuple[Order, ...], now: float) -> Standing:
    """
    What stands of the orders, which are in the order in which they were given, at `now` (seconds since 1970).

    The first abort stays. Of pause and promote the later one stands. `paused_seconds` is how long the deployment was
    paused so far, all pauses together.
    """
    aborted: Order | None = None
    paused: Order | None = None
    promoted: Order | None = None
    seconds = 0.0
    for order in given:
        if order.order == "abort":
            aborted = aborted or order
            continue
        if paused:
            seconds += order.at - paused.at
        paused = order if order.order == "pause" else None
        if order.order != "resume":
            promoted = order if order.order == "promote" else None
    if paused:
        seconds += now - paused.at
    return Standing(aborted=aborted, paused=paused, promoted=promoted, paused_seconds=max(0.0, seconds))


class Objection(NamedTuple):
    """Why an order is refused, and what to do instead."""

    why: str
    advice: str


def objection(order: Order, ordered: Standing, number: int, shifts: int) -> Objection | None:
    """
    Why an order is refused after `number` others; None for one that is taken.

    The record of the deployment is open, and has so many shifts.
    """
    if order.order == "abort":
        return None
    if ordered.aborted:
        return Objection(f"it is being aborted by {ordered.aborted.said}", "`bluegreen watch` follows it to its end")
    if number >= MOST - (order.order == "pause"):  # a pause needs room for the order that ends it
        return Objection(f"it has {number} orders already, and {MOST} is the most", "Let it run, or abort it")
    if not shifts:
        return Objection(
            "green has no share of the alias yet", "Order it again after the first shift, or abort the deployment"
        )
    if order.order == "resume" and not ordered.paused:
        return Objection("it is not paused", "There is nothing to resume")
    if order.order != "pause":
        return None
    if ordered.paused:
        return Objection(f"it is paused already by {ordered.paused.said}", "Resume it first to set another limit")
    left = LONGEST_PAUSES_SECONDS - round(ordered.paused_seconds)
    if order.seconds > left:
        most = duration(LONGEST_PAUSES_SECONDS)
        return Objection(
            f"its pauses may last {most} together, and {left} seconds are left", "Pause it for fewer seconds"
        )
    return None
