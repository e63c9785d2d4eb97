"""
The record of a deployment: who does it, what it changes, how it ended.

A record is `open`, then perhaps `undoing`, then has the name of the state machine's end.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict

from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.bake import Watched
from bluegreen.decisions.complaints import Complained
from bluegreen.decisions.gates import Decision
from bluegreen.decisions.route import Route, Serving, route
from bluegreen.document import NOTHING_TO_DEPLOY
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.model import Frozen, Text
from bluegreen.request.artifact import LATEST, Image, Zip
from bluegreen.target import Target
from bluegreen.text import LONGEST_CAUSE, plain, sentence

T = TypeVar("T")

KEPT_BACK = frozenset({"target", "proof", "new_code", "shift", "latest_attempts", "to_delete", "counted_by"})
"""Fields of a record that callers of the API and the command line do not get."""

OPEN = "open"
UNDOING = "undoing"
LIVE = (OPEN, UNDOING)
RECORD = "record"
PLAN = "plan"
UNTOLD = "untold"

Cause = Annotated[str, AfterValidator(partial(plain, longest=LONGEST_CAUSE))]
"""What people read of a record. Its parts are foreign, and another stack version may have written them."""


class Record(Frozen):
    """
    A deployment, as people ask for it. Times are ISO 8601, UTC.

    `execution` is the ARN of the execution that holds the lock; an event of it carries `proof`. `release` is the id of
    the release that the deployment is a part of. With `new_code` the lock covers $LATEST too. `started_by` is a claim
    unless it is proved (`ledger.starts`). `changes` are the names of the settings in which green differs from blue.

    From the plan on: `blue` and its code's digest, the digest that $LATEST had (`latest_sha256`), and the digest that
    the deployment puts there (`code`; of an image `sha256:...`). `latest_kept` is where the code is kept that $LATEST
    had, by object version and digest, unless blue or an earlier artifact has it. `green` is the version that it
    publishes or names.
    `weights` are those that green has or may have after shift number `shift`; the first shift began at `shifted_at`.
    `approvals` are those of its shifts. From `code_sent_at` on $LATEST may have the new code. From `alias_returned_at`
    on the alias has nothing of this deployment any more.

    `override_freeze` says why it was begun in spite of a freeze; `started_by` is who said so. `warnings` is what people
    should have known before it began. `untested` says why no smoke test speaks for green.

    `error` and `cause` are set when undoing begins, which was decided at `undoing_at`. `latest_attempts` counts the
    attempts to put $LATEST back. `doubts` says what was wrong with blue after it got its users back, and `complained`
    what green's log says. `alias_outcome` and `latest_outcome` are the kinds of `decisions.restoration`, and after a
    deployment that was completed `latest_outcome` says whether $LATEST was changed by someone else. `serving` is who
    serves at the end, and `watched` what is known of green under traffic. `harmed` are green's failed requests as the
    last look counted them, if it saw any request of green. People were told of the end at `told_at`, other systems at
    `announced_at`, and people were called to help at `paged_at`. The call `counted_by` counted the end in the metrics.

    After a success `to_delete` are the old versions that DeleteVersions is about to delete, `deleted` those that are
    gone, and `undeleted` says why others stayed.

    A record may be of another stack version: unknown attributes are passed over, and what this version adds has a
    default.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    target: Target
    state: str
    execution: str
    release: str | None = None
    started_at: str
    started_by: Text
    started_by_proved: bool = False
    artifact: Text
    proof: str = ""
    new_code: bool = False
    override_freeze: Text | None = None
    blue: str | None = None
    blue_sha256: str | None = None
    latest_sha256: str | None = None
    code: str | None = None
    changes: tuple[Text, ...] = ()
    latest_kept: Zip | Image | None = None
    warnings: tuple[Text, ...] = ()
    green: str | None = None
    weights: tuple[float, ...] = ()
    shift: int = 0
    shifted_at: str | None = None
    approvals: tuple[Decision, ...] = ()
    code_sent_at: str | None = None
    undoing_at: str | None = None
    alias_returned_at: str | None = None
    latest_attempts: int = 0
    untested: Text | None = None
    doubts: Text | None = None
    complained: Complained | None = None
    alias_outcome: str | None = None
    latest_outcome: str | None = None
    ended_at: str | None = None
    error: Text | None = None
    cause: Cause | None = None
    serving: Serving | None = None
    watched: Watched | None = None
    harmed: int | None = None
    to_delete: tuple[Text, ...] = ()
    deleted: tuple[Text, ...] = ()
    undeleted: Text | None = None
    told_at: str | None = None
    announced_at: str | None = None
    paged_at: str | None = None
    counted_by: str | None = None

    @property
    def live(self) -> bool:
        """It has not ended, or its end has not been written yet."""
        return self.state in LIVE

    @property
    def owner(self) -> Owner:
        """Of its orders, approvals, decisions and steps."""
        return of_deployment(self.id)

    @property
    def users_are_safe(self) -> bool:
        """No user meets green by this deployment: it never shifted the alias, or has given it back."""
        return not self.weights or self.alias_returned_at is not None

    @property
    def untold(self) -> bool:
        """It has ended, and people who want to know of it, or other systems, have not been told yet."""
        people_wait = self.state != NOTHING_TO_DEPLOY and self.told_at is None
        return not self.live and (people_wait or self.announced_at is None)

    @property
    def deploys_latest(self) -> bool:
        """It deploys what $LATEST has, and puts nothing there."""
        return self.artifact == LATEST

    @property
    def mends_latest(self) -> bool:
        """The alias stays as it is: $LATEST gets the code that serves."""
        return self.new_code and self.green is not None and self.green == self.blue

    @property
    def goes_back(self) -> bool:
        """It gives users an older version than the one that served: that one had failed them."""
        older = self.green or "", self.blue or ""
        return all(map(str.isdigit, older)) and int(older[0]) < int(older[1])

    @property
    def way_back(self) -> str:
        """
        How a person gives the alias back after the end, as sentences.

        The command of one function knows those beside the stack only, so one elsewhere goes back with its release.
        """
        alone = f"`bluegreen rollback {self.target.by_name}` gives the alias back to the version that served before"
        if self.release is None:
            return alone
        together = f"`bluegreen rollback {self.release}` puts every function of the release back"
        return together if self.target.elsewhere else f"{together}. {alone}"

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where this deployment may have pointed the alias; nothing if it never moved it."""
        if not self.blue or not self.green:
            return ()
        return tuple(route(self.blue, self.green, weight) for weight in self.weights)

    @property
    def quoted(self) -> str:
        """What green's log has most often, with its message, as a sentence; "" without one. A cause has no message."""
        said = self.complained.quoted if self.complained else ""
        return sentence(f"Most often in green's log: {said}") if said else ""

    @property
    def tidied(self) -> str:
        """Which old versions are gone, and why others are not, in sentences; "" without keep_versions."""
        gone = f"Old versions that were deleted: {', '.join(self.deleted)}." if self.deleted else ""
        stayed = f"Others stayed: {sentence(self.undeleted)}" if self.undeleted else ""
        return " ".join(filter(None, (gone, stayed)))

    def to_json(self) -> Item:
        """The record as callers of the API and the command line get it."""
        shown = self.model_dump(mode="json", exclude_none=True, exclude=set(KEPT_BACK))
        return {"id": self.id} | self.target.shown | shown

    def to_item(self) -> Any:
        """As DynamoDB takes it."""
        return table.key(partition(self.id), RECORD) | table.values(
            self.target.model_dump()
            | self.model_dump(mode="json", exclude_defaults=True, exclude={"target"})
            | {"listed": listed(self.target)}
        )

    @classmethod
    def from_item(cls, item: Item) -> "Record":
        """Raises ValueError for a record that lacks what every stack version writes."""
        target = Target.model_validate({name: item[name] for name in Target.model_fields if name in item})
        return cls.model_validate({**item, "target": target})


def partition(deployment: str) -> str:
    """The key of a deployment's record and plan."""
    return f"deployment#{deployment}"


def listed(target: Target, *, refused: bool = False) -> str:
    """The key of the index ByFunction: refused requests are listed apart, so that they push no deployment out."""
    return f"{'refused' if refused else 'deployments'}#{target.function_key}"


def readable(read: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """
    Without the items that this stack version cannot read, so that the others do not wait for an operator.

    Those are logged.
    """
    found = []
    for item in items:
        try:
            found.append(read(item))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            logging.getLogger(__name__).warning("left out %s, unreadable: %s", item.get("pk"), type(error).__name__)
    return found


def change(
    deployment: str,
    values: Item,
    *,
    while_in: tuple[str, ...],
    at_first: Item | None = None,
    count: str = "",
    unless_known: tuple[str, ...] = (),
    unless_beyond: str = "",
) -> Any:
    """
    An update of the record, as a call of its own or as a part of a transaction.

    It sets `values`, sets what is in `at_first` unless it is set already, and adds one to the attribute `count`. It
    wants the record in a state of `while_in`, none of the attributes `unless_known`, and no `unless_beyond` that is
    greater than the one to write.
    """
    first = at_first or {}
    assignments = [f"#{name} = :{name}" for name in values]
    assignments += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
    if count:
        assignments.append(f"#{count} = if_not_exists(#{count}, :zero) + :one")
    states = {f":while{number}": state for number, state in enumerate(while_in)}
    conditions = [f"#state IN ({', '.join(states)})"]
    conditions += [f"attribute_not_exists(#{name})" for name in unless_known]
    if unless_beyond:
        conditions.append(f"(attribute_not_exists(#{unless_beyond}) OR #{unless_beyond} <= :{unless_beyond})")
    numbers = {":zero": 0, ":one": 1} if count else {}
    names = {*values, *first, "state", count, unless_beyond, *unless_known} - {""}
    return {
        "Key": table.key(partition(deployment), RECORD),
        "UpdateExpression": "SET " + ", ".join(assignments),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": table.values(
            {f":{name}": value for name, value in (values | first).items()} | states | numbers
        ),
    }
