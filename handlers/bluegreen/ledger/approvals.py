"""
Approvals: which step waits for a person since when, and what a person decided.

Two partitions, so that the roles which ask cannot decide. AwaitApproval and CheckHealth write that they wait,
RecoverDeployments writes that people know of it at last, ServeApi alone writes decisions. AwaitApproval writes its task
token, then reads the decision; ServeApi writes the decision, then reads the token: whichever comes second sees the
other, so no decision is lost.
"""

from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.gates import Decision
from bluegreen.ledger.owner import Owner
from bluegreen.ledger.record import readable
from bluegreen.model import Frozen


class Asked(Frozen):
    """
    A step that waits, or waited, for a decision. Times are ISO 8601, UTC; a decision counts before `ends_at`.

    `task_token` is that of the state AwaitApproval, "" where looks go on meanwhile. `told_at` is when people were told.
    """

    step: int
    asked_at: str
    ends_at: str
    task_token: str = ""
    told_at: str = ""

    def is_over(self, now: float) -> bool:
        """The time for a decision is over."""
        return now >= clock.moment(self.ends_at)


def ask(owner: Owner, step: int, seconds: int, task_token: str = "") -> Asked:
    """Write down that the step waits from now on. Again is harmless: only the token is replaced."""
    now = clock.now()
    first = {"step": step, "asked_at": clock.iso(now), "ends_at": clock.iso(now + seconds)}
    sets = [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
    values: Item = first | ({"task_token": task_token} if task_token else {})
    sets += ["#task_token = :task_token"] if task_token else []
    item = table.update(
        {
            "Key": table.key(asked_partition(owner), _step(step)),
            "UpdateExpression": f"SET {', '.join(sets)}",
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": table.values({f":{name}": value for name, value in values.items()}),
        }
    )
    return _asked(item or {})


def asked_before(owner: Owner, step: int) -> Asked | None:
    """The step if people were asked about it; by a write that changes nothing, since who asks may not read."""
    item = table.update(
        {
            "Key": table.key(asked_partition(owner), _step(step)),
            "UpdateExpression": "SET #step = :step",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#step": "step"},
            "ExpressionAttributeValues": table.values({":step": step}),
        }
    )
    return _asked(item) if item else None


def learn_told(owner: Owner, step: int) -> None:
    """Write down that people know that the step waits."""
    table.update(
        {
            "Key": table.key(asked_partition(owner), _step(step)),
            "UpdateExpression": "SET told_at = :now",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": table.values({":now": clock.iso(clock.now())}),
        }
    )


def asked(owner: Owner) -> tuple[Asked, ...]:
    """Every step that waits or waited, in order. One that this stack version cannot read is left out."""
    return tuple(readable(_asked, _all(asked_partition(owner))))


def decided(owner: Owner, step: int) -> Decision | None:
    """What was decided about the step, by a consistent read; None if nothing was."""
    item = table.get(decision_partition(owner), _step(step))
    return _decision(item) if item else None


def decisions(owner: Owner) -> tuple[Decision, ...]:
    """Everything that was decided, in order."""
    return tuple(_decision(item) for item in _all(decision_partition(owner)))


def decide(owner: Owner, decision: Decision) -> bool:
    """Write the decision down, once. False if one stands there."""
    item = table.key(decision_partition(owner), _step(decision.step)) | table.values(decision.model_dump())
    return table.put({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})


def learn_sent(owner: Owner, step: int) -> None:
    """Write down that the state which waited has the decision."""
    table.update(
        {
            "Key": table.key(decision_partition(owner), _step(step)),
            "UpdateExpression": "SET sent = :yes",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": table.values({":yes": True}),
        }
    )


def is_sent(owner: Owner, step: int) -> bool:
    """The state which waited has the decision."""
    item = table.get(decision_partition(owner), _step(step))
    return bool(item and item.get("sent"))


def shown(owner: Owner) -> list[Item]:
    """Steps and decisions as people see them. Tokens are not read, since CiPolicy allows the other attributes only."""
    names = [name for name in Asked.model_fields if name not in ("task_token", "told_at")]
    waiting = _all(
        asked_partition(owner),
        Select="SPECIFIC_ATTRIBUTES",
        ProjectionExpression=", ".join(f"#{name}" for name in names),
        ExpressionAttributeNames={f"#{name}": name for name in names},
    )
    made = {each.step: each.model_dump(mode="json", exclude={"step"}) for each in decisions(owner)}
    return [
        each.model_dump(mode="json", exclude={"task_token", "told_at"}) | made.get(each.step, {})
        for each in readable(_asked, waiting)
    ]


def asked_partition(owner: Owner) -> str:
    """The key of what waits."""
    return f"approval#{owner.key}"


def decision_partition(owner: Owner) -> str:
    """The key of what was decided."""
    return f"decision#{owner.key}"


def _all(pk: str, **only: Any) -> list[Item]:
    key: Any = table.values({":pk": pk})
    return table.query(ConsistentRead=True, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=key, **only)


def _step(step: int) -> str:
    """Sorts as numbers do."""
    return f"step#{step:04}"


def _asked(item: Item) -> Asked:
    return Asked.model_validate({name: item[name] for name in Asked.model_fields if name in item})


def _decision(item: Item) -> Decision:
    return Decision.model_validate({name: item[name] for name in Decision.model_fields if name in item})
