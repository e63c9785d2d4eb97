"""ServeApi: freezes over HTTP. The caller is the owner."""

import json
from typing import Any

import pytest

from bluegreen import clock
from bluegreen.ledger import freezes
from tests.handlers.test_serve_api import machine
from tests.machine.asking import CALLER, ask
from tests.machine.deployer import FUNCTION, TARGET, Deployer

__all__ = ["machine"]

pytestmark = pytest.mark.usefixtures("deployer")


def until(seconds: float = 3600) -> str:
    return clock.iso(clock.now() + seconds)


def freeze(name: str = FUNCTION, caller: str = CALLER, **body: Any) -> tuple[int, Any]:
    asked = {"reason": "inventory", "until": until()} | body
    return ask("PUT", f"/functions/{name}/freeze", json.dumps(asked), caller=caller)


@pytest.mark.parametrize("name", [FUNCTION, "Bonus*", "*", "Bonus%2A"])
def test_a_freeze_is_ordered_in_the_name_of_its_caller(name: str) -> None:
    end = until()

    status, answer = freeze(name, until=end)

    pattern = name.replace("%2A", "*")
    assert (status, answer["name"], answer["owner"]) == (200, pattern, f"API by {CALLER}")
    assert (answer["until"], answer["in_force_until"], answer["reason"]) == (end, end, "inventory")
    (ordered,) = freezes.of(TARGET, FUNCTION)
    assert (ordered.pattern, ordered.owner) == (pattern, f"API by {CALLER}")


def test_no_caller_freezes_in_the_name_of_another() -> None:
    status, answer = freeze(owner="bob")

    assert (status, answer["message"]) == (400, "owner: unknown field; did you mean zone?; nothing was frozen")
    assert freezes.of(TARGET, FUNCTION) == ()


def test_a_later_freeze_of_that_name_takes_the_place_of_the_one_before_and_says_so() -> None:
    freeze(reason="first")

    _, answer = freeze(reason="second", caller=CALLER.replace("alice", "bob"))

    assert (answer["reason"], answer["instead_of"]["reason"]) == ("second", "first")
    assert answer["instead_of"]["owner"] == f"API by {CALLER}"
    assert [each.freeze.reason for each in freezes.of(TARGET, FUNCTION)] == ["second"]


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        (FUNCTION, {"until": None}, "until: "),
        (FUNCTION, {"until": "2199-01-01"}, "until: 2199-01-01 is more than 366 days away"),
        (FUNCTION, {"reason": ""}, "reason: say why"),
        (FUNCTION, {"windows": ["x"]}, "windows.0: "),
        (FUNCTION, {"zone": "Mars"}, "zone: "),
        ("a%20b", {}, "name: 'a b' is neither"),
        ("%00", {}, "name: "),
        (f"{FUNCTION}:PROD", {}, "name: "),
        (f"arn:aws:lambda:eu-west-9:123456789012:function:{FUNCTION}", {}, "name: "),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_frozen(name: str, body: dict[str, Any], text: str) -> None:
    status, answer = freeze(name, **body)

    assert status == 400
    assert text in answer["message"]
    assert answer["message"].endswith("nothing was frozen")
    assert freezes.everywhere(TARGET) == []


def test_without_a_body_nothing_is_frozen() -> None:
    assert ask("PUT", f"/functions/{FUNCTION}/freeze")[0] == 400
    assert ask("PUT", f"/functions/{FUNCTION}/freeze", "[]")[0] == 400
    assert freezes.everywhere(TARGET) == []


def test_a_freeze_is_lifted_by_its_very_name() -> None:
    freeze("Bonus*")

    status, answer = ask("DELETE", f"/functions/{FUNCTION}/freeze")
    assert status == 404
    assert answer["message"].startswith(f"there is no freeze for {FUNCTION}; nothing was lifted")
    assert ask("DELETE", "/functions/Bonus*/freeze") == (200, {"name": "Bonus*", "lifted": True, "still": []})
    assert freezes.everywhere(TARGET) == []
    assert ask("DELETE", "/functions/a%20b/freeze")[1]["message"].endswith("nothing was lifted")


@pytest.mark.parametrize(("lifted", "others"), [(FUNCTION, ["*", "Bonus*"]), ("*", ["Basket", FUNCTION, "Bonus*"])])
def test_the_freezes_that_still_hold_the_same_functions_are_told(lifted: str, others: list[str]) -> None:
    for name in ("*", "Bonus*", FUNCTION, "Basket"):
        freeze(name)

    _, answer = ask("DELETE", f"/functions/{lifted}/freeze")

    assert sorted(each["name"] for each in answer["still"]) == sorted(others)


@pytest.mark.parametrize("name", [f"{FUNCTION}:PROD", f"arn:aws:lambda:us-east-1:123456789012:function:{FUNCTION}"])
def test_the_freezes_of_a_function_are_listed_however_it_is_named(name: str) -> None:
    freeze("Bonus*")

    (found,) = ask("GET", "/freezes", query=f"function={name}")[1]["freezes"]

    assert found["name"] == "Bonus*"


@pytest.mark.parametrize(
    "name", ["a%20b", "Bonus*", "arn:aws:lambda:eu-west-9:123456789012:function:Shop", "Shop:7", ""]
)
def test_the_freezes_of_what_is_no_function_here_are_refused(name: str) -> None:
    status, answer = ask("GET", "/freezes", query=f"function={name}")

    assert (status, answer["message"][:10]) == (400, "function: ")


def test_freezes_are_listed_and_those_of_a_function() -> None:
    freeze("Bonus*")
    freeze("Basket", windows=["Fri 16:00-Mon 08:00"], zone="Europe/Berlin", until="2026-06-01")

    status, answer = ask("GET", "/freezes")
    assert status == 200
    assert [each["name"] for each in answer["freezes"]] == ["Basket", "Bonus*"]
    assert answer["freezes"][0]["windows"] == ["Fri 16:00-Mon 08:00"]
    of_function = ask("GET", "/freezes", query=f"function={FUNCTION}")[1]["freezes"]
    assert [each["name"] for each in of_function] == ["Bonus*"]
    assert ask("GET", "/freezes", query="alias=PROD")[0] == 400


def test_a_page_of_freezes_says_where_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezes, "MOST", 2)
    for name in ("A*", "Bonus*", "C", "D"):
        freeze(name)

    _, first = ask("GET", "/freezes", query=f"function={FUNCTION}")
    _, last = ask("GET", "/freezes", query=f"function={FUNCTION}&next={first['next']}")
    _, every = ask("GET", "/freezes", query=f"next={first['next']}")

    assert [each["name"] for each in first["freezes"]] == ["Bonus*"]
    assert last == {"freezes": []}, "those after it are for other functions"
    assert [each["name"] for each in every["freezes"]] == ["C", "D"]
    assert ask("GET", "/freezes", query="next=%2B")[0] == 400


def test_while_the_table_does_not_answer_the_caller_is_told_to_try_again(deployer: Deployer) -> None:
    with deployer.aws.fails("PutItem", "ServiceUnavailable", times=None):
        assert freeze()[0] == 503
