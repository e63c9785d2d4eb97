"""
What people's orders to a running deployment come to.

Orders are only ever added, and each keeps who gave it and why. A look reads all of them and acts on what stands.
"""

from typing import Literal

from bluegreen.model import Frozen, Text

Kind = Literal["abort", "pause", "resume", "promote"]

PAUSE_SECONDS = 3600
LONGEST_PAUSES_SECONDS = 12 * 3600
"""All pauses of a deployment together. Paused looks are events of the execution, too, which has 25,000 at most."""

MOST = 100
"""Orders of one deployment, so that their item stays small."""


class Order(Frozen):
    """
    An order as it is remembered: `by` is the IAM principal's ARN, `at` is in seconds since 1970.

    A pause lasts `seconds`. A promote goes `to` the next step or gives green everything; it was given when the alias
    had been shifted `after_shift` times, so it is carried out once another shift is made.
    """

    order: Kind
    by: Text
    at: float
    reason: Text = ""
    seconds: int = 0
    to: Literal["all", "next"] = "all"
    after_shift: int = 0

    @property
    def said(self) -> str:
        """Who, and why if they said so."""
        return f"{self.by}: {self.reason}" if self.reason else self.by

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

    def promotes(self, shifts: int, weight: float) -> Order | None:
        """The promote that is still to be carried out, where green has `weight` after so many shifts."""
        order = self.promoted
        if order is None or (shifts > order.after_shift and (order.to == "next" or weight == 1)):
            return None
        return order


def standing(given: tuple[Order, ...], now: float) -> Standing:
    """
    What stands of the orders, which are in the order in which they were given, at `now` (seconds since 1970).

    The first abort stays. `paused_seconds` is how long the deployment was paused so far, all pauses together.
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
        promoted = order if order.order == "promote" else promoted
    if paused:
        seconds += now - paused.at
    return Standing(aborted=aborted, paused=paused, promoted=promoted, paused_seconds=max(0.0, seconds))
