"""Figures as people write them."""


def duration(seconds: float) -> str:
    """The two largest units that are not zero: `5 min`, `1 h 20 min`, `45 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole // 60, "min", whole % 60, "s")
    return _pair(whole // 3600, "h", whole % 3600 // 60, "min")


def _pair(large: int, unit: str, small: int, part: str) -> str:
    return f"{large} {unit} {small} {part}" if small else f"{large} {unit}"


def percent(share: float) -> str:
    """A fraction in percent: `10 %`."""
    return f"{100 * share:.4g} %"
