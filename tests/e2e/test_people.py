"""What people may do in the account, and what the stack's own policies deny even to those who may do much."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.demo.account import ALIAS
from sandbox.testing import allow, credentials_of
from tests.e2e.conftest import CLEAN_UP_ROLE
from tests.e2e.installed import REFUSED, SMOKE_TESTS, Calculator, Installed, code
from tests.e2e.people import Person

pytestmark = pytest.mark.xdist_group("e2e")


DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")


def refused(call: Callable[[], Any]) -> bool:
    """IAM or a bucket's policy denies it; any other error is the caller's."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return True
    return False


def test_who_may_tag_functions_cannot_make_the_stack_deploy_to_itself(
    installed: Installed, calculator: Calculator
) -> None:
    """The alias is more than they could make, so that nothing but the permissions of the roles is in the way."""
    function, api = installed.physical("RejectDeploymentFunction"), installed.client("lambda")
    before = api.get_function(FunctionName=function)["Configuration"]
    api.create_alias(
        FunctionName=function, Name=ALIAS, FunctionVersion=api.publish_version(FunctionName=function)["Version"]
    )
    tagger = Person(installed, credentials_of(installed.client, "tagger", allow("lambda:TagResource"))).client("lambda")

    tagger.tag_resource(Resource=before["FunctionArn"], Tags={"bluegreen:managed": "true"})

    assert installed.deploy(calculator.request("v2") | {"function": function}).path == REFUSED
    assert api.get_function(FunctionName=function)["Configuration"]["CodeSha256"] == before["CodeSha256"]
    api.untag_resource(Resource=before["FunctionArn"], TagKeys=["bluegreen:managed"])


class TestTheCopiesOfCode:
    @pytest.fixture
    def copy(self, installed: Installed, calculator: Calculator) -> dict[str, Any]:
        """Of code that only $LATEST has, as the record of the deployment that began next names it."""
        calculator.update("v3")
        request = calculator.request("v4", smoke_tests=SMOKE_TESTS)
        deployment = installed.start(request)
        assert installed.ended(deployment).end == "RolledBack"
        kept: dict[str, Any] = installed.record(deployment)["latest_kept"]
        return kept

    def test_are_put_back_and_changed_by_nobody_else(
        self, installed: Installed, calculator: Calculator, copy: dict[str, Any]
    ) -> None:
        place = {"Bucket": copy["bucket"], "Key": copy["key"]}
        version = place | {"VersionId": copy["version_id"]}
        writer = Person(installed, credentials_of(installed.client, "writer", allow("s3:*"))).client("s3")
        attacks: list[Callable[[], Any]] = [
            lambda: writer.put_object(**place, Body=code("v2")),
            lambda: writer.copy_object(**place, CopySource=place),
            lambda: writer.create_multipart_upload(**place),
            lambda: writer.put_object_tagging(**place, Tagging={"TagSet": []}),
            lambda: writer.put_object_acl(**place, ACL="private"),
            lambda: writer.delete_object(**place),
            lambda: writer.delete_object(**version),
        ]

        assert [refused(attack) for attack in attacks] == [True] * len(attacks)

        read = writer.get_object(**version)
        assert read["Body"].read() == code("v3")
        latest = installed.client("lambda").get_function(FunctionName=calculator.name)["Configuration"]
        assert latest["CodeSha256"] == copy["sha256"]

    def test_are_deleted_by_the_role_that_the_account_names(self, installed: Installed, copy: dict[str, Any]) -> None:
        place = {"Bucket": copy["bucket"], "Key": copy["key"]}
        admin = Person(installed, credentials_of(installed.client, CLEAN_UP_ROLE, allow("s3:*"))).client("s3")

        assert refused(lambda: admin.put_object(**place, Body=b"mine"))
        admin.delete_object(**place, VersionId=copy["version_id"])

        versions = admin.list_object_versions(Bucket=copy["bucket"], Prefix=copy["key"])
        assert not [each for each in versions.get("Versions", []) if each["VersionId"] == copy["version_id"]]
