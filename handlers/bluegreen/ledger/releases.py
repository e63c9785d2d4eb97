"""
Releases: the record of each, and its members, which are the functions that it deploys to.

    pk             sk                        what
    release#<id>   record                    what the release wants, how far it is, its end
    release#<id>   member#<wave>#<number>    a function: its deployment, versions, shifts, how it stands
    release#<id>   request#<number>          what is asked for that function
    release#<id>   request#of-all            what is asked for all functions whose own request does not say it
    release#<id>   verdict#<wave>            what the looks at a wave came to

A record is `opening`, then `open`. One conditional write makes it `committed` or `undoing`. A handler that finds it
committed goes forward, and one that finds it undoing goes back. At last its state is the name of an end.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.shift import Shifted
from bluegreen.document import REJECTED, UNMOVED, Brings
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger.owner import Owner, of_release
from bluegreen.ledger.record import RECORD, Cause, readable
from bluegreen.model import Frozen, Text
from bluegreen.request.gates import Hook
from bluegreen.request.traffic import Schedule
from bluegreen.target import Target

RELEASE = "release"
OPENING, OPEN, COMMITTED, UNDOING = "opening", "open", "committed", "undoing"
RELEASED = "Released"
ALL = "releases"
"""What is kept of all releases together has this in its key."""
LIVE = (OPENING, OPEN, COMMITTED, UNDOING)
OF_ALL = "request#of-all"
MOST_FAILED = 50
"""Names of failed functions that a record has: an item of DynamoDB has 400 KB at most."""
MOST = 50
"""Releases on a page of a list."""
AT_ONCE = 50
"""Members that one transaction writes, each with its request: DynamoDB takes 100 items."""

MemberState = Literal["new", "refused", "nothing", "opened", "staged", "shifted", "back", "stuck", "deployed"]
"""
new       nothing was done for it yet
refused   a check refused it, another deployment holds its lock, or the release ended before anything of it was touched
nothing   its alias has this code with these settings already
opened    it has its lock, record and plan
staged    its green is published and tested, or its $LATEST is mended
shifted   green has a share, or all, of its alias
back      blue has its alias again, and its deployment is closed
stuck     blue could not be put back: its deployment is closed as RollbackFailed
deployed  its deployment is completed
"""


LIVE_MEMBER: tuple[MemberState, ...] = ("new", "refused", "nothing", "opened", "staged", "shifted")
"""States of a member whose deployment may still be open."""

STATES_BEFORE: Mapping[str, tuple[MemberState, ...]] = {
    "opened": ("new", "refused"),
    "nothing": ("new", "refused"),
    "staged": ("opened",),
    "shifted": ("staged",),
}
"""From which states a member comes into each that is no end. It comes to an end from every one of LIVE_MEMBER."""


OPENED: tuple[MemberState, ...] = ("opened", "nothing")
"""States of a member that OpenMember has just opened."""


class WavePlan(Frozen):
    """A wave: how many functions it has, whether a person must approve it, and the hooks before and after it."""

    functions: int
    approve: bool = False
    before: Hook | None = None
    after: Hook | None = None


class Release(Frozen):
    """
    The record of a release. Times are ISO 8601, UTC.

    `began_as` is the ARN of the first execution, which holds the functions' locks. `execution` works on it now: another
    one, if the first died. Its events carry `proof`. `waves` are in their order, and `wave` and `step` (both from
    0; step -1 is before the wave's first) say how far it is. `looks_at` is when LookAtWave runs next and reads people's
    orders; it stays as it is while a handler runs. `false_alarm` is the probability, over the whole release, that
    greens no worse than their blues are rolled back. `tolerate` functions may fail; one more puts back those that
    `rollback` says. With `keep_waves` a rollback leaves the waves that were baked. Looks are `pace_seconds` apart at
    least. Each approval is waited for up to `approval_seconds`.

    `error` and `cause` are set when it fails. `failed_count` functions failed, and `failed` names the first 50. People
    were told of the end at `told_at`, other systems at `announced_at`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    state: str
    began_as: str
    execution: str
    recoveries: int = 0
    started_at: str
    started_by: Text
    started_by_proved: bool = False
    proof: str = ""
    document: Text
    functions: int = 0
    waves: tuple[WavePlan, ...] = ()
    schedule: Schedule = Schedule(name="unknown")
    tolerate: int = 0
    rollback: Literal["all", "target"] = "all"
    keep_waves: bool = False
    calls_per_second: float = 10.0
    false_alarm: float = 0.01
    pace_seconds: int = 60
    approval_seconds: int = 86_400
    other_than_starter: bool = False
    override_freeze: Text | None = None
    wave: int = 0
    step: int = -1
    looks_at: str | None = None
    error: Text | None = None
    cause: Cause | None = None
    failed: tuple[Text, ...] = ()
    failed_count: int = 0
    undoing_at: str | None = None
    ended_at: str | None = None
    told_at: str | None = None
    announced_at: str | None = None
    paged_at: str | None = None

    @property
    def live(self) -> bool:
        """It has not ended."""
        return self.state in LIVE

    @property
    def owner(self) -> Owner:
        """Of its orders, approvals, decisions and steps."""
        return of_release(self.id)

    def began(self, wave: int) -> bool:
        """The first shift of the wave has begun, or may have: it is written down before it is made."""
        return (wave, 0) <= (self.wave, self.step)

    def to_json(self) -> dict[str, Any]:
        """As callers of the API and the command line get it."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"proof", "began_as"})


class Member(Frozen):
    """
    A function of a release, by its `number` in the document, from 1.

    `deployment` is the id of its own deployment. `revision` is that of its alias since the last of its `shifts`. With
    an `error` it has failed. `verdict` is what the last look said of its green. `returned`: blue has its alias again.
    `called`: other functions of the release call it. `tidies`: its old versions are deleted at the end.
    `alarms` are those that it names and that were not in ALARM when it was opened. `confirmed`: its alias was seen at
    green alone, at the end.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    wave: int
    deployment: str
    target: Target
    state: MemberState = "new"
    brings: Brings | None = None
    blue: str = ""
    green: str = ""
    revision: str = ""
    shifts: tuple[Shifted, ...] = ()
    verdict: Text = ""
    returned: bool = False
    called: bool = False
    tidies: bool = False
    alarms: tuple[str, ...] = ()
    confirmed: bool = False
    error: Text = ""
    cause: Cause = ""

    @property
    def weight(self) -> float:
        """Green's share of the alias; 0 before the first shift."""
        return self.shifts[-1].weight if self.shifts else 0.0

    @property
    def moves(self) -> bool:
        """Its green is published, and gets shares of the alias."""
        return self.brings not in UNMOVED and self.state in ("staged", "shifted")

    def is_to_shift(self, step: int) -> bool:
        """Its green has not failed, and has not the share of this step yet."""
        return self.moves and not self.error and len(self.shifts) <= step

    @property
    def name(self) -> str:
        """As errors name it, by its place from 0: `functions.0 (Shop:PROD)`; elsewhere with account and region."""
        there = f", {self.target.account}, {self.target.region}" if self.target.elsewhere else ""
        return f"functions.{self.number - 1} ({self.target}{there})"

    def to_json(self) -> dict[str, Any]:
        """As callers of the API and the command line get it."""
        shown = self.model_dump(mode="json", include={"number", "wave", "deployment", "state"})
        known = {"brings", "blue", "green", "verdict", "error", "cause"}
        target = {"function": self.target.function, "alias": self.target.alias}
        target |= {"region": self.target.region, "account": self.target.account}
        given = {name: value for name, value in self.model_dump(mode="json", include=known).items() if value}
        return shown | target | given | {"weight": self.weight}


class WaveVerdict(Frozen):
    """
    What the looks at a wave came to: `logs` has the log of each function's evidence, by its number.

    `peak` is the most that the evidence of the whole release ever was, and `worst` are those that carry most of it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    wave: int
    logs: dict[int, float]
    peak: float
    worst: tuple[Text, ...] = ()
    at: str = ""


def find(release: str) -> Release | None:
    """By the release's id, consistently; None if there is none. Raises ValueError if it cannot be read."""
    item = table.get(partition(release), RECORD)
    return Release.model_validate(item) if item else None


def open_release(record: Release, members: Sequence[tuple[Member, dict[str, Any]]], of_all: dict[str, Any]) -> Release:
    """
    Write what is asked `of_all`, the members, each with what is asked for it, and then the record. Again is harmless.

    Answers the record that stands there, which is another one's if the name was taken.
    """
    if standing := find(record.id):
        return standing
    if of_all:
        key = table.key(partition(record.id), OF_ALL)
        table.put({"Item": key | table.values({"request": json.dumps(of_all)}), **_ONCE})
    for start in range(0, len(members), AT_ONCE):
        parts = [
            {"Put": {"Item": table.key(partition(record.id), sk) | table.values(item), **_ONCE}}
            for member, request in members[start : start + AT_ONCE]
            for sk, item in (
                (_sk(member.wave, member.number), member.model_dump(mode="json", exclude_defaults=True)),
                (_request_sk(member.number), {"request": json.dumps(request)}),
            )
        ]
        reasons = table.together(*parts)
        if reasons and table.REFUSED not in reasons:
            raise AwsUnavailable(f"the table could not take the functions of the release now ({reasons[0]})")
    table.put({"Item": _item(record), **_ONCE})
    return find(record.id) or record


def members(release: str, wave: int | None = None) -> list[Member]:
    """All of them, or those of a wave, in the order of waves and numbers."""
    prefix = "member#" if wave is None else f"member#{wave:04}#"
    return [Member.model_validate(item) for item in _beginning_with(release, prefix)]


def page(release: str, after: str = "", most: int = 500) -> tuple[list[Member], str]:
    """A page of the members, and what to ask for next; "" after the last page."""
    items, last = table.page(
        after={"pk": partition(release), "sk": after} if after else None,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues=table.values({":pk": partition(release), ":prefix": "member#"}),
        Limit=most,
    )
    return readable(Member.model_validate, items), last["sk"] if last else ""


def member(release: str, wave: int, number: int) -> Member | None:
    """One of them; None if there is none of that wave and number."""
    item = table.get(partition(release), _sk(wave, number))
    return Member.model_validate(item) if item else None


def request_for(release: str, number: int) -> dict[str, Any]:
    """What is asked for the function of that number."""
    of_all = table.get(partition(release), OF_ALL) or {"request": "{}"}
    own = table.get(partition(release), _request_sk(number)) or {}
    asked: dict[str, Any] = json.loads(of_all["request"]) | json.loads(own["request"])
    return asked


def learn(release: str, known: Member, *, at: Sequence[MemberState] = (), **learned: Any) -> Member:
    """
    Write down what is known of a member from now on; the member as it is then.

    A new state is written only over one of the states before it, or of those in `at`; an end and everything else, only
    while the member has not ended; a shift, only if no later one is written; that it is open, only while it is not
    returned. Raises DeploymentOver otherwise: another attempt has overtaken the one that calls.
    """
    after = known.model_copy(update=learned)
    values = {name: after.model_dump(mode="json")[name] for name in learned}
    wanted = (*(at or STATES_BEFORE.get(after.state if "state" in learned else "", LIVE_MEMBER)), *_same(learned))
    states = {f":at{number}": state for number, state in enumerate(dict.fromkeys(wanted))}
    is_there = "attribute_exists(pk) AND attribute_not_exists(#state) OR " if "new" in wanted else ""
    condition = f"({is_there}#state IN ({', '.join(states)}))"
    more: Item = {}
    if "shifts" in learned:
        condition += " AND (attribute_not_exists(#shifts) OR size(#shifts) <= :made)"
        more = {":made": len(after.shifts)}
    if learned.get("state") in OPENED:  # a late attempt to open finds a refused member, whose deployment was closed
        condition += " AND (attribute_not_exists(#returned) OR #returned = :not_yet)"
        more = {":not_yet": False}
    updates = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    written = table.update(
        {
            "Key": table.key(partition(release), _sk(known.wave, known.number)),
            "UpdateExpression": updates,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {name: name[1:] for name in re.findall(r"#\w+", updates + condition)},
            "ExpressionAttributeValues": table.values(
                {f":{name}": value for name, value in values.items()} | states | more
            ),
        }
    )
    if written is None:
        raise DeploymentOver(f"{known.name} of {release} has gone on without this attempt; nothing was written down.")
    return after


def _same(learned: Mapping[str, Any]) -> tuple[MemberState, ...]:
    """An attempt that is repeated finds what it wrote itself."""
    return (learned["state"],) if "state" in learned else ()


def still_opening(release: str) -> dict[str, Any]:
    """
    A part of the transaction that takes a function's lock: the condition that the release is `opening`.

    So a late attempt takes no lock after the release has ended, when no handler would free it.
    """
    condition = {
        "ConditionExpression": "#state = :opening",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": table.values({":opening": OPENING}),
    }
    return {"ConditionCheck": {"Key": table.key(partition(release), RECORD), **condition}}


def begin(release: str, execution: str) -> Release:
    """Every function is open: from now on things are changed. Raises DeploymentOver if it is not `opening` or open."""
    return _must(release, {"state": OPEN}, while_in=(OPENING, OPEN), execution=execution)


def learn_position(release: str, execution: str, wave: int, step: int) -> Release:
    """
    Write down which step of which wave comes next.

    Raises DeploymentOver unless the release is open, and if it has come further: then this attempt is a late one.
    """
    further = "(#wave < :wave OR (#wave = :wave AND #step <= :step))"
    return _must(release, {"wave": wave, "step": step}, while_in=(OPEN,), execution=execution, if_=further)


def learn_next_look(release: str, execution: str, at: float) -> None:
    """Write down when LookAtWave runs next, for people. Nothing is written unless the release is open."""
    _changed(release, {"looks_at": clock.iso(at)}, while_in=(OPEN,), execution=execution)


def keep_refused(refused: Release) -> bool:
    """Write the record of a release whose document is wrong; False for one that exists, which stays as it is."""
    return table.put({"Item": _item(refused), **_ONCE})


def commit(release: str, execution: str) -> Release:
    """
    From now on it only goes forward. Again is harmless.

    Raises DeploymentOver if it is being undone.
    """
    return _must(release, {"state": COMMITTED}, while_in=(OPEN, COMMITTED), execution=execution)


def begin_undoing(release: str, error: str, cause: str, failed: Iterable[str] = ()) -> Release | None:
    """
    From now on it only goes back, unless it is committed or has ended. The first error and cause stay.

    Answers the record as it is then; None if there is none.
    """
    first = {"error": error, "cause": cause, "undoing_at": clock.iso(clock.now()), "failed": list(failed)}
    item = _changed(release, {"state": UNDOING}, while_in=(OPENING, OPEN, UNDOING), at_first=first)
    return Release.model_validate(item) if item else find(release)


def take_over(known: Release, execution: str) -> Release | None:
    """Let another execution work on it, in the place of one that has ended; None if another one does already."""
    item = _changed(
        known.id,
        {"execution": execution, "recoveries": known.recoveries + 1},
        while_in=LIVE,
        execution=known.execution,
    )
    return Release.model_validate(item) if item else None


def close(release: str, state: str, failed: Sequence[Member] = (), cause: str | None = None) -> Release | None:
    """Write how it ended, and which functions failed. Answers the record as it is then."""
    ended: Item = {"state": state, "ended_at": clock.iso(clock.now()), "listed": _listed(refused=state == REJECTED)}
    if failed:
        ended |= {"failed": [each.name for each in failed[:MOST_FAILED]], "failed_count": len(failed)}
    if cause is not None:
        ended["cause"] = cause
    item = _changed(release, ended, while_in=LIVE)
    return Release.model_validate(item) if item else find(release)


def learn_told(release: str, *, people: bool, systems: bool) -> None:
    """Write down who knows how it ended. Once both do, the sweep of RecoverDeployments no longer reads it."""
    known = [name for name, knows in (("told_at", people), ("announced_at", systems)) if knows]
    if not known:
        return
    update = "SET " + ", ".join(f"{name} = if_not_exists({name}, :now)" for name in known)
    table.update(
        {
            "Key": table.key(partition(release), RECORD),
            "UpdateExpression": f"{update} REMOVE kind" if people and systems else update,
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": table.values({":now": clock.iso(clock.now())}),
        }
    )


def learn_paged(release: str) -> None:
    """Write down that an operator was called."""
    _changed(release, {"paged_at": clock.iso(clock.now())}, while_in=LIVE)


def unfinished() -> list[Release]:
    """Every release that has not ended, or of whose end people or other systems do not know yet."""
    return readable(Release.model_validate, table.query(**_of_kind()))


def unfinished_by_id(after: str = "") -> tuple[list[Release], str]:
    """A page of the same releases, in the order of their ids, and what to ask for next; "" after the last page."""
    start = {"kind": RELEASE, "pk": partition(after), "sk": RECORD} if after else None
    items, last = table.page(after=start, Limit=MOST, **_of_kind())
    return readable(Release.model_validate, items), last["pk"].partition("#")[2] if last else ""


def _of_kind() -> Item:
    return dict(
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind AND begins_with(pk, :prefix)",
        ExpressionAttributeValues=table.values({":kind": RELEASE, ":prefix": partition("")}),
    )


def newest_first(after: str = "", *, refused: bool = False, most: int = MOST) -> tuple[list[Release], str]:
    """
    A page of the releases, those that have ended too, or of the refused ones, and what to ask for next.

    That is "" after the last page.

    Items that are no records are passed over: a role that may write audit entries can put some into the index.
    """
    started_at, _, release = after.partition("|")
    listed = _listed(refused=refused)
    start = {"listed": listed, "started_at": started_at, "pk": partition(release), "sk": RECORD}
    items, last = table.page(
        after=start if after else None,
        IndexName="ByFunction",
        KeyConditionExpression="listed = :listed",
        ExpressionAttributeValues=table.values({":listed": listed}),
        ScanIndexForward=False,
        Limit=most,
    )
    records = [item for item in items if item["pk"].startswith(partition(""))]
    following = f"{last['started_at']}|{last['pk'].partition('#')[2]}" if last else ""
    return readable(Release.model_validate, records), following


def learn_verdict(release: str, verdict: WaveVerdict) -> None:
    """Write down what the looks at a wave came to, in the place of what was known."""
    table.put(
        {
            "Item": table.key(partition(release), f"verdict#{verdict.wave:04}")
            | table.values(verdict.model_dump(mode="json"))
        }
    )


def verdicts(release: str) -> list[WaveVerdict]:
    """Of every wave that was looked at, in order."""
    return [WaveVerdict.model_validate(item) for item in _beginning_with(release, "verdict#")]


def partition(release: str) -> str:
    """The key of everything about a release but its steps, orders, approvals and decisions."""
    return f"{RELEASE}#{release}"


def _item(record: Release) -> Item:
    more = {"kind": RELEASE, "listed": _listed(refused=record.state == REJECTED)}
    return table.key(partition(record.id), RECORD) | table.values(
        record.model_dump(mode="json", exclude_none=True) | more
    )


def _listed(*, refused: bool) -> str:
    """The key of the index ByFunction: refused releases are listed apart, so that they push no other one out."""
    return f"refused#{ALL}" if refused else ALL


_ONCE = {"ConditionExpression": "attribute_not_exists(pk)"}


def _must(release: str, values: Item, *, while_in: tuple[str, ...], execution: str, if_: str = "") -> Release:
    item = _changed(release, values, while_in=while_in, execution=execution, if_=if_)
    if item is None:
        now = find(release)
        state = now.state if now else "gone"
        raise DeploymentOver(
            f"The release {release} is {state}. It has gone on without this attempt, or another execution works on "
            "it; nothing was changed."
        )
    return Release.model_validate(item)


def _changed(
    release: str,
    values: Item,
    *,
    while_in: tuple[str, ...],
    at_first: Item | None = None,
    execution: str = "",
    if_: str = "",
) -> Item | None:
    """The record after the update; None if its state, the execution that works on it, or `if_` does not allow it."""
    first = at_first or {}
    sets = [f"#{name} = :{name}" for name in values]
    sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
    states = {f":while{number}": state for number, state in enumerate(while_in)}
    conditions = [f"#state IN ({', '.join(states)})"] + (["execution = :holder"] if execution else [])
    conditions += [if_] if if_ else []
    holder = {":holder": execution} if execution else {}
    return table.update(
        {
            "Key": table.key(partition(release), RECORD),
            "UpdateExpression": "SET " + ", ".join(sets),
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {f"#{name}": name for name in {*values, *first, "state"}},
            "ExpressionAttributeValues": table.values(
                {f":{name}": value for name, value in (values | first).items()} | states | holder
            ),
        }
    )


def _beginning_with(release: str, prefix: str) -> list[Item]:
    return table.query(
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues=table.values({":pk": partition(release), ":prefix": prefix}),
    )


def _sk(wave: int, number: int) -> str:
    return f"member#{wave:04}#{number:05}"


def _request_sk(number: int) -> str:
    return f"request#{number:05}"
