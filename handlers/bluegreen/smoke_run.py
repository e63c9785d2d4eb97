"""Running a deployment's smoke tests against one version."""

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.decisions.replies import Passed, Smoke, mismatches
from bluegreen.document import Plan
from bluegreen.errors import SmokeTestFailed

LAST_START_SECONDS = 120
"""When the last case must have begun: it may take two minutes, and the handler has less than five."""


def run(plan: Plan, qualifier: str) -> Smoke:
    """Every case, in order. Raises SmokeTestFailed at the first that does not hold."""
    passed: list[Passed] = []
    begun = clock.now()
    for case in plan.smoke_tests:
        if clock.now() - begun > LAST_START_SECONDS:
            raise SmokeTestFailed(
                f"The smoke tests of {plan.function}:{qualifier} take too long: after {LAST_START_SECONDS} seconds "
                f"{case.name!r} had not begun. Give fewer or faster cases."
            )
        reply = functions.invoke(plan.function, qualifier, case)
        wrong = mismatches(case, reply)
        if wrong:
            raise SmokeTestFailed(
                f"{plan.function}:{qualifier} failed its smoke test {case.name!r}: {'; '.join(wrong)}.",
                {"case": case.name, "mismatches": wrong, "reply": reply.model_dump(mode="json")},
            )
        passed.append(Passed(case=case.name, duration_ms=round(reply.duration_ms, 1)))
    return Smoke(version=qualifier, passed=tuple(passed))
