"""What a plan says of the function's published versions: how many there are, their code, and which would be deleted."""

from dataclasses import dataclass
from typing import Any

from bluegreen.aws.accounts import Account
from bluegreen.document import Brings
from bluegreen.opening.situation import Situation
from bluegreen.opening.versions import Inventory, inventory
from bluegreen.request.artifact import Existing
from bluegreen.request.versions import Kept, kept

UNSEEN = "versions: not seen, since you may not list them"


@dataclass(frozen=True)
class Stored:
    """
    The published versions as they are before the deployment, and Lambda's code storage, None if it is not seen.

    `one_more`: the deployment publishes another one.
    """

    found: Inventory
    account: Account | None
    kept: Kept | None
    one_more: bool

    @property
    def too_old(self) -> tuple[str, ...]:
        """What would be deleted after a success."""
        return self.found.too_old(self.kept, one_more=self.one_more) if self.kept else ()

    @property
    def code_bytes(self) -> int:
        """Of all published versions."""
        return sum(each.code_bytes for each in self.found.versions)

    def said(self) -> str:
        """A line."""
        number = len(self.found.versions)
        line = f"versions: {number} published, {_size(self.code_bytes)} of code"
        if self.account:
            used, most = _size(self.account.code_bytes), _size(self.account.most_code_bytes)
            line += f"; Lambda stores {used} of at most {most} in this account and region"
        if self.kept is None:
            return f"{line}; none is deleted (no keep_versions)"
        return f"{line}; keep_versions deletes {', '.join(self.too_old) or 'none'} after a success"

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout."""
        return {
            "published": len(self.found.versions),
            "code_bytes": self.code_bytes,
            "stored_bytes": self.account.code_bytes if self.account else None,
            "most_stored_bytes": self.account.most_code_bytes if self.account else None,
            "would_be_deleted": list(self.too_old),
        }


def read(situation: Situation, brought: Brings, blue: str) -> Stored | None:
    """None if the caller may not list versions or aliases."""
    asked, artifact = kept(situation.request.keep_versions), situation.request.artifact
    green = artifact.version if isinstance(artifact, Existing) else None
    found = situation.glances.at(
        "its versions", lambda: inventory(situation.target, asked or Kept(count=1), blue, green)
    )
    return Stored(found, situation.account, asked, brought in ("new_code", "latest")) if found else None


def _size(number: int) -> str:
    """Bytes in the unit in which people read them."""
    size, unit = float(number), "bytes"
    for larger in ("KB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:,.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:,.1f} {unit}"
