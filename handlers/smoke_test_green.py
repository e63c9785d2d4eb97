"""
SmokeTestGreen: call the published version before it gets traffic; what was tested is what will serve.

Safe to retry as far as the function's own cases are.
"""

from bluegreen.aws import functions
from bluegreen.deployment import Published
from bluegreen.smoke import Smoke
from bluegreen.smoke_run import run
from bluegreen.step import step


@step
def handler(deployment: Published) -> Smoke:
    plan, green = deployment.plan, deployment.green.version
    functions.when_awake(plan.function, green)
    return run(plan, green)
