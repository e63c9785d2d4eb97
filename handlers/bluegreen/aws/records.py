"""
The record of every deployment, and the lock of every alias, in one DynamoDB table.

    pk                        sk                      what
    deployment#<id>           record                  what served, what is to change, who does it, how it ended
    deployment#<id>           step#<time>#<state>#…   what a state did, with its evidence
    lock#<function>:<alias>   lock                    there while a deployment of that alias is open

The index ByFunction lists a function's deployments by their start, ByKind the locks that are held.
A record is `open`, then perhaps `undoing`, then has the name of the machine's end. Who sets `undoing` may
undo; whoever shifts reads the alias first, and then writes down the weight to come while the record is open, so
that a handler which outlives its execution cannot change what was undone.
"""

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.deployment import Existing, Plan
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.model import Frozen

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

OPEN = "open"
UNDOING = "undoing"
DEPLOYED = "Deployed"
ROLLED_BACK = "RolledBack"
REJECTED = "Rejected"
NOTHING_TO_DEPLOY = "NothingToDeploy"
LARGEST_EVIDENCE = 100_000
HOUR_SECONDS = 3600
RECORD = "record"
LOCK = "lock"


class Record(Frozen):
    """A deployment, as people ask for it. Times are ISO 8601, UTC; `serving` is the version that serves at its end."""

    id: str
    function: str
    alias: str
    state: str
    execution: str
    started_at: str
    started_by: str
    artifact: str
    plan: Plan | None = None
    green: str | None = None
    weights: tuple[float, ...] = ()
    ended_at: str | None = None
    error: str | None = None
    cause: str | None = None
    serving: str | None = None

    @property
    def live(self) -> bool:
        """It has not ended, or nobody has written down how."""
        return self.state in (OPEN, UNDOING)

    def to_json(self) -> dict[str, Any]:
        """The record as callers of the API and the command line get it."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def lock(self) -> "Lock":
        """The lock that the deployment holds while it is open."""
        return Lock(function=self.function, alias=self.alias, held_by=self.execution, deployment=self.id)


class Step(Frozen):
    """What a state did."""

    at: str
    state: str
    evidence: dict[str, Any]


class Lock(Frozen):
    """Who deploys to an alias: an execution, and that deployment's id."""

    function: str
    alias: str
    held_by: str
    deployment: str


def lock_of(plan: Plan) -> Lock:
    """The lock that a deployment with this plan holds."""
    return Lock(function=plan.function, alias=plan.alias, held_by=plan.execution, deployment=plan.deployment)


class Held(Exception):
    """The lock is somebody else's."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(f"{lock.function}:{lock.alias} is held by {lock.held_by}")
        self.lock = lock


def open_deployment(record: Record) -> None:
    """Take the lock and write the record, both or neither; again is harmless. Raises Held."""
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": _table(),
                            "Item": _lock_item(record.lock),
                            "ConditionExpression": "attribute_not_exists(pk) OR held_by = :me",
                            "ExpressionAttributeValues": {":me": {"S": record.execution}},
                        }
                    },
                    {
                        "Put": {
                            "TableName": _table(),
                            "Item": _record_item(record),
                            "ConditionExpression": "attribute_not_exists(pk) OR "
                            "(attribute_not_exists(#plan) AND #state = :open)",
                            "ExpressionAttributeNames": {"#plan": "plan", "#state": "state"},
                            "ExpressionAttributeValues": {":open": {"S": OPEN}},
                        }
                    },
                ]
            )
        except dynamodb.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            holder = held(record.function, record.alias)
            if holder and holder.held_by != record.execution and "ConditionalCheckFailed" in reasons:
                raise Held(holder) from error
            raise AwsUnavailable(f"the table could not take the record now ({reasons})") from error


def held(function: str, alias: str) -> Lock | None:
    """Who holds the alias's lock now."""
    item = _get(f"lock#{function}:{alias}", LOCK)
    return _lock(item) if item else None


def locks() -> list[Lock]:
    """Every lock that is held."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            IndexName="ByKind",
            KeyConditionExpression="kind = :lock",
            ExpressionAttributeValues={":lock": {"S": LOCK}},
        )
    )
    with in_our_words():
        return [_lock(_strings(item)) for page in pages for item in page["Items"]]


def keep(record: Record) -> bool:
    """Write a record that never held a lock; False for one that exists, which stays as it is."""
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            dynamodb.put_item(
                TableName=_table(), Item=_record_item(record), ConditionExpression="attribute_not_exists(pk)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def learn_plan(plan: Plan) -> None:
    """Write down what is about to change and how to undo it. Raises DeploymentOver."""
    green = {"green": plan.artifact.version} if isinstance(plan.artifact, Existing) else {}
    learned = {"plan": plan.model_dump_json(), "artifact": str(plan.artifact)}
    _learn(plan.deployment, learned | green)


def learn_green(deployment: str, version: str) -> None:
    """Write down green's version before it can get traffic, so that undoing knows it. Raises DeploymentOver."""
    _learn(deployment, {"green": version})


def learn_shift(deployment: str, weights: list[float]) -> None:
    """
    Write down which weights of green the alias has or may have after the next call: the last, and the one to come.

    Raises DeploymentOver if somebody has begun to undo the deployment. Read the alias first: then a shift and an
    undoing at the same moment cannot miss each other.
    """
    _learn(deployment, {"weights": json.dumps(weights)})


def must_be(state: str, deployment: str) -> None:
    """Raises DeploymentOver if the record is in another state by now. Read what is to be changed before asking."""
    record = find(deployment)
    if record is None or record.state != state:
        raise DeploymentOver(f"Deployment {deployment} is not {state} any more; nothing was changed.")


def _learn(deployment: str, values: dict[str, str]) -> None:
    if not _set(deployment, values, while_in=(OPEN,)):
        raise DeploymentOver(f"Deployment {deployment} is not open any more; nothing was changed.")


def begin_undoing(deployment: str) -> bool:
    """From now on the deployment changes nothing more; False if it had ended already."""
    return _set(deployment, {"state": UNDOING}, while_in=(OPEN, UNDOING))


def page(deployment: str) -> bool:
    """Whether it is time to call a person again: the first time, and an hour after the last."""
    now = clock.now()
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            dynamodb.update_item(
                TableName=_table(),
                Key=_key(f"deployment#{deployment}", RECORD),
                UpdateExpression="SET paged_at = :now",
                ConditionExpression="attribute_not_exists(paged_at) OR paged_at < :hour_ago",
                ExpressionAttributeValues={
                    ":now": {"S": clock.iso(now)},
                    ":hour_ago": {"S": clock.iso(now - HOUR_SECONDS)},
                },
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def close(
    deployment: str, state: str, *, serving: str | None = None, error: str | None = None, cause: str | None = None
) -> bool:
    """Write how it ended; False if that stood there already. `Deployed` needs a deployment that nobody undoes."""
    learned = {"serving": serving, "error": error, "cause": cause}
    values = {"state": state, "ended_at": clock.iso(clock.now())}
    return _set(
        deployment,
        values | {name: value for name, value in learned.items() if value},
        while_in=(OPEN,) if state == DEPLOYED else (OPEN, UNDOING),
    )


def free(lock: Lock) -> None:
    """Give the lock back, if it still is that execution's."""
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            dynamodb.delete_item(
                TableName=_table(),
                Key=_key(f"lock#{lock.function}:{lock.alias}", LOCK),
                ConditionExpression="attribute_not_exists(pk) OR held_by = :me",
                ExpressionAttributeValues={":me": {"S": lock.held_by}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return


def note(deployment: str, state: str, evidence: dict[str, Any]) -> None:
    """Add a step to the audit; of evidence larger than a DynamoDB item may be, its size."""
    text = json.dumps(evidence)
    if len(text) > LARGEST_EVIDENCE:
        text = json.dumps({"bytes_left_out": len(text), "error": evidence.get("error"), "cause": evidence.get("cause")})
    with in_our_words():
        client("dynamodb").put_item(
            TableName=_table(),
            Item=_key(f"deployment#{deployment}", f"step#{clock.iso(clock.now())}#{state}#{uuid.uuid4().hex[:8]}")
            | {"evidence": {"S": text}},
        )


def find(deployment: str) -> Record | None:
    """By the deployment's id, which is its execution's name."""
    item = _get(f"deployment#{deployment}", RECORD)
    return _record(item) if item else None


def steps(deployment: str) -> list[Step]:
    """What the states did, in order."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :step)",
            ExpressionAttributeValues={":pk": {"S": f"deployment#{deployment}"}, ":step": {"S": "step#"}},
        )
    )
    with in_our_words():
        return [_step(_strings(item)) for page in pages for item in page["Items"]]


def of_function(function: str, most: int = 50) -> list[Record]:
    """A function's deployments, the newest first."""
    with in_our_words():
        answer = client("dynamodb").query(
            TableName=_table(),
            IndexName="ByFunction",
            KeyConditionExpression="#function = :function",
            ExpressionAttributeNames={"#function": "function"},
            ExpressionAttributeValues={":function": {"S": function}},
            ScanIndexForward=False,
            Limit=most,
        )
    return [_record(_strings(item)) for item in answer["Items"]]


def _table() -> str:
    return os.environ["TABLE_NAME"]


def _key(pk: str, sk: str) -> dict[str, "AttributeValueTypeDef"]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _get(pk: str, sk: str) -> dict[str, str] | None:
    with in_our_words():
        item = client("dynamodb").get_item(TableName=_table(), Key=_key(pk, sk), ConsistentRead=True).get("Item")
    return _strings(item) if item else None


def _set(deployment: str, values: dict[str, str], *, while_in: tuple[str, ...]) -> bool:
    """False when the record is in another state and nothing was written."""
    dynamodb = client("dynamodb")
    states = {f":while{number}": {"S": state} for number, state in enumerate(while_in)}
    with in_our_words():
        try:
            dynamodb.update_item(
                TableName=_table(),
                Key=_key(f"deployment#{deployment}", RECORD),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression=f"#state IN ({', '.join(states)})",
                ExpressionAttributeNames={f"#{name}": name for name in {*values, "state"}},
                ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()} | states,
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def _strings(item: dict[str, "AttributeValueTypeDef"]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}


def _lock_item(lock: Lock) -> dict[str, "AttributeValueTypeDef"]:
    return _key(f"lock#{lock.function}:{lock.alias}", LOCK) | {
        name: {"S": value} for name, value in {**lock.model_dump(), "kind": LOCK}.items()
    }


def _lock(item: dict[str, str]) -> Lock:
    return Lock(**{name: item[name] for name in Lock.model_fields})


def _record_item(record: Record) -> dict[str, "AttributeValueTypeDef"]:
    values = record.model_dump(exclude_none=True, exclude={"plan", "weights"})
    values |= {"plan": record.plan.model_dump_json()} if record.plan else {}
    return _key(f"deployment#{record.id}", RECORD) | {name: {"S": value} for name, value in values.items()}


def _record(item: dict[str, str]) -> Record:
    known: dict[str, Any] = {name: value for name, value in item.items() if name in Record.model_fields}
    known |= {"weights": json.loads(known["weights"])} if "weights" in known else {}
    known["plan"] = _plan(known.get("plan"))
    return Record(**known)


def _plan(text: str | None) -> Plan | None:
    """None also for a plan of another release that lacks what this one needs; what it has beyond that is no matter."""
    try:
        return Plan.model_validate_json(text, extra="ignore") if text else None
    except ValidationError:
        return None


def _step(item: dict[str, str]) -> Step:
    _, at, state, _ = item["sk"].split("#")
    return Step(at=at, state=state, evidence=json.loads(item["evidence"]))
