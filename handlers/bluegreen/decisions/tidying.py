"""Which published versions of a function are no longer of use."""

from collections.abc import Collection, Sequence

from bluegreen.model import Frozen
from bluegreen.request.versions import Kept

OURS = "bluegreen "
"""How the description of a version begins that PublishVersion has published; the deployment's id follows."""


class Published(Frozen):
    """A published version, its description, and the size of its code."""

    version: str
    description: str = ""
    code_bytes: int = 0

    @property
    def ours(self) -> bool:
        """The deployer has published it."""
        return self.description.startswith(OURS)


def too_old(versions: Sequence[Published], kept: Kept, in_use: Collection[str]) -> tuple[str, ...]:
    """
    The versions to delete, the oldest first.

    Of the deployer's versions (with `also_others` of all) the newest ones are kept, as many as the request says, and
    of the others those that are `in_use`.
    """
    numbers = sorted(
        (int(each.version) for each in versions if each.version.isdigit() and (each.ours or kept.also_others)),
        reverse=True,
    )
    return tuple(str(number) for number in reversed(numbers[kept.count :]) if str(number) not in in_use)
