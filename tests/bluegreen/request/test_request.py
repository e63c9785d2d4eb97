"""The request: what it may say, in which words it is refused, and that it is the same wherever it is read."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from bluegreen.aws import table
from bluegreen.document import Plan
from bluegreen.errors import InvalidRequest
from bluegreen.request.artifact import Zip
from bluegreen.request.request import LARGEST_REQUEST, Request, misfit
from bluegreen.request.traffic import schedule
from tests.bluegreen.examples import plan_of, request
from tests.bluegreen.strategies import requests


def refusal(document: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(document)
    return str(refused.value)


class TestTheSmallestRequest:
    def test_the_smallest_request_is_a_function_and_an_artifact(self) -> None:
        read = Request.read(request())

        assert read.function == "Shop"
        assert read.artifact == Zip(bucket="artifacts", key="new.zip")
        assert (read.alias, read.traffic, read.smoke_tests) == (None, None, ())

    @pytest.mark.parametrize("field", ["function", "artifact"])
    def test_a_request_lacks_neither(self, field: str) -> None:
        without = {name: value for name, value in request().items() if name != field}

        assert refusal(without) == f"{field}: is required"


@pytest.mark.parametrize("value", [{"token": "4711"}, ["4711"], 4711, "", None])
def test_a_reason_that_receive_upload_never_writes_is_an_unknown_field(value: Any) -> None:
    assert refusal(request(upload=value)) == "upload: unknown field; leave it out"


class TestFunctionAndAlias:
    @pytest.mark.parametrize("name", ["Shop", "a", "A-b_9", "x" * 64])
    def test_a_function_is_written_by_its_name(self, name: str) -> None:
        assert Request.read(request(function=name)).function == name

    @pytest.mark.parametrize(
        "name",
        ["", "x" * 65, "a b", "Shop:", "../Shop", "Größe", "Shop\n", "arn:aws:lambda:us-east-1:1:function:Shop"],
    )
    def test_a_text_that_is_no_function_s_name_is_refused(self, name: str) -> None:
        assert refusal(request(function=name)).startswith("function: ")

    @pytest.mark.parametrize("name", [5, None, ["Shop"], {"name": "Shop"}, True])
    def test_a_function_that_is_no_text_is_refused(self, name: Any) -> None:
        assert refusal(request(function=name)).startswith("function: ")

    @pytest.mark.parametrize("name", ["PROD", "v1", "1a", "_", "live-2"])
    def test_an_alias_is_a_word(self, name: str) -> None:
        assert Request.read(request(alias=name)).alias == name

    @pytest.mark.parametrize("name", ["", "$LATEST", "1", "12", "a b", "a:b", "x" * 300])
    def test_a_version_is_no_alias(self, name: str) -> None:
        assert refusal(request(alias=name)).startswith("alias: ")


class TestBakes:
    def test_bakes_of_two_days_together_are_the_longest(self) -> None:
        steps = {"steps": [{"weight": 0.1, "bake_seconds": 1}, {"weight": 0.5, "bake_seconds": 1}]}

        Request.read(request(traffic=steps, health={"max_bake_seconds": 86_400}))
        said = refusal(request(traffic=steps, health={"max_bake_seconds": 86_401}))
        assert "health.max_bake_seconds: the bakes may take 172802 seconds together; 172800 (48 hours) is the" in said

    @pytest.mark.parametrize(
        ("traffic", "longest"),
        [("Canary10Percent30Minutes", 10_800), ("Adaptive", 10_800), ("Canary10Percent30Minutes", None)],
    )
    def test_short_periods_are_for_bakes_of_which_cloudwatch_remembers_the_beginning(
        self, traffic: str, longest: int | None
    ) -> None:
        Request.read(request(traffic=traffic, health={"period_seconds": 10, "max_bake_seconds": longest}))

        said = refusal(request(traffic=traffic, health={"period_seconds": 10, "max_bake_seconds": 10_801}))

        assert "health.period_seconds: CloudWatch keeps periods below 60 seconds for three hours" in said
        assert said.endswith("write 60")


class TestPromoteBySeconds:
    def test_is_a_time_within_adaptives_hour_or_the_one_that_is_given(self) -> None:
        for health in ({"promote_by_seconds": 3600}, {"promote_by_seconds": 7200, "max_bake_seconds": 7200}):
            assert Request.read(request(traffic="Adaptive", health=health)).health.promote_by_seconds

    @pytest.mark.parametrize(
        ("traffic", "health", "said"),
        [
            (
                "Canary10Percent10Minutes",
                {"promote_by_seconds": 600},
                'the times of Canary10Percent10Minutes are fixed; leave it out, or write "traffic": "Adaptive"',
            ),
            (
                {"steps": [{"weight": 0.5, "bake_seconds": 600}]},
                {"promote_by_seconds": 600},
                'the times of Steps are fixed; leave it out, or write "traffic": "Adaptive"',
            ),
            (
                "Adaptive",
                {"promote_by_seconds": 3601},
                "Adaptive is over after 3600 seconds (max_bake_seconds); write so many or fewer, or a longer "
                "max_bake_seconds",
            ),
            (
                "Adaptive",
                {"promote_by_seconds": 1801, "max_bake_seconds": 1800},
                "Adaptive is over after 1800 seconds (max_bake_seconds); write so many or fewer, or a longer "
                "max_bake_seconds",
            ),
            (
                "Adaptive",
                {"promote_by_seconds": 719, "period_seconds": 300},
                "green would get everything after 719 seconds, before it can be seen; write 720 or more",
            ),
            ("Adaptive", {"promote_by_seconds": 299}, "299 is too small; write 300 or more"),
        ],
    )
    def test_is_refused_where_it_makes_no_sense(self, traffic: Any, health: dict[str, Any], said: str) -> None:
        assert refusal(request(traffic=traffic, health=health)).endswith(f"health.promote_by_seconds: {said}")

    def test_of_the_stacks_own_strategy_it_is_judged_on_opening(self) -> None:
        read = Request.read(request(health={"promote_by_seconds": 600}))

        assert misfit(schedule("AllAtOnce"), read.health) == (
            "health.promote_by_seconds",
            'the times of AllAtOnce are fixed; leave it out, or write "traffic": "Adaptive"',
        )


class TestARequestThatIsNone:
    @pytest.mark.parametrize(
        ("document", "shown"), [(None, "null"), ([], "[]"), ("Shop", "'Shop'"), (5, "5"), (True, "true")]
    )
    def test_a_request_that_is_no_object_is_refused_as_such(self, document: Any, shown: str) -> None:
        assert refusal(document) == f"request: {shown} is not a JSON object"

    def test_an_unreadable_settings_file_is_the_complaint(self) -> None:
        assert refusal(request(deployment_json="s3://a/b is not JSON")) == "deployment_json: s3://a/b is not JSON"

    def test_a_settings_file_cannot_be_asked_for(self) -> None:
        assert refusal(request(deployment_json=None)) == "deployment_json: unknown field; leave it out"

    @pytest.mark.parametrize("payload", [float("inf"), float("-inf"), float("nan")])
    def test_a_request_that_cannot_be_written_as_json_is_refused(self, payload: Any) -> None:
        assert refusal(request(smoke_tests=[{"name": "a", "payload": payload}])).startswith("request: ")

    @pytest.mark.parametrize(
        "more",
        [
            {"health": {"margin": 1e-200}},
            {"health": {"false_alarm": 1e-200}},
            {"health": {"icc": 1e-200}},
            {"traffic": {"steps": [{"weight": 1e-200, "bake_seconds": 5}]}},
        ],
        ids=["margin", "false_alarm", "icc", "weight"],
    )
    def test_a_number_that_the_table_does_not_take_is_refused_or_rounded(self, more: dict[str, Any]) -> None:
        with suppress(InvalidRequest):
            table.values(plan_of(Request.read(request(**more))).model_dump(mode="json"))


class TestTheWayThroughJson:
    @given(requests)
    def test_a_request_that_was_read_is_read_again_the_same(self, document: dict[str, Any]) -> None:
        read = Request.read(document)

        assert Request.read(json.loads(json.dumps(read.to_json()))) == read

    @given(requests)
    def test_a_field_that_was_not_given_stays_away(self, document: dict[str, Any]) -> None:
        assert Request.read(document).to_json().keys() == document.keys()

    @given(requests)
    def test_a_plan_of_a_request_survives_json(self, document: dict[str, Any]) -> None:
        plan = plan_of(Request.read(document))

        assert Plan.model_validate_json(plan.model_dump_json()) == plan
        assert Plan.model_validate(json.loads(json.dumps(plan.model_dump(mode="json")))) == plan


LARGE: list[dict[str, Any]] = [
    {"smoke_tests": [{"name": str(number), "payload": "x" * 1_200} for number in range(50)]},
    {"traffic": {"steps": [{"weight": each / 1000, "bake_seconds": 172} for each in range(1, 500)]}},
    {"smoke_tests": [{"name": str(number), "payload": "ü" * 200} for number in range(50)]},
]


class TestSize:
    """Step Functions takes 262,144 bytes of a document, and DynamoDB 400 KB of an item."""

    def test_a_request_of_sixty_four_kilobytes_is_the_largest(self) -> None:
        rest = len(json.dumps(request(smoke_tests=[{"name": "a", "payload": ""}])))
        largest = request(smoke_tests=[{"name": "a", "payload": "x" * (LARGEST_REQUEST - rest)}])
        too_large = request(smoke_tests=[{"name": "a", "payload": "x" * (LARGEST_REQUEST - rest + 1)}])

        Request.read(largest)
        assert refusal(too_large) == "request: it has 65537 bytes; write 65536 at most; shorten payloads"

    @pytest.mark.parametrize("more", LARGE, ids=["cases", "steps", "letters"])
    def test_the_plan_of_the_largest_request_fits_into_an_item(self, more: dict[str, Any]) -> None:
        plan = plan_of(Request.read(request(**more)))

        assert len(plan.model_dump_json().encode()) * 2 < 400_000

    @pytest.mark.parametrize("more", LARGE, ids=["cases", "steps", "letters"])
    def test_the_largest_request_can_be_rejected_with_the_longest_cause(self, more: dict[str, Any]) -> None:
        failure = {"Error": "InvalidRequest", "Cause": "x" * 32_768}

        assert len(json.dumps(request(**more) | {"failure": failure}).encode()) < 262_144

    def test_a_complaint_does_not_repeat_a_value_that_is_too_long(self) -> None:
        assert len(refusal(request(function="x" * 60_000))) < 2_100


def test_what_should_be_a_list_is_said_to_be_none() -> None:
    with pytest.raises(InvalidRequest, match=r"^health\.alarms: 'checkout' is not a list$"):
        Request.read(request(health={"alarms": "checkout"}))


@pytest.mark.parametrize("field", ["only_newer", "from_elsewhere"])
@pytest.mark.parametrize("value", ["yes", "true", 1, 0, None])
def test_yes_and_no_are_true_and_false(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        Request.read(request(**{field: value}))


@pytest.mark.parametrize("value", ["off", "yes", 1])
def test_a_case_is_sensitive_or_not(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^smoke_tests\.0\.sensitive: "):
        Request.read(request(smoke_tests=[{"name": "a", "sensitive": value}]))
