"""Where an alias points: one version, or blue with a share for green."""

from pydantic import field_validator

from bluegreen.model import Frozen
from bluegreen.request.traffic import DECIMALS, Weight

Serving = str | dict[str, float]
"""Who serves an alias, as the API, the command line and the ledger say it: a version, or each version's share."""


class Route(Frozen):
    """
    What an alias says: `primary` serves all but the weights in `also`.

    Weights have three decimals. So one that Lambda answers is the one that was sent if it is less than half of the last
    decimal away.
    """

    primary: str
    also: dict[str, float] = {}

    @field_validator("also")
    @classmethod
    def rounded(cls, weights: dict[str, float]) -> dict[str, float]:
        """As many decimals as an alias keeps."""
        return {version: round(weight, DECIMALS) for version, weight in weights.items()}

    @property
    def versions(self) -> frozenset[str]:
        """Every version that a request may meet."""
        return frozenset({self.primary, *self.also})

    @property
    def whole(self) -> bool:
        """One version serves every request."""
        return not self.also

    @property
    def alone(self) -> str | None:
        """
        The version that serves every request; None if two do.

        While Lambda moves the provisioned concurrency of an alias to another version, the main version is the new one,
        and the one before has a weight of 1. That stays if Lambda cannot allocate it.
        """
        if self.whole:
            return self.primary
        return next((version for version, weight in self.also.items() if weight == 1), None)

    @property
    def serving(self) -> Serving:
        """The version, or each version's share with the main one first."""
        return self.alone or self.shares

    def serves_as(self, other: "Route") -> bool:
        """Requests meet the same versions, whichever way the alias says it."""
        return self == other or (self.alone is not None and self.alone == other.alone)

    @property
    def shares(self) -> dict[str, float]:
        """Each version's share, the main one first."""
        return {self.primary: round(1 - sum(self.also.values()), DECIMALS), **self.also}

    def __str__(self) -> str:
        """`version 3`, or `version 2 (90 %) and version 3 (10 %)`."""
        return said(self.serving)


def said(serving: Serving) -> str:
    """Who serves, for people: `version 3`, or `version 2 (90 %) and version 3 (10 %)`."""
    if isinstance(serving, str):
        return f"version {serving}"
    return " and ".join(f"version {version} ({100 * share:.4g} %)" for version, share in serving.items())


def route(blue: str, green: str, weight: Weight) -> Route:
    """Blue keeps the alias until green has all of it."""
    if weight == 1:
        return Route(primary=green)
    return Route(primary=blue, also={green: weight})
