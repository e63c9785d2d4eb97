"""
The life of a deployment's record: opened, planned, changed step by step, undone or completed.

The lock is taken with the opening and freed with the end, in one transaction each: it is held as long as the record is
live. A handler that changes the alias or $LATEST first reads it, and then writes here what it is about to do. The write
succeeds only while the record is open. A handler that undoes the deployment first sets `undoing`. So if a change and an
undo run at the same moment, at least one of them sees the other.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.bake import Watched
from bluegreen.decisions.gates import Decision
from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, Plan
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger import code, locks, serving, uploads
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import (
    LIVE,
    OPEN,
    PLAN,
    RECORD,
    UNDOING,
    UNTOLD,
    Record,
    change,
    listed,
    partition,
    readable,
)
from bluegreen.request.artifact import Existing, Image, Zip
from bluegreen.target import Target

MOST = 50
"""Deployments on a page of a list."""


class Held(Exception):
    """Another deployment has the lock."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(f"{lock.target} is being deployed to by {lock.held_by}")
        self.lock = lock


def find(deployment: str) -> Record | None:
    """By the deployment's id; None if there is no such record. Raises ValueError if it cannot be read."""
    item = table.get(partition(deployment), RECORD)
    return Record.from_item(item) if item else None


def load(deployment: str) -> tuple[Record | None, Plan | None]:
    """The record and the plan, by one consistent read."""
    items = table.query(
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=table.values({":pk": partition(deployment)}),
    )
    found = {item["sk"]: item for item in items}
    known = Record.from_item(found[RECORD]) if RECORD in found else None
    return known, _plan(found[PLAN]) if PLAN in found else None


def plan_of(deployment: str) -> Plan | None:
    """The plan; None if there is none, or one of another stack version that lacks what this one needs."""
    item = table.get(partition(deployment), PLAN)
    found = readable(_plan, [item] if item else [])
    return found[0] if found else None


def plans_of(ids: Sequence[str]) -> dict[str, Plan]:
    """The plans of many deployments, by their ids; those that cannot be read are left out."""
    found = readable(_plan, table.get_many([(partition(each), PLAN) for each in ids]))
    return {plan.id: plan for plan in found}


def of_function(
    target: Target, *, refused: bool = False, after: str = "", most: int = MOST
) -> tuple[list[Record], str]:
    """
    A page of the deployments of the target's function, or of its refused requests, and what to ask for next.

    The newest comes first. Only records count: a role that may write audit entries can put one into the index.
    """
    key = listed(target, refused=refused)
    started_at, _, deployment = after.partition("|")
    start = {"listed": key, "started_at": started_at, "pk": partition(deployment), "sk": RECORD}
    items, last = table.page(
        after=start if after else None,
        IndexName="ByFunction",
        KeyConditionExpression="listed = :listed",
        ExpressionAttributeValues=table.values({":listed": key}),
        ScanIndexForward=False,
        Limit=most,
    )
    following = f"{last['started_at']}|{last['pk'].partition('#')[2]}" if last else ""
    return readable(Record.from_item, [item for item in items if item["pk"].startswith(partition(""))]), following


def untold() -> list[Record]:
    """Every deployment of whose end people, or other systems, have not been told yet."""
    items = table.query(
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind AND begins_with(pk, :prefix)",
        ExpressionAttributeValues=table.values({":kind": UNTOLD, ":prefix": partition("")}),
    )
    return readable(Record.from_item, items)


def open_deployment(opened: Record, while_: dict[str, Any] | None = None) -> None:
    """
    Take the lock and write the record, all or nothing; again is harmless. Raises Held.

    `while_` is a condition on another item, as a part of the transaction: DeploymentOver if it does not hold.
    """
    opening = {
        "Item": opened.to_item(),
        "ConditionExpression": "attribute_not_exists(pk) OR (attribute_not_exists(blue) AND #state = :open)",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": table.values({":open": OPEN}),
    }
    lock = locks.of(opened)
    reasons = table.together(*lock.taking(), {"Put": opening}, *([while_] if while_ else []))
    if while_ and reasons and reasons[-1] == table.REFUSED:
        raise DeploymentOver(f"{opened.target} was not locked: what {opened.id} is a part of is over.")
    if table.REFUSED in reasons:
        for qualifier in ("", *([locks.LATEST] if lock.new_code else [])):
            holder = locks.held(opened.target, qualifier)
            if holder and holder.held_by != opened.execution:
                raise Held(holder)
    if reasons:
        raise AwsUnavailable(f"the table could not take the record now ({reasons})")


def keep_refused(refused: Record) -> bool:
    """Write the record of a request that never held a lock; False for one that exists, which stays as it is."""
    item = refused.to_item() | table.values({"listed": listed(refused.target, refused=True), "kind": UNTOLD})
    return table.put({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})


def keep_unopened(refused: Record) -> bool:
    """
    Write the record of a release's function that was never opened; False for one that exists, which stays as it is.

    From now on OpenMember, if an attempt of it is late, finds a record that has ended, and takes no lock.
    """
    now = clock.iso(clock.now())
    ended = refused.model_copy(update={"state": REJECTED, "ended_at": now, "told_at": now, "announced_at": now})
    values = {name: value for name, value in ended.to_item().items() if name not in ("pk", "sk")}
    values |= table.values({"listed": listed(refused.target, refused=True)})
    written = table.update(
        {
            "Key": table.key(partition(refused.id), RECORD),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }
    )
    return written is not None


def learn_plan(opened: Record, plan: Plan, *, is_newest: bool) -> tuple[Record, Plan]:
    """
    Write the plan and how to undo it, once; answer the record and the plan that are stored.

    If two attempts of OpenDeployment run at the same time, the first plan stays: the second attempt may have read
    $LATEST or the alias after this deployment changed it. Raises DeploymentOver.
    """
    learned: Item = {
        "proof": opened.proof,
        "artifact": str(plan.artifact),
        "blue": plan.blue.version,
        "blue_sha256": plan.blue.sha256,
        "latest_sha256": plan.latest.sha256,
        "warnings": opened.warnings,
    }
    if plan.changes:
        learned["changes"] = list(plan.changes)
    if plan.green:
        learned["green"] = plan.green
    if not isinstance(plan.artifact, Existing):
        learned["code"] = plan.digest
    writing: list[dict[str, Any]] = [{"Put": {"Item": _plan_item(plan)}}]
    had_from = plan.copy_there if plan.target.elsewhere else plan.artifact
    if isinstance(had_from, Zip):
        writing.append(code.writing(plan.target, had_from))
    if isinstance(plan.artifact, Zip) and is_newest:
        writing.append(uploads.writing(plan))
    if _written(change(opened.id, learned, while_in=(OPEN,), unless_known=("blue",)), *writing):
        return opened.model_copy(update=learned | {"changes": plan.changes}), plan
    found, known = load(opened.id)
    if found is None or found.state != OPEN or known is None:
        raise DeploymentOver(f"Deployment {opened.id} is not open any more; nothing was changed.")
    return found, known


def learn_code_sent(deployment: str, kept: Zip | Image | None, *, mends: bool = False) -> None:
    """
    Write down that the next call puts the new code into $LATEST, so that undoing knows whose code it finds there.

    `kept` is where the code that it had is kept. Raises DeploymentOver unless the record is open, and once green was
    written down: then the attempt that calls was overtaken. A deployment that `mends` $LATEST knows green from its
    opening. Read $LATEST first.
    """
    where = {"latest_kept": kept.model_dump(mode="json", exclude_none=True)} if kept else {}
    unless_known = () if mends else ("green",)
    _learn(deployment, {"code_sent_at": clock.iso(clock.now())} | where, unless_known=unless_known)


def learn_green(deployment: str, version: str) -> None:
    """
    Write down green's version before it can get traffic, so that undoing knows it.

    Raises DeploymentOver unless the record is open, and once a shift was written down: then the attempt that calls was
    overtaken by its own retry.
    """
    _learn(deployment, {"green": version}, unless_known=("shift",))


def learn_shift(
    deployment: str, number: int, green: str, weights: tuple[float, ...], approvals: tuple[Decision, ...] = ()
) -> None:
    """
    Write down which weights of green the alias has or may have after shift `number`: the last, and the one to come.

    `approvals` are those of all these shifts. The moment of the first shift stays.

    Raises DeploymentOver unless the record is open, and if a later shift was written down: then the attempt that calls
    was overtaken by its own retry. Read the alias first, or know its revision.
    """
    learned: Item = {"green": green, "weights": list(weights), "shift": number}
    learned |= {"approvals": [each.model_dump() for each in approvals]} if approvals else {}
    _learn(deployment, learned, at_first={"shifted_at": clock.iso(clock.now())}, unless_beyond="shift")


def begin_undoing(deployment: str, error: str, cause: str) -> Record | None:
    """
    From now on the deployment changes nothing more. The first reason that is given stays.

    Answers the record as it is then, also of a deployment that has ended already; None if there is none.
    """
    why = {"error": error, "cause": cause, "undoing_at": clock.iso(clock.now())}
    item = table.update(change(deployment, {"state": UNDOING}, at_first=why, while_in=LIVE))
    return Record.from_item(item) if item else find(deployment)


def must_be_undoing(deployment: str) -> Record:
    """The record, by a consistent read. Raises DeploymentOver if it is in another state by now."""
    found = find(deployment)
    if found is None or found.state != UNDOING:
        raise DeploymentOver(f"Deployment {deployment} is not {UNDOING} any more; nothing was changed.")
    return found


def learn_returned(deployment: str) -> None:
    """Write down that the alias has nothing of this deployment any more: what moves it from now on is not ours."""
    table.update(change(deployment, {"alias_returned_at": clock.iso(clock.now())}, while_in=(UNDOING,)))


def learn_doubts(deployment: str, doubts: str) -> None:
    """Write down what was found about blue, so that the next attempt does not ask again."""
    table.update(change(deployment, {"doubts": doubts}, while_in=(UNDOING,)))


def learn_latest_attempt(deployment: str) -> int:
    """
    Write down that another attempt to put $LATEST back begins, and answer its number.

    It is counted beforehand: an attempt that is killed cannot say that it failed.
    """
    item = table.update(change(deployment, {}, count="latest_attempts", while_in=(UNDOING,)))
    if item is None:
        raise DeploymentOver(f"Deployment {deployment} is not {UNDOING} any more; nothing was changed.")
    return int(item["latest_attempts"])


def complete(
    opened: Record,
    *,
    latest_outcome: str,
    untested: str = "",
    watched: Watched | None = None,
    harmed: int | None = None,
) -> bool:
    """Green serves every request. False if the record was not open any more."""
    now = clock.iso(clock.now())
    ended: Item = {"state": DEPLOYED, "serving": opened.green, "latest_outcome": latest_outcome}
    ended |= {"untested": untested} if untested else {}
    ended |= {"watched": watched.model_dump(mode="json")} if watched else {}
    ended |= {} if harmed is None else {"harmed": harmed}
    left = serving.writing(opened, now) if opened.green != opened.blue else []
    return _close(opened, ended, now, left, while_in=(OPEN,))


def close(live: Record, state: str, **learned: Any) -> bool:
    """
    Write how it ended and free the lock, both or neither; False if an end stands there already.

    A rejection wants that nothing was touched: neither code was sent nor the alias shifted.
    """
    untouched = ("code_sent_at", "weights") if state in (REJECTED, NOTHING_TO_DEPLOY) else ()
    ended = {"state": state} | {name: value for name, value in learned.items() if value is not None}
    if state == REJECTED:
        ended["listed"] = listed(live.target, refused=True)
    return _close(live, ended, clock.iso(clock.now()), [], while_in=LIVE, unless_known=untouched)


def learn_to_delete(deployment: str, versions: list[str]) -> None:
    """Write down which old versions the next calls delete. Raises DeploymentOver unless it was completed."""
    if table.update(change(deployment, {"to_delete": versions}, while_in=(DEPLOYED,))) is None:
        raise DeploymentOver(f"Deployment {deployment} is not {DEPLOYED}; nothing was deleted.")


def learn_deleted(deployment: str, versions: list[str], undeleted: str) -> None:
    """Write down which old versions are gone, and why others stayed ("" if they did not)."""
    learned = {"deleted": versions} | ({"undeleted": undeleted} if undeleted else {})
    table.update(change(deployment, learned, while_in=(DEPLOYED,)))


def learn_told(record: Record, *, people: bool, systems: bool) -> tuple[Record, bool]:
    """
    Write down who knows how it ended; the record as it is then. Once all know, the sweep passes it over.

    True for the one call, of all that are made for this end, that is to count it. A repeated write by the SDK is the
    same call.
    """
    now, me, knowing = clock.iso(clock.now()), uuid.uuid4().hex, {"told_at": people, "announced_at": systems}
    learned = {name: now for name, know in knowing.items() if know and getattr(record, name) is None}
    after = record.model_copy(update=learned)
    if not learned and record.counted_by:
        return after, False
    assignments = ", ".join([*(f"{name} = :now" for name in learned), "counted_by = if_not_exists(counted_by, :me)"])
    item = table.update(
        {
            "Key": table.key(partition(record.id), RECORD),
            "UpdateExpression": f"SET {assignments}" + ("" if after.untold else " REMOVE kind"),
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": table.values({":me": me} | ({":now": now} if learned else {})),
        }
    )
    counted_by = item["counted_by"] if item else None
    return after.model_copy(update={"counted_by": counted_by}), counted_by == me


def learn_paged(deployment: str) -> None:
    """Write down that an operator was called."""
    table.update(change(deployment, {"paged_at": clock.iso(clock.now())}, while_in=LIVE))


def _learn(deployment: str, values: Item, **how: Any) -> None:
    update = change(deployment, values, while_in=(OPEN,), **how)
    if table.update(update) is None:
        raise DeploymentOver(
            f"Deployment {deployment} is no longer open, or a later attempt overtook this one; nothing was changed."
        )


def _close(
    live: Record,
    ended: Item,
    now: str,
    others: list[dict[str, Any]],
    *,
    while_in: tuple[str, ...],
    unless_known: tuple[str, ...] = (),
) -> bool:
    """
    Until people and other systems are told, the record is among the untold ones.

    A deployment that is a part of a release is told at once: people hear of the release itself.
    """
    ended |= {"ended_at": now} | ({"told_at": now, "announced_at": now} if live.release else {"kind": UNTOLD})
    update = change(live.id, ended, while_in=while_in, unless_known=unless_known)
    return _written(update, *locks.of(live).freeing(), *others)


def _written(update: Any, *others: dict[str, Any]) -> bool:
    """All or nothing; False when the record was not as the update wants it. Raises AwsUnavailable."""
    reasons = table.together({"Update": update}, *others)
    if reasons and reasons[0] != table.REFUSED:
        raise AwsUnavailable(f"the table could not take the record now ({reasons})")
    return not reasons


def _plan_item(plan: Plan) -> Any:
    """Payloads and expected replies are JSON in a string: DynamoDB takes neither every number nor an empty key."""
    shown = plan.model_dump(mode="json", exclude_none=True, exclude={"smoke_tests"})
    shown["smoke_tests"] = [json.dumps(case.model_dump()) for case in plan.smoke_tests]
    return table.key(partition(plan.id), PLAN) | table.values(shown)


def _plan(item: Item) -> Plan:
    cases = [json.loads(case) for case in item["smoke_tests"]]
    return Plan.model_validate(item | {"smoke_tests": cases}, extra="ignore")
