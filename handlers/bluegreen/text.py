"""Text for people."""

from typing import Any


def sentence(text: str) -> str:
    """With a stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


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


def by_type(value: Any) -> str:
    """A value of JSON without what may be secret in it."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} keys"
    return "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
