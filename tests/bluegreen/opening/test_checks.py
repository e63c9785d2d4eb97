"""What is checked before a deployment changes anything, and in which words it is refused."""

from typing import Any

import boto3
import pytest

from bluegreen.aws.aliases import Alias
from bluegreen.aws.artifacts import Inspected
from bluegreen.aws.client import client
from bluegreen.decisions.route import Route
from bluegreen.errors import AccessDenied, AwsUnavailable, InvalidRequest, StillInProgress
from bluegreen.ledger.uploads import Newest
from bluegreen.opening import checks
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.findings import Refusal, Warning
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Zip
from bluegreen.request.package import Contents
from bluegreen.request.request import Request
from bluegreen.request.upload import place_by_request
from bluegreen.target import Target
from tests.bluegreen.aws.answers import answered, asked
from tests.bluegreen.examples import IMAGE, a_function
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm, place
from tests.machine.faults import PACE

pytestmark = pytest.mark.usefixtures("deployer")

HERE = {"bucket": BUCKET, "key": place("new.zip")}
ADDRESS = f"s3://{BUCKET}/{place('new.zip')}"


def situation(target: Target = TARGET, known: dict[str, Any] | None = None, **more: Any) -> Situation:
    """A request for that alias, with what is `known` instead of what AWS says."""
    here = {"bucket": BUCKET, "key": place_by_request(target.function, "new.zip")}
    request = Request.read({"function": target.function, "artifact": here} | more)
    found = Situation(request, target)
    vars(found).update(known or {})
    return found


def said(check: checks.Check, asked_for: Situation) -> str:
    refusal = check(asked_for)
    assert refusal is not None
    return str(refusal)


class TestTheFunction:
    def test_a_function_with_the_tag_has_opted_in(self) -> None:
        assert checks.function_has_opted_in(situation()) is None

    @pytest.mark.parametrize("tags", [{}, {"bluegreen:managed": "false"}, {"bluegreen:managed": "True"}])
    def test_a_function_without_the_tag_is_refused(self, deployer: Deployer, tags: dict[str, str]) -> None:
        deployer.aws.create_function("Stranger", GOOD % 1, tags=tags)

        assert said(checks.function_has_opted_in, situation(TARGET.model_copy(update={"function": "Stranger"}))) == (
            "function: Stranger has no tag bluegreen:managed = true, so the deployer may not change it; "
            "`bluegreen adopt Stranger` sets it"
        )

    def test_a_function_that_is_not_there_is_told_from_one_without_the_tag(self) -> None:
        assert said(checks.function_has_opted_in, situation(TARGET.model_copy(update={"function": "Missing"}))) == (
            "function: there is no function Missing in this account and region; "
            "correct the name, or create it with `bluegreen create`"
        )

    def test_nothing_else_of_a_function_is_read_before_it_is_known_to_have_opted_in(self, deployer: Deployer) -> None:
        deployer.aws.create_function("Stranger", GOOD % 1, tags={})
        read: list[str] = []

        def watch(call: Any, make: Any) -> Any:
            if call.operation != PACE:
                read.append(f"{call.service} {call.operation}")
            return make()

        with deployer.aws.watched(watch), pytest.raises(InvalidRequest):
            must_pass(BEFORE_THE_LOCK, situation(TARGET.model_copy(update={"function": "Stranger"})))

        assert read == ["lambda ListTags"]

    @pytest.mark.parametrize(
        "more",
        [
            {"function": "deploy-SmokeTest"},
            {"artifact": f"s3://{BUCKET}/functions/OtherLambda/1.zip"},
            {"artifact": {"image_uri": IMAGE.replace("123456789012", "210987654321")}},
        ],
    )
    def test_nothing_at_all_is_read_for_a_request_that_is_not_permitted(
        self, deployer: Deployer, more: dict[str, Any]
    ) -> None:
        read: list[str] = []
        asked_for = situation(TARGET.model_copy(update={"function": more.get("function", FUNCTION)}), **more)

        def watch(call: Any, make: Any) -> Any:
            read.append(call.operation)
            return make()

        with deployer.aws.watched(watch), pytest.raises(InvalidRequest):
            must_pass(BEFORE_THE_LOCK, asked_for)

        assert read == []

    def test_a_function_that_was_made_with_the_stack_is_refused_whatever_its_name_is(self) -> None:
        tags = {"bluegreen:managed": "true", "aws:cloudformation:stack-name": "deploy"}

        assert said(checks.function_is_no_part_of_the_stack, situation(known={"tags": tags})) == (
            f"function: {FUNCTION} is a part of the stack deploy, which deploys no part of itself; name a function of "
            "your own"
        )
        others = tags | {"aws:cloudformation:stack-name": "shops"}
        assert checks.function_is_no_part_of_the_stack(situation(known={"tags": others})) is None

    @pytest.mark.parametrize(("account", "warned"), [("123456789012", False), ("210987654321", True)])
    def test_a_rollback_can_put_back_an_image_of_a_known_registry_only(self, account: str, warned: bool) -> None:
        latest = a_function(package_type="Image", image_uri=IMAGE.replace("123456789012", account))
        found = checks.image_before_can_be_put_back(situation(known={"latest": latest}, artifact={"image_uri": IMAGE}))

        assert (found is not None) == warned
        if warned:
            assert str(found).startswith("function: the image that $LATEST of Shop has comes from 210987654321.dkr.ecr")

    @pytest.mark.parametrize(("artifact", "refused"), [(HERE, False), ({"image_uri": IMAGE}, True)])
    def test_a_function_of_zips_takes_zips(self, artifact: Any, refused: bool) -> None:
        refusal = checks.function_takes_the_artifact(situation(artifact=artifact))

        assert (refusal is not None) == refused
        if refusal:
            assert str(refusal) == (f"artifact: {FUNCTION} takes a zip, and {IMAGE} is a container image; deploy a zip")

    def test_a_published_version_is_of_the_kind_that_the_function_takes(self) -> None:
        assert checks.function_takes_the_artifact(situation(artifact={"version": "1"})) is None


class TestTheArtifact:
    def test_a_zip_that_can_be_read_is_there(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)

        assert checks.artifact_is_there(situation()) is None

    def of_handler(self, handler: str, **settings: Any) -> Situation:
        """A zip that has index.py, for a function of this handler."""
        found = {"Runtime": "python3.14", "Handler": handler, "Layers": [], "Environment": {}} | settings
        zip_ = Zip(bucket=BUCKET, key=place("new.zip"))
        known = {"latest": a_function(settings=found), "inspected": Inspected(zip_, Contents(frozenset({"index.py"})))}
        return situation(known=known)

    def test_a_zip_without_the_handler_s_file_is_refused(self) -> None:
        assert checks.artifact_has_the_handler(self.of_handler("index.handler")) is None
        assert said(checks.artifact_has_the_handler, self.of_handler("app.handler")) == (
            f"artifact: the handler of Shop is app.handler, and {ADDRESS} has no file app.py; zip the content of the "
            "code's folder, not the folder, or correct the handler first: `aws lambda update-function-configuration "
            "--function-name Shop --handler NAME`"
        )

    @pytest.mark.parametrize(
        "settings",
        [
            {"Layers": ["arn:aws:lambda:eu-west-1:1:layer:shop:1"]},
            {"Environment": {"PYTHONPATH": "/var/task/src"}},
            {"Environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}},
        ],
    )
    def test_a_handler_s_file_that_may_lie_elsewhere_is_a_warning(self, settings: dict[str, Any]) -> None:
        found = checks.artifact_has_the_handler(self.of_handler("datadog_lambda.handler.handler", **settings))

        assert isinstance(found, Warning)
        assert "has no file datadog_lambda/handler.py; if a layer or a search path has it" in str(found)

    def test_a_handler_is_not_looked_for_where_variables_cannot_be_read(self) -> None:
        asked_for = self.of_handler("app.handler")
        del asked_for.latest.settings["Environment"]

        assert isinstance(checks.artifact_has_the_handler(asked_for), Warning)

    @pytest.mark.parametrize("artifact", [{"version": "1"}, "$LATEST", {"image_uri": IMAGE}])
    def test_of_other_artifacts_no_file_is_looked_for(self, artifact: Any) -> None:
        assert checks.artifact_has_the_handler(situation(artifact=artifact)) is None

    def test_a_zip_that_is_missing_is_to_be_uploaded(self) -> None:
        assert said(checks.artifact_is_there, situation()) == (
            f"artifact: there is no object {ADDRESS}; upload it first, or correct the key"
        )

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (
                "AccessDenied",
                f"artifact.bucket: {ADDRESS} may not be read (An error occurred (AccessDenied)",
            ),
            (
                "InvalidObjectState",
                f"artifact: S3 does not give {ADDRESS}: ",
            ),
        ],
    )
    def test_a_zip_that_s3_does_not_give_is_refused_with_its_reason(
        self, deployer: Deployer, code: str, words: str
    ) -> None:
        with deployer.aws.fails("GetObject", code, times=None):
            assert said(checks.artifact_is_there, situation()).startswith(words)

    def test_a_zip_of_the_stacks_own_bucket_that_may_not_be_read_is_refused_with_what_that_means(
        self, deployer: Deployer
    ) -> None:
        with deployer.aws.fails("GetObject", "AccessDenied", times=None):
            words = said(checks.artifact_is_there, situation())

        assert words.endswith(
            "as the test wants it); this is the stack's own bucket, which the deployer may read, so something else "
            "refuses: the key policy of the KMS key that encrypts the object, the bucket's policy, or a guard rail of "
            "the organization (SCP or RCP); allow the deployer's role there, or upload the zip again without a key of "
            "your own"
        )

    def test_a_zip_of_another_bucket_that_may_not_be_read_is_to_be_uploaded_to_the_stacks(
        self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ARTIFACT_BUCKET", "another")
        with deployer.aws.fails("GetObject", "AccessDenied", times=None):
            assert said(checks.artifact_is_there, situation()).endswith("; upload to another")

    def test_an_s3_that_is_busy_refuses_nothing(self, deployer: Deployer) -> None:
        with deployer.aws.fails("GetObject", "SlowDown", times=None), pytest.raises(AwsUnavailable):
            checks.artifact_is_there(situation())

    def test_a_version_that_is_published_is_there(self) -> None:
        assert checks.artifact_is_there(situation(artifact={"version": "1"})) is None
        assert said(checks.artifact_is_there, situation(artifact={"version": "9"})) == (
            f"artifact.version: {FUNCTION} has no version 9; name one that is published"
        )


class TestTheAlias:
    def test_an_alias_on_one_version_is_whole(self) -> None:
        assert checks.alias_is_whole(situation()) is None

    def test_an_alias_that_is_missing_is_to_be_adopted(self) -> None:
        assert said(checks.alias_is_whole, situation(TARGET.model_copy(update={"alias": "LIVE"}))) == (
            f"alias: {FUNCTION} has no alias LIVE; "
            f"correct the name, or create it with `bluegreen adopt {FUNCTION} --alias LIVE`"
        )

    def test_an_alias_that_is_split_is_to_be_pointed_to_one_version_first(self) -> None:
        split = Alias(route=Route(primary="1", also={"2": 0.1}), revision="r1")

        assert said(checks.alias_is_whole, situation(known={"alias": split})) == (
            f"alias: {TARGET} is split already: version 1 (90 %) and version 2 (10 %); "
            f"if no deployment is under way (`bluegreen status {FUNCTION} --alias {TARGET.alias}`), "
            f"point it to one version first, as with `{TARGET.by_hand('1')}`"
        )

    def test_an_alias_on_latest_is_refused(self) -> None:
        on_latest = Alias(route=Route(primary="$LATEST"), revision="r1")

        assert "points to $LATEST, so a rollback would have no version to go back to" in said(
            checks.alias_is_whole, situation(known={"alias": on_latest})
        )

    def test_an_alias_that_lambda_is_moving_is_waited_for(self) -> None:
        settling = Alias(route=Route(primary="1", also={"2": 0.1}), revision="r1", settling=True)

        with pytest.raises(StillInProgress, match="provisioned concurrency"):
            checks.alias_is_whole(situation(known={"alias": settling}))

    def test_an_alias_that_moved_on_while_it_was_read_is_waited_for(self) -> None:
        read: list[str] = []

        def moving() -> dict[str, Any]:
            read.append("GetAlias")
            weights = {"2": len(read) / 10}
            return {"FunctionVersion": "1", "RevisionId": "r", "RoutingConfig": {"AdditionalVersionWeights": weights}}

        with (
            answered(client("lambda", TARGET), "GetAlias", moving),
            answered(client("lambda", TARGET), "GetProvisionedConcurrencyConfig", lambda: {"Status": "READY"}),
            pytest.raises(StillInProgress, match="moved on while it was read"),
        ):
            checks.alias_is_whole(situation())


def upload(key: str = "new.zip", **more: Any) -> Zip:
    return Zip(bucket=BUCKET, key=key, **more)


NEWEST = Newest(artifact=upload("newest.zip", version_id="v5", uploaded_at="2026-01-05T09:00:05.000Z"), deployment="d5")


class TestOnlyNewer:
    @pytest.mark.parametrize(
        ("artifact", "passes"),
        [
            (upload(uploaded_at="2026-01-05T09:00:06.000Z"), True),
            (upload(uploaded_at="2026-01-05T09:00:05.000Z"), False),
            (upload(uploaded_at="2026-01-05T09:00:04.000Z"), False),
            (NEWEST.artifact, True),
        ],
        ids=["newer", "of the same second", "older", "the newest again"],
    )
    def test_an_upload_is_deployed_if_it_is_the_newest_or_a_newer_one(self, artifact: Zip, passes: bool) -> None:
        asked_for = situation(only_newer=True, known={"artifact": artifact, "newest": NEWEST})

        assert (checks.artifact_is_newer(asked_for) is None) == passes

    def test_the_refusal_of_an_upload_says_which_one_came_before_it(self) -> None:
        late = upload(uploaded_at="2026-01-05T09:00:04.000Z")

        words = said(checks.artifact_is_newer, situation(only_newer=True, known={"artifact": late, "newest": NEWEST}))

        assert words.startswith(
            "artifact: s3://artifacts/new.zip was uploaded at 2026-01-05T09:00:04.000Z, not after "
            "s3://artifacts/newest.zip (2026-01-05T09:00:05.000Z), which deployment d5 took; "
        )
        assert words.endswith("deploy it by hand")

    def test_a_request_by_hand_may_go_back(self) -> None:
        late = upload(uploaded_at="2026-01-05T09:00:04.000Z")

        assert checks.artifact_is_newer(situation(known={"artifact": late, "newest": NEWEST})) is None

    def test_the_first_upload_is_newer_than_none(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)

        assert checks.artifact_is_newer(situation(only_newer=True)) is None

    def test_a_version_is_no_upload(self) -> None:
        asked_for = situation(artifact={"version": "1"}, only_newer=True, known={"newest": NEWEST})

        assert checks.artifact_is_newer(asked_for) is None


class TestAlarms:
    def test_an_alarm_that_is_not_there_would_never_go_off(self) -> None:
        alarm("sales", "OK")

        assert checks.alarms_exist(situation(health={"alarms": ["sales"]})) is None
        assert said(checks.alarms_exist, situation(health={"alarms": ["sales", "stock", "staff"]})) == (
            "health.alarms: there is no alarm stock, staff; correct the name or leave it out"
        )


class TestPeriods:
    @pytest.mark.parametrize("seconds", [1, 30])
    def test_periods_below_a_minute_are_for_metrics_by_the_second(
        self, monkeypatch: pytest.MonkeyPatch, seconds: int
    ) -> None:
        quick = situation(health={"period_seconds": seconds})

        assert said(checks.periods_have_points, quick) == (
            f"health.period_seconds: Lambda's metrics have one point a minute, so most periods of {seconds} seconds "
            "would be empty; write 60 or a multiple of it"
        )
        monkeypatch.setenv("LAMBDA_METRICS_BY_THE_SECOND", "true")
        assert checks.periods_have_points(quick) is None

    @pytest.mark.parametrize("seconds", [60, 300])
    def test_minutes_are_for_every_aws(self, seconds: int) -> None:
        assert checks.periods_have_points(situation(health={"period_seconds": seconds})) is None


class TestAllOfThem:
    def test_a_request_that_nothing_speaks_against_passes(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)

        must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK), situation())

    def test_the_first_check_that_refuses_is_what_people_read(self) -> None:
        def no(_: Situation) -> Refusal:
            return Refusal(field="function", problem="no", advice="do not")

        def never(_: Situation) -> Refusal:
            raise AssertionError

        with pytest.raises(InvalidRequest, match=r"^function: no; do not$"):
            must_pass((no, never), situation())

    def test_what_other_deployments_may_change_is_checked_while_the_lock_is_held(self) -> None:
        assert (
            checks.request_is_permitted,
            checks.function_has_opted_in,
            checks.function_is_no_part_of_the_stack,
            checks.no_freeze_is_in_force,
            checks.hooks_can_be_invoked,
            checks.payloads_can_be_sent,
            checks.periods_have_points,
            checks.bakes_fit,
            checks.function_takes_the_artifact,
            checks.image_before_can_be_put_back,
            checks.artifact_is_there,
            checks.artifact_has_the_handler,
        ) == BEFORE_THE_LOCK
        assert (checks.alias_is_whole, checks.artifact_is_newer, checks.alarms_exist) == WITH_THE_LOCK

    def test_a_fact_is_read_once(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)
        asked_for = situation(health={"alarms": ["sales"]})
        alarm("sales", "OK")

        with (
            asked(client("lambda", TARGET), "GetAlias") as aliases,
            asked(client("s3"), "GetObject") as objects,
            asked(client("cloudwatch", TARGET), "DescribeAlarms") as alarms,
        ):
            must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK) * 2, asked_for)

        assert [len(each) for each in (aliases, objects, alarms)] == [1, 1, 1]

    def test_a_fact_is_read_when_a_check_asks_for_it_and_not_before(self) -> None:
        with asked(client("lambda", TARGET), "GetAlias") as aliases:
            situation()

        assert aliases == []

    def test_a_missing_permission_is_no_refusal(self, deployer: Deployer) -> None:
        with deployer.aws.fails("GetAlias", "AccessDeniedException"), pytest.raises(AccessDenied):
            checks.alias_is_whole(situation())


def test_blue_is_the_version_that_the_alias_is_on() -> None:
    version = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["FunctionVersion"]

    assert situation().blue.version == version == "1"


class TestThePayloadOfASmokeTest:
    FOLDER = f"functions/{FUNCTION}/by-request"
    ADVICE = f"upload the payload as JSON to s3://{BUCKET}/{FOLDER}/, and write that place"

    def put(self, key: str, body: bytes = b'{"token": "a-secret"}') -> str:
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def asks(self, place: str, **more: Any) -> Situation:
        cases = [{"name": "first"}, {"name": "login", "sensitive": True, "payload_from": place}]
        return situation(smoke_tests=cases, **more)

    @pytest.mark.parametrize("key", [f"{FOLDER}/login.json", f"functions/{FUNCTION}/login"])
    def test_may_lie_in_the_folder_of_the_function(self, key: str) -> None:
        assert checks.payloads_can_be_sent(self.asks(self.put(key))) is None

    @pytest.mark.parametrize("smoke_tests", ["off", [], [{"name": "a", "payload": 1}]])
    def test_need_not_be_in_s3(self, smoke_tests: Any) -> None:
        assert checks.payloads_can_be_sent(situation(smoke_tests=smoke_tests)) is None

    @pytest.mark.parametrize("key", ["login.json", f"functions/{FUNCTION}2/a.json", "functions/Other/a.json"])
    def test_of_another_folder_is_refused_before_it_is_read(self, deployer: Deployer, key: str) -> None:
        place = self.put(key)

        with deployer.aws.fails("GetObject", "AccessDenied", times=None) as read:
            assert said(checks.payloads_can_be_sent, self.asks(place)) == (
                f"smoke_tests.1.payload_from: {place} is not in functions/{FUNCTION}/ of the artifact bucket {BUCKET}; "
                f"{self.ADVICE}"
            )
        assert not read.met

    def test_of_another_bucket_is_refused(self) -> None:
        place = f"s3://another/{self.FOLDER}/login.json"

        assert f"{place} is not in" in said(checks.payloads_can_be_sent, self.asks(place))

    def test_that_is_not_there_is_refused(self) -> None:
        place = f"s3://{BUCKET}/{self.FOLDER}/login.json"

        assert said(checks.payloads_can_be_sent, self.asks(place)) == (
            f"smoke_tests.1.payload_from: there is no object {place}; {self.ADVICE}"
        )

    @pytest.mark.parametrize(
        ("code", "why"), [("AccessDenied", "may not be read"), ("KMS.DisabledException", "S3 does not give")]
    )
    def test_that_s3_does_not_give_is_refused(self, deployer: Deployer, code: str, why: str) -> None:
        place = self.put(f"{self.FOLDER}/login.json")

        with deployer.aws.fails("GetObject", code, times=None):
            assert why in said(checks.payloads_can_be_sent, self.asks(place))

    def test_that_is_too_large_as_an_event_is_refused(self) -> None:
        place = self.put(f"{self.FOLDER}/large.json", b"[" + b",".join([b"1e15"] * 400_000) + b"]")

        assert said(checks.payloads_can_be_sent, self.asks(place)) == (
            f"smoke_tests.1.payload_from: {place} has 7600001 bytes once it is an event for Lambda; 6291456 is the "
            f"most; {self.ADVICE}"
        )

    def test_that_is_no_json_is_refused_without_a_word_of_it(self) -> None:
        place = self.put(f"{self.FOLDER}/login.json", b"a-secret")

        refusal = said(checks.payloads_can_be_sent, self.asks(place))

        assert refusal == f"smoke_tests.1.payload_from: {place} is not JSON; {self.ADVICE}"
