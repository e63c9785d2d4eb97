"""How things stand before an upload, as far as the caller may see it: what `plan` and `release --plan` check."""

from contextlib import suppress
from typing import Protocol

from bluegreen import document
from bluegreen.aws import artifacts
from bluegreen.aws.client import in_our_words
from bluegreen.errors import AccessDenied
from bluegreen.ledger import uploads
from bluegreen.opening.situation import Situation, once
from bluegreen.request.artifact import Stored, Zip
from bluegreen.request.package import Contents
from bluegreen.request.request import Request
from bluegreen.target import Target
from bluegreen_cli.aws import client
from bluegreen_cli.stack import Stack


class Code(Protocol):
    """A zip that is not uploaded yet."""

    @property
    def size_bytes(self) -> int:
        """Of the zip."""

    @property
    def contents(self) -> Contents:
        """The names of its files."""


class Before(Situation):
    """The situation before an upload, as far as the caller may see it."""

    def __init__(self, request: Request, target: Target, stack: Stack, package: Code | None) -> None:
        super().__init__(request, target)
        self.home = stack.home
        self._package = package
        self._default_traffic = stack.default_traffic

    @property
    def default_traffic(self) -> str:
        """The stack's parameter."""
        return self._default_traffic

    def see_payload(self, place: Stored) -> None:
        """One that the caller may not read counts as correct."""
        with suppress(AccessDenied):
            super().see_payload(place)

    def try_pattern(self, group: str, pattern: str) -> None:
        """
        In a log group that the caller may not search any pattern counts as correct.

        The stack may search only one with the tag, whatever the caller may: raises AccessDenied for one without.
        """
        with suppress(AccessDenied):
            super().try_pattern(group, pattern)
        tags = self.glances.at(f"the tags of the log group {group}", lambda: _tags(self.target, group))
        if tags is not None and tags.get(document.OPT_IN_TAG) != document.OPTED_IN:
            raise AccessDenied(f"it has no tag {document.OPT_IN_TAG} = {document.OPTED_IN}")

    @once
    def inspected(self) -> artifacts.Inspected | None:
        """The command has read a local package already. An object that the caller may not read counts as correct."""
        asked = self.request.artifact
        if isinstance(asked, Zip) and self._package:
            found = asked.model_copy(update={"size_bytes": self._package.size_bytes})
            return artifacts.Inspected(found, self._package.contents)
        try:
            return super().inspected
        except AccessDenied:
            return None

    @once
    def newest(self) -> uploads.Newest | None:
        """A local package is newer than all of them once `deploy` uploads it."""
        return None if self._package else uploads.newest(self.target)


def _tags(target: Target, log_group: str) -> dict[str, str]:
    with in_our_words():
        found: dict[str, str] = client("logs").list_tags_for_resource(resourceArn=target.beside_logs(log_group))["tags"]
    return found
