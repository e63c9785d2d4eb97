"""What each gate, and each order of a person, adds to one canary: walked in process as `counts` walks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.deployment import counts
from bluegreen import clock
from bluegreen.ledger import freezes
from bluegreen.request.freeze import Freeze
from tests.handlers.desk import another_user_publishes
from tests.machine.asking import ask, order
from tests.machine.deployer import GOOD, TARGET, Deployer

CANARY = "Canary10Percent5Minutes"
ASKS_LATER = {
    "steps": [{"weight": 0.1, "bake_seconds": 300}, {"weight": 1.0, "bake_seconds": 0, "approve": True}],
}
"""The same canary, whose second step asks for an approval."""
HOOK = "ShopHook"
OLD_VERSIONS = 3
FIRST_LOOK_THAT_WAITS_SECONDS = 330
"""After the start: between the look at the end of the bake, which asks for the approval, and the next one."""


@dataclass(frozen=True)
class Gate:
    """
    A deployment with it, from its start to its end.

    `handlers` are invocations of the deployer's functions, `calls` its calls of AWS.
    """

    what: str
    ends: str
    transitions: int
    events: int
    handlers: int
    calls: int


@dataclass(frozen=True)
class Gates:
    """The canary without a gate, and with each."""

    without: Gate
    gates: list[Gate]


@dataclass(frozen=True)
class Case:
    """What a request asks for beside the canary, what is prepared for it, and the state it ends in."""

    request: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Deployer], object] | None = None
    ends: str = "Deployed"


def measure() -> Gates:
    """All of them."""
    return Gates(counted("no gate", Case()), [counted(what, case) for what, case in CASES.items()])


def counted(what: str, case: Case) -> Gate:
    """One deployment."""
    used = counts.count(CANARY, prepare=case.prepare, ends=case.ends, **case.request)
    return Gate(what, case.ends, used.transitions, used.events, used.handlers, sum(used.calls.values()))


def _with_hook(moment: str) -> Case:
    source = "def handler(event, context): return {'status': 'Succeeded'}"
    return Case({"hooks": {moment: HOOK}}, lambda deployer: deployer.aws.create_function(HOOK, source))


def _approved(seconds: float) -> Callable[[Deployer], object]:
    return _at(seconds, lambda: ask("POST", f"/deployments/{counts.DEPLOYMENT}/approve", "{}"))


def _ordered(*orders: tuple[float, str]) -> Callable[[Deployer], object]:
    def prepare(deployer: Deployer) -> None:
        for seconds, kind in orders:
            _at(seconds, lambda kind=kind: order(kind, counts.DEPLOYMENT))(deployer)  # type: ignore[misc]

    return prepare


def _at(seconds: float, act: Callable[[], tuple[int, Any]]) -> Callable[[Deployer], object]:
    """A person acts so many seconds after the start. Raises RuntimeError if the API refuses it."""

    def acted() -> None:
        status, answer = act()
        if status >= 300:
            raise RuntimeError(f"the API answers {status}: {answer}")

    return lambda deployer: deployer.aws.clock.after(seconds, acted)


def _others_published(deployer: Deployer) -> None:
    for number in range(OLD_VERSIONS):
        another_user_publishes(GOOD % (50 + number))
        deployer.aws.clock.sleep(counts.UPDATE_SECONDS)


def _frozen(_: Deployer) -> None:
    since, until = clock.iso(clock.now()), clock.iso(clock.now() + 3600)
    freeze = Freeze.model_validate({"reason": "inventory", "until": until})
    freezes.order(TARGET, freezes.Ordered(pattern=TARGET.function, owner="a person", since=since, freeze=freeze))


CASES = {
    "approval before the first shift": Case({"approval": {"required": True}}, _approved(60)),
    "approval of a later step": Case({"traffic": ASKS_LATER}, _approved(FIRST_LOOK_THAT_WAITS_SECONDS)),
    "hook before_traffic": _with_hook("before_traffic"),
    "hook after_step": _with_hook("after_step"),
    "hook after_traffic": _with_hook("after_traffic"),
    f"keep_versions, which deletes {OLD_VERSIONS}": Case(
        {"keep_versions": {"count": 1, "also_others": True}}, _others_published
    ),
    "pause of 5 minutes, then resume": Case(prepare=_ordered((70, "pause"), (370, "resume"))),
    "promote after 70 s": Case(prepare=_ordered((70, "promote"))),
    "abort after 100 s, in the bake": Case(prepare=_ordered((100, "abort")), ends="RolledBack"),
    "freeze, which refuses it": Case(prepare=_frozen, ends="Rejected"),
}
"""By what the table says of them."""
