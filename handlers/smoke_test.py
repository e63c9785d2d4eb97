"""
SmokeTest: call the function as a test user would, before users meet the new code.

It runs twice. In the state SmokeTest it calls $LATEST, while everyone else still gets blue; in SmokeTestGreen it calls
the published version, so that what was tested is what will serve. Safe to retry as far as the function's own cases are.
"""

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.decisions.replies import mismatches, verbatim
from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.errors import SmokeTestFailed
from bluegreen.rings import Opened

LAST_START_SECONDS = 120
"""When the last case must have begun: it may take two minutes, and the handler has less than five."""


@step
def handler(deployment: Opened) -> Done:
    target, green = deployment.target, deployment.green
    qualifier = green.version if green else functions.LATEST
    if green or deployment.plan.brings == "latest":
        functions.when_awake(target, qualifier)
    passed = {}
    begun = clock.now()
    for case in deployment.plan.smoke_tests:
        if clock.now() - begun > LAST_START_SECONDS:
            raise SmokeTestFailed(
                f"The smoke tests of {target.function}:{qualifier} take too long: after {LAST_START_SECONDS} seconds "
                f"{case.name!r} had not begun. Give fewer or faster cases."
            )
        reply = functions.invoke(target, qualifier, case)
        wrong = mismatches(case, reply)
        if wrong:
            raise SmokeTestFailed(
                f"{target.function}:{qualifier} failed its smoke test {case.name!r}: {'; '.join(wrong)}.",
                {"case": case.name, "mismatches": verbatim(case, reply), "reply": reply.shown()},
            )
        passed[case.name] = round(reply.duration_ms, 1)
    return Done(evidence={"version": qualifier, "passed_ms": passed})
