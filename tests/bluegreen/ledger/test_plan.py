"""The plan is written once, and comes back as it was written."""

import itertools
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import given, settings

from bluegreen.document import Plan
from bluegreen.errors import AwsUnavailable, InvalidRequest
from bluegreen.ledger import code, deployments, uploads
from bluegreen.ledger.uploads import Newest
from bluegreen.request.artifact import Zip
from bluegreen.request.request import Request
from tests.bluegreen.examples import (
    IMAGE,
    IN_BASE64,
    SHOP,
    ZIP,
    a_newer_stack_version_writes,
    found,
    opened,
    plan,
    plan_of,
    record,
    request,
    target,
)
from tests.bluegreen.ledger.ending import OVER
from tests.bluegreen.strategies import requests
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")


NUMBERS = itertools.count()


def inspected(planned: Plan) -> Plan:
    """With what S3 knows of the artifact."""
    artifact = planned.artifact
    known = artifact.model_copy(update={"sha256": IN_BASE64}) if isinstance(artifact, Zip) else artifact
    return planned.model_copy(update={"artifact": known})


class TestThePlan:
    def test_the_plan_comes_back_as_it_was_written(self) -> None:
        opened()

        deployments.learn_plan(record(), plan(), is_newest=False)

        assert deployments.plan_of("first") == plan()
        assert deployments.load("first") == (found(), plan())

    def test_the_record_learns_from_the_plan_how_to_undo_it(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(record(), plan(), is_newest=False)

        assert learned == found()
        assert (learned.blue, learned.blue_sha256) == ("1", "the digest of blue")
        assert (learned.latest_sha256, learned.code, learned.green) == ("the digest of $LATEST", IN_BASE64, None)
        assert learned.artifact == "s3://artifacts/new.zip"

    def test_the_record_learns_the_digest_of_an_image(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(record(), plan(artifact={"image_uri": IMAGE}), is_newest=False)

        assert learned.code == IMAGE.rpartition("@")[2]

    def test_the_record_learns_green_from_the_plan_of_a_published_version(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(
            record(), plan(artifact={"version": "7"}, brings="version"), is_newest=False
        )

        assert (learned.green, learned.code) == ("7", None)
        assert code.known(SHOP, IN_BASE64) is None

    def test_the_plan_is_written_once_and_a_later_attempt_gets_that(self) -> None:
        opened()
        first = deployments.learn_plan(record(), plan(), is_newest=False)

        again = deployments.learn_plan(
            record(proof="another proof"),
            plan(blue={"version": "2", "sha256": "another", "revision": "r9"}),
            is_newest=False,
        )

        assert again == first
        assert deployments.load("first") == first

    def test_an_attempt_whose_reply_was_lost_gets_the_plan_that_it_wrote(self, deployer: Deployer) -> None:
        opened()

        with (
            deployer.aws.fails("TransactWriteItems", "ReadTimeout", times=None, when="after"),
            pytest.raises(AwsUnavailable),
        ):
            deployments.learn_plan(record(), plan(), is_newest=False)
        again, known = deployments.learn_plan(record(), plan(red_alarms=["late"]), is_newest=False)

        assert (again.blue, known) == ("1", plan())

    def test_no_plan_is_written_for_a_deployment_that_is_being_undone(self) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        with OVER:
            deployments.learn_plan(record(), plan(), is_newest=True)

        assert deployments.plan_of("first") is None
        assert code.known(SHOP, IN_BASE64) is None
        assert uploads.newest(SHOP) is None

    def test_no_plan_is_written_for_a_deployment_without_a_record(self) -> None:
        with OVER:
            deployments.learn_plan(record(), plan(), is_newest=False)

        assert deployments.plan_of("first") is None

    def test_a_plan_with_more_in_it_is_read_and_one_that_lacks_something_is_none(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        a_newer_stack_version_writes("plan", colour="blue")
        assert deployments.plan_of("first") == plan()
        a_newer_stack_version_writes("plan", brings="something else")
        assert deployments.plan_of("first") is None

    @pytest.mark.parametrize(
        "payload", [1e300, 5e-324, 2**200, {"": {"": []}}, "größer \x00 😀", "", None, [True, 1, 1.0, "1"], {"a.b": {}}]
    )
    def test_payloads_and_expectations_of_any_json_come_back_as_they_were(self, payload: Any) -> None:
        opened()
        case = {"name": "a", "payload": payload, "expect": [payload], "expect_at": {"b": payload}}

        deployments.learn_plan(record(), plan(smoke_tests=[case]), is_newest=False)

        known = deployments.plan_of("first")
        assert known is not None
        assert [each.model_dump(exclude_unset=True) for each in known.smoke_tests] == [
            case | {"sensitive": False, "payload_from": None, "expect_error": None, "max_duration_ms": None}
        ]

    @pytest.mark.parametrize("payload", ["\ud83d", {"\ud83d": 1}], ids=["a value", "a key"])
    def test_a_payload_with_half_a_letter_in_it_comes_back_unless_the_request_is_refused(self, payload: Any) -> None:
        opened()

        with suppress(InvalidRequest):
            written = inspected(plan_of(Request.read(request(smoke_tests=[{"name": "a", "payload": payload}]))))
            deployments.learn_plan(record(), written, is_newest=False)

            assert deployments.plan_of("first") == written

    @settings(deadline=None, max_examples=50)
    @given(requests)
    def test_the_plan_of_any_request_comes_back_as_it_was_written(self, document: dict[str, Any]) -> None:
        name = f"d{next(NUMBERS)}"
        there = target(alias=f"A{name}")
        opened(name, target=there)
        written = inspected(plan_of(Request.read(document), id=name, target=there))

        deployments.learn_plan(record(name, target=there), written, is_newest=False)

        assert deployments.plan_of(name) == written

    @pytest.mark.parametrize("over", [False, True])
    def test_the_newest_upload_is_learned_with_the_plan_or_not_at_all(self, over: bool) -> None:
        opened()
        if over:
            deployments.begin_undoing("first", "E", "why")

        with OVER if over else nullcontext():
            deployments.learn_plan(record(), plan(), is_newest=True)

        learned = Newest(artifact=Zip.model_validate(ZIP), deployment="first")
        assert uploads.newest(SHOP) == (None if over else learned)

    def test_an_upload_that_is_not_the_newest_is_not_learned_as_such(self) -> None:
        opened()

        deployments.learn_plan(record(), plan(), is_newest=False)

        assert uploads.newest(SHOP) is None
        assert code.known(SHOP, IN_BASE64) == Zip.model_validate(ZIP)
