"""OpenDeployment takes of several uploads the newest, which waits while another deployment runs."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import DeploymentInProgress, InvalidRequest, UploadWaits
from bluegreen.ledger import waiting
from tests.handlers.desk import Desk, Desks, aws_answers, just_before, put
from tests.handlers.opening import BLUE, brings
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, place


class TestOnlyNewer:
    """What an upload asks for: no step back to older code, however late its event comes."""

    def deployed(self, desks: Desks, key: str, **artifact: str) -> None:
        first = desks("first", artifact=desks.deployer.upload(GOOD % 2, key) | artifact)
        first.to("ShiftAlias")
        first.run("ShiftAlias")
        first.run("ShiftAlias")
        first.run("CompleteDeployment")
        first.end()

    def test_refuses_what_was_uploaded_to_the_key_before_in_the_same_second(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "0055AED6DCD9028"}
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")
        late = desks("late", artifact=older, only_newer=True)

        with pytest.raises(InvalidRequest, match=r"artifact: s3://artifacts/\S+/new.zip was uploaded at .* not after"):
            late.run("OpenDeployment")

        assert late.deployer.alias() == ("2", {})

    def test_refuses_what_was_uploaded_to_another_key_before(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3, "older.zip")
        desks.deployer.aws.clock.sleep(1)  # S3's own times are in seconds
        self.deployed(desks, "new.zip")
        late = desks("late", artifact=older, only_newer=True)

        with pytest.raises(InvalidRequest, match=r"which deployment first took; .*deploy it by hand"):
            late.run("OpenDeployment")

    def test_refuses_it_although_the_index_is_behind(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        late = desks("late", artifact=older, only_newer=True)

        with (
            aws_answers("dynamodb", "Query", {"Items": [], "Count": 0}),
            pytest.raises(InvalidRequest, match="which deployment first took"),
        ):
            late.run("OpenDeployment")

    def test_refuses_what_is_older_than_an_upload_that_changed_nothing(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        same = desks("same", artifact=desks.deployer.upload(BLUE) | {"sequencer": "01"}, only_newer=True)
        assert same.run("OpenDeployment")["deployment"]["brings"] == "nothing"

        with pytest.raises(InvalidRequest, match="which deployment same took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_refuses_what_is_older_than_the_newest_also_after_a_step_back_by_hand(self, desks: Desks) -> None:
        oldest, older = (desks.deployer.upload(GOOD % number) | {"sequencer": f"0{number}"} for number in (3, 4))
        self.deployed(desks, "new.zip", sequencer="05")
        back = desks("back", artifact=oldest)
        back.run("OpenDeployment")
        back.failed().run("RollBack")
        back.end()

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_takes_what_is_older_than_the_newest_of_another_alias(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="OTHER", FunctionVersion="1")

        assert brings(desks("other", artifact=older, alias="OTHER", only_newer=True)) == "new_code"

    @pytest.mark.parametrize("key", ["new.zip", "elsewhere.zip"])
    def test_refuses_what_was_uploaded_in_the_same_second_without_a_known_order(self, desks: Desks, key: str) -> None:
        artifact = desks.deployer.upload(GOOD % 3, key) | {"sequencer": "00"}
        self.deployed(desks, "new.zip")  # by hand: without a sequencer

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=artifact, only_newer=True).run("OpenDeployment")

    def test_knows_the_last_of_two_uploads_without_a_known_order(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3, "other.zip") | {"sequencer": "00"}
        newer = desks.deployer.upload(GOOD % 4, "other.zip") | {"sequencer": "01"}
        self.deployed(desks, "new.zip")
        hand = desks("hand", artifact=newer)
        hand.run("OpenDeployment")
        hand.failed().run("RejectDeployment")

        with pytest.raises(InvalidRequest, match="which deployment hand took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_takes_the_newest_again(self, desks: Desks) -> None:
        same = desks.deployer.upload(GOOD % 2)
        first = desks("first", artifact=same)
        first.run("OpenDeployment")
        first.failed().run("RejectDeployment")

        assert brings(desks("again", artifact=same | {"sequencer": "01"}, only_newer=True)) == "new_code"

    def test_reads_what_a_newer_stack_version_wrote_about_it(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        (item,) = desks.deployer.items(f"newest#{TARGET.key}")
        put(item | {"artifact": item["artifact"] | {"a field": "of tomorrow"}, "another field": "of tomorrow"})

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    @pytest.mark.parametrize("artifact", [{}, "{}"])
    def test_does_not_stand_in_the_way_if_the_handler_cannot_read_it(self, desks: Desks, artifact: Any) -> None:
        put({"pk": f"newest#{TARGET.key}", "sk": "newest", "artifact": artifact, "deployment": "odd"})

        assert brings(desks("next", only_newer=True)) == "new_code"

    def test_takes_what_is_newer(self, desks: Desks) -> None:
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")
        newer = desks.deployer.upload(GOOD % 3) | {"sequencer": "0055AED6DCD90281010A"}

        assert brings(desks("next", artifact=newer, only_newer=True)) == "new_code"

    def test_is_not_asked_of_an_operator_who_goes_back_by_hand(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")

        assert brings(desks("back", artifact=older)) == "new_code"


class TestAnUploadWhileAnotherDeploymentRuns:
    @pytest.fixture(autouse=True)
    def running(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        desk.aws.clock.sleep(1)  # S3's own times are in seconds

    def upload(self, desks: Desks, name: str, sequencer: str, **request: Any) -> Desk:
        artifact = desks.deployer.upload(GOOD % 3, "later.zip") | {"sequencer": sequencer}
        return desks(name, artifact=artifact, only_newer=True, **request)

    def refusal(self, desk: Desk) -> str:
        with pytest.raises(DeploymentInProgress) as refused:
            desk.run("OpenDeployment")
        return type(refused.value).__name__

    def test_waits(self, desks: Desks) -> None:
        later = self.upload(desks, "later", "05")

        assert self.refusal(later) == "UploadWaits"

        kept = waiting.of(TARGET)
        assert kept is not None
        assert (kept.deployment, kept.execution, kept.artifact.sequencer) == ("later", later.arn, "05")
        assert later.record() == {}

    def test_waits_once_however_often_the_state_is_retried(self, desks: Desks) -> None:
        later = self.upload(desks, "later", "05")
        with desks.deployer.aws.fails("PutItem", "ReadTimeout", when="after"):
            assert self.refusal(later) == "UploadWaits"

        assert self.refusal(later) == "UploadWaits"
        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["later"]

    def test_waits_in_the_place_of_an_older_one(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "older", "05"))

        with pytest.raises(UploadWaits, match=r"in the place of s3://artifacts/\S+/later.zip, which is not deployed"):
            self.upload(desks, "newer", "06").run("OpenDeployment")

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_does_not_wait_behind_a_newer_one(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "newer", "06"))

        with pytest.raises(InvalidRequest, match="uploaded later, waits"):
            self.upload(desks, "older", "05").run("OpenDeployment")

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_does_not_wait_if_it_is_older_than_what_is_deployed(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        newest = {"bucket": older["bucket"], "key": older["key"], "sequencer": "01"}
        put({"pk": f"newest#{TARGET.key}", "sk": "newest", "artifact": newest, "deployment": "first"})

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

        assert desks.deployer.items("waiting#") == []

    def test_waits_behind_the_last_of_several_that_come_at_once(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "older", "05"))
        newer = self.upload(desks, "newer", "07")
        between = self.upload(desks, "between", "06")

        with just_before("dynamodb", "PutItem", lambda: self.refusal(between)):
            assert self.refusal(newer) == "UploadWaits"

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_is_told_each_time(self, desks: Desks) -> None:
        for name, sequencer in (("one", "05"), ("two", "06")):
            desk = self.upload(desks, name, sequencer)
            with pytest.raises(UploadWaits) as why:
                desk.run("OpenDeployment")
            desk.failed("UploadWaits", str(why.value)).run("RejectDeployment")

        assert desks.deployer.notified() == [f"Waits: s3://{BUCKET}/{place('later.zip')} for {FUNCTION}"] * 2

    def test_by_hand_does_not_wait(self, desks: Desks) -> None:
        assert self.refusal(desks("hand", GOOD % 3)) == "DeploymentInProgress"

        assert desks.deployer.items("waiting#") == []
