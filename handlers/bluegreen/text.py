"""Text for people."""

from typing import Any


def sentence(text: str) -> str:
    """With a stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def by_type(value: Any) -> str:
    """A value of JSON without what may be secret in it."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} keys"
    return "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
