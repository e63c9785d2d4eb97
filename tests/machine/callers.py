"""Callers whose requests are only counted, and what a run shows of the watch over them."""

from datetime import datetime

from tests.machine.deployer import ALIAS, FUNCTION, Deployer
from tests.machine.walk import Run

CANARY_10 = "Canary10Percent10Minutes"


class Users:
    """
    Callers whose requests are only counted: so many a minute, of which each version fails its share.

    A version in `fails_first` fails its next request, too.
    """

    def __init__(self, deployer: Deployer, per_minute: int, *, blue: float = 0.0, green: float = 0.0) -> None:
        self._deployer, self.per_minute = deployer, per_minute
        self.fails = {"1": blue, "2": green}
        self.fails_first: set[str] = set()
        self.slow: dict[str, float] = {}
        self.harmed = 0.0
        deployer.aws.every(60, self._a_minute)

    def _a_minute(self) -> None:
        main, weights = self._deployer.alias()
        shares = {main: 1 - sum(weights.values())} | weights
        for version, share in shares.items():
            requests = round(self.per_minute * share)
            errors = round(requests * self.fails[version])
            if requests and version in self.fails_first:
                errors += 1
                self.fails_first.remove(version)
            self.harmed += errors if version == "2" else 0
            slow = round(requests * self.slow.get(version, 0))
            for duration, count, failed in ((50, requests - slow, errors), (900, slow, 0)):
                if count:
                    self._deployer.aws.metrics.count(
                        FUNCTION, ALIAS, version, invocations=count, errors=failed, duration_ms=duration
                    )

    def fail(self, requests: int, *, after: float) -> None:
        """So many of green's requests, at a tenth of the traffic, fail in the minute after so many seconds."""

        def begin() -> None:
            self.fails["2"] = requests / (self.per_minute / 10)

        def end() -> None:
            self.fails["2"] = 0.0

        self._deployer.aws.after(after, begin)
        self._deployer.aws.after(after + 60, end)


def looks(deployer: Deployer) -> list[str]:
    return [item["evidence"] for item in deployer.items("steps#") if "#CheckHealth#" in item["sk"]]


def weights(run: Run) -> list[float]:
    """Green's, one shift after the other."""
    return [shift["weight"] for shift in run.document["bake"]["shifts"]]


def took(run: Run) -> int:
    """Whole seconds from the first shift to the last."""
    shifts = run.document["bake"]["shifts"]
    return round(float(shifts[-1]["at"] - shifts[0]["at"]))


def looked_at(run: Run) -> list[float]:
    """When CheckHealth was entered, in seconds since 1970."""
    return [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in run.history
        if event.get("stateEnteredEventDetails", {}).get("name") == "CheckHealth"
    ]
