"""What a deployment does, decided once before anything is changed."""

from typing import Any, ClassVar

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.aws.functions import Function
from bluegreen.decisions.past import Past
from bluegreen.decisions.settings import digests, settings_of
from bluegreen.document import Brings, Plan
from bluegreen.ledger.uploads import Newest
from bluegreen.opening.plan import brings, changes, is_newest, is_only_there, planned
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Artifact, Existing, Image, InLatest, Zip
from bluegreen.request.gates import Approval, with_approvals
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.request.traffic import schedule
from tests.bluegreen.examples import DIGEST, IMAGE, IN_BASE64, PROOF, a_function
from tests.handlers.desk import Desk
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm, place

HERE = {"bucket": BUCKET, "key": place("new.zip")}


def situation(known: dict[str, Any] | None = None, **more: Any) -> Situation:
    found = Situation(Request.read({"function": FUNCTION, "artifact": HERE} | more), TARGET)
    vars(found).update(known or {})
    return found


def plan_of(asked_for: Situation) -> Plan:
    return planned("first", asked_for, functions.describe(TARGET), PROOF)


@pytest.fixture
def uploaded(deployer: Deployer) -> Zip:
    return Zip.model_validate(deployer.upload(GOOD % 2))


@pytest.mark.usefixtures("uploaded")
class TestThePlan:
    def test_the_plan_says_what_serves_and_what_latest_has(self, deployer: Deployer) -> None:
        plan = plan_of(situation())
        revision = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="PROD")["RevisionId"]

        assert (plan.id, plan.target, plan.brings) == ("first", TARGET, "new_code")
        assert (plan.blue.version, plan.blue.sha256, plan.blue.revision) == ("1", deployer.digest("1"), revision)
        assert plan.latest.sha256 == deployer.digest()

    def test_the_plan_pins_the_artifact_by_version_and_digest(self, uploaded: Zip) -> None:
        artifact = plan_of(situation()).artifact

        assert isinstance(artifact, Zip)
        assert (artifact.key, artifact.version_id) == (place("new.zip"), uploaded.version_id)
        assert artifact.sha256
        assert artifact.uploaded_at

    def test_the_plan_has_no_setting_of_the_function_but_digests_keyed_with_the_proof(self) -> None:
        latest = functions.describe(TARGET)
        plan = plan_of(situation())

        assert plan.latest.settings == digests(latest.settings, PROOF)
        assert plan.latest.settings != digests(latest.settings, "")
        assert PROOF not in plan.model_dump_json()

    def test_the_plan_has_the_alarms_that_are_red_before_it_begins(self) -> None:
        alarm("sales", "ALARM")
        alarm("stock", "OK")

        assert plan_of(situation(health={"alarms": ["sales", "stock"]})).red_alarms == ("sales",)

    def test_traffic_comes_from_the_stack_unless_the_request_says(self) -> None:
        assert plan_of(situation()).schedule == with_approvals(schedule("Canary10Percent5Minutes"), Approval())
        assert plan_of(situation(traffic="AllAtOnce")).schedule == with_approvals(schedule("AllAtOnce"), Approval())
        assert plan_of(situation(health={"max_bake_seconds": 900})).schedule.longest_seconds == 900

    @pytest.mark.parametrize(
        ("said", "cases"),
        [({}, UNLESS_GIVEN), ({"smoke_tests": "off"}, ()), ({"smoke_tests": [{"name": "a"}]}, (Case(name="a"),))],
    )
    def test_smoke_tests_are_the_least_unless_the_request_says(
        self, said: dict[str, Any], cases: tuple[Case, ...]
    ) -> None:
        assert plan_of(situation(**said)).smoke_tests == cases


@pytest.mark.usefixtures("uploaded")
class TestAdaptive:
    def test_the_first_weight_follows_the_traffic_of_blue(self, deployer: Deployer) -> None:
        weights = []
        for invocations in (0, 50_000):
            deployer.aws.metrics.count(FUNCTION, "PROD", "1", invocations=invocations)
            deployer.aws.clock.sleep(240)
            weights.append(plan_of(situation(traffic="Adaptive")).schedule.first_weight)

        assert weights[0] == 0.5
        assert weights[1] < 0.01

    def test_a_deployment_in_a_hurry_begins_with_more(self, deployer: Deployer) -> None:
        deployer.aws.metrics.count(FUNCTION, "PROD", "1", invocations=100)
        deployer.aws.clock.sleep(240)

        hurried = situation(traffic="Adaptive", health={"promote_by_seconds": 600})

        assert plan_of(hurried).schedule.first_weight == 0.1


@pytest.mark.usefixtures("uploaded")
class TestThePast:
    def test_is_in_the_plan_of_every_strategy_that_watches(self, deployer: Deployer) -> None:
        deployer.aws.metrics.count(FUNCTION, "PROD", "1", invocations=50_000)
        deployer.aws.clock.sleep(240)

        assert plan_of(situation()).past.busiest > 49_000
        assert plan_of(situation(traffic="Adaptive")).past == plan_of(situation()).past

    def test_is_not_asked_for_where_nobody_watches(self, deployer: Deployer) -> None:
        with deployer.aws.fails("GetMetricData", "AccessDenied", times=None) as asked:
            assert plan_of(situation(traffic="AllAtOnce")).past == Past()

        assert asked.met == 0


@pytest.mark.usefixtures("uploaded")
class TestAGreenWithoutTraffic:
    CASES: ClassVar = [{"name": "a"}]

    @pytest.mark.parametrize(
        ("said", "no_traffic"),
        [
            ({}, "proceed"),
            ({"smoke_tests": "off"}, "proceed"),
            ({"smoke_tests": CASES}, "probe"),
            ({"smoke_tests": CASES, "health": {"no_traffic": "proceed"}}, "proceed"),
        ],
    )
    def test_is_probed_where_people_gave_smoke_tests(self, said: dict[str, Any], no_traffic: str) -> None:
        assert plan_of(situation(**said)).health.no_traffic == no_traffic


OTHER_IMAGE = IMAGE.replace(DIGEST.hex(), "0" * 64)


READ = settings_of({"FunctionName": FUNCTION})
BLUE = a_function(version="1", image_uri=IMAGE, settings=READ)
SAME = a_function(image_uri=IMAGE, settings=READ)
OTHER_CODE = a_function(sha256="another", settings=READ)
OTHER_SETTINGS = a_function(image_uri=IMAGE, settings=READ | {"Timeout": 9})
UNREAD = a_function(
    image_uri=IMAGE, settings=settings_of({"FunctionName": FUNCTION, "Environment": {"Error": {"ErrorCode": "KMS"}}})
)
BLUES_ZIP = Zip(bucket=BUCKET, key="a.zip", sha256=IN_BASE64)


class TestBrings:
    @pytest.mark.parametrize(
        ("artifact", "latest", "what"),
        [
            (BLUES_ZIP, SAME, "nothing"),
            (BLUES_ZIP, OTHER_SETTINGS, "new_code"),
            (BLUES_ZIP, OTHER_CODE, "mending"),
            (BLUES_ZIP, UNREAD, "nothing"),
            (Zip(bucket=BUCKET, key="a.zip", sha256="0" * 64), SAME, "new_code"),
            (Zip(bucket=BUCKET, key="a.zip"), SAME, "new_code"),
            (Image(image_uri=IMAGE), SAME, "nothing"),
            (Image(image_uri=IMAGE), OTHER_SETTINGS, "new_code"),
            (Image(image_uri=IMAGE), OTHER_CODE, "mending"),
            (Image(image_uri=OTHER_IMAGE), SAME, "new_code"),
            (InLatest("$LATEST"), SAME, "nothing"),
            (InLatest("$LATEST"), OTHER_CODE, "latest"),
            (InLatest("$LATEST"), OTHER_SETTINGS, "latest"),
            (InLatest("$LATEST"), UNREAD, "latest"),
            (Existing(version="1"), SAME, "nothing"),
            (Existing(version="2"), SAME, "version"),
        ],
    )
    def test_an_artifact_brings_what_blue_does_not_have(
        self, artifact: Artifact, latest: Function, what: Brings
    ) -> None:
        assert brings(artifact, BLUE, latest) == what

    def test_settings_that_differ_and_those_that_could_not_be_read_are_named(self) -> None:
        assert changes(BLUE, SAME) == ()
        assert changes(BLUE, OTHER_SETTINGS) == ("Timeout",)
        assert changes(BLUE, UNREAD) == ("Environment (not compared: Lambda could not read it)",)


class TestCodeThatIsOnlyInLatest:
    @pytest.mark.parametrize(
        ("latest", "lost"),
        [(SAME, False), (OTHER_CODE, True), (OTHER_CODE.model_copy(update={"package_type": "Image"}), False)],
        ids=["blue's", "of nobody", "an image"],
    )
    def test_is_code_that_neither_blue_nor_a_repository_has(
        self, deployer: Deployer, latest: Function, lost: bool
    ) -> None:
        assert is_only_there(TARGET, latest, BLUE) is lost

    def test_is_none_that_an_artifact_has_as_long_as_that_is_there(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        pinned = desk.request["artifact"]["version_id"]
        latest = a_function(sha256=desk.plan.digest)

        assert not is_only_there(TARGET, latest, BLUE)
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=place("new.zip"), VersionId=pinned)
        assert is_only_there(TARGET, latest, BLUE)


class TestTheNewest:
    NEWEST = Newest(artifact=Zip(bucket=BUCKET, key="a.zip", uploaded_at="2026-01-05T09:00:05.000Z"), deployment="d")

    @pytest.mark.parametrize(
        ("uploaded_at", "newest"),
        [("2026-01-05T09:00:06.000Z", True), ("2026-01-05T09:00:05.000Z", True), ("2026-01-05T09:00:04.000Z", False)],
    )
    def test_an_upload_is_the_newest_unless_a_newer_one_was_taken(self, uploaded_at: str, newest: bool) -> None:
        artifact = Zip(bucket=BUCKET, key="b.zip", uploaded_at=uploaded_at)

        assert is_newest(situation({"artifact": artifact, "newest": self.NEWEST})) == newest

    def test_the_first_upload_is_the_newest(self) -> None:
        assert is_newest(situation({"artifact": Zip(bucket=BUCKET, key="b.zip"), "newest": None}))

    def test_a_version_is_no_upload(self) -> None:
        assert not is_newest(situation({"newest": None}, artifact={"version": "1"}))
