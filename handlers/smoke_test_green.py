"""
SmokeTestGreen: call the published version before it gets traffic; what was tested is what will serve.

Safe to retry as far as the function's own cases are.
"""

from bluegreen.aws import functions
from bluegreen.decisions.replies import Smoke
from bluegreen.document import Published
from bluegreen.edge import step
from bluegreen.smoke_run import run


@step
def handler(deployment: Published) -> Smoke:
    plan, green = deployment.plan, deployment.green.version
    functions.when_awake(plan.function, green)
    return run(plan, green)
