"""
Releases: start one, read one and its functions, and give it orders.

    POST   /releases                 the document; 202 with the release's id
    GET    /releases                 those that run, in pages; with all=true every one that was not refused, the newest
                                     first, and with refused=true beside it those that were
    GET    /releases/{id}            the record, each wave's verdict, people's orders and decisions, a page of functions
    DELETE /releases/{id}            abort: every function is put back
    POST   /releases/{id}/pause      no green gets a larger share; {"seconds": 3600} is the limit
    POST   /releases/{id}/resume     takes a pause back
    POST   /releases/{id}/promote    the next step, however the bake stands
    POST   /releases/{id}/approve    the wave that waits is shifted
    POST   /releases/{id}/reject     the release is rolled back
"""

import os
import uuid
from functools import partial
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from pydantic import ValidationError, create_model

from bluegreen import clock
from bluegreen.api import asked
from bluegreen.api.approvals import Awaited, Decided, Said
from bluegreen.api.deployments import Started
from bluegreen.api.orders import Given, Ordered
from bluegreen.api.refusals import Refused
from bluegreen.api.routes import NEXT, Answer, Parameter, Router
from bluegreen.aws import executions, handlers
from bluegreen.decisions import release_pace
from bluegreen.decisions.gates import APPROVED, REJECTED, Decision
from bluegreen.decisions.orders import Kind, Objection, Order, Standing, objection, standing
from bluegreen.edge import logger
from bluegreen.errors import AwsUnavailable, DeploymentError, InvalidRequest
from bluegreen.ledger import approvals, orders, releases, starts
from bluegreen.ledger.releases import OPEN, OPENING, RELEASED, Release, WaveVerdict
from bluegreen.releasing.words import of_wave
from bluegreen.request import order as request
from bluegreen.request import release as document
from bluegreen.request.explain import explain
from bluegreen.request.names import is_execution_name
from bluegreen.request.release_document import Document
from bluegreen.request.release_place import placed
from bluegreen.request.traffic import known
from bluegreen.target import Target
from bluegreen.text import plain

SWEEP_SECONDS = 300
"""RecoverDeployments looks after every release so often, by its schedule."""

SURE_SECONDS = 3
"""A look that is due in so many seconds or more reads an order that is written now: clocks differ by less."""

NOTHING_STARTED, NOTHING_ORDERED, NOTHING_CHANGED = "nothing was started", "nothing was ordered", "nothing was changed"

router = Router()


class Function(Answer):
    """A function of a release, and how it stands."""

    number: int
    wave: int
    deployment: str
    state: str
    function: str
    alias: str
    region: str
    account: str
    weight: float
    brings: str | None = None
    blue: str | None = None
    green: str | None = None
    verdict: str | None = None
    error: str | None = None
    cause: str | None = None


_SHOWN: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in Release.model_fields.items()
    if name not in ("proof", "began_as", "id")
}
ReleaseShown = create_model("Release", __base__=Answer, id=(str, ...), **_SHOWN)
ReleaseInFull = create_model(
    "ReleaseInFull",
    __base__=ReleaseShown,
    verdicts=(tuple[WaveVerdict, ...], ...),
    orders=(tuple[Given, ...], ...),
    approvals=(tuple[Awaited, ...], ...),
    members=(tuple[Function, ...], ...),
    next=(str | None, None),
)


class OrderedRelease(Ordered):
    """
    The orders that were given to the release, the oldest first, and when the last one takes effect at the latest.

    While a handler works on the functions that time is not known: the order takes effect at the look that follows.
    A promote that comes while greens get a share is carried out by that very shift.
    """

    takes_effect_at: str | None = None


class Releases(Answer):
    """
    A page of the releases that run, and of those of whose end people have not been told yet.

    With `all=true` a page of every release, the newest first: of those that were not refused, or, with `refused=true`
    beside it, of those that were.
    """

    releases: tuple[ReleaseShown, ...]
    next: str | None = None


NOT_FOUND = {HTTPStatus.NOT_FOUND: "There is no such release. Nothing was changed."}
REFUSED = NOT_FOUND | {HTTPStatus.CONFLICT: "It does not fit how the release stands; `message` says why."}
ORDERED = {HTTPStatus.ACCEPTED: OrderedRelease}
takes = partial(router.offers, "POST", needs_body=False, answers=ORDERED, refuses=REFUSED)
decides = partial(router.offers, "POST", body=Said, needs_body=False, answers={HTTPStatus.OK: Decided}, refuses=REFUSED)


@router.offers("POST", "/releases", "StartRelease", body=Document, answers={HTTPStatus.ACCEPTED: Started})
def start() -> tuple[dict[str, Any], int]:
    """
    Start a release.

    A document that is wrong by itself is refused, with every wrong field. What AWS knows is checked for every function
    before any is changed: the release may end as `Rejected`. A large document is uploaded to releases/ of the artifact
    bucket; the body is {"release": {"bucket", "key", "version_id"}} then.
    """
    body, caller = asked.body(router.current_event, NOTHING_STARTED), asked.caller(router.current_event)
    if isinstance(body, dict):
        body = body | {"started_by": caller}
    here = Target.beside(os.environ["RELEASE_MACHINE_ARN"], "", "")
    try:
        if placed(body) is None:
            alias = os.environ["DEFAULT_ALIAS"]
            read = document.Release.read(
                body, region=here.region, account=here.account, default_alias=alias, inline=True
            )
            release_pace.must_be_affordable(read, known(os.environ["DEFAULT_TRAFFIC"]))
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; {NOTHING_STARTED}") from error
    name = f"release-{uuid.uuid4().hex}"
    starts.note(name, caller, body)
    arn = executions.start(os.environ["RELEASE_MACHINE_ARN"], name, body)
    return {"id": name, "execution": arn, "console": executions.console_link(arn)}, HTTPStatus.ACCEPTED


@router.offers(
    "GET",
    "/releases",
    "ListReleases",
    query={
        "all": Parameter("true: those that have ended, too.", Literal["true", "false"]),
        "refused": Parameter("true, with all=true: the releases that were refused.", Literal["true", "false"]),
        "next": NEXT,
    },
    answers={HTTPStatus.OK: Releases},
)
def several() -> dict[str, Any]:
    """
    List the releases that run, in the order of their ids.

    With `all=true` it lists those that have ended, too, the newest first, but for those that were refused. These it
    lists with `all=true&refused=true`.
    """
    event = router.current_event
    every, refused = asked.yes(event, "all"), asked.yes(event, "refused")
    if refused and not every:
        raise BadRequestError("refused: write all=true, too: a release that was refused does not run")
    after = asked.after(event)
    found, following = releases.newest_first(after, refused=refused) if every else releases.unfinished_by_id(after)
    return {"releases": [each.to_json() for each in found]} | asked.page(following)


@router.offers(
    "GET",
    "/releases/{id}",
    "ReadRelease",
    query={"next": NEXT},
    answers={HTTPStatus.OK: ReleaseInFull},
    refuses=NOT_FOUND,
)
def show(release: str) -> dict[str, Any]:
    """Show a release, how each wave was judged, people's orders and decisions, and a page of its functions."""
    found = _found(unquote(release), NOTHING_CHANGED)
    members, following = releases.page(found.id, asked.after(router.current_event))
    shown = found.to_json() | {"verdicts": [each.model_dump(mode="json") for each in releases.verdicts(found.id)]}
    shown |= {"orders": [orders.shown(order) for order in orders.given(found.owner)]}
    shown |= {"approvals": approvals.shown(found.owner), "members": [each.to_json() for each in members]}
    return shown | asked.page(following)


@router.offers(
    "DELETE",
    "/releases/{id}",
    "AbortRelease",
    body=request.Asked,
    needs_body=False,
    answers=ORDERED,
    refuses=REFUSED,
)
def abort(release: str) -> tuple[dict[str, Any], int]:
    """
    Abort: every function is put back, users first.

    To order it again is harmless.
    """
    name = unquote(release)
    answer = _give(name, "abort", _body(request.Asked))
    try:
        handlers.undo_soon(name)
    except DeploymentError as error:  # the order stands: the next look or the next sweep carries it out
        logger.error("RecoverDeployments was not asked to abort", extra={"cause": str(error)})
    return answer


@takes("/releases/{id}/pause", "PauseRelease", body=request.Pause)
def pause(release: str) -> tuple[dict[str, Any], int]:
    """
    Pause: every green's share stays where it is.

    After `seconds` without another order the release is rolled back. Looks go on meanwhile.
    """
    body = _body(request.Pause)
    return _give(unquote(release), "pause", body, seconds=body.seconds)


@takes("/releases/{id}/resume", "ResumeRelease", body=request.Asked)
def resume(release: str) -> tuple[dict[str, Any], int]:
    """Resume: take a pause back."""
    return _give(unquote(release), "resume", _body(request.Asked))


@takes("/releases/{id}/promote", "PromoteRelease", body=request.Asked)
def promote(release: str) -> tuple[dict[str, Any], int]:
    """
    Promote: the wave's next step, however its bake stands.

    It takes a pause back, too. Before the wave's first shift it does only that, and is refused if the release is not
    paused, or if a person has yet to approve the wave. One that comes while greens get a share is carried out by
    that very shift: the bake after it takes its time.
    """
    return _give(unquote(release), "promote", _body(request.Asked), to="next")


@decides("/releases/{id}/approve", "ApproveRelease")
def approve(release: str) -> dict[str, Any]:
    """Approve the wave that waits: it is shifted. `step` is the wave's number, from 1."""
    return _decide(unquote(release), APPROVED)


@decides("/releases/{id}/reject", "RejectRelease")
def reject(release: str) -> dict[str, Any]:
    """Reject the wave that waits: the release is rolled back."""
    return _decide(unquote(release), REJECTED)


def _found(release: str, untouched: str) -> Release:
    found = releases.find(release) if is_execution_name(release) else None
    if found is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"there is no release {plain(release, 100)}, or it has only just begun",
            untouched,
            "`bluegreen list --releases` lists the releases",
        )
    return found


def _body(model: type[request.Asked]) -> Any:
    event = router.current_event
    try:
        return model.read(asked.body(event, NOTHING_ORDERED) if event.body else {})
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; {NOTHING_ORDERED}") from error


def _give(name: str, kind: Kind, body: request.Asked, **more: Any) -> tuple[dict[str, Any], int]:
    release = _found(name, NOTHING_ORDERED)
    given, number = orders.counted(release.owner)
    ordered = standing(given, clock.now())
    if kind == "abort" and ordered.aborted and release.live:
        return _accepted(release, given)
    order = Order(order=kind, by=asked.principal(router.current_event), at=clock.now(), reason=body.reason, **more)
    wrong = _over(release) or objection(order, ordered, number, 1) or _too_soon(release, order, ordered)
    if wrong:
        what = f"{kind}: the release {release.id} cannot take this order"
        raise Refused(HTTPStatus.CONFLICT, what, NOTHING_ORDERED, wrong.advice, wrong.why)
    if not orders.give(release.owner, order, number):
        raise AwsUnavailable(f"another order came at the same moment; {NOTHING_ORDERED}")
    return _accepted(release, (*given, order))


def _over(release: Release) -> Objection | None:
    if release.state in (OPENING, OPEN):
        return None
    if not release.live:
        back = f"`bluegreen rollback {release.id}` puts every function of it back"
        why = f"`bluegreen show {release.id}` says why"
        return Objection(f"it has ended as {release.state}", back if release.state == RELEASED else why)
    if release.error:
        return Objection(f"it is being rolled back already: {release.error}: {release.cause or ''}", "")
    return Objection("it is committed, and only goes forward", "Roll it back once it is complete")


def _too_soon(release: Release, order: Order, ordered: Standing) -> Objection | None:
    """Why the order would have no effect now, before the first shift of the release or of its wave."""
    if order.order == "abort":
        return None
    if release.state == OPENING:
        return Objection(
            "it still checks and locks its functions, and no green has a share of an alias",
            f"Order it again once `bluegreen status {release.id}` says that it makes and tests its greens, or abort it",
        )
    if order.order != "promote" or release.step >= 0:
        return None
    wave = of_wave(release, release.wave)
    number = release.wave + 1
    if release.waves[release.wave].approve and approvals.decided(release.owner, number) is None:
        resume = f"`bluegreen resume {release.id}` ends the pause, and " if ordered.paused else ""
        return Objection(
            f"{wave} needs a person's approval before its first shift, and a promote is no approval",
            f"{resume}`bluegreen approve {release.id} --wave {number}` approves the wave, as soon as it waits for that",
        )
    if ordered.paused:
        return None
    return Objection(
        f"no green of {wave} has a share yet, and its first shift comes without a promote",
        "Order it again after that shift",
    )


def _accepted(release: Release, given: tuple[Order, ...]) -> tuple[dict[str, Any], int]:
    at = _takes_effect_at(release, given[-1])
    answer = {"id": release.id, "orders": [orders.shown(each) for each in given]}
    return answer | ({"takes_effect_at": clock.iso(at)} if at else {}), HTTPStatus.ACCEPTED


def _takes_effect_at(release: Release, order: Order) -> float | None:
    """
    When the order takes effect at the latest: at the next look, or for an abort at the sweep if that comes first.

    None if the release does not wait for a look.

    The record is read after the order is written, so a look that has not begun by then reads the order.
    """
    now, known = clock.now(), releases.find(release.id)
    look = clock.moment(known.looks_at) if known and known.looks_at else 0.0
    found = [look] if look >= now + SURE_SECONDS else []
    return min([*found, now + SWEEP_SECONDS] if order.order == "abort" else found, default=None)


def _decide(name: str, which: str) -> dict[str, Any]:
    event = router.current_event
    try:
        said = Said.model_validate(asked.body(event, NOTHING_CHANGED) if event.body else {})
    except ValidationError as error:
        raise BadRequestError(f"{explain(error, Said)}; {NOTHING_CHANGED}") from error
    release, by = _found(name, NOTHING_CHANGED), asked.caller(event)
    waiting = _waiting(release, said.step)
    made = approvals.decided(release.owner, waiting.step)
    if made is None:
        if waiting.is_over(clock.now()):
            raise _refused(f"the time to decide about wave {waiting.step} of {name} was over at {waiting.ends_at}")
        if which == APPROVED and release.other_than_starter and release.started_by == by:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"{by} started {release.id}, and its document wants another principal to approve wave {waiting.step} "
                "(approval.other_than_starter)",
                NOTHING_CHANGED,
                "Ask another person",
            )
        decision = Decision.model_validate(
            {"step": waiting.step, "decision": which, "by": by, "at": clock.iso(clock.now()), "reason": said.reason}
        )
        made = decision if approvals.decide(release.owner, decision) else approvals.decided(release.owner, waiting.step)
    if made is None:
        raise AwsUnavailable(f"DynamoDB does not show the decision about wave {waiting.step} that stands already")
    if (made.by, made.decision) != (by, which) or release.began(waiting.step - 1):
        was = f"wave {waiting.step} of {name} was {made.decision} by {made.by} at {made.at} already"
        raise _refused(f"{was}{_begun(release, waiting.step)}", _what_waits(release))
    return {"id": release.id} | made.model_dump(mode="json")


def _waiting(release: Release, wave: int | None) -> approvals.Asked:
    """The wave that the caller names, or the one that waits now, or did last. Raises Refused."""
    subject = f"the release {release.id}" if wave is None else f"wave {wave} of the release {release.id}"
    if over := _over(release):
        raise _refused(f"there is nothing to decide about {subject}: {over.why}", over.advice)
    waiting = approvals.asked(release.owner)
    found = next((each for each in reversed(waiting) if wave in (None, each.step)), None)
    if found is None:
        raise _refused(f"{subject} does not wait for an approval{_why_not(release, wave)}", _what_waits(release))
    return found


def _begun(release: Release, wave: int) -> str:
    return ", and its shift has begun" if release.began(wave - 1) else ""


def _why_not(release: Release, wave: int | None) -> str:
    if wave is None:
        return ""
    if wave > len(release.waves):
        return f": it has {len(release.waves)} waves"
    return " yet" if release.waves[wave - 1].approve else f": it needs none{_begun(release, wave)}"


def _what_waits(release: Release) -> str:
    last = next(reversed(approvals.asked(release.owner)), None)
    if last is None or approvals.decided(release.owner, last.step) or last.is_over(clock.now()):
        return f"No wave waits for an approval now. `bluegreen status {release.id}` says what the release does"
    return f"Wave {last.step} waits: `bluegreen approve {release.id} --wave {last.step}`"


def _refused(why: str, advice: str = "") -> Refused:
    return Refused(HTTPStatus.CONFLICT, why, NOTHING_CHANGED, advice)
