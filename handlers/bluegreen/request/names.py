"""Names as Lambda takes them."""

from typing import Annotated

from pydantic import StringConstraints

from bluegreen.text import is_sign, plain

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AliasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", max_length=128)]
VersionNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]


def printable(name: str) -> str:
    """A name that is sent to AWS as it is. ValueError for one with a character that cannot be printed."""
    if not all(map(is_sign, name)):
        raise ValueError(f"{plain(name, 100)!r} has a character that cannot be printed; correct the name")
    return name
