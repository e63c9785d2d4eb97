"""Aliases: where they point, whether Lambda itself is moving them, and moving them."""

from contextlib import AbstractContextManager
from typing import Any

import boto3
import pytest

from bluegreen.aws import aliases
from bluegreen.aws.client import client
from bluegreen.decisions.route import Route
from bluegreen.errors import AccessDenied, NotFound, PreconditionFailed, StillInProgress
from tests.bluegreen.aws.answers import Asked, answered, asked
from tests.bluegreen.examples import SHOP
from tests.handlers.desk import aws_refuses
from tests.machine.deployer import ALIAS, FUNCTION, TARGET, Deployer

pytestmark = pytest.mark.usefixtures("deployer")

SPLIT = Route(primary="1", also={"2": 0.1})


def point(version: str, weights: dict[str, float] | None = None) -> None:
    """Someone points the alias there."""
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": weights or {}},
    )


@pytest.fixture(autouse=True)
def two_versions(deployer: Deployer) -> None:
    artifact = deployer.upload("def handler(event, context): return 2")
    functions = boto3.client("lambda")
    functions.update_function_code(FunctionName=FUNCTION, S3Bucket=artifact["bucket"], S3Key=artifact["key"])
    assert functions.publish_version(FunctionName=FUNCTION)["Version"] == "2"


def concurrency(status: str) -> AbstractContextManager[Asked]:
    """Of the alias's provisioned concurrency."""
    answer = {"Status": status, "RequestedProvisionedConcurrentExecutions": 5}
    return answered(client("lambda", TARGET), "GetProvisionedConcurrencyConfig", lambda: answer)


class TestReading:
    def test_an_alias_on_one_version_is_whole(self) -> None:
        alias = aliases.read(TARGET)

        assert alias.route == Route(primary="1")
        assert alias.revision
        assert not alias.settling

    def test_an_alias_on_two_versions_has_the_weights(self) -> None:
        point("1", {"2": 0.1})

        assert aliases.read(TARGET).route == SPLIT

    def test_a_weight_of_zero_is_not_a_split(self) -> None:
        answer = {
            "FunctionVersion": "1",
            "RevisionId": "r1",
            "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.0}},
        }

        with answered(client("lambda", TARGET), "GetAlias", lambda: answer):
            assert aliases.read(TARGET).route == Route(primary="1")

    def test_an_alias_of_another_function_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            aliases.read(SHOP)
        with pytest.raises(NotFound):
            aliases.read(TARGET.model_copy(update={"alias": "LIVE"}))


class TestSettling:
    @pytest.mark.parametrize(
        ("weights", "expected"), [({}, ()), ({"2": 0.1}, (SPLIT,)), ({"2": 0.1}, (Route(primary="1"), SPLIT))]
    )
    def test_an_alias_that_is_as_expected_is_asked_for_once(
        self, weights: dict[str, float], expected: tuple[Route, ...]
    ) -> None:
        point("1", weights)

        with concurrency("IN_PROGRESS") as asked_for:
            assert not aliases.read(TARGET, *expected).settling

        assert asked_for == []

    def test_an_alias_that_lambda_splits_otherwise_is_settling(self) -> None:
        point("1", {"2": 0.37})

        with concurrency("IN_PROGRESS"):
            alias = aliases.read(TARGET, SPLIT)

        assert alias.settling
        assert alias.route == Route(primary="1", also={"2": 0.37})

    @pytest.mark.parametrize("status", ["READY", "FAILED"])
    def test_an_alias_that_someone_split_is_not_settling(self, status: str) -> None:
        point("1", {"2": 0.37})

        with concurrency(status):
            assert not aliases.read(TARGET, SPLIT).settling

    def test_an_alias_without_provisioned_concurrency_is_not_settling(self) -> None:
        point("1", {"2": 0.37})

        assert not aliases.read(TARGET).settling

    def test_an_alias_that_moved_on_between_two_questions_is_read_again(self) -> None:
        read: list[dict[str, Any]] = []

        def moving() -> dict[str, Any]:
            read.append({"FunctionVersion": "1", "RevisionId": f"r{len(read)}"})
            return read[-1] | {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.37 + 0.1 * len(read)}}}

        with (
            answered(client("lambda", TARGET), "GetAlias", moving),
            concurrency("READY"),
            pytest.raises(StillInProgress, match="has just settled"),
        ):
            aliases.read(TARGET)

        assert len(read) == 2

    def test_an_alias_whose_concurrency_may_not_be_seen_is_a_missing_permission(self, deployer: Deployer) -> None:
        point("1", {"2": 0.37})

        with (
            deployer.aws.fails("GetProvisionedConcurrencyConfig", "AccessDeniedException"),
            pytest.raises(AccessDenied),
        ):
            aliases.read(TARGET)


class TestPointing:
    @pytest.mark.parametrize("route", [SPLIT, Route(primary="2"), Route(primary="1")])
    def test_an_alias_is_pointed_by_one_call_and_has_another_revision(self, deployer: Deployer, route: Route) -> None:
        before = aliases.read(TARGET)

        with asked(client("lambda", TARGET), "UpdateAlias") as calls:
            after = aliases.point(TARGET, route, before.revision)

        assert len(calls) == 1
        assert after == aliases.read(TARGET, route)
        assert after.route == route
        assert after.revision != before.revision

    def test_weights_that_were_there_are_gone_with_the_next_route(self, deployer: Deployer) -> None:
        point("1", {"2": 0.1})

        aliases.point(TARGET, Route(primary="1"), aliases.read(TARGET).revision)

        assert deployer.alias() == ("1", {})

    def test_an_alias_that_someone_else_moved_stays_where_it_is(self, deployer: Deployer) -> None:
        before = aliases.read(TARGET)
        point("2")

        with pytest.raises(PreconditionFailed):
            aliases.point(TARGET, SPLIT, before.revision)

        assert deployer.alias() == ("2", {})


class TestStuck:
    """Lambda leaves a weight of 1 on the version before if it cannot allocate the provisioned concurrency."""

    def test_an_alias_whose_concurrency_failed_says_why(self) -> None:
        point("2", {"1": 1.0})
        answer = {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE"}

        with answered(client("lambda", TARGET), "GetProvisionedConcurrencyConfig", lambda: answer):
            assert aliases.read(TARGET, Route(primary="2")).stuck == "FUNCTION_ERROR_INIT_FAILURE"

    @pytest.mark.parametrize("weight", [0.37, 0.999])
    def test_another_users_weight_is_not_lambdas(self, weight: float) -> None:
        point("2", {"1": weight})

        with concurrency("FAILED"):
            assert not aliases.read(TARGET, Route(primary="2")).stuck


class TestProvisionedConcurrency:
    @pytest.mark.parametrize("version", ["", "1"])
    def test_none_is_known_by_one_call(self, deployer: Deployer, version: str) -> None:
        none = ("ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found")
        with (
            aws_refuses("lambda", "GetProvisionedConcurrencyConfig", *none),
            asked(client("lambda", TARGET), "ListTags") as calls,
        ):
            assert aliases.provisioned(TARGET, version) is None

        assert calls == []

    @pytest.mark.parametrize(("version", "qualifier"), [("", ALIAS), ("1", "1")])
    def test_one_of_the_alias_or_of_a_version_is_read_with_its_amount(self, version: str, qualifier: str) -> None:
        answer = {"Status": "READY", "RequestedProvisionedConcurrentExecutions": 5}
        with (
            asked(client("lambda", TARGET), "GetProvisionedConcurrencyConfig") as calls,
            answered(client("lambda", TARGET), "GetProvisionedConcurrencyConfig", lambda: answer),
        ):
            found = aliases.provisioned(TARGET, version)

        assert (found and found.amount, calls[0]["Qualifier"]) == (5, qualifier)
