"""
What the looks at a release's functions came to so far: an object in S3 for each chunk of a wave.

A look reads it, and puts its own in its place. So a look that is made again may begin from what it has kept itself: the
buckets that it has folded are not read again, and it comes to the same verdict.
"""

from collections.abc import Mapping

from pydantic import TypeAdapter

from bluegreen.aws import objects
from bluegreen.document import Look
from bluegreen.errors import AwsRefused

_LOOKS = TypeAdapter(dict[str, Look])


def read(release: str, wave: int, chunk: int) -> dict[str, Look]:
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
        return _LOOKS.validate_json(content)
    except ValueError as error:
        raise AwsRefused(f"{key} in the artifact bucket is no evidence that this stack version can read") from error


def keep(release: str, wave: int, chunk: int, looks: Mapping[str, Look]) -> None:
    """In place of what was kept of this chunk."""
    objects.write(_key(release, wave, chunk), _LOOKS.dump_json(dict(looks)))


def _key(release: str, wave: int, chunk: int) -> str:
    return f"{objects.INTERNAL}releases/{release}/evidence-{wave}-{chunk}.json.gz"
