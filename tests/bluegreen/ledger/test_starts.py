"""An author is proved by what a trigger wrote down for that very input, and is a claim otherwise."""

from typing import Any

import pytest

from bluegreen.errors import AwsRefused
from bluegreen.ledger import starts
from bluegreen.ledger.starts import KEPT_SECONDS, Author
from tests.bluegreen.examples import request
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

API = "API by arn:aws:iam::123456789012:user/alice"
REQUEST = request(started_by=API)


def deep(levels: int) -> Any:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_what_a_trigger_wrote_down_is_proved() -> None:
    starts.note("first", API, REQUEST)

    assert starts.author("first", REQUEST, API) == Author(said=API, proved=True)


@pytest.mark.parametrize(
    ("claim", "said"),
    [("ci", "ci, as the request says"), (API, f"{API}, as the request says"), ("", "StartExecution")],
)
def test_what_the_request_says_is_a_claim_whatever_words_it_uses(claim: str, said: str) -> None:
    assert starts.author("first", request(started_by=claim), claim) == Author(said=said, proved=False)


@pytest.mark.parametrize(
    ("execution", "other"),
    [
        ("second", {}),
        ("first", {"alias": "LIVE"}),
        ("first", {"started_by": "bob"}),
        ("first", {"only_newer": True}),
        ("first", {"more": None}),
        ("first", {"artifact": {"bucket": "artifacts", "key": "other.zip"}}),
    ],
)
def test_another_execution_or_another_input_is_not_proved_by_it(execution: str, other: dict[str, Any]) -> None:
    starts.note("first", API, REQUEST)

    assert not starts.author(execution, REQUEST | other, API).proved


def test_a_key_that_is_like_another_makes_another_input() -> None:
    starts.note("first", API, REQUEST | {"payload": {"?": 1}})

    assert not starts.author("first", REQUEST | {"payload": {"\ud83d": 2, "?": 1}}, API).proved


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("\ud83d", "?"),
        ("\ud83d", "\ufffd"),
        ({"\udc00": 1}, {"?": 1}),
        (1, 1.0),
        (10**21, 1e21),
        (1e-9, 0.000000001),
        (10**400, 10**401),
        ({"a": 1, "b": [None, True]}, {"b": [None, True], "a": 1}),
    ],
)
def test_an_input_that_a_service_writes_differently_has_the_same_author(sent: Any, seen: Any) -> None:
    starts.note("first", API, request(smoke_tests=[{"payload": sent}]))

    assert starts.author("first", request(smoke_tests=[{"payload": seen}]), API).proved


@pytest.mark.parametrize(("sent", "seen"), [(1, True), (1, "1"), (0, None), ("a", ["a"]), ([1, 2], [2, 1])])
def test_another_input_has_no_author(sent: Any, seen: Any) -> None:
    starts.note("first", API, request(smoke_tests=[{"payload": sent}]))

    assert not starts.author("first", request(smoke_tests=[{"payload": seen}]), API).proved


def test_a_document_that_is_too_deep_for_a_request_proves_nothing_and_breaks_nothing() -> None:
    assert starts.author("first", deep(5_000), "ci") == Author(said="ci, as the request says", proved=False)


def test_it_is_written_once_and_again_is_harmless(deployer: Deployer) -> None:
    starts.note("first", API, REQUEST)
    starts.note("first", API, REQUEST)

    with pytest.raises(AwsRefused, match="another author is noted for first with this request; nothing was started"):
        starts.note("first", "API by mallory", REQUEST)

    assert [item["author"] for item in deployer.items("start#")] == [API]


def test_it_is_forgotten_when_step_functions_forgets_the_name(deployer: Deployer) -> None:
    starts.note("first", API, REQUEST)

    (item,) = deployer.items("start#first")
    assert item["forget_at"] - deployer.aws.clock.now() == pytest.approx(KEPT_SECONDS, abs=2)


def test_nothing_of_the_request_can_be_read_there(deployer: Deployer) -> None:
    starts.note("first", API, request(smoke_tests=[{"payload": "a secret"}]))

    (item,) = deployer.items("start#first")
    assert set(item) == {"pk", "sk", "author", "forget_at"}
    assert "secret" not in str(item)
