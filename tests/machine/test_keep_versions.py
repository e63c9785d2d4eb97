"""Old versions that are deleted after a success; a deletion that fails undoes no success."""

from typing import Any

import boto3
import pytest

from bluegreen.aws import table, versions
from bluegreen.ledger import locks
from bluegreen.ledger.locks import Lock
from tests.handlers.desk import another_user_publishes, told
from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, FUNCTION, GOOD, TARGET, Deployer
from tests.machine.walk import Run

TIDIED = ["CompleteDeployment", "OldVersions?", "DeleteVersions", "Deployed"]


def deployments(deployer: Deployer, number: int, first: int = 2) -> None:
    """So many successes without keep_versions."""
    for each in range(first, first + number):
        assert deployer.deploy(GOOD % each, traffic="AllAtOnce").ended == "Deployed"


def tidying(deployer: Deployer, count: Any, source: str = GOOD % 99, **request: Any) -> Run:
    return deployer.deploy(source, traffic="AllAtOnce", keep_versions=count, **request)


def test_without_the_field_nothing_is_deleted(deployer: Deployer) -> None:
    deployments(deployer, 4)

    run = deployer.deploy(GOOD % 99, traffic="AllAtOnce")

    assert run.path[-3:] == ["CompleteDeployment", "OldVersions?", "Deployed"]
    assert deployer.versions() == ["1", "2", "3", "4", "5", "6"]


def test_the_newest_stay_and_those_that_rollback_goes_back_to_and_people_are_told_once(deployer: Deployer) -> None:
    deployments(deployer, 5)
    told(deployer)

    run = tidying(deployer, 2)

    assert run.path[-4:] == TIDIED
    assert deployer.alias() == ("7", {})
    assert deployer.versions() == ["1", "5", "6", "7"]  # 1 is not the deployer's
    record = deployer.record(run)
    assert (record["state"], record["deleted"]) == ("Deployed", ["2", "3", "4"])
    (text,) = told(deployer)
    assert "Old versions that were deleted: 2, 3, 4." in text
    assert record["told_at"]


def test_versions_of_others_go_only_if_the_request_says_so(deployer: Deployer) -> None:
    deployments(deployer, 1)
    for each in range(30, 33):
        another_user_publishes(GOOD % each)

    tidying(deployer, 1)
    assert deployer.versions() == ["1", "2", "3", "4", "5", "6"]

    tidying(deployer, {"count": 1, "also_others": True}, GOOD % 98)
    assert deployer.versions() == ["6", "7"]
    assert deployer.alias() == ("7", {})


def test_what_another_alias_names_stays_also_by_a_weight_alone(deployer: Deployer) -> None:
    deployments(deployer, 5)
    boto3.client("lambda").create_alias(
        FunctionName=FUNCTION,
        Name="OLD",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"4": 0.1}},
    )

    tidying(deployer, 1)

    assert deployer.versions() == ["1", "2", "4", "6", "7"]


def test_rollback_still_goes_back_as_far(deployer: Deployer) -> None:
    deployments(deployer, 5)
    tidying(deployer, 3)

    for version in ("6", "5", "4"):
        back = deployer.run({"function": FUNCTION, "artifact": {"version": version}, "traffic": "AllAtOnce"})
        assert back.ended == "Deployed"
        assert deployer.alias() == (version, {})
    assert deployer.versions() == ["1", "4", "5", "6", "7"]


def test_a_rollback_deletes_neither_the_version_that_it_left_nor_those_before(deployer: Deployer) -> None:
    deployments(deployer, 4)

    back = deployer.run(
        {"function": FUNCTION, "artifact": {"version": "4"}, "traffic": "AllAtOnce", "keep_versions": 1}
    )

    assert back.path[-4:] == TIDIED
    assert deployer.versions() == ["1", "3", "4", "5"]


def test_a_deployment_that_is_rolled_back_deletes_nothing(deployer: Deployer) -> None:
    deployments(deployer, 4)
    deployer.users_call(10)

    run = deployer.deploy(BAD_UNDER_TRAFFIC, keep_versions=1)

    assert run.ended == "RolledBack"
    assert deployer.versions() == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("wrong", [0, -1, 101, "5", True, 1.5, [], {}, {"count": 0}, {"count": 5, "others": True}])
def test_a_wrong_number_is_refused_by_name(deployer: Deployer, wrong: Any) -> None:
    run = tidying(deployer, wrong)

    assert (run.ended, run.error) == ("Rejected", "InvalidRequest")
    assert run.cause.startswith("keep_versions")
    assert deployer.versions() == ["1"]


def test_zero_is_told_what_to_write_instead(deployer: Deployer) -> None:
    assert tidying(deployer, 0).cause == "keep_versions: 0 is too small; write 1 or more"


class TestWhatGoesWrong:
    @pytest.mark.parametrize(
        ("operation", "code"),
        [
            ("DeleteFunction", "AccessDeniedException"),
            ("DeleteFunction", "ServiceException"),
            ("DeleteFunction", "InvalidParameterValueException"),
            ("ListVersionsByFunction", "AccessDeniedException"),
            ("ListAliases", "TooManyRequestsException"),
            ("UpdateItem", "ServiceUnavailable"),
        ],
    )
    def test_leaves_the_deployment_a_success(self, deployer: Deployer, operation: str, code: str) -> None:
        deployments(deployer, 3)

        with deployer.aws.fails(operation, code, times=None, state="DeleteVersions"):
            run = tidying(deployer, 1)

        assert run.ended == "Deployed"
        assert deployer.alias() == ("5", {})
        assert deployer.record(run)["state"] == "Deployed"
        assert deployer.versions() == ["1", "2", "3", "4", "5"]

    def test_that_is_refused_for_good_is_told(self, deployer: Deployer) -> None:
        deployments(deployer, 3)
        told(deployer)

        with deployer.aws.fails("DeleteFunction", "AccessDeniedException", times=None, state="DeleteVersions"):
            run = tidying(deployer, 1)

        assert "version 2 could not be deleted" in deployer.record(run)["undeleted"]
        (text,) = told(deployer)
        assert "Others stayed: version 2 could not be deleted" in text

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_once_is_tried_again_and_the_record_has_every_version(self, deployer: Deployer, when: Any) -> None:
        deployments(deployer, 4)

        with deployer.aws.fails("DeleteFunction", "HandlerKilled", skip=1, when=when, state="DeleteVersions"):
            run = tidying(deployer, 1)

        assert deployer.record(run)["deleted"] == ["2", "3", "4"]
        assert deployer.versions() == ["1", "5", "6"]
        assert len(told(deployer)) == 5

    def test_a_version_that_an_alias_names_by_now_stays(self, deployer: Deployer) -> None:
        deployments(deployer, 4)

        with deployer.aws.fails("DeleteFunction", "ResourceConflictException", state="DeleteVersions"):
            run = tidying(deployer, 1)

        assert deployer.record(run)["deleted"] == ["3", "4"]
        assert deployer.versions() == ["1", "2", "5", "6"]

    def test_from_the_beginning_of_another_deployment_on_everything_stays(self, deployer: Deployer) -> None:
        deployments(deployer, 3)
        other = Lock(target=TARGET, held_by="arn:of:another", deployment="another")

        def begins(execution: str, state: str, moment: str) -> None:
            if (state, moment) == ("DeleteVersions", "entered"):
                assert table.together(*other.taking()) == []

        with deployer.aws.at_states(begins):
            run = tidying(deployer, 1)

        assert locks.held(TARGET) == other
        assert run.ended == "Deployed"
        assert deployer.versions() == ["1", "2", "3", "4", "5"]
        assert f"another deployment of {FUNCTION} has begun" in deployer.record(run)["undeleted"]


def test_what_is_no_number_of_a_version_is_never_deleted(deployer: Deployer) -> None:
    for wrong in ("", "$LATEST", ALIAS, "0", "1 ", "01", "-1", "1:2", "*"):
        with pytest.raises(ValueError, match="no number of a version"):
            versions.delete(TARGET, wrong)
    assert deployer.versions() == ["1"]
