"""The table: items of DynamoDB's own types, conditional writes, and several writes as one."""

from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.aws import table
from bluegreen.errors import AccessDenied, AwsUnavailable
from tests.machine.deployer import TABLE, Deployer

on_aws = pytest.mark.usefixtures("deployer")

floats = st.floats(-1e100, 1e100).filter(lambda number: number == 0 or abs(number) > 1e-100)

plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | floats.filter(lambda number: abs(number) < 2**53)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=8,
)


def put(sk: str = "record", **values: Any) -> None:
    table.put({"Item": table.values({"pk": "deployment#first", "sk": sk} | values)})


def stored(sk: str = "record") -> Any:
    """The item as another program reads it."""
    return boto3.resource("dynamodb").Table(TABLE).get_item(Key={"pk": "deployment#first", "sk": sk})["Item"]


class TestTypes:
    @given(st.dictionaries(st.text(min_size=1, max_size=4), plain_values, max_size=4))
    def test_values_come_back_as_they_went(self, values: dict[str, Any]) -> None:
        assert table.item_of(table.values(values)) == values

    @given(floats)
    def test_a_float_keeps_its_digits(self, number: float) -> None:
        (value,) = table.item_of(table.values({"n": number})).values()

        assert float(value) == number

    @pytest.mark.parametrize("number", [0.1 + 0.2, 1 / 3, 1e-9, 0.123456789012345678, 1767603600.123456])
    def test_a_float_is_written_with_the_digits_that_it_has(self, number: float) -> None:
        assert table.values({"n": number}) == {"n": {"N": repr(number).replace("e-09", "E-9")}}

    @on_aws
    def test_each_value_has_dynamodb_s_own_type(self) -> None:
        put(text="a", whole=7, share=0.1, yes=True, nothing=None, many=[1, "b"], shares={"1": 0.9})

        assert stored() == {
            "pk": "deployment#first",
            "sk": "record",
            "text": "a",
            "whole": Decimal(7),
            "share": Decimal("0.1"),
            "yes": True,
            "nothing": None,
            "many": [Decimal(1), "b"],
            "shares": {"1": Decimal("0.9")},
        }

    @on_aws
    def test_numbers_compare_as_numbers(self) -> None:
        for number in (2, 9, 10, 1000):
            put(f"n{number}", number=number)
        items = boto3.resource("dynamodb").Table(TABLE)

        found = items.scan(FilterExpression=Attr("number").gt(9))["Items"]

        assert {str(item["number"]) for item in found} == {"10", "1000"}

    def test_a_whole_number_is_an_int_and_another_a_float(self) -> None:
        item = table.item_of(table.values({"shift": 10, "weight": 0.1, "whole_weight": 1.0}))

        assert [type(item[name]) for name in ("shift", "weight", "whole_weight")] == [int, float, int]

    def test_tuples_and_lists_are_lists(self) -> None:
        assert table.item_of(table.values({"a": (1, 2)})) == {"a": [1, 2]}


@on_aws
class TestReading:
    def test_an_item_that_is_not_there_is_none(self) -> None:
        assert table.get("deployment#first", "record") is None

    def test_a_query_reads_every_page(self) -> None:
        for number in range(4):
            put(f"{number}", text="x" * 350_000)

        assert [item["sk"] for item in query()] == ["0", "1", "2", "3"]
        assert len(page()[0]) < 4

    def test_a_page_goes_on_after_the_last(self) -> None:
        for number in range(5):
            put(f"{number}")

        first, last = page(Limit=2)
        second, _ = page(after=last, Limit=2)

        assert [item["sk"] for item in first + second] == ["0", "1", "2", "3"]
        assert last == {"pk": "deployment#first", "sk": "1"}

    def test_the_last_page_says_that_it_is_the_last(self) -> None:
        put("0")

        assert page(Limit=2) == ([{"pk": "deployment#first", "sk": "0"}], None)


def query() -> list[table.Item]:
    return table.query(**of_first())


def page(after: table.Item | None = None, **more: Any) -> tuple[list[table.Item], table.Item | None]:
    return table.page(after=after, **of_first(), **more)


def of_first() -> dict[str, Any]:
    return {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": table.values({":pk": "deployment#first"}),
    }


UNLESS_THERE = {"ConditionExpression": "attribute_not_exists(pk)"}
IF_THERE = {"ConditionExpression": "attribute_exists(pk)"}
KEY = {"Key": {"pk": {"S": "deployment#first"}, "sk": {"S": "record"}}}
ITEM = {"Item": KEY["Key"]}


@on_aws
class TestWriting:
    def test_a_put_says_whether_its_condition_held(self) -> None:
        assert table.put(ITEM | UNLESS_THERE)
        assert not table.put(ITEM | UNLESS_THERE)

    def test_an_update_answers_the_item_or_none(self) -> None:
        updating = KEY | {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": table.values({":n": 1})}

        assert table.update(updating | IF_THERE) is None
        put(kept="b")
        assert table.update(updating | IF_THERE) == {"pk": "deployment#first", "sk": "record", "kept": "b", "n": 1}

    def test_a_deletion_says_whether_its_condition_held(self) -> None:
        assert not table.delete(KEY | IF_THERE)
        put()
        assert table.delete(KEY | IF_THERE)
        assert table.get("deployment#first", "record") is None

    def test_several_writes_are_written_together(self) -> None:
        other = table.key("deployment#first", "plan")

        assert table.together({"Put": ITEM | UNLESS_THERE}, {"Put": {"Item": other}}) == []
        assert [item["sk"] for item in query()] == ["plan", "record"]

    def test_several_writes_are_refused_together_each_with_its_reason(self) -> None:
        put()
        other = table.key("deployment#first", "plan")

        reasons = table.together({"Put": {"Item": other}}, {"Put": ITEM | UNLESS_THERE})

        assert reasons == ["None", table.REFUSED]
        assert [item["sk"] for item in query()] == ["record"]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetItem", lambda: table.get("deployment#first", "record")),
        ("Query", lambda: query()),
        ("Query", lambda: page()),
        ("PutItem", lambda: table.put(ITEM)),
        ("UpdateItem", lambda: table.update(KEY)),
        ("DeleteItem", lambda: table.delete(KEY)),
        ("TransactWriteItems", lambda: table.together({"Put": ITEM})),
    ],
)
@on_aws
@pytest.mark.parametrize(
    ("code", "name"), [("ServiceUnavailable", AwsUnavailable), ("AccessDeniedException", AccessDenied)]
)
def test_a_table_that_does_not_answer_has_our_word_for_it(
    deployer: Deployer, operation: str, call: Any, code: str, name: type[Exception]
) -> None:
    with deployer.aws.fails(operation, code, times=None), pytest.raises(name):
        call()


def test_values_are_json_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        table.values({"a": object()})
