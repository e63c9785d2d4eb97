"""A handler in this process has the permissions that the template gives its role, and no others."""

from collections.abc import Callable, Iterator

import boto3
import pytest

from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, Deployer, place
from tests.machine.iam import role_of
from tests.permissions import judge, policies
from tests.permissions.policies import Statement
from tests.permissions.seen import seen


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`without("RollBack", "lambda:UpdateAlias")`: as if the template did not give the role that permission."""
    truly = policies.statements

    def take(role: str, action: str) -> None:
        def statements(asked: str) -> tuple[Statement, ...]:
            left = [
                each | {"Action": [name for name in each["Action"] if (asked, name) != (role, action)]}
                for each in truly(asked)
            ]
            return tuple(each for each in left if each["Action"])

        judge.answer.cache_clear()
        monkeypatch.setattr(policies, "statements", statements)

    before = seen.copy()
    yield take
    judge.answer.cache_clear()
    seen.clear()
    seen.update(before)


def test_a_walk_fails_that_needs_what_the_template_does_not_give(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("PublishVersion", "lambda:PublishVersion")

    run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "AccessDenied")
    assert "is not authorized to perform: lambda:PublishVersion" in run.cause
    denied = [each for each in seen if each.answer == "denied"]
    assert {(each.asked.role, each.asked.action) for each in denied} == {("PublishVersion", "lambda:PublishVersion")}
    assert denied[0].where.startswith("tests/machine/test_iam.py::test_a_walk_fails")


def test_a_role_has_no_part_of_a_transaction_that_it_may_not_do_alone(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("RollBack", "dynamodb:DeleteItem")
    deployer.users_call(10)

    run = deployer.deploy(BAD_UNDER_TRAFFIC)

    assert run.ended == "RollbackFailed"
    assert deployer.alias() == ("1", {})
    assert "is not authorized to perform: dynamodb:DeleteItem" in run.cause


def test_new_code_is_read_by_who_puts_it_into_the_function(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("UpdateCode", "s3:GetObjectVersion")

    run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "AccessDenied")
    assert "s3:GetObjectVersion" in run.cause


def test_who_may_not_list_the_bucket_is_not_told_that_an_object_is_missing(
    deployer: Deployer, without: Callable[[str, str], None]
) -> None:
    without("OpenDeployment", "s3:ListBucket")

    run = deployer.run({"function": FUNCTION, "artifact": {"bucket": BUCKET, "key": place("gone.zip")}})

    assert run.ended == "Rejected"
    assert "is not authorized to perform: s3:ListBucket" in run.cause


def test_calls_without_a_role_are_not_judged(deployer: Deployer) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="theirs.zip", Body=b"")

    assert [role_of(name) for name in ("SmokeTestGreen", "MendLatest", "ReceiveUpload", FUNCTION)] == [
        *("SmokeTest", "UpdateCode", "ReceiveUpload"),
        None,
    ]
