"""What a deployment does, decided once before anything is changed."""

from typing import Any

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.aws.functions import Function
from bluegreen.document import Brings, Plan
from bluegreen.ledger.uploads import Newest
from bluegreen.opening.plan import brings, is_newest, planned
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Artifact, Existing, Image, Zip
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.request.traffic import schedule
from tests.bluegreen.examples import DIGEST, IMAGE, IN_BASE64, PROOF
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm

HERE = {"bucket": BUCKET, "key": "new.zip"}


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
        assert (artifact.key, artifact.version_id) == ("new.zip", uploaded.version_id)
        assert artifact.sha256
        assert artifact.uploaded_at

    def test_the_plan_has_no_setting_of_the_function_but_a_digest_keyed_with_the_proof(self) -> None:
        latest = functions.describe(TARGET)
        plan = plan_of(situation())

        assert plan.latest.settings == latest.digest_of_settings(PROOF)
        assert plan.latest.settings != latest.digest_of_settings("")
        assert PROOF not in plan.model_dump_json()

    def test_the_plan_has_the_alarms_that_are_red_before_it_begins(self) -> None:
        alarm("sales", "ALARM")
        alarm("stock", "OK")

        assert plan_of(situation(health={"alarms": ["sales", "stock"]})).red_alarms == ("sales",)

    def test_traffic_comes_from_the_stack_unless_the_request_says(self) -> None:
        assert plan_of(situation()).schedule == schedule("Canary10Percent5Minutes")
        assert plan_of(situation(traffic="AllAtOnce")).schedule == schedule("AllAtOnce")
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

        assert weights[0] == 0.03
        assert weights[1] < 0.01

    def test_another_strategy_asks_for_no_traffic(self, deployer: Deployer) -> None:
        with deployer.aws.fails("GetMetricData", "AccessDenied", times=None) as asked:
            plan_of(situation())

        assert asked.met == 0


def function(version: str = "1", **more: Any) -> Function:
    known: dict[str, Any] = {
        "name": FUNCTION,
        "version": version,
        "sha256": IN_BASE64,
        "settings": {},
        "package_type": "Zip",
        "revision": "r1",
        "state": "Active",
        "state_reason": "",
        "updating": "Successful",
        "updating_reason": "",
        "code_url": None,
        "image_uri": None,
    }
    return Function.model_validate(known | more)


OTHER_IMAGE = IMAGE.replace(DIGEST.hex(), "0" * 64)


class TestBrings:
    @pytest.mark.parametrize(
        ("artifact", "what"),
        [
            (Zip(bucket=BUCKET, key="a.zip", sha256=IN_BASE64), "nothing"),
            (Zip(bucket=BUCKET, key="a.zip", sha256="0" * 64), "new_code"),
            (Zip(bucket=BUCKET, key="a.zip"), "new_code"),
            (Image(image_uri=IMAGE), "nothing"),
            (Image(image_uri=OTHER_IMAGE), "new_code"),
            (Existing(version="1"), "nothing"),
            (Existing(version="2"), "version"),
        ],
    )
    def test_an_artifact_brings_what_blue_does_not_have(self, artifact: Artifact, what: Brings) -> None:
        assert brings(artifact, function(image_uri=IMAGE)) == what


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
