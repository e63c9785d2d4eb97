"""Dollars, at AWS's list prices of us-east-1 without any free tier."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

PER_TRANSITION = 0.025 / 1_000
PER_REQUEST = 0.20 / 1_000_000
PER_GB_SECOND = 0.0000133334
PER_METRIC = 0.01 / 1_000
PER_READ_UNIT = 0.125 / 1_000_000
PER_WRITE_UNIT = 0.625 / 1_000_000

BUSY_SECONDS = 1.0
"""Assumed for each invocation, cold starts included; what a handler waits for Lambda is counted and comes on top."""


class Used(Protocol):
    """What is billed of a deployment, or of a release."""

    @property
    def transitions(self) -> int:
        """Of Step Functions."""

    @property
    def handlers(self) -> int:
        """Invocations of the deployer's functions."""

    @property
    def waited_seconds(self) -> float:
        """What these wait for Lambda."""

    @property
    def metrics(self) -> int:
        """Metrics that CloudWatch is asked for."""

    @property
    def read_units(self) -> float:
        """Of DynamoDB."""

    @property
    def write_units(self) -> int:
        """Of DynamoDB."""


@dataclass(frozen=True)
class Dollars:
    """What a deployment or a release costs, by the service that bills it."""

    step_functions: float
    lambda_: float
    dynamodb: float
    cloudwatch: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.step_functions + self.lambda_ + self.dynamodb + self.cloudwatch


def memory_gb(template: Path = TEMPLATE) -> float:
    """Of every function, as the template's Globals say."""
    found = re.search(r"^    MemorySize: (\d+)$", template.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{template.name} does not say MemorySize in its Globals")
    return int(found[1]) / 1024


def price(counts: Used, gb: float) -> Dollars:
    """Of these counts, with functions of that much memory."""
    seconds = counts.handlers * BUSY_SECONDS + counts.waited_seconds
    return Dollars(
        step_functions=counts.transitions * PER_TRANSITION,
        lambda_=counts.handlers * PER_REQUEST + seconds * gb * PER_GB_SECOND,
        dynamodb=counts.read_units * PER_READ_UNIT + counts.write_units * PER_WRITE_UNIT,
        cloudwatch=counts.metrics * PER_METRIC,
    )


def peer_transitions(shifts: int) -> int:
    """Of aws-lambda-deploy, which only shifts: it neither updates, tests nor publishes."""
    return 5 * shifts + 2
