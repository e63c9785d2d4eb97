"""Artifacts in S3: what is kept is what Lambda had."""

import base64
import hashlib
import io
import json
import urllib.error
import urllib.request
from http.client import IncompleteRead
from typing import Any

import boto3
import pytest

from bluegreen.aws import artifacts
from bluegreen.aws.client import client
from bluegreen.aws.functions import Function
from bluegreen.errors import AccessDenied, AwsRefused, AwsUnavailable, InvalidRequest, NotFound
from bluegreen.request.artifact import Stored, Zip
from bluegreen.request.smoke_tests import Case, as_sent
from tests.bluegreen.examples import SHOP, a_function
from tests.machine.deployer import BUCKET, GOOD, Deployer, zip_of

CODE = b"the code that blue has"
DIGEST = base64.b64encode(hashlib.sha256(CODE).digest()).decode()
GROWS = b"[" + b",".join([b"1e15"] * 400_000) + b"]"
"""Two million bytes, and 7.6 million as Python writes the same numbers."""
KEY = f"restored/{SHOP.account}/{SHOP.region}/Shop/{hashlib.sha256(CODE).hexdigest()}.zip"


def lambda_sends(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception) -> None:
    def urlopen(url: str, timeout: float) -> Any:
        if isinstance(content, Exception):
            raise content
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def of_lambda(**more: Any) -> Function:
    """The function as Lambda describes it, with the digest of CODE."""
    return a_function(**{"sha256": DIGEST, "code_url": "https://short-lived"} | more)


def kept() -> list[str]:
    return [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_copy_is_kept_where_it_starts_nothing(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_sends(monkeypatch, CODE)

    copy = artifacts.keep_copy(of_lambda(), SHOP)

    assert (copy.bucket, copy.key, copy.sha256) == (BUCKET, KEY, DIGEST)
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CODE
    assert not copy.key.startswith("functions/")


def test_a_copy_is_the_object_version_that_was_written_whatever_takes_its_key_afterwards(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lambda_sends(monkeypatch, CODE)

    copy = artifacts.keep_copy(of_lambda(), SHOP)
    put(b"someone else's code", KEY)

    assert copy.is_pinned
    assert artifacts._digest_of(BUCKET, KEY, str(copy.version_id)) == hashlib.sha256(CODE).hexdigest()


def test_s3_is_told_the_digest_of_a_copy(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_sends(monkeypatch, CODE)
    sent: list[Any] = []
    s3 = client("s3")
    s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: sent.append(params["headers"]))

    artifacts.keep_copy(of_lambda(), SHOP)

    assert [headers["x-amz-checksum-sha256"] for headers in sent] == [DIGEST]


def test_a_bucket_without_versions_keeps_no_copy(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_sends(monkeypatch, CODE)
    suspended: Any = {"Status": "Suspended"}
    boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=suspended)

    with pytest.raises(AwsRefused, match="keeps no versions"):
        artifacts.keep_copy(of_lambda(), SHOP)


@pytest.mark.parametrize(
    "sent", [CODE[:-1], b"", OSError("reset"), urllib.error.URLError("gone"), IncompleteRead(CODE[:5])]
)
def test_a_download_cut_short_is_tried_again_and_never_kept(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch, sent: bytes | Exception
) -> None:
    lambda_sends(monkeypatch, sent)

    with pytest.raises(AwsUnavailable):
        artifacts.keep_copy(of_lambda(), SHOP)

    assert kept() == []


def test_code_without_a_link_is_not_kept_and_not_asked_for_again(deployer: Deployer) -> None:
    with pytest.raises(AwsRefused, match=r"Lambda gives no link to the code of Shop:\$LATEST"):
        artifacts.keep_copy(of_lambda(code_url=None), SHOP)

    assert kept() == []


def test_an_object_is_there_in_the_version_that_is_named(deployer: Deployer) -> None:
    version = put(CODE)

    assert artifacts.exists(Zip(bucket=BUCKET, key="new.zip"), SHOP)
    assert artifacts.exists(Zip(bucket=BUCKET, key="new.zip", version_id=version), SHOP)
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="new.zip", VersionId=version)
    assert not artifacts.exists(Zip(bucket=BUCKET, key="new.zip", version_id=version), SHOP)


@pytest.mark.parametrize("code", ["403", "400"])
def test_an_object_that_s3_does_not_show_does_not_count_as_there(deployer: Deployer, code: str) -> None:
    """S3 answers 400 for one that is encrypted with a key that the uploader keeps."""
    put(CODE)

    with deployer.aws.fails("HeadObject", code, times=None):
        assert not artifacts.exists(Zip(bucket=BUCKET, key="new.zip"), SHOP)


def put(body: bytes, key: str = "new.zip") -> str:
    """An object; its version."""
    return boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]


class TestInspecting:
    def test_an_artifact_is_known_by_its_version_digest_and_time(self, deployer: Deployer) -> None:
        version = put(zip_of(GOOD % 2))

        found, contents = artifacts.inspect(Zip(bucket=BUCKET, key="new.zip", sequencer="00AB"))

        digest = base64.b64encode(hashlib.sha256(zip_of(GOOD % 2)).digest()).decode()
        assert (found.version_id, found.sha256, found.sequencer) == (version, digest, "00AB")
        assert found.uploaded_at == "2026-01-05T09:00:00.000Z"
        assert contents.files == {"index.py"}

    def test_the_version_that_the_request_names_is_the_artifact(self, deployer: Deployer) -> None:
        old = put(zip_of(GOOD % 2))
        put(zip_of(GOOD % 3))

        found = artifacts.inspect(Zip(bucket=BUCKET, key="new.zip", version_id=old)).zip

        assert found.version_id == old
        assert found.sha256 == base64.b64encode(hashlib.sha256(zip_of(GOOD % 2)).digest()).decode()

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "is empty; upload the function's zip there"),
            (CODE, "is not a zip; upload the function's code as a zip"),
            (zip_of(GOOD)[:-1], "is not a zip"),
            (zip_of(GOOD).replace(b"index.py", b"/x/y//.p"), "has an entry '/x/y//.p' whose name leads out of the zip"),
        ],
    )
    def test_an_object_that_is_no_zip_is_refused(self, deployer: Deployer, body: bytes, said: str) -> None:
        put(body)

        with pytest.raises(InvalidRequest, match=said):
            artifacts.inspect(Zip(bucket=BUCKET, key="new.zip"))

    def test_an_object_of_another_digest_is_refused_with_the_one_that_it_has(self, deployer: Deployer) -> None:
        put(zip_of(GOOD % 2))

        with pytest.raises(InvalidRequest, match=r"artifact\.sha256: s3://artifacts/new\.zip has "):
            artifacts.inspect(Zip(bucket=BUCKET, key="new.zip", sha256=DIGEST))

    def test_an_object_that_is_too_large_for_lambda_is_refused_before_it_is_read(
        self, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(zip_of(GOOD % 2))
        monkeypatch.setattr(artifacts, "LARGEST_ZIP", 10)

        with pytest.raises(InvalidRequest, match="bytes; upload 10 bytes at most"):
            artifacts.inspect(Zip(bucket=BUCKET, key="new.zip"))

    def test_an_object_that_is_not_there_is_not_found(self, deployer: Deployer) -> None:
        with pytest.raises(NotFound):
            artifacts.inspect(Zip(bucket=BUCKET, key="new.zip"))


class TestSettings:
    def test_the_settings_beside_the_artifacts_are_an_object(self, deployer: Deployer) -> None:
        put(b'{"alias": "LIVE"}', "functions/Shop/deployment.json")

        assert artifacts.settings(BUCKET, "functions/Shop/deployment.json") == {"alias": "LIVE"}

    def test_a_function_without_settings_has_none(self, deployer: Deployer) -> None:
        assert artifacts.settings(BUCKET, "functions/Shop/deployment.json") == {}

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff"])
    def test_settings_that_cannot_be_read_are_refused(self, deployer: Deployer, body: bytes) -> None:
        put(body, "settings.json")

        with pytest.raises(InvalidRequest, match=r"s3://artifacts/settings\.json is not "):
            artifacts.settings(BUCKET, "settings.json")

    def test_settings_that_may_not_be_read_are_a_missing_permission(self, deployer: Deployer) -> None:
        with deployer.aws.fails("GetObject", "AccessDenied", times=None), pytest.raises(AccessDenied):
            artifacts.settings(BUCKET, "settings.json")


class TestAPayload:
    PLACE = Stored(bucket=BUCKET, key="functions/Shop/payloads/login.json")

    def put(self, body: bytes) -> str:
        return str(boto3.client("s3").put_object(Bucket=BUCKET, Key=self.PLACE.key, Body=body)["VersionId"])

    def test_is_the_json_that_lies_there(self, deployer: Deployer) -> None:
        self.put(b'{"token": "\\ud83d", "n": 1.50}')

        assert artifacts.payload(self.PLACE) == {"token": "\ud83d", "n": 1.5}

    def test_may_be_an_older_version(self, deployer: Deployer) -> None:
        first = self.put(b"1")
        self.put(b"2")

        assert artifacts.payload(self.PLACE) == 2
        assert artifacts.payload(self.PLACE.model_copy(update={"version_id": first})) == 1

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"secret", "is not JSON"),
            (b"", "is not JSON"),
            (b'"secret" secret', "is not JSON"),
            (b"\xffsecret", "is not JSON"),
            (b'{"secret": NaN}', "is not JSON"),
            (b'["secret", -Infinity]', "is not JSON"),
            (b"[" * 100_000, "is not JSON"),
            (b"9" * 5_000, "is not JSON"),
            (b"[" * 101 + b"]" * 101, "is nested more than 100 levels deep"),
            (b'"' + b"s" * artifacts.LARGEST_PAYLOAD + b'"', "has 6291458 bytes; write 6291456 at most"),
            (GROWS, "has 7600001 bytes once it is an event for Lambda; 6291456 is the most"),
        ],
        ids=lambda value: ascii(value)[:20],
    )
    def test_that_lambda_would_not_take_is_refused_without_a_word_of_it(
        self, deployer: Deployer, body: bytes, said: str
    ) -> None:
        self.put(body)

        with pytest.raises(InvalidRequest) as refused:
            artifacts.payload(self.PLACE)

        assert str(refused.value) == f"{self.PLACE} {said}"
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None

    def test_with_letters_that_ascii_does_not_have_is_no_larger_when_it_is_sent(self, deployer: Deployer) -> None:
        """Each has six bytes as an escape, and three in UTF-8."""
        body = json.dumps("\u8cb8" * 2_000_000, ensure_ascii=False).encode()
        self.put(body)

        assert as_sent(artifacts.payload(self.PLACE)) == body

    def test_that_is_not_there_is_told(self, deployer: Deployer) -> None:
        with pytest.raises(NotFound):
            artifacts.payload(self.PLACE)

    def test_takes_the_place_of_its_reference_in_a_case(self, deployer: Deployer) -> None:
        self.put(b'{"token": 1}')
        case = Case(name="a", sensitive=True, payload_from=self.PLACE)

        filled = artifacts.with_payload(case)

        assert (filled.payload, filled.payload_from, filled.sensitive) == ({"token": 1}, None, True)

    def test_that_is_written_in_the_case_is_left_there(self) -> None:
        case = Case(name="a", payload=[1])

        assert artifacts.with_payload(case) is case
