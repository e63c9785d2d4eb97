"""
Other actors and failures in any order, searched by hypothesis.

The rules start deployments, let time pass, stop them, kill handlers, move the alias and $LATEST, lose events and sweep.
At any moment the alias names versions that exist and users are served; after each run recovery has its turn, and then
the alias is whole, no lock is held and every record is closed and true.
"""

from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.crash import kinds, states
from tests.crash.matrix import SETTINGS, digest, fault_free
from tests.crash.world import World, a_world
from tests.crash.world.function import OTHER
from tests.crash.world.ledger import SOMEONE_ELSE
from tests.crash.world.recovery import SWEEP_SECONDS
from tests.crash.world.table import CLOSED
from tests.machine.deployer import BAD_UNDER_TRAFFIC, GOOD

CALLS = st.deferred(lambda: st.sampled_from(sorted(fault_free("good").calls + fault_free("bad").calls)))
STATES = st.deferred(lambda: st.sampled_from(sorted(fault_free("good").visits)))
AT_CALLS = sorted(name for name in kinds.PASSING | kinds.OTHERS if "goes on " not in name)
"""Handlers that hang are left to the matrix: they have to be resumed."""

AT_STATES = sorted(kinds.STATES)

DEPLOYMENT: dict[str, Any] = {
    "bad": st.booleans(),
    "again": st.booleans(),
    "call": st.none() | st.tuples(st.sampled_from(AT_CALLS), CALLS),
    "state": st.none() | st.tuples(st.sampled_from(AT_STATES), STATES),
}
"""A good or a bad green, the same code again or not, and up to two things that happen meanwhile."""


class Deployments(RuleBasedStateMachine):
    """One function over many deployments, in one world."""

    searched: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(a_world())
        self.world.users.known_bad = {digest(BAD_UNDER_TRAFFIC)}
        self.searched["orders of events"] += 1
        self.number = 0
        self.abandoned = False
        self.disturbed = False

    def teardown(self) -> None:
        """No more faults: what is left is recovered, and a last deployment succeeds."""
        try:
            self.everything_is_recovered()
            self._the_next_one_succeeds()
        finally:
            self.searched["requests served"] += self.world.users.served.total()
            self.stack.close()

    @initialize(**DEPLOYMENT)
    def begin(self, bad: bool, again: bool, call: Any, state: Any) -> None:
        """Every order of events begins with a deployment: without one there is nothing to search."""
        self.world.users.quiet = False
        self.deploy(bad=bad, again=again, call=call, state=state)

    @rule(**DEPLOYMENT)
    def deploy(self, bad: bool, again: bool, call: Any, state: Any) -> None:
        """An upload, and up to two things that happen meanwhile."""
        world = self.world
        world.new_run()
        self.number += 1
        source = BAD_UNDER_TRAFFIC if bad else GOOD % (2 if again else 1000 + self.number)
        world.uploads.put(source, SETTINGS)
        for kind, place in filter(None, (call, state)):
            if place.state != states.TRIGGER or kind in kinds.PASSING:
                kinds.arm(world, kind, place)
        self.searched["deployments"] += 1
        run = world.driver.deploy()
        world.end_run()
        self.abandoned = run is not None and run.ended in {*states.CUT_SHORT, states.ROLLBACK_FAILED}
        theirs = any(change.by == SOMEONE_ELSE for change in world.ledger.changes)
        self.disturbed = world.observer.is_split() and (self.disturbed or theirs)

    @precondition(lambda self: self.abandoned)
    @rule(twice=st.booleans())
    def the_event_comes(self, twice: bool) -> None:
        for _ in range(1 + twice):
            self.world.recovery.hear()

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        self.world.aws.clock.sleep(60 * minutes)

    @rule()
    def the_sweep_comes(self) -> None:
        self.world.recovery.sweep()

    @rule(what=st.sampled_from(["other version", "$LATEST's code", "$LATEST's settings"]))
    def another_actor_acts(self, what: str) -> None:
        self.world.others.act(what)

    @rule()
    def the_upload_is_told_again(self) -> None:
        if self.number:
            self.world.driver.upload_again()

    @rule()
    def everything_is_recovered(self) -> None:
        """After two sweeps nothing is left to do."""
        world = self.world
        world.users.quiet = True
        for _ in range(5):
            world.aws.clock.sleep(SWEEP_SECONDS)
            world.recovery.sweep()
        world.users.quiet = False
        assert world.table.is_calm(), "a lock is held or a record is open after five sweeps"
        if world.observer.is_split():
            assert self.disturbed, f"no other actor split the alias, and it is at {world.observer.route()}"
            world.others.act("blue")
        assert CLOSED.issuperset(world.table.states()), world.table.states()

    @invariant()
    def no_request_is_harmed(self) -> None:
        assert self.world.users.harmed == []

    @invariant()
    def nothing_of_others_is_overwritten(self) -> None:
        for theirs, ours in pairwise(self.world.ledger.of("alias")):
            if theirs.by == SOMEONE_ELSE and theirs.after == (OTHER, ()) and ours.by != SOMEONE_ELSE:
                record = self.world.table.record_of(self.world.driver.execution)
                assert record is not None
                assert record.plan is not None
                assert record.plan.blue == OTHER, f"{ours.by} overwrote {theirs}"

    def _the_next_one_succeeds(self) -> None:
        self.world.people.lift_the_freeze()
        run = self.world.driver.redeploy(GOOD % 5, "AllAtOnce")
        assert run.ended == states.DEPLOYED, f"{run.ended} {run.error}: {run.cause}"
        assert self.world.observer.route() == (run.output["green"]["version"], ())
        assert self.world.table.is_calm()


def search(examples: int, *, the_same_every_time: bool) -> Counter[str]:
    """What was searched; raises what is wrong."""
    for scenario in ("good", "bad"):
        assert fault_free(scenario).calls, "places are found in worlds of their own, before there is one"
    Deployments.searched.clear()
    run_state_machine_as_test(
        Deployments,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            derandomize=the_same_every_time,
            database=None,
            deadline=None,
            print_blob=not the_same_every_time,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Deployments.searched


def test_no_order_of_events_leaves_the_alias_split_or_a_user_without_an_answer() -> None:
    assert search(12, the_same_every_time=True)["deployments"] >= 12
