"""What happens to a deployment: the traffic, how blue and green answer it, and what CloudWatch shows when."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

TRAFFIC = (0.1, 1, 10, 100, 1000)
"""Requests per second."""
RATES = {
    0.0: (0.01, 0.05, 0.2, 1.0),
    0.001: (0.002, 0.01, 0.05, 0.2, 1.0),
    0.01: (0.02, 0.05, 0.2, 1.0),
    0.05: (0.1, 0.2, 1.0),
}
"""Blue's error rate, and the rates of the bad greens it is compared with."""
NOISY = {0.3: (0.45, 1.0)}
"""The same where nearly a third fails, at some traffics only."""
HOURS = 24
"""Harm is counted so long after the first shift."""

Arms = Literal["none", "green", "both"]
FinalBake = Literal["none", "quiet", "outage", "doubled"]


@dataclass(frozen=True)
class Scenario:
    """
    One cell: requests per second, and error rates.

    `late` minutes after its end a minute's figures are published; `silent` means never, and `errors_late` is the
    probability that a version's errors come one to three minutes later than its invocations. Green errs at its rate
    from minute `fails_from`, while its weight is `fails_above` or more, and at blue's otherwise; with `first_fails` its
    first request fails besides. In any minute an outage of both versions begins with the probability `outages`. In the
    arms that have `bursts` the failures of a minute are correlated by `icc`. One of ten minutes has a `clump` of
    requests, and the others have one to six. `final_bake` says what happens while green has all but the control share.
    `probe`: the request has smoke tests, with which a green without traffic is probed. A request takes `seconds`, where
    durations matter, and green's take `slower` times as long.
    """

    traffic: float
    blue: float
    green: float
    late: int = 2
    silent: bool = False
    errors_late: float = 0.0
    fails_from: int = 0
    fails_above: float = 0.0
    first_fails: bool = False
    outages: float = 0.0
    bursts: Arms = "none"
    icc: float = 0.0
    clump: int = 0
    final_bake: FinalBake = "none"
    probe: bool = False
    seconds: float = 0.0
    slower: float = 1.0

    @property
    def identical(self) -> bool:
        """Green is no worse than blue."""
        return self.green <= self.blue and self.slower == 1

    @property
    def per_minute(self) -> float:
        """Requests in a minute, on average."""
        return 0.1 * self.clump + 0.9 * 3.5 if self.clump else 60 * self.traffic

    @property
    def busiest_minute(self) -> float:
        """Requests in the minutes that have most."""
        return float(self.clump or self.per_minute)

    def cell(self) -> str:
        """Traffic and rates in words."""
        traffic = "1 to 6 requests a minute" if self.clump else _rate(self.traffic)
        return f"{traffic}, {_percent(self.blue)} -> {_percent(self.green)} %"

    def described(self) -> str:
        """The cell with what is special about it."""
        said = {
            "late": f"{self.late} minutes late",
            "silent": "silent",
            "errors_late": f"errors late in {self.errors_late:.0%} of the minutes",
            "fails_from": f"from minute {self.fails_from}",
            "fails_above": f"from weight {self.fails_above:g}",
            "icc": f"icc {self.icc:g}",
            "clump": f"{self.clump:,} in one of ten minutes",
            "final_bake": self.final_bake,
            "probe": "with a probe",
            "seconds": f"{self.seconds:g} s a request",
            "slower": f"green {self.slower:g} times as long",
        }
        special = [text for name, text in said.items() if getattr(self, name) != getattr(USUAL, name)]
        return ", ".join([self.cell(), *special])


USUAL = Scenario(0, 0, 0)


def _rate(traffic: float) -> str:
    if traffic in TRAFFIC:
        return f"{traffic:,g} req/s"
    return f"{60 * traffic:.3g} requests a minute"


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g}"


def grid() -> Iterator[Scenario]:
    """Every traffic with every pair of rates, the identical pair first."""
    for traffic in TRAFFIC:
        for blue, greens in RATES.items():
            for green in (blue, *greens):
                yield Scenario(traffic, blue, green)
    for traffic in (10, 1000):
        for blue, greens in NOISY.items():
            for green in (blue, *greens):
                yield Scenario(traffic, blue, green)


def late_metrics() -> Iterator[Scenario]:
    """A busy alias whose metrics come late, or no longer: greens that always fail, and identical ones."""
    for minutes in (3, 5, 10, 15, 20):
        for traffic in (1, 10, 100, 1000):
            for green in (0.001, 1.0):
                yield Scenario(traffic, 0.001, green, late=minutes)
    for traffic in (1, 10, 100, 1000):
        yield Scenario(traffic, 0.001, 1.0, silent=True)


def thin() -> Iterator[Scenario]:
    """A few requests a minute: greens that always fail, and identical ones; without and with a probe."""
    for per_minute in (0.2, 1, 6, 30):
        traffic = per_minute / 60
        for probe in (False, True):
            yield Scenario(traffic, 0.0, 1.0, probe=probe)
        for blue in (0.0, 0.01, 0.05):
            yield Scenario(traffic, blue, blue)


def spotless() -> Iterator[Scenario]:
    """Greens of which no request fails, next to blues that fail, with errors that come late."""
    for traffic in TRAFFIC:
        for blue in (0.01, 0.05):
            yield Scenario(traffic, blue, 0.0, errors_late=0.3)


def first_request() -> Iterator[Scenario]:
    """Identical greens whose first request fails: a cold start that times out."""
    for traffic in TRAFFIC:
        for blue in (0.0, 0.001):
            yield Scenario(traffic, blue, blue, first_fails=True)


def late_errors() -> Iterator[Scenario]:
    """Errors of one version up to three minutes later than its invocations: always, and in one minute of ten."""
    for share in (1.0, 0.1):
        for traffic in TRAFFIC:
            for blue in (0.001, 0.01, 0.05):
                yield Scenario(traffic, blue, blue, errors_late=share)


def outages() -> Iterator[Scenario]:
    """Identical greens, while something both versions need is down now and then."""
    for traffic in TRAFFIC:
        for blue in (0.0, 0.001, 0.01):
            yield Scenario(traffic, blue, blue, outages=0.1)


def final_bake() -> Iterator[Scenario]:
    """Identical greens in a final bake: nothing happens, an outage of a minute, a doubled rate of both versions."""
    happens: tuple[FinalBake, ...] = ("quiet", "outage", "doubled")
    for what in happens:
        for traffic in TRAFFIC:
            for blue in (0.001, 0.01):
                yield Scenario(traffic, blue, blue, final_bake=what)


def bursts() -> Iterator[Scenario]:
    """Identical greens whose failures come in bursts, in both versions."""
    for icc in (0.0002, 0.001, 0.005, 0.01):
        for traffic in TRAFFIC:
            for blue in (0.001, 0.01, 0.05):
                yield Scenario(traffic, blue, blue, bursts="both", icc=icc)


def bursts_in_green() -> Iterator[Scenario]:
    """The same in green alone."""
    for icc in (0.0002, 0.001, 0.005, 0.01):
        for traffic in TRAFFIC:
            yield Scenario(traffic, 0.01, 0.01, bursts="green", icc=icc)


def clumps() -> Iterator[Scenario]:
    """Traffic in clumps: greens that always fail, and identical ones."""
    for clump in (3000, 30000):
        for green in (0.001, 1.0):
            yield Scenario(0, 0.001, green, clump=clump)


def slow() -> Iterator[Scenario]:
    """Functions of a tenth of a second to ten, whose new environments start cold: identical greens, and slower ones."""
    for seconds in (0.1, 1.0, 3.0, 10.0):
        for traffic in (1, 10, 100, 1000):
            yield Scenario(traffic, 0.001, 0.001, seconds=seconds)
    for traffic in (10, 100):
        yield Scenario(traffic, 0.001, 0.001, seconds=1.0, slower=1.5)


def late() -> Iterator[Scenario]:
    """Greens that begin to fail at minute 5, or at minute 10."""
    for minute in (5, 10):
        for traffic in (10, 1000):
            for green in (0.05, 1.0):
                yield Scenario(traffic, 0.001, green, fails_from=minute)


def heavy() -> Iterator[Scenario]:
    """Greens that fail only at a tenth of the traffic and more, or at half of it."""
    for weight in (0.1, 0.5):
        for traffic in (10, 1000):
            for green in (0.05, 1.0):
                yield Scenario(traffic, 0.001, green, fails_above=weight)


GROUPS = {
    "grid": grid,
    "late_metrics": late_metrics,
    "thin": thin,
    "spotless": spotless,
    "first_request": first_request,
    "late_errors": late_errors,
    "outages": outages,
    "final_bake": final_bake,
    "bursts": bursts,
    "bursts_in_green": bursts_in_green,
    "clumps": clumps,
    "slow": slow,
    "late": late,
    "heavy": heavy,
}


def identical_to_blue(scenario: Scenario) -> Scenario:
    """The good green of the same cell."""
    return replace(scenario, green=scenario.blue)
