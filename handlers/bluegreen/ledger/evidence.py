"""
What the looks at a release's functions came to so far: an object in S3 for each chunk of a wave.

A look reads it, and puts its own in its place at the end. A look that is made again reads the same minutes, unless the
first one has kept what it came to: then no function is due.
"""

from collections.abc import Mapping

from pydantic import TypeAdapter

from bluegreen.aws import objects
from bluegreen.document import Look
from bluegreen.errors import AwsRefused
from bluegreen.model import Frozen


class Kept(Frozen):
    """The last look at a function, which came after so many `shifts` of its alias."""

    shifts: int
    look: Look


_KEPT = TypeAdapter(dict[str, Kept])


def read(release: str, wave: int, chunk: int) -> dict[str, Kept]:
    """
    The last look at each function of the chunk, {} before the first.

    Raises AwsRefused for what this stack version cannot read. To begin anew instead would forget the looks that could
    not measure, and which alarms are pardoned.
    """
    key = _key(release, wave, chunk)
    content = objects.read(key)
    if content is None:
        return {}
    try:
        return _KEPT.validate_json(content)
    except ValueError as error:
        raise AwsRefused(f"{key} in the artifact bucket is no evidence that this stack version can read") from error


def keep(release: str, wave: int, chunk: int, looks: Mapping[str, Kept]) -> None:
    """In place of what was kept of this chunk."""
    objects.write(_key(release, wave, chunk), _KEPT.dump_json(dict(looks)))


def _key(release: str, wave: int, chunk: int) -> str:
    return f"{objects.INTERNAL}releases/{release}/evidence-{wave}-{chunk}.json.gz"
