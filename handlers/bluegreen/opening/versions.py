"""Which published versions of a function are still of use, for the plan and for DeleteVersions."""

from bluegreen.aws import versions
from bluegreen.decisions.tidying import OURS, Published, too_old
from bluegreen.ledger import serving
from bluegreen.model import Frozen
from bluegreen.request.versions import Kept
from bluegreen.target import Target

NEWER_THAN_ALL = "9" * 18


class Inventory(Frozen):
    """The versions, the aliases' names, and the versions that must stay whatever their number."""

    versions: tuple[Published, ...]
    aliases: tuple[str, ...]
    in_use: frozenset[str]

    def too_old(self, kept: Kept, *, one_more: bool = False) -> tuple[str, ...]:
        """The versions to delete, the oldest first; with `one_more` as they will be once another one is published."""
        coming = [Published(version=NEWER_THAN_ALL, description=OURS)] if one_more else []
        return too_old([*self.versions, *coming], kept, self.in_use)


def inventory(target: Target, kept: Kept, blue: str, green: str | None) -> Inventory:
    """
    As Lambda and the ledger have it. Before green is known, it counts as one step from blue.

    In use are blue, green, what an alias names, also by a weight alone, and what `bluegreen rollback` can go
    back to from there. Each alias has a chain of its own.
    """
    found, named = versions.published(target), versions.named(target)
    in_use = {blue, *([green, *serving.before(target, green, kept.count)] if green else [])}
    for alias, its_versions in named.items():
        of_alias = target.model_copy(update={"alias": alias})
        steps = kept.count - 1 if green is None and alias == target.alias else kept.count
        in_use |= {*its_versions, *(each for one in its_versions for each in serving.before(of_alias, one, steps))}
    return Inventory(versions=tuple(found), aliases=tuple(named), in_use=frozenset(in_use))
