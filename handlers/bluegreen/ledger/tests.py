"""The smoke tests that a version was deployed with."""

from bluegreen.ledger import deployments, serving
from bluegreen.request.smoke_tests import Case
from bluegreen.target import Target


def written_for(target: Target, version: str) -> tuple[Case, ...] | None:
    """
    Those that people wrote for the deployment that brought the version to the alias; () if they wrote none.

    None if no such deployment is known, or its plan cannot be read.
    """
    brought = serving.of_version(target, version)
    plan = deployments.plan_of(brought.deployment) if brought else None
    return None if plan is None else plan.written_tests
