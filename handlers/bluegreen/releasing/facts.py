"""
What RollBackRelease needs while the table does not answer: an object in S3 for each wave, from before its first shift.

While the table answers, these objects are not read.
"""

import json
from collections.abc import Iterator, Sequence

from bluegreen.aws import objects
from bluegreen.decisions.route import Route, route
from bluegreen.ledger.releases import Member, Release
from bluegreen.model import Frozen
from bluegreen.target import Target


class Facts(Frozen):
    """
    A function whose alias is about to be shifted, and the routes that its alias may have from then on.

    If it `stays`, it keeps green once its wave has baked.
    """

    target: Target
    blue: str
    routes: tuple[Route, ...]
    stays: bool = False


def keep(release: Release, wave: int, members: Sequence[Member]) -> None:
    """Write the facts of a wave."""
    facts = [_facts(release, each).as_json() for each in members]
    objects.write(_key(release.id, wave), json.dumps(facts).encode())


def of_release(release: str, up_to_wave: int) -> Iterator[Facts]:
    """The facts of every wave whose shift may have begun, the newest first, without earlier waves that stay."""
    for wave in range(up_to_wave, -1, -1):
        for each in json.loads(objects.read(_key(release, wave)) or b"[]"):
            known = Facts.model_validate(each)
            if wave == up_to_wave or not known.stays:
                yield known


def _facts(release: Release, member: Member) -> Facts:
    routes = tuple(route(member.blue, member.green, step.weight) for step in release.schedule.steps)
    return Facts(target=member.target, blue=member.blue, routes=routes, stays=release.keep_waves)


def _key(release: str, wave: int) -> str:
    return f"{objects.INTERNAL}releases/{release}/wave-{wave}.json"
