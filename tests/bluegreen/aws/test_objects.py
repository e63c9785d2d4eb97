"""What the deployer keeps for itself in the artifact bucket."""

import gzip

import boto3
import pytest

from bluegreen.aws import objects
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable
from tests.machine.deployer import BUCKET, Deployer

pytestmark = pytest.mark.usefixtures("deployer")

KEY = "internal/one.json.gz"


def test_what_is_written_is_read_again_and_replaces_what_there_was() -> None:
    objects.write(KEY, b"first" * 1000)
    objects.write(KEY, b"second" * 1000)

    assert objects.read(KEY) == b"second" * 1000
    assert boto3.client("s3").head_object(Bucket=BUCKET, Key=KEY)["ContentLength"] < 100


def test_an_object_that_is_not_there_is_none() -> None:
    assert objects.read(KEY) is None


@pytest.mark.parametrize(
    "body",
    [b"not compressed", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"x" * 1000)[:12] + b"\xff" * 100],
    ids=["plain", "cut off", "damaged"],
)
def test_what_others_wrote_there_is_refused(body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)

    with pytest.raises(AwsRefused, match=KEY):
        objects.read(KEY)


def test_an_object_that_is_small_only_while_it_is_compressed_is_refused() -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=gzip.compress(bytes(objects.LARGEST + 1)))

    with pytest.raises(AwsRefused, match="has more than 67108864 bytes"):
        objects.read(KEY)


@pytest.mark.parametrize(("code", "error"), [("SlowDown", AwsUnavailable), ("AccessDenied", AccessDenied)])
def test_an_s3_that_does_not_answer_is_not_an_object_that_is_not_there(
    deployer: Deployer, code: str, error: type[Exception]
) -> None:
    with deployer.aws.fails("GetObject", code, times=None), pytest.raises(error):
        objects.read(KEY)
    with deployer.aws.fails("PutObject", code, times=None), pytest.raises(error):
        objects.write(KEY, b"")
