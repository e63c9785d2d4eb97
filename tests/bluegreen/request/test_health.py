"""How green is watched: the settings that a request may say, and those that are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from bluegreen.request.health import Health
from bluegreen.verdict import Policy

CUSTOM = {
    "name": "orders",
    "namespace": "Shop",
    "bad": "OrdersLost",
    "requests": "Orders",
    "dimensions": {"Version": "{version}"},
}


@pytest.mark.parametrize("seconds", [1, 5, 10, 30, 60, 120, 300, 3600])
def test_cloudwatchs_periods_are_accepted(seconds: int) -> None:
    assert Health(period_seconds=seconds).period_seconds == seconds


@pytest.mark.parametrize("seconds", [2, 15, 45, 61, 90])
def test_other_periods_are_refused_with_those_there_are(seconds: int) -> None:
    with pytest.raises(ValidationError, match="write 1, 5, 10, 30 or a multiple of 60"):
        Health(period_seconds=seconds)


@pytest.mark.parametrize("seconds", [-1, 901])
def test_a_delay_that_cannot_be_waited_for_is_refused(seconds: int) -> None:
    with pytest.raises(ValidationError, match="delay_seconds"):
        Health(delay_seconds=seconds)


def test_minutes_count_two_minutes_late_unless_the_request_says_otherwise() -> None:
    assert Health() == Health(period_seconds=60, delay_seconds=120)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"no_traffic": "wait"}, "write max_bake_seconds"),
        ({"no_traffic": "hope"}, "no_traffic"),
        ({"dry_run": ["latency"]}, "dry_run names latency; the signals are errors, slow, throttles"),
        ({"margin": 0}, "margin"),
        ({"false_alarm": 1}, "false_alarm"),
        ({"slow_ms": 0}, "slow_ms"),
        ({"slow_ms": "guess"}, "slow_ms"),
        ({"max_bake_seconds": 172_801}, "max_bake_seconds"),
        ({"metrics": [CUSTOM | {"name": "errors"}]}, "errors is the name of a built-in signal"),
        ({"metrics": [CUSTOM | {"name": "http"}], "http": True}, "http is the name of a built-in signal"),
        ({"metrics": [CUSTOM | {"name": "batch"}]}, "batch is the name of a built-in signal"),
        *(({name: value}, name) for name in ("http", "batch") for value in ("true", 1, None, {"namespace": "Shop"})),
        ({"metrics": [CUSTOM | {"dimensions": {"Version": "2"}}]}, "write {version}"),
        ({"metrics": [CUSTOM | {"dimensions": {}}]}, "dimensions"),
        ({"metrics": [CUSTOM | {"dimensions": {"": "{version}"}}]}, "dimensions"),
        ({"metrics": [CUSTOM | {"name": "Bad Name"}]}, "name"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_field(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Health(**written)


def test_a_metric_of_the_users_own_is_a_signal_that_may_run_dry() -> None:
    health = Health.model_validate({"metrics": [CUSTOM], "dry_run": ["orders"]})

    assert health.policy(0.0002).dry_run == {"orders", "slow"}


@pytest.mark.parametrize(
    ("name", "requests", "bad"), [("http", "Replies", "ServerErrors"), ("batch", "BatchItems", "BatchItemFailures")]
)
def test_what_a_function_writes_is_watched_where_the_request_says_so(name: str, requests: str, bad: str) -> None:
    health = Health.model_validate({name: True, "dry_run": [name], "metrics": [CUSTOM]})

    written, custom = health.pairs("Shop")

    assert (written.name, written.namespace, written.requests, written.bad) == (
        name,
        "BlueGreen/Functions",
        requests,
        bad,
    )
    assert written.dimensions == {"FunctionName": "Shop", "Version": "{version}"}
    assert custom == health.metrics[0]
    assert health.policy(0.0002).dry_run == {name, "slow"}
    assert Health().pairs("Shop") == ()


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        (True, "logs"),
        ("{ $.status >= 500 }", "logs"),
        ({}, "bad"),
        ({"requests": "REPORT"}, "bad"),
        ({"bad": ""}, "bad"),
        ({"bad": "  "}, "fits every line"),
        ({"bad": "x" * 1025}, "at most 1024 characters"),
        ({"bad": "ERROR\n"}, "has a character that cannot be printed"),
        ({"bad": "ERROR", "requests": "\x1b[31m"}, "has a character that cannot be printed"),
        ({"bad": "ERROR", "requests": 5}, "requests"),
        ({"bad": "ERROR", "good": "OK"}, "good"),
    ],
)
def test_patterns_that_make_no_sense_are_refused_by_field(logs: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Health.model_validate({"logs": logs})


def test_patterns_are_those_of_cloudwatch_logs() -> None:
    logs = Health.model_validate({"logs": {"bad": "x" * 1024}, "dry_run": ["logs"]}).logs

    assert logs is not None
    assert logs.patterns == {"bad": "x" * 1024}


def test_the_policy_of_the_verdict_is_what_the_request_promises_and_tolerates() -> None:
    policy = Health(false_alarm=0.05, margin=0.02, icc=0.001).policy(0.005)

    assert (policy.false_alarm, policy.tolerance.margin, policy.icc) == (0.05, 0.02, 0.001)
    assert Health().policy(0.005) == Policy(icc=0.005, dry_run=frozenset({"slow"}))


@pytest.mark.parametrize(
    ("written", "slow_ms", "dry_run"),
    [
        ({}, "learn", ("slow",)),
        ({"dry_run": ["errors"]}, "learn", ("errors", "slow")),
        ({"slow_ms": "learn"}, "learn", ()),
        ({"slow_ms": 800}, 800, ()),
        ({"slow_ms": None}, None, ()),
        ({"slow_ms": 800, "dry_run": ["slow"]}, 800, ("slow",)),
    ],
)
def test_slow_requests_are_watched_in_a_dry_run_unless_the_request_says_how(
    written: dict[str, Any], slow_ms: Any, dry_run: Any
) -> None:
    health = Health.model_validate(written)

    assert (health.slow_ms, health.dry_run) == (slow_ms, dry_run)
