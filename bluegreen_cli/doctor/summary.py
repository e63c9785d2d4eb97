"""An examination in one sentence."""

from collections.abc import Sequence

from bluegreen.ledger.checkup import Checkup
from bluegreen.text import duration

DAY = 86_400


def counted(held: Sequence[str], differs: Sequence[str], unseen: Sequence[str]) -> str:
    """How many assumptions held, differ or could not be seen, with the names of the latter two."""
    parts = [f"{len(held)} held"]
    parts += [f"{len(differs)} differ{'s' if len(differs) == 1 else ''} ({', '.join(differs)})"] if differs else []
    parts += [f"{len(unseen)} could not be seen ({', '.join(unseen)})"] if unseen else []
    return ", ".join(parts)


def remembered(checkup: Checkup, age_seconds: float) -> str:
    """The line of `bluegreen status`."""
    age = max(0.0, age_seconds)
    days = int(age // DAY)
    ago = f"{days} day{'s' if days > 1 else ''}" if days else duration(age)
    return f"The doctor looked {ago} ago: {counted(checkup.held, checkup.differs, checkup.unseen)}."
