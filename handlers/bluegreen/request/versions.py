"""How many published versions a deployment leaves, once it was completed."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictBool, Tag

from bluegreen.model import Frozen
from bluegreen.request.numbers import Whole

MOST_KEPT = 100

Count = Annotated[Whole, Field(ge=1, le=MOST_KEPT)]


class Kept(Frozen):
    """How many published versions stay, and of whom."""

    count: Count = Field(
        description="So many of the newest versions stay, and so many that `bluegreen rollback` can go back to."
    )
    also_others: StrictBool = Field(
        False, description="Count and delete versions that other tools published, too. Without it these stay."
    )


def _kind(value: Any) -> str:
    return "how" if isinstance(value, dict | Kept) else "number"


KeepVersions = Annotated[
    Annotated[Count, Tag("number")] | Annotated[Kept, Tag("how")],
    Discriminator(_kind),
]


def kept(asked: int | Kept | None) -> Kept | None:
    """A number alone means the deployer's own versions."""
    return Kept(count=asked) if isinstance(asked, int) else asked
