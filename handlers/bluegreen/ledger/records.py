"""
The record of every deployment, and the lock of every alias, in one DynamoDB table.

    pk                        sk                      what
    deployment#<id>           record                  what served, what is to change, who does it, how it ended
    deployment#<id>           step#<time>#<state>#…   what a state did, with its evidence
    lock#<function>:<alias>   lock                    there while a deployment of that alias is open
    lock#<function>:$LATEST   lock                    there while a deployment of new code to any alias of it is open
    newest#<function>:<alias> newest                  the newest upload that a deployment of that alias took

The index ByFunction lists a function's deployments by their start, ByKind the locks that are held and the records of
whose end nobody was told yet. A record is `open`, then perhaps `undoing`, then has the name of the machine's end. The
lock is taken with the record's opening and freed with its end, in one transaction each: it is held as long as the
deployment is live. Who sets `undoing` may undo; whoever changes the alias or $LATEST reads it first, and then writes
down what is to come while the record is open, so that a handler which outlives its execution cannot change what was
undone.
"""

import json
import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from bluegreen import clock
from bluegreen.aws.functions import LATEST
from bluegreen.document import Plan
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger import table
from bluegreen.model import Frozen
from bluegreen.request.artifact import Existing, Zip

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

T = TypeVar("T")

OPEN = "open"
UNDOING = "undoing"
DEPLOYED = "Deployed"
ROLLED_BACK = "RolledBack"
REJECTED = "Rejected"
NOTHING_TO_DEPLOY = "NothingToDeploy"
LARGEST_EVIDENCE = 100_000
RECORD = "record"
LOCK = "lock"
NEWEST = "newest"
UNTOLD = "untold"
NOBODY = "none"
"""Who serves by an alias that is gone."""


class Record(Frozen):
    """
    A deployment, as people ask for it.

    Times are ISO 8601, UTC. With `new_code` its lock is of $LATEST too. `serving` is the version that serves at its
    end. From `code_sent_at` on, $LATEST may have the new code; from `alias_returned_at` on, the alias has nothing of
    this deployment any more. `error` and `cause` stand there from the time on that it is `undoing`. `doubts` about blue
    were found before it got its users back, and `latest_attempts` to put $LATEST back were begun. People were told of
    its end at `told_at`, and called to help at `paged_at`. A plan of another release that lacks what this one needs is
    `unreadable`; `blue`, `green` and the `weights` that green had or may have are readable all the same. What a later
    release adds here has a default, since records are kept for ever.
    """

    id: str
    function: str
    alias: str
    state: str
    execution: str
    started_at: str
    started_by: str
    artifact: str
    new_code: bool = False
    plan: Plan | None = None
    unreadable: bool = False
    blue: str | None = None
    green: str | None = None
    weights: tuple[float, ...] = ()
    code_sent_at: str | None = None
    alias_returned_at: str | None = None
    doubts: str | None = None
    latest_attempts: int | None = None
    ended_at: str | None = None
    error: str | None = None
    cause: str | None = None
    serving: str | None = None
    told_at: str | None = None
    paged_at: str | None = None

    @property
    def live(self) -> bool:
        """It has not ended, or nobody has written down how."""
        return self.state in (OPEN, UNDOING)

    @property
    def untold(self) -> bool:
        """It has ended in a way that people want to know of, and nobody has written down that they do."""
        return not self.live and self.state != NOTHING_TO_DEPLOY and self.told_at is None

    def to_json(self) -> dict[str, Any]:
        """The record as callers of the API and the command line get it."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"unreadable", "new_code"})

    @property
    def lock(self) -> "Lock":
        """The lock that the deployment holds while it is open."""
        return Lock(
            function=self.function,
            alias=self.alias,
            held_by=self.execution,
            deployment=self.id,
            new_code=self.new_code,
        )


class Step(Frozen):
    """What a state did."""

    at: str
    state: str
    evidence: dict[str, Any]


class Lock(Frozen):
    """Who deploys to an alias, and with `new_code` to the $LATEST of all aliases: an execution, and its deployment."""

    function: str
    alias: str
    held_by: str
    deployment: str
    new_code: bool = False

    @property
    def qualifiers(self) -> tuple[str, ...]:
        """What of the function nobody else may change meanwhile."""
        return (self.alias, LATEST) if self.new_code else (self.alias,)


class Newest(Frozen):
    """The newest upload that a deployment of an alias took, however that ended, and that deployment's id."""

    artifact: Zip
    deployment: str


class Held(Exception):
    """The lock is somebody else's."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(f"{lock.function} is being deployed to by {lock.held_by}")
        self.lock = lock


def open_deployment(record: Record) -> None:
    """Take the locks and write the record, all or nothing; again is harmless. Raises Held."""
    opening = {
        "Item": _record_item(record),
        "ConditionExpression": "attribute_not_exists(pk) OR (attribute_not_exists(#plan) AND #state = :open)",
        "ExpressionAttributeNames": {"#plan": "plan", "#state": "state"},
        "ExpressionAttributeValues": table.values({":open": OPEN}),
    }
    reasons = table.together(*({"Put": put} for put in _taking(record.lock)), {"Put": opening})
    if table.REFUSED in reasons:
        for holder in [held(record.function, qualifier) for qualifier in record.lock.qualifiers]:
            if holder and holder.held_by != record.execution:
                raise Held(holder)
    if reasons:
        raise AwsUnavailable(f"the table could not take the record now ({reasons})")


def held(function: str, qualifier: str) -> Lock | None:
    """Who deploys to the alias now, or whose new code is in $LATEST."""
    item = table.get(f"lock#{function}:{qualifier}", LOCK)
    return _lock(item) if item else None


def locks() -> list[Lock]:
    """Every alias's lock that is held."""
    return _readable(_lock, _of_kind(LOCK))


def untold() -> list[Record]:
    """Every deployment of whose end nobody was told yet."""
    return _readable(_record, _of_kind(UNTOLD))


def _of_kind(kind: str) -> list[dict[str, str]]:
    return table.query(
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues=table.values({":kind": kind}),
    )


def keep(record: Record) -> bool:
    """Write a record that never held a lock; False for one that exists, which stays as it is."""
    item = _record_item(record) | (table.values({"kind": UNTOLD}) if record.untold else {})
    return table.put({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})


def newest(function: str, alias: str) -> Newest | None:
    """What an upload must not be older than. Read it with the lock in hand: nobody else adds to it then."""
    item = table.get(f"newest#{function}:{alias}", NEWEST)
    found = _readable(_newest, [item] if item else [])
    return found[0] if found else None


def learn_plan(plan: Plan, *, is_newest: bool) -> Plan:
    """
    Write down what is about to change and how to undo it; once, and what stands there is the answer.

    If its upload is the newest one for its alias, that is written down as well. Of two attempts at the same time the
    later has read what the deployment itself may have changed since. Raises DeploymentOver.
    """
    green = {"green": plan.artifact.version} if isinstance(plan.artifact, Existing) else {}
    learned = {"plan": plan.model_dump_json(), "blue": plan.blue.version, "artifact": str(plan.artifact)}
    update = _setting(plan.deployment, learned | green, while_in=(OPEN,), unless_known="plan")
    if _written(update, *([{"Put": _newest_item(plan)}] if is_newest else [])):
        return plan
    found = must_be(OPEN, plan.deployment).plan
    if found is None:
        raise DeploymentOver(f"Deployment {plan.deployment} was begun by another release; nothing was changed.")
    return found


def learn_code_sent(deployment: str) -> None:
    """
    Write down that the next call puts the new code into $LATEST, so that undoing knows whose code it finds there.

    Raises DeploymentOver if somebody has begun to undo the deployment. Read $LATEST first, as with a shift.
    """
    _learn(deployment, {"code_sent_at": clock.iso(clock.now())})


def learn_green(deployment: str, version: str) -> None:
    """
    Write down green's version before it can get traffic, so that undoing knows it.

    Raises DeploymentOver also once a shift was written down: then this attempt was overtaken by its own retry.
    """
    _learn(deployment, {"green": version}, unless_known="shift")


def learn_shift(deployment: str, number: int, green: str, weights: list[float]) -> None:
    """
    Write down which weights of green the alias has or may have after shift `number`: the last, and the one to come.

    Raises DeploymentOver if somebody has begun to undo the deployment, or if a later shift has been written down: then
    this attempt was overtaken by its own retry. Read the alias first: then a shift and an undoing at the same moment
    cannot miss each other.
    """
    shift = {"green": green, "weights": json.dumps(weights), "shift": f"{number:05}"}
    _learn(deployment, shift, unless_beyond="shift")


def learn_returned(deployment: str) -> None:
    """Write down that the alias has nothing of this deployment any more: whatever moves it from now on is not ours."""
    table.update(_setting(deployment, {"alias_returned_at": clock.iso(clock.now())}, while_in=(UNDOING,)))


def learn_doubts(deployment: str, doubts: str) -> None:
    """Write down what is wrong with blue before it gets its users back: a later attempt may not see it any more."""
    table.update(_setting(deployment, {"doubts": doubts}, while_in=(UNDOING,)))


def learn_latest_attempt(deployment: str, number: int) -> None:
    """Write down that another attempt to put $LATEST back begins: one that is killed cannot say that it failed."""
    table.update(_setting(deployment, {"latest_attempts": str(number)}, while_in=(UNDOING,)))


def must_be(state: str, deployment: str) -> Record:
    """Raises DeploymentOver if the record is in another state by now. Read what is to be changed before asking."""
    record = find(deployment)
    if record is None or record.state != state:
        raise DeploymentOver(f"Deployment {deployment} is not {state} any more; nothing was changed.")
    return record


def _learn(deployment: str, values: dict[str, str], *, unless_known: str = "", unless_beyond: str = "") -> None:
    update = _setting(deployment, values, while_in=(OPEN,), unless_known=unless_known, unless_beyond=unless_beyond)
    if not table.update(update):
        raise DeploymentOver(
            f"Deployment {deployment} is not open any more, or went on meanwhile; nothing was changed."
        )


def begin_undoing(deployment: str, error: str, cause: str) -> bool:
    """From now on the deployment changes nothing more, for the first reason given; False if it had ended already."""
    why = {"error": error, "cause": cause}
    return table.update(_setting(deployment, {"state": UNDOING}, at_first=why, while_in=(OPEN, UNDOING)))


def close(
    lock: Lock, state: str, *, serving: str | None = None, error: str | None = None, cause: str | None = None
) -> bool:
    """
    Write how it ended and free the lock, both or neither; False if an end stood there already.

    `Deployed` needs a deployment that nobody undoes. Until `told` the record is among the untold ones.
    """
    learned = {"serving": serving, "error": error, "cause": cause}
    values = {"state": state, "ended_at": clock.iso(clock.now())} | {
        name: value for name, value in learned.items() if value
    }
    if state != NOTHING_TO_DEPLOY:
        values["kind"] = UNTOLD
    states = (OPEN,) if state == DEPLOYED else (OPEN, UNDOING)
    return _written(
        _setting(lock.deployment, values, while_in=states),
        *({"Delete": deletion} for deletion in _freeing(lock)),
    )


def told(deployment: str) -> None:
    """Write down that people know how it ended."""
    table.update(
        {
            "Key": table.key(f"deployment#{deployment}", RECORD),
            "UpdateExpression": "SET told_at = :now REMOVE kind",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": table.values({":now": clock.iso(clock.now())}),
        }
    )


def paged(deployment: str) -> None:
    """Write down that a person was called."""
    table.update(_setting(deployment, {"paged_at": clock.iso(clock.now())}, while_in=(OPEN, UNDOING)))


def free(lock: Lock) -> None:
    """Give back the locks of a deployment that is not live, as far as they still are that execution's."""
    for deletion in reversed(_freeing(lock)):  # the alias's last: by that the sweep finds what is left
        table.delete(deletion)


def note(deployment: str, state: str, evidence: dict[str, Any]) -> None:
    """Add a step to the audit; of evidence larger than a DynamoDB item may be, its size."""
    text = json.dumps(evidence)
    if len(text) > LARGEST_EVIDENCE:
        text = json.dumps({"bytes_left_out": len(text), "error": evidence.get("error"), "cause": evidence.get("cause")})
    sk = f"step#{clock.iso(clock.now())}#{state}#{uuid.uuid4().hex[:8]}"
    table.put({"Item": table.key(f"deployment#{deployment}", sk) | table.values({"evidence": text})})


def find(deployment: str) -> Record | None:
    """By the deployment's id, which is its execution's name."""
    item = table.get(f"deployment#{deployment}", RECORD)
    return _record(item) if item else None


def steps(deployment: str) -> list[Step]:
    """What the states did, in order."""
    items = table.query(
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :step)",
        ExpressionAttributeValues=table.values({":pk": f"deployment#{deployment}", ":step": "step#"}),
    )
    return [_step(item) for item in items]


def of_function(function: str, most: int = 50) -> list[Record]:
    """A function's deployments, the newest first."""
    items = table.query(
        IndexName="ByFunction",
        KeyConditionExpression="#function = :function",
        ExpressionAttributeNames={"#function": "function"},
        ExpressionAttributeValues=table.values({":function": function}),
        ScanIndexForward=False,
        PaginationConfig={"MaxItems": most},
    )
    return _readable(_record, items)


def _written(update: Any, *others: dict[str, Any]) -> bool:
    """All or nothing; False when the record was not as the update wants it. Raises AwsUnavailable."""
    reasons = table.together({"Update": update}, *others)
    if reasons and reasons[0] != table.REFUSED:
        raise AwsUnavailable(f"the table could not take the record now ({reasons})")
    return not reasons


def _setting(
    deployment: str,
    values: dict[str, str],
    *,
    while_in: tuple[str, ...],
    at_first: dict[str, str] | None = None,
    unless_known: str = "",
    unless_beyond: str = "",
) -> Any:
    """
    An update of the record, as a call of its own and in a transaction; `at_first` is what stays once it is there.

    It wants the record in a state of `while_in`, without a value by the name `unless_known`, and with none
    `unless_beyond` that is greater than the one to write.
    """
    first = at_first or {}
    assignments = [f"#{name} = :{name}" for name in values]
    assignments += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
    states = {f":while{number}": state for number, state in enumerate(while_in)}
    conditions = [f"#state IN ({', '.join(states)})"]
    if unless_known:
        conditions.append(f"attribute_not_exists(#{unless_known})")
    if unless_beyond:
        conditions.append(f"(attribute_not_exists(#{unless_beyond}) OR #{unless_beyond} <= :{unless_beyond})")
    return {
        "Key": table.key(f"deployment#{deployment}", RECORD),
        "UpdateExpression": "SET " + ", ".join(assignments),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in {*values, *first, "state", unless_known} - {""}},
        "ExpressionAttributeValues": table.values(
            {f":{name}": value for name, value in (values | first).items()} | states
        ),
    }


def _newest_item(plan: Plan) -> Any:
    """A put of the plan's upload, as a part of a transaction."""
    values = {"artifact": plan.artifact.model_dump_json(), "deployment": plan.deployment}
    return {"Item": table.key(f"newest#{plan.function}:{plan.alias}", NEWEST) | table.values(values)}


def _taking(lock: Lock) -> list[Any]:
    """A put for each item of the lock, as parts of a transaction. The sweep looks for the alias's only."""
    return [
        {
            "Item": table.key(f"lock#{lock.function}:{qualifier}", LOCK)
            | table.values(lock.model_dump())
            | (table.values({"kind": LOCK}) if qualifier == lock.alias else {}),
            **_ours_or_nobodys(lock),
        }
        for qualifier in lock.qualifiers
    ]


def _freeing(lock: Lock) -> list[Any]:
    """A deletion of each item of the lock, as calls of their own and in a transaction."""
    return [
        {"Key": table.key(f"lock#{lock.function}:{qualifier}", LOCK), **_ours_or_nobodys(lock)}
        for qualifier in lock.qualifiers
    ]


def _ours_or_nobodys(lock: Lock) -> dict[str, Any]:
    return {
        "ConditionExpression": "attribute_not_exists(pk) OR held_by = :me",
        "ExpressionAttributeValues": table.values({":me": lock.held_by}),
    }


def _lock(item: dict[str, str]) -> Lock:
    return Lock.model_validate({name: item[name] for name in Lock.model_fields if name in item})


def _record_item(record: Record) -> dict[str, "AttributeValueTypeDef"]:
    values = record.model_dump(exclude_none=True, exclude={"plan", "unreadable", "weights"})
    values |= {"plan": record.plan.model_dump_json()} if record.plan else {}
    return table.key(f"deployment#{record.id}", RECORD) | table.values(values)


def _readable(read: Callable[[dict[str, str]], T], items: list[dict[str, str]]) -> list[T]:
    """Without what another release wrote so that this one cannot read it: the others must not wait for that."""
    found = []
    for item in items:
        try:
            found.append(read(item))
        except (KeyError, ValueError) as error:
            logging.getLogger(__name__).warning("left out %s, unreadable: %s", item.get("pk"), type(error).__name__)
    return found


def _record(item: dict[str, str]) -> Record:
    known: dict[str, Any] = {name: value for name, value in item.items() if name in Record.model_fields}
    known |= {"weights": json.loads(known["weights"])} if "weights" in known else {}
    plan = _plan(known.pop("plan", None))
    return Record(**known, plan=plan, unreadable="plan" in item and plan is None)


def _newest(item: dict[str, str]) -> Newest:
    return Newest(artifact=Zip.model_validate_json(item["artifact"], extra="ignore"), deployment=item["deployment"])


def _plan(text: str | None) -> Plan | None:
    """None also for a plan of another release that lacks what this one needs; what it has beyond that is no matter."""
    try:
        return Plan.model_validate_json(text, extra="ignore") if text else None
    except ValidationError:
        return None


def _step(item: dict[str, str]) -> Step:
    _, at, state, _ = item["sk"].split("#")
    return Step(at=at, state=state, evidence=json.loads(item["evidence"]))
