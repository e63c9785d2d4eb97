"""Artifacts in S3: what is kept is what Lambda had."""

import base64
import hashlib
import io
import urllib.error
import urllib.request
from http.client import IncompleteRead
from typing import Any

import boto3
import pytest

from bluegreen.aws import artifacts
from bluegreen.errors import AwsUnavailable
from tests.machine.deployer import BUCKET, Deployer

CODE = b"the code that blue has"
DIGEST = base64.b64encode(hashlib.sha256(CODE).digest()).decode()
KEY = f"restored/Shop/{hashlib.sha256(CODE).hexdigest()}.zip"


def lambda_sends(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception) -> None:
    def urlopen(url: str, timeout: float) -> Any:
        if isinstance(content, Exception):
            raise content
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def kept() -> list[str]:
    return [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_copy_is_kept_where_it_starts_nothing(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_sends(monkeypatch, CODE)

    copy = artifacts.keep_copy("https://short-lived", "Shop", DIGEST)

    assert (copy.bucket, copy.key, copy.sha256) == (BUCKET, KEY, DIGEST)
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CODE
    assert not copy.key.startswith("functions/")


@pytest.mark.parametrize(
    "sent", [CODE[:-1], b"", OSError("reset"), urllib.error.URLError("gone"), IncompleteRead(CODE[:5])]
)
def test_a_download_cut_short_is_tried_again_and_never_kept(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch, sent: bytes | Exception
) -> None:
    lambda_sends(monkeypatch, sent)

    with pytest.raises(AwsUnavailable):
        artifacts.keep_copy("https://short-lived", "Shop", DIGEST)

    assert kept() == []
