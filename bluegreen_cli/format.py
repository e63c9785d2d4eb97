"""Figures as people write them."""

from bluegreen.text import duration

__all__ = ["duration", "percent"]


def percent(share: float) -> str:
    """A fraction in percent: `10 %`."""
    return f"{100 * share:.4g} %"
