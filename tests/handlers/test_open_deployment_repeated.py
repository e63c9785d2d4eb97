"""OpenDeployment opens one deployment, however often it is tried, and whichever attempt comes last."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import AwsUnavailable
from tests.handlers.desk import Desk, Desks, just_before
from tests.handlers.opening import BLUE, digest_of
from tests.machine.deployer import FUNCTION, GOOD, zip_of


class TestRetries:
    @pytest.mark.parametrize(
        ("operation", "skip", "when"),
        [
            *((operation, 0, "before") for operation in ("DescribeExecution", "Query", "ListTags", "GetObject")),
            *(("GetFunction", skip, "before") for skip in range(3)),
            *((operation, 0, "before") for operation in ("GetAlias", "GetItem")),
            *(("TransactWriteItems", skip, when) for skip in range(2) for when in ("before", "after")),
            *(("PutItem", 0, when) for when in ("before", "after")),
        ],
    )
    @pytest.mark.parametrize("code", ["ReadTimeout", "ServiceUnavailable"])
    def test_after_any_call_that_goes_unanswered_the_next_attempt_opens(
        self, desk: Desk, operation: str, skip: int, code: str, when: Any
    ) -> None:
        with desk.aws.fails(operation, code, times=None, skip=skip, when=when), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")

        desk.run("OpenDeployment", retries=1)

        assert desk.state() == "open"
        assert desk.holder() == "first"
        assert desk.document["deployment"]["proof"] == desk.record()["proof"]

    def test_a_second_attempt_does_not_forget_what_the_first_found(self, desk: Desk) -> None:
        answer = desk.run("OpenDeployment")
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 3))

        assert desk.run("OpenDeployment", retries=1) == answer


class TestAnAttemptThatItsRetryOvertook:
    """Its reply was lost, and it reads what the deployment has changed since."""

    def test_does_not_write_another_plan(self, desk: Desk) -> None:
        def overtake() -> None:
            desk.run("OpenDeployment", retries=1)
            desk.run("UpdateCode")

        with just_before("lambda", "GetAlias", overtake):
            desk.run("OpenDeployment")

        assert desk.plan.latest.sha256 == digest_of(zip_of(BLUE))
        assert desk.document["deployment"]["proof"] == desk.record()["proof"]
        desk.failed().run("RollBack")
        assert desk.deployer.digest() == digest_of(zip_of(BLUE))

    def test_does_not_say_that_there_is_nothing_to_deploy(self, desks: Desks) -> None:
        desk = desks(traffic={"steps": [{"weight": 1.0, "bake_seconds": 600}], "keep_control": 0})

        def overtake() -> None:
            desk.to("ShiftAlias").run("ShiftAlias")
            assert desk.deployer.alias() == ("2", {})

        with just_before("lambda", "GetAlias", overtake):
            answer = desk.run("OpenDeployment")

        assert answer["deployment"]["brings"] == "new_code"
        assert (desk.state(), desk.holder()) == ("open", "first")
        desk.failed().run("RollBack")
        assert desk.deployer.alias() == ("1", {})
