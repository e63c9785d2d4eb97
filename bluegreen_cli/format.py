"""Figures as people write them."""


def percent(share: float) -> str:
    """A fraction in percent: `10 %`."""
    return f"{100 * share:.4g} %"
