"""
OpenRelease: read the release's document, name every wrong field, and write down what each function is to get.

Started by recovery, it goes on with a release whose execution has ended. Safe to retry: record and members are written
once.
"""

import os
import secrets
from typing import Any

from bluegreen import clock
from bluegreen.aws import artifacts, pacing
from bluegreen.decisions import release_pace
from bluegreen.decisions.orders import standing
from bluegreen.document import REJECTED
from bluegreen.edge import step
from bluegreen.errors import Aborted, AwsRefused, DeploymentOver, InvalidRequest, StillInProgress
from bluegreen.ledger import orders, releases, starts
from bluegreen.ledger.releases import COMMITTED, OPENING, Member, Release, WavePlan
from bluegreen.releasing import news
from bluegreen.releasing.document import Go, Held, OpenedRelease
from bluegreen.releasing.items import OPENED, keep
from bluegreen.releasing.recovery import is_worked_on
from bluegreen.releasing.rings import Asked
from bluegreen.request import release as document
from bluegreen.request.names import FunctionReference
from bluegreen.request.release_place import placed
from bluegreen.request.traffic import known
from bluegreen.target import Target
from bluegreen.verdict.release import false_alarm_of_one

LONGEST_ID = 60
"""Characters: the names of its functions' deployments and of its recoveries are longer, and a name has 80 at most."""

INLINE = "the execution's input"
"""How a document is called that came in there."""

ABANDONED = "ReleaseAbandoned"
"""The error of a release whose execution ended without ending it."""


@step
def handler(asked: Asked) -> OpenedRelease:
    if asked.release and asked.resumes:
        return _resumed(asked, asked.release)
    record = asked.release or releases.open_release(*_read_or_refused(asked))
    if record.began_as != asked.call.execution or record.started_at != asked.started_at:
        raise InvalidRequest(
            f"name: {record.id} was a release, begun at {record.started_at}; Step Functions forgets a name after 90 "
            "days, the record does not: start it under another name"
        )
    members = releases.members(record.id)
    keep(record.id, OPENED, members)
    places = {(each.target.account, each.target.region) for each in members}
    at_once = release_pace.opened_at_once(places, pacing.least(record.calls_per_second))
    return _answer(record, Go(next="open"), at_once=at_once)


Opening = tuple[Release, list[tuple[Member, dict[str, Any]]], dict[str, Any]]
"""The record, each function with what is asked for it alone, and what is asked for all whose request lacks it."""


def _read_or_refused(asked: Asked) -> Opening:
    """What the document comes to. Raises InvalidRequest for a wrong one; that refusal is written down, and told."""
    try:
        return _read(asked)
    except (InvalidRequest, AwsRefused) as refusal:
        now = clock.iso(clock.now())
        author = starts.author(asked.call.name, asked.call.document, "")
        refused = Release(
            id=asked.call.name,
            state=REJECTED,
            began_as=asked.call.execution,
            execution=asked.call.execution,
            started_at=asked.started_at,
            started_by=author.said,
            started_by_proved=author.proved,
            document=INLINE,
            error=type(refusal).__name__,
            cause=str(refusal),
            ended_at=now,
        )
        if releases.keep_refused(refused):
            news.tell(refused.id)
        raise


def _resumed(asked: Asked, dead: Release) -> OpenedRelease:
    """Forward if it is committed, and else back."""
    if dead.execution != asked.call.execution:
        if is_worked_on(dead):
            raise StillInProgress(f"Step Functions shows {dead.execution} running, which works on {dead.id}")
        taken = releases.take_over(dead, asked.call.execution)
        if taken is None:
            raise DeploymentOver(f"The release {dead.id} is over, or another execution goes on with it.")
        dead = taken
    if dead.state == COMMITTED:
        return _answer(dead, Go(next="complete", wave=dead.wave, step=dead.step))
    order = standing(orders.given(dead.owner), clock.now()).aborted
    failure = {
        "Error": Aborted.__name__ if order else dead.error or ABANDONED,
        "Cause": order.why_aborted if order else dead.cause or f"An execution of {dead.id} ended without ending it.",
    }
    return _answer(dead, Go(next="roll_back", wave=dead.wave, step=dead.step), failure)


def _answer(
    release: Release, go: Go, failure: dict[str, str] | None = None, at_once: int = release_pace.MOST_OPENED_AT_ONCE
) -> OpenedRelease:
    held = Held(
        id=release.id,
        proof=release.proof,
        execution=release.began_as,
        calls_per_second=release.calls_per_second,
    )
    noted = {"functions": release.functions, "waves": len(release.waves), "next": go.next}
    return OpenedRelease(
        release=held,
        bucket=os.environ["ARTIFACT_BUCKET"],
        at_once=at_once,
        go=go,
        failure=failure,
        evidence=noted,
    )


def _read(asked: Asked) -> Opening:
    call = asked.call
    if len(call.name) > LONGEST_ID:
        raise InvalidRequest(f"name: {call.name} has {len(call.name)} characters; write {LONGEST_ID} at most")
    here = Target.beside(call.execution, "", "")
    said, place = _document(call.document)
    alias = os.environ["DEFAULT_ALIAS"]
    read = document.Release.read(
        said, region=here.region, account=here.account, default_alias=alias, inline=place == INLINE
    )
    traffic = known(os.environ["DEFAULT_TRAFFIC"])
    author = starts.author(call.name, call.document, read.started_by or "")
    schedule = read.schedule(traffic)
    release_pace.must_be_affordable(read, traffic)
    release = Release(
        id=call.name,
        state=OPENING,
        began_as=call.execution,
        execution=call.execution,
        started_at=asked.started_at,
        started_by=author.said,
        started_by_proved=author.proved,
        proof=secrets.token_urlsafe(32),
        document=place,
        functions=len(read.members),
        waves=tuple(
            WavePlan(
                functions=len(wave.numbers), approve=wave.approve, before=wave.hooks.before, after=wave.hooks.after
            )
            for wave in read.waves
        ),
        schedule=schedule,
        tolerate=read.tolerate,
        rollback=read.rollback,
        keep_waves=read.keep_waves,
        calls_per_second=read.calls_per_second,
        false_alarm=read.false_alarm,
        pace_seconds=release_pace.pace_of(read, traffic),
        approval_seconds=read.approval.timeout_seconds,
        other_than_starter=read.approval.other_than_starter,
        override_freeze=read.override_freeze,
    )
    _starter_must_be_known(release)
    called = {_name_in(said) for each in read.members for said in each.depends_on}
    of_all = next((each.request for each in read.members if not each.own_tests), None)
    tests = of_all.as_json(exclude_unset=True, include={"smoke_tests"}) if of_all else {}
    return release, [_member(release, read, each, here, called) for each in read.members], tests


def _name_in(reference: str) -> str:
    """The function's name in an entry of depends_on, which is a name, name:alias or an ARN."""
    read = FunctionReference.read(reference)
    return read.name if read else reference


def _document(given: Any) -> tuple[Any, str]:
    """The document, and where it was."""
    stored = placed(given)
    if stored is None:
        return given, INLINE
    return artifacts.release_document(stored), str(stored)


def _member(
    release: Release, read: document.Release, asked: document.Member, here: Target, called: set[str]
) -> tuple[Member, dict[str, Any]]:
    request = asked.request
    alias = request.alias or os.environ["DEFAULT_ALIAS"]
    if at := read.targets.get(asked.target):
        target = at.target(asked.target, request.function, alias)
    else:
        target = here.model_copy(update={"function": request.function, "alias": alias})
    member = Member(
        number=asked.number,
        wave=asked.wave,
        deployment=f"{release.id}.{asked.number}",
        target=target,
        called=target.function in called,
    )
    doubt = false_alarm_of_one(release.functions, release.false_alarm)
    alone = {"false_alarm": doubt, "when_suspected": "promote"}  # LookAtWave suspects the release, not the function
    health = request.health.model_copy(update=alone)
    whole = request.model_copy(
        update={"traffic": read.traffic, "health": health, "override_freeze": release.override_freeze}
    )
    return member, whole.as_json(exclude_unset=True, exclude=None if asked.own_tests else {"smoke_tests"})


def _starter_must_be_known(release: Release) -> None:
    """Raises InvalidRequest where another person than the starter must approve, and only a claim says who that is."""
    proved = release.started_by_proved and release.started_by.startswith(starts.BY_API)
    if release.other_than_starter and not proved and any(wave.approve for wave in release.waves):
        raise InvalidRequest(
            f"approval.other_than_starter: this release does not prove who started it ({release.started_by}), and the "
            "starter's own approval could not be refused; nothing was changed; start it with `bluegreen release`"
        )
