"""What is promised, what is tolerated, and what each signal may spend of the promise."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tolerance:
    """
    What green may do: `rho` times blue's rate plus `delta` is no worse (a fraction, 0.01 is one per cent);
    `margin` above blue's rate is still fine. With `cold_starts` green's first requests in new environments count for
    nothing.
    """

    rho: float = 1.1
    delta: float = 0.0
    margin: float = 0.01
    cold_starts: bool = False

    def __post_init__(self) -> None:
        if self.rho < 1:
            raise ValueError(f"rho is the ratio to blue's rate that is tolerated, 1 or more, not {self.rho}")
        if not 0 <= self.delta < 1 or not 0 < self.margin < 1:
            raise ValueError(f"delta and margin are fractions below 1, not {self.delta} and {self.margin}")


SHARES = {"errors": 0.6, "slow": 0.25, "throttles": 0.15, "http": 0.6, "batch": 0.6, "logs": 0.6}
CUSTOM_SHARE = 0.25

COLD_STARTS = Tolerance(delta=0.02, margin=0.05, cold_starts=True)
"""Green starts cold, and a bound at blue's p95 is passed by one request in twenty anyway."""


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The settings of a verdict. A signal of `dry_run` is watched and reported, never acts and spends nothing.

    `false_alarm` is the probability, over the whole deployment and all acting signals, that a green no worse than
    tolerated is called worse; `doubt` the probability that the bound on how much worse green is does not hold.
    `icc` is the correlation between the requests of one bucket and version that is allowed for.
    """

    false_alarm: float = 0.01
    doubt: float = 0.05
    icc: float = 0.0002
    tolerance: Tolerance = Tolerance()
    tolerances: Mapping[str, Tolerance] = field(default_factory=lambda: {"slow": COLD_STARTS})
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    dry_run: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 < self.false_alarm < 1 or not 0 < self.doubt < 1:
            raise ValueError(f"probabilities lie between 0 and 1, not {self.false_alarm} and {self.doubt}")
        if not 0 <= self.icc < 1:
            raise ValueError(f"icc is a correlation from 0 to below 1, not {self.icc}")
        if any(share <= 0 for share in self.shares.values()):
            raise ValueError(f"a share of the budget is more than 0: {dict(self.shares)}")

    def tolerated(self, signal: str) -> Tolerance:
        """What is tolerated of a signal."""
        return self.tolerances.get(signal, self.tolerance)

    def budget(self, signals: frozenset[str]) -> dict[str, float]:
        """How the promise is shared out between the acting signals among these; the shares add up to 1."""
        shares = {name: self.shares.get(name, CUSTOM_SHARE) for name in sorted(signals - self.dry_run)}
        total = sum(shares.values())
        return {name: share / total for name, share in shares.items()}
