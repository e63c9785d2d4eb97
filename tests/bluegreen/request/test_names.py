"""Names as AWS takes them, by one definition for all parts."""

from typing import Any

import pytest

from bluegreen.errors import InvalidRequest
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.request.request import STARTED_BY_EXECUTION, Request
from tests.bluegreen.examples import ACCOUNT, REGION, request

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Shop"
HERE = {"region": REGION, "account": ACCOUNT}


def read(**more: Any) -> Request:
    return Request.read(request(**more), **HERE)


def refusal(**more: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        read(**more)
    return str(refused.value)


@pytest.mark.parametrize(
    ("function", "alias"),
    [
        ("Shop", None),
        ("Shop:PROD", "PROD"),
        (ARN, None),
        (f"{ARN}:PROD", "PROD"),
        (f"{ACCOUNT}:function:Shop:PROD", "PROD"),
        (f"{REGION}:{ACCOUNT}:function:Shop", None),
        ("function:Shop:PROD", "PROD"),
    ],
)
def test_a_function_is_taken_as_lambda_takes_it(function: str, alias: str | None) -> None:
    asked = read(function=function)

    assert (asked.function, asked.alias) == ("Shop", alias)
    assert Request.read(asked.to_json()) == asked


def test_an_alias_may_be_said_twice_and_only_once_in_two_ways() -> None:
    assert read(function="Shop:PROD", alias="PROD").alias == "PROD"
    assert refusal(function="Shop:PROD", alias="STAGE") == (
        "function: it names the alias PROD, and `alias` says STAGE; write one of them"
    )


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (ARN.replace(ACCOUNT, "210987654321"), "Shop is in the account 210987654321, and this stack deploys in"),
        (ARN.replace(REGION, "eu-west-1"), f"Shop is in the region eu-west-1, and this stack deploys in {REGION}"),
        ("Shop:7", "Shop:7 is a version, and a deployment moves an alias; write the alias, as Shop:PROD"),
        ("Shop:$LATEST", "Shop:$LATEST is a version"),
        ("no/body", "'no/body' does not match ^[A-Za-z0-9_-]{1,64}$; write the function's name, or its ARN"),
        ("arn:aws:s3:::Shop", "'arn:aws:s3:::Shop' does not match"),
        (ARN.replace("function", "layer"), f"'{ARN.replace('function', 'layer')}' does not match"),
    ],
)
def test_a_function_that_is_not_deployed_from_here_is_refused_in_words(function: str, complaint: str) -> None:
    assert refusal(function=function).startswith(f"function: {complaint}")


def test_every_wrong_field_is_named_beside_a_wrong_function() -> None:
    said = refusal(function="Shop:7", colour="blue")

    assert said.startswith("function: Shop:7 is a version")
    assert said.endswith("; colour: unknown field; leave it out")


def test_a_place_that_is_not_known_yet_is_not_compared() -> None:
    assert Request.read(request(function=ARN.replace(REGION, "eu-west-1"))).function == "Shop"


def test_an_alias_that_is_no_text_is_not_dropped_for_the_one_of_the_function() -> None:
    assert refusal(function="Shop:PROD", alias=5).startswith("alias: ")


@pytest.mark.parametrize("text", [None, 5, "", "a b", "Shop:", "arn:aws:lambda:::function:Shop", "x" * 65])
def test_what_is_no_function_is_no_reference(text: Any) -> None:
    assert FunctionReference.read(text) is None


class TestTheExecutionThatStartedIt:
    PARENT = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:release:2026-11"

    def test_is_taken_as_who_started_it_and_told_as_a_claim(self) -> None:
        asked = read(**{STARTED_BY_EXECUTION: self.PARENT})

        assert asked.started_by == f"execution {self.PARENT}"

    def test_takes_the_place_of_a_null(self) -> None:
        """As JSONata writes what it does not find."""
        assert "execution" in str(read(**{STARTED_BY_EXECUTION: self.PARENT, "started_by": None}).started_by)

    def test_does_not_replace_who_the_request_says(self) -> None:
        assert read(**{STARTED_BY_EXECUTION: self.PARENT, "started_by": "alice"}).started_by == "alice"

    @pytest.mark.parametrize("claim", ["x" * 5_000, "\x1b[2J\ud83d", None, {"a": 1}])
    def test_is_refused_for_no_text_of_it(self, claim: Any) -> None:
        said = read(**{STARTED_BY_EXECUTION: claim}).started_by

        assert said is not None
        assert said.isprintable()


@pytest.mark.parametrize("name", ["F-1.4.2", "a+b@c=d!e'(f)", "Zürich_日本", "x" * 80])
def test_the_name_of_an_execution_is_what_step_functions_takes(name: str) -> None:
    assert is_execution_name(name)


@pytest.mark.parametrize(
    "name", ["", "x" * 81, "a b", "a\nb", "a:b", "a/b", "a#b", "a%b", "a*", "{a}", "\x9b", "\ud83d"]
)
def test_what_step_functions_takes_for_no_name_is_none(name: str) -> None:
    assert not is_execution_name(name)
