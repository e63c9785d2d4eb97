"""
SmokeTest: call the function as a test user would, before users meet the new code.

It runs twice. In the state SmokeTest it calls $LATEST, while everyone else still gets blue; in SmokeTestGreen it calls
the published version, so that what was tested is what will serve. Safe to retry as far as the function's own cases are.

Nobody wrote the default test, and {} is no event for many functions. So it counts only where blue passes it; blue is
asked once green has failed it.
"""

from bluegreen import clock
from bluegreen.aws import artifacts, functions
from bluegreen.decisions.replies import Reply, cannot_be_loaded, evidence, fails_by_default, mismatches
from bluegreen.document import Answered
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, AwsUnavailable, InvalidRequest, SmokeTestFailed
from bluegreen.request.smoke_tests import GIVE_ONE, Case
from bluegreen.rings import Opened

LAST_START_SECONDS = 120
"""When the last case must have begun: it may take two minutes, and the handler has less than five."""

BLUE_IS_ASKED = 3
"""Attempts. A blue that is throttled in all of them does not pass the default test."""


@step
def handler(deployment: Opened) -> Answered:
    target, green = deployment.target, deployment.green
    qualifier = green.version if green else functions.LATEST
    if green or deployment.plan.brings == "latest":
        functions.when_awake(target, qualifier)
    if deployment.plan.default_test:
        return _by_default(deployment, qualifier, deployment.plan.smoke_tests[0])
    passed = {}
    begun = clock.now()
    for case in deployment.plan.smoke_tests:
        if clock.now() - begun > LAST_START_SECONDS:
            raise SmokeTestFailed(
                f"The smoke tests of {target.function}:{qualifier} take too long: after {LAST_START_SECONDS} seconds "
                f"{case.name!r} had not begun. Give fewer or faster cases."
            )
        reply = functions.invoke(target, qualifier, _with_payload(case))
        if wrong := mismatches(case, reply):
            raise _failed(deployment, qualifier, case, reply, wrong)
        passed[case.name] = round(reply.duration_ms, 1)
    return Answered(evidence={"version": qualifier, "passed_ms": passed})


def _with_payload(case: Case) -> Case:
    try:
        return artifacts.with_payload(case)
    except (AwsRefused, InvalidRequest) as error:
        raise SmokeTestFailed(f"The payload of the smoke test {case.name!r} could not be read: {error}") from error


def _by_default(deployment: Opened, qualifier: str, case: Case) -> Answered:
    reply = functions.invoke(deployment.target, qualifier, case)
    wrong = fails_by_default(reply)
    if not wrong:
        return Answered(evidence={"version": qualifier, "passed_ms": {case.name: round(reply.duration_ms, 1)}})
    blue = deployment.plan.blue.version
    if cannot_be_loaded(reply):
        raise _failed(deployment, qualifier, case, reply, [*wrong, "so Lambda cannot load the code"])
    why = _why_blue_fails(deployment, blue, case)
    if not why:
        sent = f"no smoke test was given, so {{}} was sent, and version {blue} passes it. {GIVE_ONE.removesuffix('.')}"
        raise _failed(deployment, qualifier, case, reply, [*wrong, sent])
    said = f"No smoke test was given, so {{}} was sent; version {blue} {why}, so it says nothing. {GIVE_ONE}"
    return Answered(untested=said, evidence={"version": qualifier, "passed_ms": {}})


def _why_blue_fails(deployment: Opened, blue: str, case: Case) -> str:
    """The reason why the test says nothing, "" if blue passes it. Raises AwsUnavailable for another attempt."""
    try:
        reply = functions.invoke(deployment.target, blue, case)
    except AwsRefused:
        return "could not be asked"
    except AwsUnavailable:
        if deployment.call.retries < BLUE_IS_ASKED - 1:
            raise
        return "could not be asked"
    return "fails it too" if fails_by_default(reply) else ""


def _failed(deployment: Opened, qualifier: str, case: Case, reply: Reply, wrong: list[str]) -> SmokeTestFailed:
    return SmokeTestFailed(
        f"{deployment.target.function}:{qualifier} failed its smoke test {case.name!r}: {'; '.join(wrong)}.",
        evidence(case, reply),
    )
