"""
Cases of one scenario, which are the same run until the first fault of each.

That run is made once. Where the first fault of a case is to come, it branches: a copy of this process gets the fault,
goes on to its end and leaves what came of it, and this process goes on without a fault to where the next cases branch.
"""

import ctypes
import gc
import os
import pickle
import resource
import signal
import traceback
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tests.crash import kinds
from tests.crash.world import World
from tests.crash.world.places import Case, Place

MOST_SECONDS = 900
"""A copy is killed after so much real time. A case takes less, and so do the 150 examples of the search."""


class Course(NamedTuple):
    """
    A scenario's run without a fault: the places that are tried, and for each of its places a visit of a state.

    Until that visit (0 is before the first one) the run is the same as with a fault at that place.
    """

    calls: tuple[Place, ...]
    visits: tuple[Place, ...]
    same_until: Mapping[Place, int]


def course_of(
    world: World, calls: Iterable[Place], visits: Iterable[Place], side_by_side: Collection[str] = ()
) -> Course:
    """The course of the run that this world has seen. Visits of states `side_by_side` overlap: children run there."""
    entered: dict[str, list[int]] = {}
    for number, visit in enumerate(world.states.visits, start=1):
        entered.setdefault(visit.state, []).append(number)

    def same_until(state: str, latest: int) -> int:
        own = entered.get(state, [])
        begun = own[: bisect_right(own, latest)]
        if not begun:
            return latest
        return begun[0] if state in side_by_side else begun[-1]

    before = world.states.calls_before
    places = {call: same_until(call.state, bisect_right(before, nth)) for nth, call in enumerate(world.calls.trace)}
    places |= {visit: same_until(visit.state, nth) for nth, visit in enumerate(world.states.visits, start=1)}
    return Course(tuple(calls), tuple(visits), {**places, kinds.EVERYWHERE: 0})


def by_visit(cases: Iterable[Case], course: Course) -> dict[int, list[Case]]:
    """The cases of one scenario that branch at each visit."""
    found: dict[int, list[Case]] = {}
    for case in cases:
        visit = min((course.same_until[place] for _, place in case.faults), default=0)
        found.setdefault(visit, []).append(case)
    return found


class Alone:
    """A case in a run of its own."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def begin(self, world: World) -> None:
        """The faults wait for their places from now on."""
        for kind, place in self.case.faults:
            kinds.arm(world, kind, place)
            if kind.endswith("event lost"):
                world.recovery.events = 0
        if self.case.resume_at is not None:
            world.script.recovery_resumes.start(self.case.resume_at, world.zombies.resume)


class Branching(Alone):
    """Cases of one scenario; `case` is the one that this process plays, and `left` has those that did not branch."""

    def __init__(self, scenario: str, left: dict[int, list[Case]], processes: "Processes") -> None:
        super().__init__(Case(scenario))
        self.left = left
        self._processes = processes

    def begin(self, world: World) -> None:
        def branch(visit: int) -> None:
            for case in self.left.pop(visit, ()):
                if self._processes.branch(case):
                    world.script.at_visit = lambda number: None
                    self.case = case
                    super(Branching, self).begin(world)
                    return

        world.script.at_visit = branch
        branch(0)


class Processes:
    """
    Copies of this process, `most` at a time; what each leaves goes to `keep`, with its seconds of CPU.

    Threads have to be gevent's: of the system's threads a copy has only the one that made it.
    """

    def __init__(self, most: int, folder: Path, keep: Callable[[Any, Any, float], None]) -> None:
        self.is_copy = False
        self._most, self._folder, self._keep = most, folder, keep
        self._running: dict[int, tuple[Any, Path]] = {}
        self._number = 0

    def branch(self, what: Any) -> bool:
        """Copy this process; True in the copy, which does that work and then has to `leave`."""
        while len(self._running) >= self._most:
            self._wait()
        self._number += 1
        path = self._folder / str(self._number)
        gc.freeze()  # what both have is not looked through, and so not copied, again
        while (pid := _fork()) < 0:  # the machine has no room for another process now
            self._wait_for_room()
        if pid == 0:
            self.is_copy, self._path = True, path
            signal.alarm(MOST_SECONDS)
            return True
        self._running[pid] = what, path
        return False

    def _wait_for_room(self) -> None:
        if not self._running:
            raise OSError(ctypes.get_errno(), "fork")
        self._wait()

    def leave(self, work: Callable[[], Any]) -> NoReturn:
        """
        Do the work and end this copy. Its process leaves the result to the one that copied it.

        A copy never unwinds: it would delete the folder into which all copies write.
        """
        try:
            result = work()
            used = resource.getrusage(resource.RUSAGE_SELF)
            whole = self._path.with_suffix(".whole")
            whole.write_bytes(pickle.dumps((result, used.ru_utime + used.ru_stime)))
            whole.rename(self._path)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def wait(self) -> None:
        """Wait until all copies have left."""
        while self._running:
            self._wait()

    def _wait(self) -> None:
        """Wait until a copy has left. gevent's loop may have reaped it already, as it reaps any child."""
        ended = [pid for pid in self._running if not _is_child(pid)]
        for pid in ended or [os.wait4(-1, 0)[0]]:
            what, path = self._running.pop(pid)
            result, seconds = pickle.loads(path.read_bytes()) if path.exists() else (None, 0.0)  # this program wrote it
            path.unlink(missing_ok=True)
            self._keep(what, result, seconds)


def _is_child(pid: int) -> bool:
    """The process runs, or no part of this program has reaped it yet."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _fork() -> int:
    """As `os.fork`, but threads go on in the copy: they are gevent's, and Python would call them ended. -1: no copy."""
    return int(ctypes.PyDLL(None, use_errno=True).fork())
