"""What is deployed: a zip, an image, a published version or $LATEST; and which of two uploads is the newer one."""

import base64
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.errors import InvalidRequest
from bluegreen.request.artifact import Existing, Image, InLatest, Zip, code_digest
from bluegreen.request.request import Request
from tests.bluegreen.examples import ARTIFACT, DIGEST, IMAGE, IN_BASE64, request


def refusal(artifact: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(request(artifact=artifact))
    return str(refused.value)


class TestTheArtifact:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("s3://artifacts/new.zip", Zip(bucket="artifacts", key="new.zip")),
            ("s3://artifacts/a/b/c.zip", Zip(bucket="artifacts", key="a/b/c.zip")),
            (ARTIFACT, Zip(bucket="artifacts", key="new.zip")),
            (ARTIFACT | {"version_id": "v7"}, Zip(bucket="artifacts", key="new.zip", version_id="v7")),
            ({"image_uri": IMAGE}, Image(image_uri=IMAGE)),
            ({"version": "3"}, Existing(version="3")),
            ("$LATEST", InLatest("$LATEST")),
        ],
    )
    def test_an_artifact_is_a_zip_an_image_a_version_or_latest(self, written: Any, read: Any) -> None:
        found = Request.read(request(artifact=written))

        assert found.artifact == read
        assert Request.read(found.to_json()) == found

    def test_a_text_that_begins_like_a_digest_again_and_again_is_refused_at_once(self) -> None:
        begun = time.process_time()

        assert "is not an artifact" in refusal("@sha256:" * 8_000 + " ")
        assert time.process_time() - begun < 2

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("new.zip", "artifact: 'new.zip' is not an artifact; write s3://bucket/key"),
            ("s3://artifacts", "artifact: 's3://artifacts' is not an artifact; write s3://bucket/key"),
            ("s3:///key", "artifact: 's3:///key' is not an artifact; write s3://bucket/key"),
            ("https://artifacts/key", "write s3://bucket/key or an object with bucket and key"),
            ("$latest", "artifact: '$latest' is not an artifact; write s3://bucket/key or an object with bucket and"),
            ("LATEST", "write s3://bucket/key or an object with bucket and key, or $LATEST"),
            ({"image_uri": "shop:latest"}, "{64}$; write the image's URI with its digest, as 1111222233"),
            ({"bucket": "artifacts"}, "artifact.key: is required"),
            ({"key": "new.zip"}, "artifact.bucket: is required"),
            ({}, "artifact.bucket: is required; artifact.key: is required"),
            (5, "artifact: 5 is not a JSON object"),
            ([], "artifact: [] is not a JSON object"),
            (None, "artifact: null is not a JSON object"),
            (ARTIFACT | {"key": ""}, "artifact.key: "),
            (ARTIFACT | {"key": "x" * 1025}, "artifact.key: "),
            (ARTIFACT | {"key": "functions/../other.zip"}, "artifact.key: 'functions/../other.zip' has a part `..`"),
            ("s3://artifacts/../other.zip", "artifact.key: '../other.zip' has a part `..`"),
            (ARTIFACT | {"sha": "x"}, "artifact.sha: unknown field"),
            (ARTIFACT | {"sha256": True}, "artifact.sha256: write the SHA-256 of the zip in hexadecimal"),
            (ARTIFACT | {"sha256": "x"}, "artifact.sha256: write the SHA-256 of the zip in hexadecimal"),
            ({"image_uri": "repository:latest"}, "artifact.image_uri: 'repository:latest' does not match"),
            ({"version": "$LATEST"}, "artifact.version: '$LATEST' does not match"),
            ({"version": "$LATEST"}, 'what $LATEST has is the artifact "$LATEST"'),
            ({"version": 3.0}, "artifact.version: "),
            ({"version": True}, "artifact.version: "),
            ({"version": "3", "bucket": "artifacts"}, "artifact.bucket: unknown field"),
        ],
    )
    def test_an_artifact_that_is_none_of_them_is_refused_by_field(self, written: Any, said: str) -> None:
        assert said in refusal(written)

    def test_an_artifact_reads_as_people_write_it(self) -> None:
        assert str(Zip(bucket="artifacts", key="a/b.zip")) == "s3://artifacts/a/b.zip"
        assert str(Image(image_uri=IMAGE)) == IMAGE
        assert str(Existing(version="3")) == "version 3"

    def test_an_image_is_known_by_its_digest(self) -> None:
        assert Image(image_uri=IMAGE).digest == f"sha256:{DIGEST.hex()}"


class TestTheDigest:
    @pytest.mark.parametrize("written", [DIGEST.hex(), DIGEST.hex().upper(), IN_BASE64])
    def test_a_digest_is_read_in_hexadecimal_and_base64_and_kept_as_lambda_writes_it(self, written: str) -> None:
        artifact = Request.read(request(artifact=ARTIFACT | {"sha256": written})).artifact

        assert isinstance(artifact, Zip)
        assert artifact.sha256 == IN_BASE64

    @given(st.binary(min_size=32, max_size=32))
    def test_a_digest_is_the_same_in_both(self, digest: bytes) -> None:
        in_base64 = base64.b64encode(digest).decode()

        assert code_digest(digest.hex()) == code_digest(in_base64) == in_base64

    @pytest.mark.parametrize(
        "written", ["", "x", DIGEST.hex()[:-1], DIGEST.hex() + "0", IN_BASE64[:-1], f"{IN_BASE64}=", "g" * 64]
    )
    def test_a_digest_that_is_neither_is_refused(self, written: str) -> None:
        with pytest.raises(ValueError, match="hexadecimal"):
            code_digest(written)


def upload(key: str = "new.zip", **more: Any) -> Zip:
    return Zip(bucket="artifacts", key=key, **more)


sequencers = st.text("0123456789ABCDEFabcdef", min_size=1, max_size=20)


class TestTheNewerUpload:
    @pytest.mark.parametrize(
        ("earlier", "later"),
        [("00AB", "00AC"), ("00AB", "00AB01"), ("0055", "00AA"), ("00ab", "00AC"), ("0055AED6DCD90281E5", "0055AED7")],
    )
    def test_the_sequencer_orders_uploads_of_one_key_in_one_second(self, earlier: str, later: str) -> None:
        first, second = upload(sequencer=earlier), upload(sequencer=later)

        assert second.is_newer_than(first)
        assert not first.is_newer_than(second)

    def test_a_sequencer_counts_for_more_than_the_second_of_its_upload(self) -> None:
        first = upload(sequencer="00AB", uploaded_at="2026-01-05T09:00:01.000Z")
        second = upload(sequencer="00AC", uploaded_at="2026-01-05T09:00:00.000Z")

        assert second.is_newer_than(first)

    def test_uploads_of_different_keys_are_ordered_by_their_second(self) -> None:
        first = upload("a.zip", sequencer="00FF", uploaded_at="2026-01-05T09:00:00.000Z")
        second = upload("b.zip", sequencer="00AA", uploaded_at="2026-01-05T09:00:01.000Z")

        assert second.is_newer_than(first)
        assert not first.is_newer_than(second)

    def test_two_uploads_of_one_second_are_not_ordered(self) -> None:
        first, second = (upload(key, uploaded_at="2026-01-05T09:00:00.000Z") for key in ("a.zip", "b.zip"))

        assert not first.is_newer_than(second)
        assert not second.is_newer_than(first)

    def test_an_upload_without_a_sequencer_is_ordered_by_its_second(self) -> None:
        first = upload(uploaded_at="2026-01-05T09:00:00.000Z", sequencer="00AB")
        second = upload(uploaded_at="2026-01-05T09:00:01.000Z")

        assert second.is_newer_than(first)

    @given(sequencers, sequencers)
    def test_of_two_uploads_of_one_key_at_most_one_is_newer(self, one: str, other: str) -> None:
        first, second = upload(sequencer=one), upload(sequencer=other)
        digits = max(len(one), len(other))

        assert not (first.is_newer_than(second) and second.is_newer_than(first))
        assert first.is_newer_than(second) == (int(one.ljust(digits, "0"), 16) > int(other.ljust(digits, "0"), 16))

    @pytest.mark.parametrize(
        ("other", "same"),
        [
            (upload(version_id="v1"), True),
            (upload(version_id="v1", sequencer="00AB", uploaded_at="2026-01-05T09:00:00.000Z"), True),
            (upload(version_id="v2"), False),
            (upload("other.zip", version_id="v1"), False),
            (Zip(bucket="others", key="new.zip", version_id="v1"), False),
            (upload(), False),
        ],
    )
    def test_an_upload_is_the_same_that_is_the_same_object_version(self, other: Zip, same: bool) -> None:
        assert upload(version_id="v1").is_same_upload_as(other) == same
