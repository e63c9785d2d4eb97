"""Figures in an on-call engineer's words."""

import math

from bluegreen.verdict.counts import Counts

VERBS = {
    "errors": "failed",
    "throttles": "throttled",
    "slow": "was slow in",
    "http": "answered (http) with statusCode 500 or more",
    "batch": "failed items (batch)",
    "logs": "logged as bad (logs)",
}


def compared(signal: str, green: Counts, blue: Counts) -> str:
    """Both versions' counts: "green failed 9 of 812, blue 2 of 7,331"."""
    if signal in VERBS:
        return f"green {VERBS[signal]} {green.bad:,} of {green.requests:,}, blue {blue.bad:,} of {blue.requests:,}"
    return f"{signal}: green {green.bad:,} of {green.requests:,}, blue {blue.bad:,} of {blue.requests:,}"


def odds(log_odds: float) -> str:
    """Odds of so many to one: "8,000 to 1"."""
    if log_odds >= math.log(1e9):
        return "more than a billion to 1"
    value = math.exp(max(log_odds, -700.0))
    if value < 1:
        return "less than 1 to 1"
    digits = 1 if value >= 1000 else 2
    step = 10 ** max(0, math.floor(math.log10(value)) + 1 - digits)
    rounded = math.floor(value / step) * step
    return f"{rounded / 1e6:,.0f} million to 1" if rounded >= 1e6 else f"{rounded:,} to 1"


def points(fraction: float) -> str:
    """A difference of rates, rounded up: "0.8 percentage points"."""
    per_cent = 100 * fraction
    if per_cent <= 0:
        return "0 percentage points"
    decimals = max(0, 1 - math.floor(math.log10(per_cent)))
    return f"{math.ceil(per_cent * 10**decimals - 1e-9) / 10**decimals:g} percentage points"
