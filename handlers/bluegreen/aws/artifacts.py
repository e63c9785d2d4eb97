"""
Artifacts: the zips that deployments are made of, in S3.

They lie in the stack's bucket, and a target elsewhere has a bucket of its own: Lambda takes code from the function's
region only. Each copy there has its digest for a key. The stack's bucket is read with the handler's own credentials, a
target's bucket is written with the target's role.
"""

import base64
import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.aws.functions import Function
from bluegreen.errors import (
    AccessDenied,
    AwsRefused,
    AwsUnavailable,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
)
from bluegreen.request import package, written
from bluegreen.request.artifact import Stored, Zip
from bluegreen.request.package import Contents, Unfit
from bluegreen.request.request import LARGEST_REQUEST
from bluegreen.request.smoke_tests import Case, as_sent
from bluegreen.request.upload import COPIES, RELEASES
from bluegreen.target import Target
from bluegreen.text import DEEPEST, is_deeper

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COPIES_THERE = "bluegreen/"
"""Where copies of artifacts lie in the bucket of a target."""

CHUNK = 1 << 20
MOST_COMPARED = 3
"""The number of earlier versions of a key whose content is compared."""
NO_VERSION = "null"
"""The version of every object in a bucket without versioning. Another object may replace it under the same version."""

LARGEST_ZIP = 250 * CHUNK
"""Unzipped, Lambda takes no more than this; no zip of more can be right."""

LARGEST_RELEASE = 20 * CHUNK
"""Of a release's document: 10,000 functions with 2 KB each."""

LARGEST_PAYLOAD = 6 * CHUNK
"""Lambda takes no more for a synchronous invocation."""


class Inspected(NamedTuple):
    """An artifact with its object version and digest filled in, and the names of its files."""

    zip: Zip
    contents: Contents


def inspect(artifact: Zip) -> Inspected:
    """
    Read the object, once.

    Raises InvalidRequest if the object is empty, no zip that Lambda takes, or has another digest than the request says;
    NotFound and AccessDenied as S3 answers.
    """
    with in_our_words(), tempfile.TemporaryFile() as file:
        answer = client("s3").get_object(Bucket=artifact.bucket, Key=artifact.key, **_named(artifact.version_id))
        if answer["ContentLength"] > LARGEST_ZIP:
            raise InvalidRequest(
                f"artifact: {artifact} has {answer['ContentLength']} bytes; upload {LARGEST_ZIP} bytes at most"
            )
        for chunk in answer["Body"].iter_chunks(CHUNK):
            file.write(chunk)
        if file.tell() == 0:
            raise InvalidRequest(f"artifact: {artifact} is empty; upload the function's zip there")
        try:
            contents = package.read(file)
        except Unfit as unfit:
            raise InvalidRequest(f"artifact: {artifact} {unfit}") from unfit
        file.seek(0)
        sha256 = _digest(file)
    if artifact.sha256 not in (None, sha256):
        raise InvalidRequest(
            f"artifact.sha256: {artifact} has {sha256}, not what the request says; "
            "upload it again or correct the digest"
        )
    with in_our_words():
        uploaded_at = clock.iso(answer["LastModified"].timestamp())
    found = {
        "uploaded_at": uploaded_at,
        "size_bytes": answer["ContentLength"],
        "sha256": sha256,
        "version_id": _version_of(answer),
    }
    return Inspected(artifact.model_copy(update=found), contents)


def is_replica(bucket: str, key: str, version_id: str | None) -> bool:
    """S3 replicated the object version from another bucket."""
    with in_our_words():
        answer = client("s3").head_object(Bucket=bucket, Key=key, **_named(version_id))
    return answer.get("ReplicationStatus") == "REPLICA"


def is_copy_of_earlier(bucket: str, key: str, version_id: str | None) -> bool:
    """
    Another version of the same key has the same content: of those of the same size the newest ones are compared.

    An ETag that differs proves nothing, since encryption changes it.
    """
    with in_our_words():
        answer = client("s3").list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=1000)
        versions = [each for each in answer.get("Versions", []) if each["Key"] == key]
    this = next((each for each in versions if each["VersionId"] == version_id), None)
    if this is None:
        return False
    same_size = [each for each in versions if each is not this and each["Size"] == this["Size"]]
    if any(each["ETag"] == this["ETag"] for each in same_size):
        return True
    digest = _digest_of(bucket, key, this["VersionId"]) if same_size else ""
    return any(_digest_of(bucket, key, each["VersionId"]) == digest for each in same_size[:MOST_COMPARED])


def exists(artifact: Zip, target: Target) -> bool:
    """S3 has the object in a bucket that the target's code may come from, as far as this role may see it."""
    try:
        with in_our_words():
            _s3(target).head_object(Bucket=artifact.bucket, Key=artifact.key, **_named(artifact.version_id))
    except AwsRefused:
        return False
    return True


def brought_to(target: Target, artifact: Zip, bucket: str) -> Zip:
    """
    The artifact's copy in a bucket of the target's region, made unless it is there. The artifact's digest is known.

    The copy's key follows from the digest, which S3 compares with what is written. Of several handlers that copy it at
    the same time one writes, and the others take what it wrote. No part of the way holds the whole of it.

    Raises InvalidRequest if the bucket is in another region or keeps no versions, AwsRefused if the artifact has
    another digest by now, and what else S3 answers.
    """
    if not artifact.sha256:
        raise ValueError(f"the digest of {artifact} is not known")
    key = f"{COPIES_THERE}{base64.b64decode(artifact.sha256).hex()}.zip"
    with _in(bucket, target):
        version_id = _version_with(artifact.sha256, target, bucket, key)
    if not version_id:
        version_id = _copied(artifact, target, bucket, key)
    return artifact.model_copy(update={"bucket": bucket, "key": key, "version_id": version_id, "sequencer": None})


@contextmanager
def _in(bucket: str, target: Target) -> Iterator[None]:
    """Errors of S3 about the bucket of a target name the field of the release's document that has it."""
    try:
        with in_our_words():
            yield
    except (AccessDenied, NotFound) as refused:
        raise type(refused)(
            f"{target.field('bucket')}: the bucket {bucket} cannot be used ({refused}); write the output BucketName of "
            f"the stack that target.yaml made in {target.where}"
        ) from refused


def _version_with(digest: str, target: Target, bucket: str, key: str) -> str | None:
    """The newest version of the object, if it has that digest. S3 keeps the one that it compared."""
    owner = target.account
    try:
        with in_our_words():
            answer = client("copies", target).head_object(
                Bucket=bucket, Key=key, ChecksumMode="ENABLED", ExpectedBucketOwner=owner
            )
    except NotFound:
        return None
    return _version_of(answer) if answer.get("ChecksumSHA256") == digest else None


def _copied(artifact: Zip, target: Target, bucket: str, key: str) -> str:
    """The object version that has the copy."""
    with _in(bucket, target):
        region = (
            client("copies", target).head_bucket(Bucket=bucket, ExpectedBucketOwner=target.account).get("BucketRegion")
        )
    if region not in (None, target.region):
        raise InvalidRequest(
            f"{target.field('bucket')}: {bucket} is in {region}, and Lambda takes the code of {target.function} from "
            f"{target.region} only; write the output BucketName of the stack that target.yaml made in {target.where}"
        )
    try:
        return _written(artifact, target, bucket, key, {"IfNoneMatch": "*"})
    except PreconditionFailed:
        with _in(bucket, target):
            beside = _version_with(artifact.digest, target, bucket, key)
        return beside or _written(artifact, target, bucket, key, {})


def _written(artifact: Zip, target: Target, bucket: str, key: str, only: Any) -> str:
    """Answers the object version that it writes. `only` has S3's conditions for that; raises PreconditionFailed."""
    with in_our_words():
        source = client("s3").get_object(Bucket=artifact.bucket, Key=artifact.key, **_named(artifact.version_id))
    with _in(bucket, target):
        answer = client("copies", target).put_object(
            Bucket=bucket,
            Key=key,
            Body=source["Body"],
            ContentLength=source["ContentLength"],
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=artifact.digest,
            ExpectedBucketOwner=target.account,
            **only,
        )
    if not (version_id := _version_of(answer)):
        raise InvalidRequest(
            f"{target.field('bucket')}: {bucket} keeps no versions, so others could overwrite a copy there; turn its "
            "versioning on"
        )
    return version_id


def keep_copy(function: Function, target: Target) -> Zip:
    """
    Store the zip of a version or of $LATEST in the artifact bucket of its region, where its key starts nothing.

    The answer names the object version, which no later write changes. S3 refuses the object if its digest differs.
    Raises AwsRefused if the bucket keeps no versions.
    """
    place = f"{target.account}/{target.region}/{target.function}"
    bucket = target.bucket or os.environ["ARTIFACT_BUCKET"]
    key = f"{COPIES}{place}/{base64.b64decode(function.sha256).hex()}.zip"
    with in_our_words(), tempfile.TemporaryFile() as file:
        download(function, file)
        answer = _s3(target).put_object(Bucket=bucket, Key=key, Body=file, ChecksumSHA256=function.sha256)
    if not (version_id := _version_of(answer)):
        raise AwsRefused(
            f"the bucket {bucket} keeps no versions, so others could overwrite a copy there; turn its versioning on"
        )
    return Zip(bucket=bucket, key=key, version_id=version_id, sha256=function.sha256)


def _s3(target: Target) -> "S3Client":
    """For the bucket that the target's code comes from."""
    return client("copies", target) if target.elsewhere else client("s3")


def download(function: Function, file: IO[bytes]) -> None:
    """Write the zip behind Lambda's short-lived link into the file, which is at its beginning then."""
    if not function.code_url:
        raise AwsRefused(f"Lambda gives no link to the code of {function.name}:{function.version}")
    try:
        with urllib.request.urlopen(function.code_url, timeout=30) as answer:  # noqa: S310  Lambda's own link
            shutil.copyfileobj(answer, file)
    except (OSError, http.client.HTTPException) as error:
        raise AwsUnavailable(f"the code of {function.name} could not be downloaded: {error}") from error
    file.seek(0)
    if _digest(file) != function.sha256:
        raise AwsUnavailable(f"the code of {function.name} was downloaded in part")
    file.seek(0)


def _version_of(answer: Mapping[str, Any]) -> str | None:
    """The object version of S3's answer; None if the bucket keeps no versions."""
    version_id: str = answer.get("VersionId", NO_VERSION)
    return version_id if version_id != NO_VERSION else None


def _named(version_id: str | None) -> Any:
    return {"VersionId": version_id} if version_id else {}


def _digest_of(bucket: str, key: str, version_id: str) -> str:
    sha256 = hashlib.sha256()
    with in_our_words():
        body = client("s3").get_object(Bucket=bucket, Key=key, **_named(version_id))["Body"]
        for chunk in body.iter_chunks(CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()


def _digest(file: Any) -> str:
    return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def settings(bucket: str, key: str) -> dict[str, Any]:
    """The JSON object at `key`, {} if there is none. Raises InvalidRequest if it is something else, or too large."""
    try:
        with in_our_words():
            answer = client("s3").get_object(Bucket=bucket, Key=key)
            text = answer["Body"].read(LARGEST_REQUEST + 1)
    except NotFound:
        return {}
    if len(text) > LARGEST_REQUEST:
        size = answer["ContentLength"]
        raise InvalidRequest(f"s3://{bucket}/{key} has {size} bytes; write {LARGEST_REQUEST} at most")
    try:
        found = written.read(text)
    except ValueError as error:
        raise InvalidRequest(f"s3://{bucket}/{key} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"s3://{bucket}/{key} is not a JSON object; write the rest of the request there")
    return found


def release_document(place: Stored) -> Any:
    """
    The document of a release, which lies in releases/ of the stack's bucket: JSON.

    Raises InvalidRequest if it lies elsewhere, is no JSON or is too large, and what S3 answers.
    """
    if place.bucket != os.environ["ARTIFACT_BUCKET"] or not place.key.startswith(RELEASES):
        raise InvalidRequest(
            f"release: {place} is not in {RELEASES} of the artifact bucket {os.environ['ARTIFACT_BUCKET']}; upload the "
            "document there"
        )
    try:
        with in_our_words():
            answer = client("s3").get_object(Bucket=place.bucket, Key=place.key, **_named(place.version_id))
            text = answer["Body"].read(LARGEST_RELEASE + 1)
    except NotFound:
        raise InvalidRequest(f"release: there is no object {place}; upload the document there") from None
    if len(text) > LARGEST_RELEASE:
        raise InvalidRequest(f"release: {place} has {answer['ContentLength']} bytes; write {LARGEST_RELEASE} at most")
    try:
        return written.read(text)
    except ValueError as error:
        raise InvalidRequest(f"release: {place} is not JSON: {error}") from error


def with_payload(case: Case) -> Case:
    """The case with the payload that S3 has for it, if it names one. Raises as `payload` does."""
    if case.payload_from is None:
        return case
    return case.model_copy(update={"payload": payload(case.payload_from), "payload_from": None})


def payload(place: Stored) -> Any:
    """
    The JSON value that the object has.

    Raises InvalidRequest, which shows nothing of the object, if it is no JSON or is too large; and what S3 answers.
    """
    with in_our_words():
        answer = client("s3").get_object(Bucket=place.bucket, Key=place.key, **_named(place.version_id))
        text = answer["Body"].read(LARGEST_PAYLOAD + 1)
    if len(text) > LARGEST_PAYLOAD:
        raise InvalidRequest(f"{place} has {answer['ContentLength']} bytes; write {LARGEST_PAYLOAD} at most")
    try:
        found = written.read(text)
    except ValueError:
        raise InvalidRequest(f"{place} is not JSON") from None
    if is_deeper(found, DEEPEST):
        raise InvalidRequest(f"{place} is nested more than {DEEPEST} levels deep")
    if (size := len(as_sent(found))) > LARGEST_PAYLOAD:
        raise InvalidRequest(f"{place} has {size} bytes once it is an event for Lambda; {LARGEST_PAYLOAD} is the most")
    return found
