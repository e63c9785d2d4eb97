"""`bluegreen freeze`, `unfreeze` and `freezes`, through the API's own handler; what other commands say of a freeze."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest

import serve_api
from bluegreen import clock
from bluegreen.ledger import freezes
from bluegreen.request.freeze import DAYS
from bluegreen_cli import when
from tests.bluegreen_cli.conftest import Bluegreen
from tests.handlers.desk import context_of
from tests.machine.deployer import FUNCTION, GOOD, STACK, TARGET, Deployer

ALICE = "arn:aws:iam::123456789012:user/alice"
CONTEXT = context_of("ServeApiFunction")


class Answer:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.status_code, self.content = answer["statusCode"], answer["body"].encode()


@pytest.fixture(autouse=True)
def api(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    """API Gateway, which hands a request over with who signed it."""
    monkeypatch.setenv("STATE_MACHINE_ARN", deployer.aws.machine_arn())

    def sent(request: AWSRequest, doing: str) -> Answer:
        method, path = str(request.method), urlsplit(str(request.url)).path
        event = {
            "version": "2.0",
            "rawPath": path,
            "headers": {"content-type": "application/json"},
            "stageVariables": {"stack": STACK},
            "requestContext": {"authorizer": {"iam": {"userArn": ALICE}}, "http": {"method": method, "path": path}},
            "body": (request.data or b"").decode() or None,
            "isBase64Encoded": False,
        }
        event["requestContext"] |= {"stage": "$default", "requestId": "request-1"}  # type: ignore[operator]
        return Answer(serve_api.handler(event, CONTEXT))

    monkeypatch.setattr("bluegreen_cli.api._sent", sent)


def until(seconds: float = 3600) -> str:
    return clock.iso(clock.now() + seconds)


def test_a_freeze_is_ordered_listed_and_lifted(bluegreen: Bluegreen) -> None:
    end = until()

    frozen = bluegreen("freeze", "Bonus*", "--reason", "inventory", "--until", end)
    listed = bluegreen("freezes", FUNCTION)
    lifted = bluegreen("unfreeze", "Bonus*")

    line = f"Bonus* is frozen until {end}: inventory (ordered by API by {ALICE})\n"
    assert [frozen.exit_code, listed.exit_code, lifted.exit_code] == [0, 0, 0]
    assert frozen.stdout == listed.stdout == line
    assert lifted.stdout == "The freeze of Bonus* is lifted.\n"
    assert bluegreen("freezes").stdout == "There is no freeze.\n"
    assert bluegreen("freezes", FUNCTION).stdout == f"No freeze is for {FUNCTION}.\n"


def test_windows_are_given_one_by_one(bluegreen: Bluegreen) -> None:
    windows = ("--window", "Mon 00:00-Thu 00:00", "--window", "Thu 00:00-Mon 00:00", "--zone", "Europe/Berlin")

    ran = bluegreen("freeze", "*", "--reason", "always", "--until", until(), *windows, "--json")

    assert ran.json["windows"] == ["Mon 00:00-Thu 00:00", "Thu 00:00-Mon 00:00"]
    assert ran.json["zone"] == "Europe/Berlin"
    assert ran.json["in_force_until"] == ran.json["until"]


def test_a_freeze_that_takes_the_place_of_another_says_so(bluegreen: Bluegreen) -> None:
    bluegreen("freeze", FUNCTION, "--reason", "first", "--until", until())

    ran = bluegreen("freeze", FUNCTION, "--reason", "second", "--until", until())

    assert "It takes the place of another one: " in ran.stderr
    assert ": first (ordered by" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((FUNCTION, "--reason", "x", "--until", "never"), "until: 'never' is no moment"),
        ((FUNCTION, "--reason", "x", "--until", "2199-01-01"), "until: 2199-01-01 is more than 366 days away"),
        ((FUNCTION, "--reason", " ", "--until", "2026-03-01"), "reason: say why"),
        (("a b", "--reason", "x", "--until", "2026-03-01"), "name: 'a b' is neither"),
        ((FUNCTION, "--reason", "x", "--until", "2026-03-01", "--zone", "x"), "zone: 'x' is no time zone"),
        ((FUNCTION, "--reason", "x", "--until", "2026-03-01", "--window", "x"), "windows.0: 'x' is no window"),
    ],
)
def test_what_is_wrong_is_named(bluegreen: Bluegreen, arguments: tuple[str, ...], text: str) -> None:
    ran = bluegreen("freeze", *arguments)

    assert ran.exit_code == 2
    assert text in ran.stderr
    assert "Nothing was frozen." in ran.stderr
    assert freezes.everywhere(TARGET) == []


def test_what_was_never_frozen_cannot_be_lifted(bluegreen: Bluegreen) -> None:
    ran = bluegreen("unfreeze", FUNCTION)

    assert ran.exit_code == 2
    assert f"there is no freeze for {FUNCTION}; nothing was lifted; `bluegreen freezes` lists" in ran.stderr


def test_a_freeze_that_stays_is_named_when_another_is_lifted(bluegreen: Bluegreen) -> None:
    for name in (FUNCTION, "Bonus*"):
        bluegreen("freeze", name, "--reason", "inventory", "--until", until())

    ran = bluegreen("unfreeze", FUNCTION)

    assert f"The freeze of {FUNCTION} is lifted.\nAnother freeze stays: Bonus* is frozen until " in ran.stdout


def test_status_shows_a_freeze(bluegreen: Bluegreen) -> None:
    end = until()
    bluegreen("freeze", FUNCTION, "--reason", "inventory", "--until", end)

    ran, as_json = bluegreen("status", FUNCTION), bluegreen("status", FUNCTION, "--json").json

    by = f"ordered by API by {ALICE}"
    assert f"Deployments are refused: {FUNCTION} is frozen until {when.at(end)} (inventory; {by}).\n" in ran.stdout
    assert as_json["frozen"]["reason"] == "inventory"


def test_a_plan_is_refused_as_the_deployment_would_be(bluegreen: Bluegreen, package: Callable[..., str]) -> None:
    bluegreen("freeze", "*", "--reason", "inventory", "--until", until())

    ran = bluegreen("plan", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 2
    assert "function: * is frozen until" in ran.stderr
    assert "No function was touched." in ran.stderr


def test_a_plan_says_which_freeze_is_overridden(bluegreen: Bluegreen, package: Callable[..., str]) -> None:
    bluegreen("freeze", "*", "--reason", "inventory", "--until", until())

    ran = bluegreen("plan", FUNCTION, package(GOOD % 2), "--override-freeze", "it burns")

    assert ran.exit_code == 0
    assert "  warning: override_freeze: * is frozen until" in ran.stdout
    assert "overrides that: it burns" in ran.stdout


def test_a_plan_says_that_a_freeze_begins_meanwhile(bluegreen: Bluegreen, package: Callable[..., str]) -> None:
    soon = clock.iso(clock.now() + 120)
    hour, day = soon[11:16], DAYS[datetime.fromisoformat(soon).weekday()]
    other = "Wed" if day != "Wed" else "Thu"
    bluegreen("freeze", "*", "--reason", "night", "--until", until(9e5), "--window", f"{day} {hour}-{other} {hour}")

    canary = bluegreen("plan", FUNCTION, package(GOOD % 2))
    at_once = bluegreen("plan", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce")

    assert "  warning: traffic: while this deployment may still run, a freeze of * begins at" in canary.stdout
    assert "a freeze of" not in at_once.stdout


def test_a_deployment_and_a_rollback_override_a_freeze(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str]
) -> None:
    bluegreen("freeze", "*", "--reason", "inventory", "--until", until())
    new = ("deploy", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce")

    refused, deployed = bluegreen(*new), bluegreen(*new, "--override-freeze", "it burns")
    not_back, back = bluegreen("rollback", FUNCTION), bluegreen("rollback", FUNCTION, "--override-freeze", "worse")

    assert [each.exit_code for each in (refused, deployed, not_back, back)] == [2, 0, 2, 0]
    assert "Rejected: Frozen: function: * is frozen until" in refused.stdout
    assert deployer.alias() == ("1", {})
    records = [each for each in deployer.items("deployment#") if each["sk"] == "record"]
    assert {each.get("override_freeze") for each in records} == {None, "it burns", "worse"}
    assert json.dumps(records).count("overrides that") == 2
