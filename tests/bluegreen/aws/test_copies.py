"""Copies of artifacts in the bucket of a target elsewhere: each is made once, and is what the artifact was."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.s3.models import s3_backends

from bluegreen.aws import artifacts
from bluegreen.aws.client import client
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable, InvalidRequest, NotFound, StillInProgress
from bluegreen.request.artifact import Zip
from tests.bluegreen.aws.answers import asked
from tests.machine.deployer import BUCKET, Deployer
from tests.machine.elsewhere import OTHER_ACCOUNT, Elsewhere, elsewhere
from tests.machine.faults import Call

CODE = b"the code that is deployed"
SHA = hashlib.sha256(CODE)
DIGEST = base64.b64encode(SHA.digest()).decode()
COPY = f"bluegreen/{SHA.hexdigest()}.zip"


@pytest.fixture
def there(deployer: Deployer) -> Iterator[Elsewhere]:
    with elsewhere(OTHER_ACCOUNT, "eu-west-1") as found:
        yield found


@pytest.fixture
def artifact(deployer: Deployer) -> Zip:
    """In the stack's own bucket."""
    put = boto3.client("s3").put_object(Bucket=BUCKET, Key="functions/Shop/new.zip", Body=CODE)
    found = {"bucket": BUCKET, "key": "functions/Shop/new.zip", "version_id": put["VersionId"], "sha256": DIGEST}
    return Zip.model_validate(found | {"uploaded_at": "2026-01-05T08:59:00.000Z", "size_bytes": len(CODE)})


def brought(there: Elsewhere, artifact: Zip) -> Zip:
    return artifacts.brought_to(there.target, artifact, there.bucket)


def test_a_copy_has_its_digest_for_a_key_and_the_artifact_s_content_and_time(there: Elsewhere, artifact: Zip) -> None:
    copy = brought(there, artifact)

    assert (copy.bucket, copy.key, copy.sha256) == (there.bucket, COPY, DIGEST)
    assert (copy.uploaded_at, copy.size_bytes) == (artifact.uploaded_at, artifact.size_bytes)
    assert copy.is_pinned
    assert there.content(copy.key, str(copy.version_id)) == CODE


def test_a_copy_is_made_once(there: Elsewhere, artifact: Zip) -> None:
    first = brought(there, artifact)

    with asked(client("s3"), "GetObject") as read, asked(client("copies", there.target), "PutObject") as written:
        assert brought(there, artifact) == first

    assert (read, written) == ([], [])
    assert there.objects() == [(COPY, first.version_id)]


def test_the_same_code_at_another_key_is_the_same_copy(there: Elsewhere, artifact: Zip) -> None:
    again = boto3.client("s3").put_object(Bucket=BUCKET, Key="functions/Other/same.zip", Body=CODE)
    other = artifact.model_copy(update={"key": "functions/Other/same.zip", "version_id": again["VersionId"]})

    assert brought(there, artifact).version_id == brought(there, other).version_id


def test_two_that_copy_at_the_same_time_have_one_copy(there: Elsewhere, deployer: Deployer, artifact: Zip) -> None:
    beside: list[Zip] = []

    def see(call: Call, make: Any) -> Any:
        if call.operation == "PutObject" and not beside:
            with deployer.aws.acting(None, immune=True):
                beside.append(brought(there, artifact))
        return make()

    with deployer.aws.watched(see):
        copy = brought(there, artifact)

    assert [copy] == beside
    assert there.objects() == [(COPY, copy.version_id)]
    assert there.content(copy.key, str(copy.version_id)) == CODE


def test_a_copy_that_another_is_about_to_write_is_waited_for(
    there: Elsewhere, deployer: Deployer, artifact: Zip
) -> None:
    with deployer.aws.fails("PutObject", "ConditionalRequestConflict"), pytest.raises(StillInProgress):
        brought(there, artifact)

    assert there.content(COPY, str(brought(there, artifact).version_id)) == CODE


def test_something_else_at_the_key_is_not_taken_for_the_copy(there: Elsewhere, artifact: Zip) -> None:
    there.client("s3").put_object(Bucket=there.bucket, Key=COPY, Body=b"another code", ChecksumAlgorithm="SHA256")

    copy = brought(there, artifact)

    assert there.content(copy.key, str(copy.version_id)) == CODE


def test_what_replaces_a_copy_afterwards_does_not_change_it(there: Elsewhere, artifact: Zip) -> None:
    copy = brought(there, artifact)
    there.client("s3").put_object(Bucket=there.bucket, Key=COPY, Body=b"another code")

    assert there.content(copy.key, str(copy.version_id)) == CODE
    assert brought(there, artifact).version_id != copy.version_id


def test_s3_compares_the_digest_and_refuses_a_body_that_has_another(
    there: Elsewhere, deployer: Deployer, artifact: Zip
) -> None:
    with asked(client("copies", there.target), "PutObject") as written:
        brought(there, artifact)
    with deployer.aws.fails("PutObject", "BadDigest"), pytest.raises(AwsRefused, match="BadDigest"):
        brought(there, artifact.model_copy(update={"sha256": base64.b64encode(bytes(32)).decode()}))

    assert [each["ChecksumSHA256"] for each in written] == [DIGEST]


def test_an_artifact_whose_digest_is_not_known_is_not_copied(there: Elsewhere, artifact: Zip) -> None:
    with pytest.raises(ValueError, match="digest"):
        brought(there, artifact.model_copy(update={"sha256": None}))

    assert there.objects() == []


def test_the_stack_s_bucket_is_read_as_the_stack_and_the_target_s_is_written_as_its_role(
    there: Elsewhere, deployer: Deployer, artifact: Zip
) -> None:
    """IAM lets neither the role into the stack's bucket, nor the handler's own role into another one."""
    with deployer.aws.acting("OpenDeployment"):
        assert brought(there, artifact).bucket == there.bucket
        with pytest.raises(AccessDenied, match=r"bluegreen-target-bluegreen-eu-west-1 is not authorized"):
            artifacts.brought_to(there.target, artifact, BUCKET)


def test_nothing_holds_the_whole_of_it(there: Elsewhere, deployer: Deployer, artifact: Zip) -> None:
    """S3's answer is the body of what is written, and can be read once: a failure begins anew."""
    with asked(client("copies", there.target), "PutObject") as written:
        brought(there, artifact)

    (body,) = [each["Body"] for each in written]
    assert hasattr(body, "iter_chunks")
    assert not body.seekable()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_copy_that_is_cut_short_is_tried_again_later(
    there: Elsewhere, deployer: Deployer, artifact: Zip, when: Any
) -> None:
    with deployer.aws.fails("PutObject", "InternalError", when=when, times=None), pytest.raises(AwsUnavailable):
        brought(there, artifact)

    copy = brought(there, artifact)
    assert there.content(copy.key, str(copy.version_id)) == CODE


def test_a_bucket_of_another_region_is_refused_by_its_field(there: Elsewhere, artifact: Zip) -> None:
    s3_backends[there.account]["aws"].create_bucket("far-away", "ap-south-1")

    with pytest.raises(InvalidRequest) as refused:
        artifacts.brought_to(there.target, artifact, "far-away")

    assert str(refused.value) == (
        "targets.eu.bucket: far-away is in ap-south-1, and Lambda takes the code of BonusCalculatorLambda from "
        "eu-west-1 only; write the output BucketName of the stack that target.yaml made in account 210987654321, "
        "eu-west-1"
    )


def test_a_bucket_that_keeps_no_versions_is_refused_by_its_field(there: Elsewhere, artifact: Zip) -> None:
    there.client("s3").put_bucket_versioning(Bucket=there.bucket, VersioningConfiguration={"Status": "Suspended"})

    with pytest.raises(InvalidRequest, match=rf"^targets\.eu\.bucket: {there.bucket} keeps no versions"):
        brought(there, artifact)


def test_a_bucket_that_is_not_there_is_told_by_its_field(there: Elsewhere, artifact: Zip) -> None:
    with pytest.raises(NotFound, match=r"^targets\.eu\.bucket: the bucket nowhere cannot be used .*; write the output"):
        artifacts.brought_to(there.target, artifact, "nowhere")


def test_a_bucket_is_used_only_if_the_target_s_account_owns_it(there: Elsewhere, artifact: Zip) -> None:
    s3 = client("copies", there.target)
    with asked(s3, "HeadObject") as looked, asked(s3, "HeadBucket") as seen, asked(s3, "PutObject") as written:
        brought(there, artifact)

    owners = {each["ExpectedBucketOwner"] for each in (*looked, *seen, *written)}
    assert (owners, len(written)) == ({OTHER_ACCOUNT}, 1)


def test_an_artifact_that_is_gone_is_told_as_s3_says_it(there: Elsewhere, artifact: Zip) -> None:
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=artifact.key, VersionId=str(artifact.version_id))

    with pytest.raises(NotFound, match=r"NoSuchVersion|NoSuchKey"):
        brought(there, artifact)


def test_a_copy_is_there_for_the_role_that_needs_it(there: Elsewhere, deployer: Deployer, artifact: Zip) -> None:
    copy = brought(there, artifact)

    with deployer.aws.acting("OpenDeployment"):
        assert artifacts.exists(copy, there.target)
        assert not artifacts.exists(copy.model_copy(update={"key": "bluegreen/other.zip"}), there.target)
        assert not artifacts.exists(artifact, there.target)
