"""The example of a hook, as RunHook asks it and reads its answer."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bluegreen.decisions.gates import objection
from bluegreen.decisions.replies import Reply

FILE = Path(__file__).parents[2] / "examples" / "hook" / "app.py"
EVENT = {"moment": "after_step", "function": "Shop", "green": "8", "look": {"verdict": "no_difference"}}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    spec = spec_from_file_location("hook", FILE)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with mock_aws():
        yield module


def sold(version: str, value: float) -> None:
    dimensions = [{"Name": "service", "Value": "Shop"}, {"Name": "version", "Value": version}]
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    datum: Any = {"MetricName": "Sold", "Dimensions": dimensions, "Value": value, "Timestamp": a_minute_ago}
    boto3.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[datum])


def objected(app: ModuleType, **event: Any) -> str:
    """What RunHook reads out of the answer; "" lets the deployment go on."""
    handler: Callable[[Any, Any], Any] = app.handler
    reply = handler(EVENT | event, None)
    return objection(Reply(payload=reply, error=None, error_message=None, duration_ms=0, version="1"))


def test_a_green_that_sells_goes_on(app: ModuleType) -> None:
    sold("8", 2)

    assert objected(app) == ""


def test_a_green_that_sells_nothing_is_rolled_back_with_a_reason(app: ModuleType) -> None:
    sold("7", 2)

    assert objected(app) == "version 8 sold nothing in 5 minutes"


def test_before_traffic_nothing_can_be_sold(app: ModuleType) -> None:
    assert objected(app, moment="before_traffic", look=None) == ""
