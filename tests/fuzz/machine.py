"""A state machine that takes every request and does nothing with it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import boto3

from tests.machine.deployer import Deployer, installed

TAKES_ALL = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


@contextmanager
def taking_all() -> Iterator[tuple[Deployer, str]]:
    """The deployer, and the ARN of the machine that its triggers start."""
    with installed() as deployer:
        arn = boto3.client("stepfunctions").create_state_machine(
            name="takes-all", definition=TAKES_ALL, roleArn="arn:aws:iam::123456789012:role/machine"
        )["stateMachineArn"]
        with mock.patch.dict("os.environ", {"STATE_MACHINE_ARN": arn}):
            yield deployer, arn
