"""
How the tests are shared among workers: which of them stay together, and which of them begin first.

None is held to a time: a machine that is slow, or busy with others, finds the same as any other.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from sandbox.lean import leave_out_ec2, spare_the_collector
from tests.permissions.gathering import (
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = ["pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]

TOGETHER = {
    "tests/e2e/test_doctor.py": "a stack",
    "tests/e2e/test_guards.py": "a stack",
    "tests/e2e/test_preparations.py": "a stack",
    "tests/e2e/test_recovery.py": "a stack",
    "tests/e2e/test_verdict.py": "a stack",
    "tests/e2e/test_bad_input.py": "another stack",
    "tests/e2e/test_examples.py": "another stack",
    "tests/e2e/test_first_time.py": "another stack",
    "tests/e2e/test_people.py": "another stack",
    "tests/e2e/test_permissions.py": "another stack",
    "tests/e2e/test_real_functions.py": "another stack",
    "tests/e2e/test_triggers.py": "another stack",
    "tests/sandbox/test_browser.py": "an AWS",
    "tests/sandbox/test_conditions.py": "an AWS",
    "tests/sandbox/test_door.py": "an AWS",
    "tests/sandbox/test_environments.py": "an AWS",
    "tests/sandbox/test_faults.py": "an AWS",
    "tests/sandbox/test_forks.py": "an AWS",
    "tests/sandbox/test_invocations.py": "an AWS",
    "tests/sandbox/test_machines.py": "an AWS",
    "tests/sandbox/test_metrics.py": "an AWS",
    "tests/sandbox/test_permissions.py": "an AWS",
    "tests/sandbox/test_stack.py": "an AWS",
    "tests/sandbox/test_versions.py": "an AWS",
}
"""Files with the same embedded AWS: every worker that has one of them starts it. Any other file is one worker's."""

FIRST = (
    "a stack",
    "another stack",
    "tests/crash/test_quick.py",
    "an AWS",
    "tests/e2e/test_demo.py",
    "tests/template/test_build.py",
    "tests/fuzz/test_entrances.py",
    "tests/crash/test_search.py",
    "tests/benchmarks/test_verdict_benchmark.py",
    "tests/benchmarks/test_vectorised.py",
)
"""What takes longest, so that no worker still has it when the others are done."""

MOST_WORKERS = 9

leave_out_ec2()

os.environ |= {"POWERTOOLS_SERVICE_NAME": "bluegreen", "POWERTOOLS_METRICS_NAMESPACE": "BlueGreen"}
"""As the template sets them; Powertools reads them once, when the first test imports a handler."""

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def unit_of(nodeid: str) -> str:
    """What of the tests is one worker's."""
    file = nodeid.partition("::")[0]
    return TOGETHER.get(file, file)


class LongestFirst(LoadFileScheduling):  # type: ignore[misc]
    """Units in the order of the tests, instead of those with most tests first."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst | None:
    """For `--dist loadfile`."""
    return LongestFirst(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than processors, since two begin with a stack in an embedded AWS, and wait for most of their time."""
    return min(MOST_WORKERS, (os.cpu_count() or 1) + 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; the others as they were found."""
    place = {unit: number for number, unit in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(unit_of(item.nodeid), len(FIRST)))


def pytest_collection_finish() -> None:
    """The garbage collector took a tenth of the time, for the most part by going through what the imports made."""
    spare_the_collector()


@pytest.fixture(scope="module", autouse=True)
def environment_stays() -> Iterator[None]:
    """A variable that one file leaves behind would change what the commands of the next one do."""
    before = set(os.environ)
    yield
    assert set(os.environ) - before <= {"PYTEST_CURRENT_TEST"}, "a test of this file left these variables behind"
