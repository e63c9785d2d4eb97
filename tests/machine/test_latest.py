"""What is compared is what serves, code and settings; and no code that $LATEST had is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.awslambda.models import LambdaFunction

from tests.handlers.desk import another_user_updates_the_code, told
from tests.machine.deployer import (
    BAD_UNDER_TRAFFIC,
    BROKEN,
    BUCKET,
    FUNCTION,
    GOOD,
    TARGET,
    Deployer,
    installed,
    place,
    zip_of,
)
from tests.machine.test_deploy import COMPLETED, OPENED, STAGED, UNDONE, shift

LATEST = {"function": FUNCTION, "artifact": "$LATEST", "traffic": "AllAtOnce"}
FROM_LATEST = [*OPENED, "SmokeTest", "PublishVersion", "SmokeTestGreen", "WhatNext?"]
MENDED = [*OPENED, "MendLatest", *COMPLETED]
SECRET = "a-secret-value"


def set_up(**settings: Any) -> None:
    """Another tool than the deployer changes the settings of $LATEST."""
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, **settings)


def put(source: str) -> None:
    """Another tool than the deployer puts code into $LATEST."""
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(source))


def configuration(qualifier: str) -> Any:
    return boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier=qualifier)


@contextmanager
def entering(deployer: Deployer, state: str, do: Callable[[], None]) -> Iterator[None]:
    """Someone else does something as an execution enters a state."""

    def hook(_: str, name: str, when: str) -> None:
        if (name, when) == (state, "entered"):
            do()

    with deployer.aws.at_states(hook):
        yield


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"Environment": {"Variables": {"STAGE": SECRET, "URL": SECRET}}}, "Environment (variables STAGE, URL)"),
            ({"MemorySize": 1024}, "MemorySize"),
            ({"Timeout": 60}, "Timeout"),
        ],
        ids=["environment", "memory", "timeout"],
    )
    def test_that_changed_are_deployed_with_the_code_that_serves_and_named(
        self, deployer: Deployer, settings: dict[str, Any], named: str
    ) -> None:
        set_up(**settings)

        run = deployer.deploy(GOOD % 1, traffic="AllAtOnce")

        assert run.path == [*STAGED, *shift(1), *COMPLETED]
        assert deployer.alias() == ("2", {})
        assert deployer.digest("2") == deployer.digest("1")
        assert {name: configuration("2")[name] for name in settings} == settings
        assert deployer.record(run)["changes"] == [named]
        (text,) = told(deployer)
        assert f"Settings that differ from version 1: {named}. The code is the same." in text
        assert SECRET not in text + str(deployer.items("")) + str(run.history)

    def test_that_come_with_new_code_are_named_too(self, deployer: Deployer) -> None:
        set_up(Timeout=60)

        run = deployer.deploy(GOOD % 2, traffic="AllAtOnce")

        assert deployer.record(run)["changes"] == ["Timeout"]
        assert "Settings that differ from version 1: Timeout." in told(deployer)[0]

    def test_of_a_green_that_was_rolled_back_are_named(self, deployer: Deployer) -> None:
        set_up(Timeout=60)

        run = deployer.deploy(BROKEN)

        assert run.ended == "RolledBack"
        assert "Settings of green that differ from version 1: Timeout." in told(deployer)[0]
        assert configuration("$LATEST")["Timeout"] == 60

    def test_of_a_version_that_is_published_are_named(self, deployer: Deployer) -> None:
        set_up(Timeout=60)
        deployer.deploy(GOOD % 2, traffic="AllAtOnce")

        run = deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})

        assert run.ended == "Deployed"
        assert deployer.record(run)["changes"] == ["Timeout"]

    def test_that_were_not_changed_are_not_in_the_record(self, deployer: Deployer) -> None:
        assert "changes" not in deployer.record(deployer.deploy())

    def test_of_which_only_the_description_changed_are_nothing_to_deploy(self, deployer: Deployer) -> None:
        set_up(Description="another text")

        assert deployer.deploy(GOOD % 1).path == [*OPENED, "NothingToDeploy"]
        assert deployer.run(LATEST).path == [*OPENED, "NothingToDeploy"]


class TestDeployingLatest:
    def test_code_and_settings_that_another_tool_put_there_are_tested_published_and_shifted(
        self, deployer: Deployer
    ) -> None:
        put(GOOD % 2)
        set_up(Timeout=60)
        before = deployer.digest()

        run = deployer.run(LATEST)

        assert run.path == [*FROM_LATEST, *shift(1), *COMPLETED]
        assert deployer.alias() == ("2", {})
        assert deployer.digest() == deployer.digest("2") == before
        assert configuration("2")["Timeout"] == 60
        record = deployer.record(run)
        assert (record["artifact"], record["changes"], record["latest_outcome"]) == (
            "$LATEST",
            ["Timeout"],
            "unchanged",
        )

    def test_what_serves_already_is_nothing_to_deploy(self, deployer: Deployer) -> None:
        run = deployer.run(LATEST)

        assert run.path == [*OPENED, "NothingToDeploy"]
        assert deployer.items("lock#") == []

    def test_a_failed_deployment_leaves_latest_as_it_was_and_says_so(self, deployer: Deployer) -> None:
        deployer.users_call(times_a_second=2)
        put(BAD_UNDER_TRAFFIC)
        before = configuration("$LATEST")

        run = deployer.run(LATEST | {"traffic": "Canary10Percent30Minutes"})

        assert run.path[-2:] == UNDONE
        assert run.error == "GreenUnhealthy"
        assert deployer.alias() == ("1", {})
        assert deployer.digest() == before["CodeSha256"]
        assert deployer.record(run)["latest_outcome"] == "kept"
        assert "$LATEST keeps the code and the settings that it had: this deployment put nothing there." in run.cause

    def test_a_green_that_fails_its_smoke_test_is_not_published(self, deployer: Deployer) -> None:
        put(BROKEN)

        run = deployer.run(LATEST)

        assert run.path == [*OPENED, "SmokeTest", *UNDONE]
        assert deployer.versions() == ["1"]

    @pytest.mark.parametrize("what", ["code", "settings"])
    def test_what_changes_after_the_opening_is_not_published(self, deployer: Deployer, what: str) -> None:
        put(GOOD % 2)
        with entering(deployer, "PublishVersion", lambda: put(GOOD % 3) if what == "code" else set_up(Timeout=61)):
            run = deployer.run(LATEST)

        assert run.path == [*OPENED, "SmokeTest", "PublishVersion", *UNDONE]
        assert run.error == "LatestMoved"
        assert deployer.versions() == ["1"]

    def test_an_update_in_progress_is_waited_for_so_that_the_new_code_is_tested(self) -> None:
        with installed(update_seconds=20.0) as deployer:
            put(BROKEN)

            run = deployer.run(LATEST)

        assert run.path == [*OPENED, "SmokeTest", *UNDONE]
        assert run.error == "SmokeTestFailed"

    def test_what_cannot_be_invoked_is_refused(self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
        tell = LambdaFunction.get_configuration
        failed = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "the key is gone"}
        monkeypatch.setattr(LambdaFunction, "get_configuration", lambda *asked: tell(*asked) | failed)

        run = deployer.run(LATEST)

        assert run.path == ["OpenDeployment", "RejectDeployment", "Rejected"]
        assert run.cause.startswith("artifact: $LATEST of BonusCalculatorLambda is Active, its last update Failed: ")


class TestCodeThatOnlyLatestHas:
    def test_is_given_back_after_a_rollback(self, deployer: Deployer) -> None:
        unpublished = another_user_updates_the_code(deployer, GOOD % 9)

        run = deployer.deploy(BROKEN)

        assert run.path == [*STAGED[:4], *UNDONE]
        assert deployer.digest() == unpublished
        assert deployer.record(run)["latest_outcome"] == "put_back"

    def test_is_kept_where_the_notification_says_when_the_deployment_succeeds(self, deployer: Deployer) -> None:
        put(GOOD % 9)

        run = deployer.deploy(traffic="AllAtOnce")

        kept = deployer.record(run)["latest_kept"]
        body = boto3.client("s3").get_object(Bucket=BUCKET, Key=kept["key"])["Body"].read()
        assert body == zip_of(GOOD % 9)
        assert kept["key"].startswith(f"restored/{TARGET.account}/{TARGET.region}/{FUNCTION}/")
        assert f"The code that $LATEST had before is kept at s3://{BUCKET}/{kept['key']}." in told(deployer)[0]

    def test_that_cannot_be_copied_is_not_touched_and_the_cause_says_why(self, deployer: Deployer) -> None:
        put(GOOD % 9)
        before = configuration("$LATEST")

        with deployer.aws.fails("PutObject", "AccessDenied", times=None, state="UpdateCode"):
            run = deployer.deploy()

        assert run.path == [*STAGED[:3], *UNDONE]
        assert configuration("$LATEST")["RevisionId"] == before["RevisionId"]
        assert "$LATEST of BonusCalculatorLambda was not touched: " in run.cause
        assert "AccessDenied" in run.cause
        assert "publish-version" in run.cause

    def test_is_not_copied_if_a_version_that_serves_or_an_artifact_has_it(self, deployer: Deployer) -> None:
        deployer.deploy(GOOD % 2, traffic="AllAtOnce")
        deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})
        assert deployer.digest() != deployer.digest("1")

        run = deployer.deploy(GOOD % 3, traffic="AllAtOnce")

        assert run.ended == "Deployed"
        assert "latest_kept" not in deployer.record(run)
        keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert keys == [place("new.zip")]


class TestDeployingWhatServes:
    def test_mends_latest_and_leaves_the_alias_alone(self, deployer: Deployer) -> None:
        put(GOOD % 9)
        before = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="PROD")["RevisionId"]

        run = deployer.deploy(GOOD % 1)

        assert run.path == MENDED
        assert deployer.digest() == deployer.digest("1")
        assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="PROD")["RevisionId"] == before
        assert deployer.versions() == ["1"]
        record = deployer.record(run)
        assert (record["state"], record["serving"], record["latest_kept"]["bucket"]) == ("Deployed", "1", BUCKET)
        assert deployer.items("serving#") == []
        assert deployer.items("lock#") == []

    def test_people_are_told_that_the_alias_stays_and_where_the_code_is(self, deployer: Deployer) -> None:
        put(GOOD % 9)
        deployer.deploy(GOOD % 1)

        (text,) = told(deployer)
        assert text.startswith("Version 1 has this code and these settings already")
        assert "$LATEST had other code and has this code now." in text
        assert f"kept at s3://{BUCKET}/restored/" in text

    def test_after_a_rollback_by_hand_puts_latest_right(self, deployer: Deployer) -> None:
        deployer.deploy(GOOD % 2, traffic="AllAtOnce")
        deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"})

        run = deployer.deploy(GOOD % 1)

        assert run.path == MENDED
        assert deployer.digest() == deployer.digest("1")

    def test_over_which_another_user_puts_code_is_left_to_that_user(self, deployer: Deployer) -> None:
        put(GOOD % 9)

        with entering(deployer, "MendLatest", lambda: put(GOOD % 8)):
            run = deployer.deploy(GOOD % 1)

        assert run.path == [*OPENED, "MendLatest", *UNDONE]
        assert run.error == "LatestMoved"
        assert deployer.alias() == ("1", {})
