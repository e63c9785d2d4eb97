"""The AWS clients of an examination, and how often they called AWS."""

import threading
from collections import Counter
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from bluegreen_cli.aws import client

_ONCE = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 1})
"""For calls of the function: boto3 must not retry any of them."""


class Services:
    """Clients of the session that `sign_in` made. From then on every call of that session's new clients is counted."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        assert boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION.events.register("before-call", self._count)

    @property
    def calls(self) -> int:
        """Of the function, and of AWS's services."""
        return self.asked.total()

    @cached_property
    def functions(self) -> Any:
        """Lambda."""
        return client("lambda")

    @cached_property
    def caller(self) -> Any:
        """Lambda, for invoking the function as its users do."""
        return boto3.client("lambda", config=_ONCE)

    @cached_property
    def roles(self) -> Any:
        """IAM."""
        return client("iam")

    @cached_property
    def tokens(self) -> Any:
        """STS."""
        return client("sts")

    @cached_property
    def objects(self) -> Any:
        """S3."""
        return client("s3")

    @cached_property
    def executions(self) -> Any:
        """Step Functions."""
        return client("stepfunctions")

    @cached_property
    def alarms(self) -> Any:
        """CloudWatch."""
        return client("cloudwatch")

    @cached_property
    def stacks(self) -> Any:
        """CloudFormation."""
        return client("cloudformation")

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs."""
        return client("logs")

    def _count(self, model: Any, **_: Any) -> None:
        with self._lock:
            self.asked[model.name] += 1
