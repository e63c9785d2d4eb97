"""Figures and routes in people's words."""

from bluegreen.decisions.route import Route


def duration(seconds: float) -> str:
    """The two largest units that say something: `5 min`, `1 h 20 min`, `45 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole // 60, "min", whole % 60, "s")
    return _pair(whole // 3600, "h", whole % 3600 // 60, "min")


def _pair(large: int, unit: str, small: int, part: str) -> str:
    return f"{large} {unit} {small} {part}" if small else f"{large} {unit}"


def percent(share: float) -> str:
    """A fraction as people say it: `10 %`."""
    return f"{100 * share:.4g} %"


def shares(route: Route) -> dict[str, float]:
    """Each version's share of an alias, the main one first."""
    return {route.primary: round(1 - sum(route.also.values()), 6), **route.also}


def versions(route: Route) -> str:
    """`version 3`, or `version 2 (90 %) and version 3 (10 %)`."""
    if route.whole:
        return f"version {route.primary}"
    return " and ".join(f"version {version} ({percent(share)})" for version, share in shares(route).items())
