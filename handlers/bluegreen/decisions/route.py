"""Where an alias points: one version, or blue with a share for green."""

from bluegreen.model import Frozen
from bluegreen.request.traffic import Weight


class Route(Frozen):
    """What an alias says: `primary` serves all but the weights in `also`."""

    primary: str
    also: dict[str, float] = {}

    @property
    def versions(self) -> frozenset[str]:
        """Every version that some request may meet."""
        return frozenset({self.primary, *self.also})

    @property
    def whole(self) -> bool:
        """One version serves everybody."""
        return not self.also

    def __str__(self) -> str:
        if self.whole:
            return self.primary
        share = ", ".join(f"{weight:.4g} to {version}" for version, weight in self.also.items())
        return f"{self.primary} (and {share})"


def route(blue: str, green: str, weight: Weight) -> Route:
    """Blue keeps the alias until green has all of it."""
    if weight == 1:
        return Route(primary=green)
    return Route(primary=blue, also={green: weight})
