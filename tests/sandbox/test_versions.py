"""Updates, versions and aliases: what the Lambda API refuses, and what takes its time."""

import base64
import hashlib
import io
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.testing import Clients, Function, Functions, eventually, trusted_role, zipped

ONE = "def handler(event, context): return 1"
TWO = "def handler(event, context): return 2"
UNTIL_TOLD = """
import pathlib, time

def handler(event, context):
    pathlib.Path({begun!r}).touch()
    while not pathlib.Path({may_end!r}).exists():
        time.sleep(0.01)
    return 1
"""


def refusal(call: Any, **request: Any) -> Any:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def shop(function: Functions) -> Function:
    """Versions 1 and 2 and the alias `live` on 1."""
    shop = function(ONE)
    shop.publish()
    shop.update(TWO)
    shop.publish()
    shop.alias("live", "1")
    return shop


@pytest.fixture
def slowly(aws: Sandbox) -> Iterator[None]:
    """Updates and new versions take two seconds, long enough to be met."""
    before = aws.control("settings")
    aws.control("settings", {"update_seconds": 2, "pending_seconds": 2})
    yield
    aws.control("settings", {name: before[name] for name in ("update_seconds", "pending_seconds")})


def test_old_code_serves_while_an_update_is_in_progress(function: Functions, slowly: None) -> None:
    shop = function(ONE)
    shop.update(TWO, wait=False)

    assert shop.configuration()["LastUpdateStatus"] == "InProgress"
    assert shop.configuration()["State"] == "Active"
    assert shop.invoke()["Payload"] == 1
    shop.wait_until_updated()
    assert shop.invoke()["Payload"] == 2


def test_nothing_else_changes_a_function_while_an_update_is_in_progress(function: Functions, slowly: None) -> None:
    shop = function(ONE)
    shop.update(TWO, wait=False)

    calls: list[tuple[Any, dict[str, Any]]] = [
        (shop.api.update_function_code, {"ZipFile": zipped(ONE)}),
        (shop.api.update_function_configuration, {"Timeout": 9}),
        (shop.api.publish_version, {}),
    ]
    for call, request in calls:
        assert refusal(call, FunctionName=shop.name, **request) == ("ResourceConflictException", 409)


def test_an_update_never_breaks_off_an_invocation(function: Functions, tmp_path: Path) -> None:
    begun, may_end = tmp_path / "begun", tmp_path / "may-end"
    slow = function(UNTIL_TOLD.format(begun=str(begun), may_end=str(may_end)), Timeout=60)
    answers = []
    invoking = threading.Thread(target=lambda: answers.append(slow.invoke()["Payload"]))
    invoking.start()
    eventually(begun.exists)
    slow.update(TWO)
    assert slow.invoke()["Payload"] == 2
    may_end.touch()
    invoking.join()
    assert answers == [1]


def test_a_version_that_is_pending_takes_no_invocation_and_no_alias(shop: Function, aws: Sandbox) -> None:
    aws.control("settings", {"publish_seconds": 2})
    try:
        shop.update(ONE)
        version = shop.publish(wait=False)
    finally:
        aws.control("settings", {"publish_seconds": 0})

    assert shop.configuration(version)["State"] == "Pending"
    moved = refusal(shop.api.update_alias, FunctionName=shop.name, Name="live", FunctionVersion=version)
    assert moved == ("ResourceConflictException", 409)
    assert refusal(shop.api.invoke, FunctionName=shop.name, Qualifier=version) == ("ResourceConflictException", 409)
    eventually(lambda: shop.configuration(version)["State"] == "Active")
    shop.api.update_alias(FunctionName=shop.name, Name="live", FunctionVersion=version)


def test_a_version_of_an_active_function_can_be_used_in_the_next_call(shop: Function, slowly: None) -> None:
    shop.update(ONE)
    version = shop.publish(wait=False)
    shop.alias("next", version)
    assert shop.invoke(Qualifier="next")["ExecutedVersion"] == version


def test_a_version_that_is_published_with_its_function_becomes_active_with_it(client: Clients) -> None:
    made = client("lambda").create_function(
        FunctionName="published-with-it",
        Runtime="python3.13",
        Handler="index.handler",
        Role=trusted_role(client),
        Code={"ZipFile": zipped(ONE)},
        Publish=True,
    )
    shop = Function(client("lambda"), "published-with-it")
    try:
        assert (made["Version"], made["State"]) == ("1", "Pending")
        eventually(lambda: shop.configuration("1")["State"] == "Active")
        assert shop.configuration("1")["FunctionArn"].endswith(":1")
        assert shop.invoke(Qualifier="1")["Payload"] == 1
    finally:
        shop.api.delete_function(FunctionName=shop.name)


def test_an_alias_with_provisioned_concurrency_stays_on_the_version_it_had_until_the_new_one_is_ready(
    shop: Function,
) -> None:
    put = shop.api.put_provisioned_concurrency_config
    put(FunctionName=shop.name, Qualifier="live", ProvisionedConcurrentExecutions=1)
    eventually(lambda: provisioned(shop)["Status"] == "READY")

    shop.api.update_alias(FunctionName=shop.name, Name="live", FunctionVersion="2")

    alias = shop.api.get_alias(FunctionName=shop.name, Name="live")
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 1.0}}
    assert shop.invoke(Qualifier="live")["ExecutedVersion"] == "1"
    eventually(lambda: provisioned(shop)["Status"] == "READY")
    assert "RoutingConfig" not in shop.api.get_alias(FunctionName=shop.name, Name="live")
    assert shop.invoke(Qualifier="live")["ExecutedVersion"] == "2"


def test_the_weight_stays_where_the_new_version_of_such_an_alias_does_not_start(shop: Function) -> None:
    put = shop.api.put_provisioned_concurrency_config
    put(FunctionName=shop.name, Qualifier="live", ProvisionedConcurrentExecutions=1)
    eventually(lambda: provisioned(shop)["Status"] == "READY")
    shop.update("raise ValueError('no start')")

    shop.api.update_alias(FunctionName=shop.name, Name="live", FunctionVersion=shop.publish())

    eventually(lambda: provisioned(shop)["Status"] == "FAILED")
    assert provisioned(shop)["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    alias = shop.api.get_alias(FunctionName=shop.name, Name="live")
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 1.0}}


def provisioned(shop: Function) -> Any:
    return shop.api.get_provisioned_concurrency_config(FunctionName=shop.name, Qualifier="live")


def test_publishing_what_is_published_creates_nothing(shop: Function) -> None:
    assert shop.publish() == "2"
    shop.update(TWO)
    assert shop.publish() == "2"
    shop.configure(Timeout=9)
    assert shop.publish() == "3"


def test_publishing_can_be_tied_to_the_code_and_to_the_revision(shop: Function) -> None:
    shop.update(ONE)
    digest = shop.configuration()["CodeSha256"]

    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    stale = refusal(shop.api.publish_version, FunctionName=shop.name, CodeSha256=other)
    assert stale == ("InvalidParameterValueException", 400)
    stale = refusal(shop.api.publish_version, FunctionName=shop.name, RevisionId="stale")
    assert stale == ("PreconditionFailedException", 412)
    assert shop.publish(CodeSha256=digest, RevisionId=shop.configuration()["RevisionId"]) == "3"


def test_a_stale_revision_stops_updates_of_code_configuration_and_alias(shop: Function) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = [
        (shop.api.update_function_code, {"ZipFile": zipped(ONE)}),
        (shop.api.update_function_configuration, {"Timeout": 9}),
        (shop.api.update_alias, {"Name": "live", "FunctionVersion": "2"}),
    ]
    for call, request in calls:
        stale = refusal(call, FunctionName=shop.name, RevisionId="stale", **request)
        assert stale == ("PreconditionFailedException", 412)


def test_a_dry_run_of_an_update_tells_the_digest_and_leaves_the_code(shop: Function) -> None:
    before = shop.configuration()

    answer = shop.api.update_function_code(FunctionName=shop.name, ZipFile=zipped(ONE), DryRun=True)

    assert answer["CodeSha256"] != before["CodeSha256"]
    after = shop.configuration()
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}


@pytest.mark.parametrize(
    ("version", "weights", "code", "status"),
    [
        ("7", {}, "ResourceNotFoundException", 404),
        ("1", {"7": 0.5}, "ResourceNotFoundException", 404),
        ("$LATEST", {"1": 0.5}, "InvalidParameterValueException", 400),
        ("1", {"$LATEST": 0.5}, "ValidationException", 400),
        ("1", {"1": 0.5}, "InvalidParameterValueException", 400),
        ("1", {"2": 0.1, "3": 0.1}, "InvalidParameterValueException", 400),
        ("1", {"2": 1.5}, "ValidationException", 400),
    ],
)
def test_an_alias_refuses_what_it_cannot_route(
    shop: Function, version: str, weights: dict[str, float], code: str, status: int
) -> None:
    shop.configure(Timeout=8)
    shop.publish()
    for call, name in [(shop.api.update_alias, "live"), (shop.api.create_alias, "other")]:
        refused = refusal(
            call,
            FunctionName=shop.name,
            Name=name,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )
        assert refused == (code, status)
    alias = shop.api.get_alias(FunctionName=shop.name, Name="live")
    assert (alias["FunctionVersion"], alias.get("RoutingConfig")) == ("1", None)


def test_the_weights_that_an_alias_has_count_when_only_its_version_is_changed(shop: Function) -> None:
    shop.api.update_alias(FunctionName=shop.name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})
    moved = refusal(shop.api.update_alias, FunctionName=shop.name, Name="live", FunctionVersion="2")
    assert moved == ("InvalidParameterValueException", 400)
    flipped = shop.api.update_alias(
        FunctionName=shop.name, Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert "RoutingConfig" not in flipped


def test_versions_that_share_an_alias_must_share_their_role(shop: Function, client: Clients) -> None:
    shop.configure(Role=trusted_role(client, "may-do-nothing-either"))
    shop.publish()
    split = refusal(
        shop.api.update_alias,
        FunctionName=shop.name,
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"3": 0.1}},
    )
    assert split == ("InvalidParameterValueException", 400)


def test_a_version_that_an_alias_names_cannot_be_deleted(shop: Function) -> None:
    shop.api.update_alias(FunctionName=shop.name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})
    for version in ("1", "2"):
        kept = refusal(shop.api.delete_function, FunctionName=shop.name, Qualifier=version)
        assert kept == ("ResourceConflictException", 409)


def test_the_code_of_every_version_can_be_fetched_from_where_get_function_says(shop: Function) -> None:
    shop.update("def handler(e, c): return 3")
    for qualifier, expected in [("1", ONE), ("2", TWO), ("live", ONE), ("$LATEST", "def handler(e, c): return 3")]:
        location = shop.api.get_function(FunctionName=shop.name, Qualifier=qualifier)["Code"]["Location"]
        with urllib.request.urlopen(location) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as files:
            assert files.read("index.py").decode() == expected


def test_an_alias_keeps_three_decimals_of_a_weight(shop: Function) -> None:
    split = {"AdditionalVersionWeights": {"2": 0.123456}}
    moved = shop.api.update_alias(FunctionName=shop.name, Name="live", RoutingConfig=split)
    assert moved["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.123}}
