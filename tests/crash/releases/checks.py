"""The points that hold after every run of a release, each violation as a sentence that begins with its number."""

from collections.abc import Iterator
from typing import Any

from tests.crash import states as of_one
from tests.crash.checks import Seen, ended, of_function
from tests.crash.releases import states
from tests.crash.releases.world import RELEASE, ReleaseWorld
from tests.crash.world.ledger import ANOTHER_DEPLOYMENT, SOMEONE_ELSE

NOT_OURS = {SOMEONE_ELSE, ANOTHER_DEPLOYMENT}

AS_THE_MEMBER_SAYS = {
    "deployed": of_one.DEPLOYED,
    "back": of_one.ROLLED_BACK,
    "stuck": of_one.ROLLBACK_FAILED,
    "refused": of_one.REJECTED,
    "nothing": of_one.NOTHING_TO_DEPLOY,
}
"""What the record of a function's deployment says if the release's record says this of the function."""


def violations(world: ReleaseWorld) -> Iterator[str]:
    """Of points 1 to 5, and whether it is all or nothing."""
    release, members = world.table.release(world.driver.execution), world.table.members(world.driver.execution)
    seen = [Seen.of(world, name) for name in world.NAMES]
    for each in seen:
        yield from (f"{violation} ({each.name})" for violation in of_function(world, each, NOT_OURS))
    if world.table.is_locked():
        yield "3: a lock is still held"
    yield from (f"2: {harm}" for harm in dict.fromkeys(world.users.harmed))
    for run in world.driver.runs:
        yield from ended(run, states.ENDS | of_one.CUT_SHORT)
    if not release:
        yield from _without_a_record(world, seen)
        return
    yield from _release(world, release)
    for member, each in zip(members, seen, strict=True):
        yield from _member(member, each)
    yield from _all_or_nothing(release, members, seen)
    yield from _told(world, release["state"])


def _without_a_record(world: ReleaseWorld, seen: list[Seen]) -> Iterator[str]:
    if any(each.record for each in seen):
        yield "3: a function has a record, and the release has none"
    if {run.ended for run in world.driver.runs} - {states.REFUSED, *of_one.CUT_SHORT}:
        yield f"3: it ended {world.driver.runs[-1].ended}, and there is no record"


def _release(world: ReleaseWorld, release: dict[str, Any]) -> Iterator[str]:
    state = release["state"]
    if state not in states.ENDS:
        yield f"3: the release is still {state}"
    (run,) = (run for run in world.driver.runs if run.arn == release["execution"])
    if run.ended in states.ENDS - {states.REFUSED} and run.ended != state:
        yield f"3: it ended {run.ended}, and the release's record says {state}"


def _member(member: dict[str, Any], seen: Seen) -> Iterator[str]:
    """What the release says of a function is what the function's own record says."""
    state, record = member.get("state", "new"), seen.record.state if seen.record else None
    if AS_THE_MEMBER_SAYS.get(state) != record and not (state in ("new", "refused") and record is None):
        yield f"3: the release says that {seen.name} is {state}, and its record says {record}"


def _all_or_nothing(release: dict[str, Any], members: list[dict[str, Any]], seen: list[Seen]) -> Iterator[str]:
    ends = [each.record.state if each.record else states.REJECTED for each in seen]
    green = {number for number, end in enumerate(ends) if end == of_one.DEPLOYED}
    failed = {number for number, member in enumerate(members) if member.get("error")}
    said = ", ".join(f"{each.name} {end}" for each, end in zip(seen, ends, strict=True))
    if release["state"] == states.RELEASED:
        if green | failed != set(range(len(seen))) or len(failed - green) > release.get("tolerate", 0):
            yield f"1: a mixture: the release is Released, and {said}"
    elif release.get("keep_waves"):
        baked = {number for number, member in enumerate(members) if member["wave"] < release.get("wave", 0)}
        if green - baked or (green and (baked - failed) - green):
            yield f"1: a mixture: waves before {release.get('wave', 0)} are kept, and {said}"
    elif green:
        yield f"1: a mixture: the release is {release['state']}, and {said}"
    if release["state"] == states.REJECTED and set(ends) - {states.REJECTED, of_one.NOTHING_TO_DEPLOY}:
        yield f"3: the release is Rejected, and {said}"


def _told(world: ReleaseWorld, state: str) -> Iterator[str]:
    """People are told once. They may be told again for each fault that hid that they had been."""
    subjects = world.deployer.notified()
    of_the_end = [subject for subject in subjects if subject.startswith(f"{state}: release {RELEASE} ")]
    if not 1 <= len(of_the_end) <= 1 + sum(world.script.met()):
        yield f"told: {len(of_the_end)} notifications say that it is {state}: {subjects}"
    others = [subject for subject in subjects if RELEASE not in subject or f"{RELEASE}." in subject]
    if others:
        yield f"told: of functions, and not of their release: {others}"
