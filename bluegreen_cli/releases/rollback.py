"""Rolling back a release that has ended: a new release gives each function the version that served before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bluegreen.ledger import locks, serving, tests
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.releases import Member, Release
from bluegreen.request.waves import MOST_AT_ONCE
from bluegreen.text import plain
from bluegreen_cli.problems import NOTHING_STARTED, Refused, explained
from bluegreen_cli.releases.document import Read, Written
from bluegreen_cli.releases.together import each_of
from bluegreen_cli.releases.told import Told, named
from bluegreen_cli.stack import Stack

NOTHING_LEFT = "There is nothing to roll back."


@dataclass(frozen=True)
class Back:
    """
    A function of the release: what serves it since which deployment, as the ledger knows it.

    `untested`: no smoke test was written for the version that it goes back to. A deployment that runs has the `lock`.
    """

    member: Member
    serving: str
    deployment: str
    untested: bool
    lock: Lock | None

    @property
    def is_back(self) -> bool:
        """Something after the release gave it the version before, as an earlier rollback does."""
        return self.deployment != self.member.deployment and self.serving == self.member.blue

    @property
    def since(self) -> str:
        """What was deployed after the release; "" if nothing was."""
        if self.deployment == self.member.deployment:
            return ""
        return f"{self.member.target.said}: {self.deployment} has deployed version {self.serving} since"


def document(known: Told, stack: Stack, override_freeze: str | None, no_smoke_tests: bool) -> Read:
    """
    The document of the release that goes back.

    Functions that serve again what served before the release are left as they are. Raises Refused if no other is left,
    naming each function that was deployed to since, and each deployment and release that holds functions now.
    """
    deployed = [each for each in known.members if each.state == "deployed" and each.green and each.green != each.blue]
    if not deployed:
        raise Refused(
            f"{known.record.id} ended as {known.record.state}, and none of its functions serves a version that it gave",
            NOTHING_STARTED,
            f"`bluegreen show {known.record.id}` has every function.",
        )
    found = [each for each in _seen(deployed) if not each.is_back]
    if not found:
        raise Refused(
            f"every function of {known.record.id} serves again what served before it", NOTHING_STARTED, NOTHING_LEFT
        )
    if since := [each.since for each in found if each.since]:
        raise Refused(
            f"{len(since)} of {len(found)} functions of {known.record.id} were deployed to since",
            NOTHING_STARTED,
            _by_themselves([each for each in found if each.since]),
            since,
        )
    if held := [(each.member, each.lock) for each in found if each.lock]:
        raise _held(known.record.id, held, len(found))
    written = Written(f"the rollback of {known.record.id}", _written(known.record, found, no_smoke_tests), {})
    return written.within(stack, override_freeze)


def _by_themselves(since: Sequence[Back]) -> str:
    """`bluegreen rollback` of one function knows those beside the stack only."""
    alone = "as with `bluegreen rollback FUNCTION`"
    if any(each.member.target.elsewhere for each in since):
        alone = f"beside the stack {alone}, elsewhere with the later release, as with `bluegreen rollback RELEASE`"
    return f"Roll these back by themselves, {alone}, or write a release of the others."


def _seen(deployed: Sequence[Member]) -> list[Back]:
    found: dict[int, Back] = {}

    def look(member: Member) -> None:
        served = serving.now(member.target)
        found[member.number] = Back(
            member,
            served.version if served else "",
            served.deployment if served else "something else",
            tests.written_for(member.target, member.blue) is None,
            locks.held(member.target),
        )

    with explained("reading the deployments table", NOTHING_STARTED):
        for _ in each_of(deployed, look):
            pass
    return [found[each.number] for each in deployed]


def _held(release: str, held: Sequence[tuple[Member, Lock]], of: int) -> Refused:
    """Each holder once, with the functions that it holds."""
    by_holder: dict[tuple[str, str], list[Member]] = {}
    for member, lock in held:
        if lock.release:
            holder = f"the release {lock.release}", f"`bluegreen abort {lock.release}`"
        else:
            abort = f"`bluegreen abort {lock.target.function} --alias {lock.target.alias}`"
            holder = f"the deployment {lock.deployment}", abort
        by_holder.setdefault(holder, []).append(member)
    return Refused(
        f"{len(held)} of {of} functions of {release} are being deployed to",
        NOTHING_STARTED,
        f"Roll {release} back again once that has ended.",
        [f"{who} holds {named(members)}; {abort} undoes it" for (who, abort), members in by_holder.items()],
    )


def _written(record: Release, found: Sequence[Back], no_smoke_tests: bool) -> dict[str, Any]:
    """All at once, as a single rollback is."""
    elsewhere = {each.member.target.place: each.member.target for each in found if each.member.target.elsewhere}
    return {
        "functions": [_entry(each, no_smoke_tests) for each in found],
        "targets": {
            place: {"region": target.region, "role": target.role, "bucket": target.bucket}
            for place, target in elsewhere.items()
        },
        "traffic": "AllAtOnce",
        "waves": [{"most": MOST_AT_ONCE}],
        "calls_per_second": int(record.calls_per_second),
    }


def _entry(back: Back, no_smoke_tests: bool) -> dict[str, Any]:
    target = back.member.target
    entry = {"function": target.function, "alias": target.alias, "artifact": {"version": plain(back.member.blue)}}
    entry |= {"target": target.place} if target.elsewhere else {}
    return entry | ({"smoke_tests": "off"} if no_smoke_tests or back.untested else {})
