"""
SmokeTest: call $LATEST as a test user would, while everyone else still gets blue.

Safe to retry as far as the function's own cases are.
"""

from bluegreen.aws import functions
from bluegreen.decisions.replies import Smoke
from bluegreen.document import Updated
from bluegreen.edge import step
from bluegreen.smoke_run import run


@step
def handler(deployment: Updated) -> Smoke:
    return run(deployment.plan, functions.LATEST)
