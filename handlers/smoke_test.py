"""
SmokeTest: call $LATEST as a test user would, while everyone else still gets blue.

Safe to retry as far as the function's own cases are.
"""

from bluegreen.aws import functions
from bluegreen.deployment import Updated
from bluegreen.smoke import Smoke
from bluegreen.smoke_run import run
from bluegreen.step import step


@step
def handler(deployment: Updated) -> Smoke:
    return run(deployment.plan, functions.LATEST)
