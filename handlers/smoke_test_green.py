"""
SmokeTestGreen: call the published version before it gets traffic; what was tested is what will serve.

Safe to retry as far as the function's own cases are.
"""

from bluegreen.deployment import Published
from bluegreen.smoke import Smoke
from bluegreen.smoke_run import run
from bluegreen.step import step


@step
def handler(deployment: Published) -> Smoke:
    return run(deployment.plan, deployment.green.version)
