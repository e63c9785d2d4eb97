"""
A release: several deployments that succeed or are put back together.

Release.read takes the document that people write. Nothing of AWS is read for it, so OpenRelease, the API and the
command line refuse the same documents in the same words, with everything that is wrong in one text.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic_core import ErrorDetails

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request import written
from bluegreen.request.gates import Approval
from bluegreen.request.release_document import (
    BESIDE_FUNCTIONS,
    MOST_FUNCTIONS,
    Document,
    Entry,
    OfAll,
    TargetAt,
)
from bluegreen.request.release_entries import (
    Complaints,
    Entries,
    Here,
    Inherited,
    Names,
    place,
    sorted_out,
    tell_duplicates,
    tell_periods,
    without_wrong_fields,
)
from bluegreen.request.release_waves import Wave, calls_of, takes_of, waves_of, waves_that_are_right
from bluegreen.request.request import Request, misfit, taken_apart, unfit
from bluegreen.request.traffic import Schedule, Steps, schedule, together
from bluegreen.text import by_type

LARGEST_RELEASE = 20 * 2**20
"""Bytes of a document in S3."""
LARGEST_INLINE = 200 * 1024
"""Bytes of a document that is an execution's input or the body of a POST: Step Functions takes an input of 256 KB."""

LONGEST_RELEASE_SECONDS = 7 * 24 * 3600
"""The timeout of the state machine."""

CALLS_TO_OPEN = 10
"""Calls of Lambda's control plane by which a function is checked and planned, before new code is deployed to it."""

CALLS_PER_MEMBER = CALLS_TO_OPEN + 3
"""Of a function that gets new code, beside a call for each shift: UpdateFunctionCode, PublishVersion, GetAlias."""


class Member(Frozen):
    """
    A function of a release. `number` is its place in the document, from 1; `wave` that of its wave, from 0.

    `request` is what a deployment of it alone would ask for. It has no traffic, approval and hooks, which are the
    release's; override_freeze and started_by are the release's, too. `target` is the name of a target, "" for the
    stack's own account and region. `depends_on` is as people wrote it. Unless it has `own_tests`, its smoke tests are
    those of the defaults.
    """

    number: int
    request: Request
    own_tests: bool
    target: str
    depends_on: tuple[str, ...]
    wave: int


class Release(Frozen):
    """What a release's document comes to. `approval` says how long each wave with `approve` waits, and for whom."""

    members: tuple[Member, ...]
    waves: tuple[Wave, ...]
    traffic: str | Steps | None
    targets: dict[str, TargetAt]
    tolerate: int
    rollback: Literal["all", "target"]
    keep_waves: bool
    calls_per_second: int
    false_alarm: float
    approval: Approval
    override_freeze: str | None
    started_by: str | None

    @classmethod
    def read(
        cls,
        document: Any,
        *,
        region: str = "",
        account: str = "",
        default_alias: str = "",
        inline: bool = False,
    ) -> "Release":
        """
        Raises InvalidRequest, which names every wrong field of every entry as far as there is room for it.

        Region and account are the stack's, and default_alias is its DefaultAlias; "" is what is not known yet. A
        document that is `inline` comes from no object in S3, and may have 200 KB.
        """
        wrong = Complaints()
        release = _read(document, Here(region, account, default_alias), inline, wrong)
        if release is None:
            raise InvalidRequest(str(wrong))
        return release

    @property
    def period_seconds(self) -> int:
        """Of the metrics of all functions."""
        return self.members[0].request.health.period_seconds

    def schedule(self, default_traffic: str) -> Schedule:
        """
        The shifts and bakes of every wave. `default_traffic` is the stack's strategy, for a release without `traffic`.

        Bakes are so long that the function with the slowest metrics is measured before its green gets everything. A
        bake may be extended to the longest max_bake_seconds of any function. Raises InvalidRequest if a strategy does
        not go with the release.
        """
        traffic = self.traffic or default_traffic
        if isinstance(traffic, str):
            try:
                together(traffic)
            except ValueError as error:
                raise InvalidRequest(f"traffic: {error}") from error
        plan = self._schedule(traffic)
        wrong = Complaints()
        for where, said in _misfits(self, plan):
            wrong.add(where, said)
        if wrong.count:
            raise InvalidRequest(str(wrong))
        return plan

    def longest_in_all(self, plan: Schedule) -> int:
        """Seconds that bakes, approvals and the calls of Lambda at their pace may take over all waves together."""
        approvals = sum(wave.approve for wave in self.waves) * self.approval.timeout_seconds
        calls = len(self.members) * (CALLS_PER_MEMBER + len(plan.steps))
        return len(self.waves) * plan.longest_in_all + approvals + math.ceil(calls / self.calls_per_second)

    def _schedule(self, traffic: str | Steps) -> Schedule:
        watched = [member.request.health for member in self.members]
        longest = max((health.max_bake_seconds or 0 for health in watched), default=0)
        return schedule(traffic, longest or None, max(health.sight_seconds for health in watched))


def parsed(text: str | bytes) -> Any:
    """The document that the JSON says. Raises InvalidRequest for what is no JSON, too large, or has a key twice."""
    if len(text) > LARGEST_RELEASE:
        raise InvalidRequest(f"release: it has {len(text)} bytes; write {LARGEST_RELEASE} at most; {_IN_PARTS}")
    try:
        return written.read(text)
    except ValueError as error:
        raise InvalidRequest(f"release: it is not JSON: {error}") from error


_IN_PARTS = "write in `defaults` what many entries share, or make several releases"
_IN_S3 = "upload it to releases/<name>.json in the artifact bucket, where it may have 20 MB"


def complaints(
    document: Any, *, region: str = "", account: str = "", default_alias: str = "", inline: bool = False
) -> list[str]:
    """Why Release.read would refuse the document, one complaint a text, a thousand at most; [] if it would not."""
    wrong = Complaints()
    _read(document, Here(region, account, default_alias), inline, wrong)
    return wrong.told


def _read(document: Any, here: Here, inline: bool, wrong: Complaints) -> Release | None:
    """None if anything is wrong with it. That is told."""
    largest, advice = (LARGEST_INLINE, _IN_S3) if inline else (LARGEST_RELEASE, _IN_PARTS)
    if said := unfit(document, largest, advice):
        wrong.add("release", said)
        return None
    whole, _ = taken_apart(document)
    if not isinstance(whole, dict):
        wrong.add("release", f"{by_type(whole)} is not a JSON object")
        return None
    raw = _functions(whole, wrong)
    if raw is None:
        return None
    rest, misplaced = sorted_out(whole, BESIDE_FUNCTIONS)
    for name, said in misplaced:
        wrong.add(name, said)
    of_all, wrong_fields = _of_all(rest, wrong)
    targets = whole["targets"] if isinstance(whole.get("targets"), dict) else {}
    inherited = Inherited.read(whole.get("defaults", {}), wrong)
    entries = Entries(raw, inherited, of_all.targets, targets, here, wrong)
    tell_duplicates(entries, wrong)
    tell_periods(entries, wrong)
    if of_all.tolerate >= len(raw):
        wrong.add(
            "tolerate", f"all {len(raw)} functions could fail, and none be put back; write {len(raw) - 1} at most"
        )
    names = Names(entries.named.values(), wrong)
    calls = calls_of(entries, names, wrong)
    asked = waves_that_are_right(whole["waves"]) if "waves" in wrong_fields else of_all.waves
    takes = takes_of(asked, entries, names, wrong)
    waves = None
    if calls is not None and takes is not None and "waves" not in wrong_fields and len(entries.named) == len(raw):
        waves = waves_of(of_all.waves, takes, calls, entries, wrong)
    if waves is not None and (said := _unasked(of_all.approval, waves)):
        wrong.add("approval", said)
    if wrong.count or waves is None:
        return None
    release = _release(of_all, entries, waves)
    if release.traffic:
        for where, said in _misfits(release, release._schedule(release.traffic)):
            wrong.add(where, said)
    return None if wrong.count else release


def _unasked(approval: Approval, waves: Sequence[Wave]) -> str:
    """What is wrong with settings of approvals that nothing asks for."""
    if approval == Approval() or approval.required or any(wave.approve for wave in waves):
        return ""
    return 'no wave asks for an approval; add "approve": true to a wave of `waves`, or "required": true to approval'


def _misfits(release: Release, plan: Schedule) -> Iterator[tuple[str, str]]:
    """
    The fields and what is wrong: with the health of a function under that schedule, or with the time that all may take.

    What many functions have in common is told of the one that asks for the longest bakes.
    """
    told: set[tuple[str, str]] = set()
    longest_first = sorted(release.members, key=lambda member: -(member.request.health.max_bake_seconds or 0))
    for member in longest_first:
        found = misfit(plan, member.request.health)
        if found and found not in told:
            told.add(found)
            yield place(member.number - 1, member.request.function, found[0]), found[1]
    most, total = LONGEST_RELEASE_SECONDS, release.longest_in_all(plan)
    if total > most and not told:
        asked, each = sum(wave.approve for wave in release.waves), release.approval.timeout_seconds
        yield (
            "waves",
            f"{len(release.waves)} waves with bakes of {plan.longest_in_all} seconds, {asked} approvals of {each} and "
            f"{len(release.members)} functions at {release.calls_per_second} calls a second may take {total} seconds "
            f"together, and {most} (7 days) is the most; write larger waves, shorter bakes or a shorter "
            "approval.timeout_seconds",
        )


def _functions(whole: dict[str, Any], wrong: Complaints) -> list[Any] | None:
    """The entries as they are written; None if there are none, or too many to read."""
    if "functions" not in whole:
        wrong.add("functions", "is required")
        return None
    raw = whole["functions"]
    if not isinstance(raw, list | tuple):
        wrong.add("functions", "it is not a list")
        return None
    if not raw:
        wrong.add("functions", "the list is empty; write an entry for each function")
        return None
    if len(raw) > MOST_FUNCTIONS:
        wrong.add("functions", f"there are {len(raw)}, and {MOST_FUNCTIONS} is the most; make several releases")
        return None
    return [*raw]


def _of_all(rest: dict[str, Any], wrong: Complaints) -> tuple[OfAll, set[Any]]:
    given = {name: value for name, value in rest.items() if name not in ("functions", "defaults")}

    def tell(details: list[ErrorDetails]) -> None:
        wrong.add_all(details, Document, str)

    return without_wrong_fields(OfAll, given, tell)


def _release(of_all: OfAll, entries: Entries, waves: tuple[Wave, ...]) -> Release:
    if of_all.approval.required:
        waves = (waves[0].model_copy(update={"approve": True}), *waves[1:])
    comes = {number: position for position, wave in enumerate(waves) for number in wave.numbers}
    common = {
        name: getattr(of_all, name) for name in ("override_freeze", "started_by") if getattr(of_all, name) is not None
    }
    return Release(
        members=tuple(
            Member(
                number=number + 1,
                request=_request(entry, common),
                own_tests=number in entries.with_own_tests,
                target=entry.target or "",
                depends_on=entry.depends_on,
                wave=comes[number + 1],
            )
            for number, entry in sorted(entries.found.items())
        ),
        waves=waves,
        **{name: getattr(of_all, name) for name in OfAll.model_fields if name != "waves"},
    )


def _request(entry: Entry, common: dict[str, Any]) -> Request:
    """What was not given stays unset, as in a request of its own."""
    given = entry.model_fields_set & Request.model_fields.keys()
    return Request.model_validate(
        {name: getattr(entry, name) for name in Request.model_fields if name in given} | common
    )
