"""The deployments table, and all that the crash tests know of its layout."""

from dataclasses import dataclass
from typing import Any

import boto3

from bluegreen.aws.table import item_of
from tests.crash import states
from tests.machine.deployer import TABLE, Deployer

LIVE = frozenset({"open", "undoing", "opening", "committed"})
"""The states of a record whose deployment or release has not ended."""

CLOSED = frozenset({states.DEPLOYED, states.ROLLED_BACK, states.REJECTED, states.NOTHING_TO_DEPLOY})
"""The states of a record whose deployment has ended."""


@dataclass(frozen=True)
class Plan:
    """
    What a deployment found when it was opened, and what it is to deploy.

    `blue` is the version that served; `latest` and `artifact` are digests of code.
    """

    blue: str
    latest: str
    artifact: str


@dataclass(frozen=True)
class Record:
    """
    What the table says of one deployment.

    `weights` are the shares of users that green had or may have had; `override` is why it was begun in a freeze.
    """

    state: str
    plan: Plan | None
    green: str | None
    weights: tuple[float, ...]
    serving: Any
    latest: str | None
    override: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether its deployment has ended."""
        return self.state not in LIVE

    @classmethod
    def read(cls, item: dict[str, Any]) -> "Record":
        """The record of an item of the table."""
        plan = Plan(item["blue"], item["latest_sha256"], item.get("code", "")) if "blue" in item else None
        return cls(
            state=item["state"],
            plan=plan,
            green=item.get("green"),
            weights=tuple(item.get("weights", ())),
            serving=item.get("serving"),
            latest=item.get("latest_outcome"),
            override=item.get("override_freeze"),
        )


class Table:
    """Reads the deployments table as a person would who wants to know how a deployment stands."""

    def __init__(self, deployer: Deployer) -> None:
        self._deployer = deployer

    def record_of(self, execution: str) -> Record | None:
        """The record of an execution's deployment; None if there is none."""
        with self._deployer.aws.acting(None, immune=True):
            answer = boto3.client("dynamodb").get_item(
                TableName=TABLE,
                Key=key(f"deployment#{execution.rpartition(':')[2]}", "record"),
                ConsistentRead=True,
            )
        item = answer.get("Item")
        return Record.read(item_of(item)) if item else None

    def release(self, execution: str) -> dict[str, Any]:
        """The record of an execution's release; empty if there is none."""
        items = self._deployer.items(f"release#{execution.rpartition(':')[2]}")
        return next((item for item in items if item["sk"] == "record"), {})

    def members(self, execution: str) -> list[dict[str, Any]]:
        """What that record says of its functions, in the order of the document."""
        items = self._deployer.items(f"release#{execution.rpartition(':')[2]}")
        return sorted((item for item in items if item["sk"].startswith("member#")), key=lambda item: item["number"])

    def state_of(self, execution: str, room: str) -> str | None:
        """The state of the record of that deployment or release; None if there is none."""
        if room == "releases":
            return self.release(execution).get("state")
        record = self.record_of(execution)
        return record.state if record else None

    def steps_that_wait(self, deployment: str) -> list[int]:
        """The steps of the deployment, or the waves of the release, about which people were asked."""
        return [int(item["step"]) for item in self._items("approval", deployment)]

    def task_tokens(self, deployment: str) -> list[str]:
        """By which Step Functions knows the states that wait for people."""
        return [item["task_token"] for item in self._items("approval", deployment) if "task_token" in item]

    def approved(self, execution: str) -> frozenset[int]:
        """The steps of an execution's deployment, or the waves of its release, that people have approved so far."""
        decisions = self._items("decision", execution.rpartition(":")[2])
        return frozenset(int(item["step"]) for item in decisions if item["decision"] == "approved")

    def states(self) -> list[str]:
        """The state of every record."""
        records = (*self._deployer.items("deployment#"), *self._deployer.items("release#"))
        return [item["state"] for item in records if item["sk"] == "record"]

    def is_locked(self) -> bool:
        """Whether a deployment holds a lock."""
        return bool(self._deployer.items("lock#"))

    def is_calm(self) -> bool:
        """No lock is held, no record is open, and people were told of every end."""
        untold = [item for item in self._deployer.items("") if item.get("kind") in ("untold", "release")]
        return not self.is_locked() and LIVE.isdisjoint(self.states()) and not untold

    def _items(self, kind: str, name: str) -> list[dict[str, Any]]:
        """What is kept of the deployment or the release of that name, apart from its record."""
        keys = (f"{kind}#{name}", f"{kind}#release#{name}")
        return [item for item in self._deployer.items(f"{kind}#") if item["pk"] in keys]


def key(pk: str, sk: str) -> Any:
    """The key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def lock_of(owner: str) -> Any:
    """The key of a lock."""
    return key(f"lock#{owner}", "lock")
