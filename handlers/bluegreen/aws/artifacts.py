"""Artifacts: the zips that deployments are made of, in S3."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import tempfile
import urllib.request
import zipfile
from typing import Any

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsUnavailable, InvalidRequest, NotFound
from bluegreen.request.artifact import Zip
from bluegreen.target import Target

CHUNK = 1 << 20
LARGEST_ZIP = 250 * CHUNK
"""Unzipped, Lambda takes no more than this; no zip of more can be right."""


def inspect(artifact: Zip) -> Zip:
    """
    The artifact with its object version and digest filled in.

    Raises InvalidRequest if the object is empty, not a zip, or has another digest than the request says; NotFound
    and AccessDenied as S3 answers.
    """
    named: Any = {"VersionId": artifact.version_id} if artifact.version_id else {}
    with in_our_words(), tempfile.TemporaryFile() as file:
        answer = client("s3").get_object(Bucket=artifact.bucket, Key=artifact.key, **named)
        if answer["ContentLength"] > LARGEST_ZIP:
            raise InvalidRequest(
                f"artifact: {artifact} has {answer['ContentLength']} bytes; upload {LARGEST_ZIP} bytes at most"
            )
        for chunk in answer["Body"].iter_chunks(CHUNK):
            file.write(chunk)
        if file.tell() == 0:
            raise InvalidRequest(f"artifact: {artifact} is empty; upload the function's zip there")
        if not zipfile.is_zipfile(file):
            raise InvalidRequest(f"artifact: {artifact} is not a zip; upload the function's code as a zip")
        file.seek(0)
        sha256 = _digest(file)
    if artifact.sha256 not in (None, sha256):
        raise InvalidRequest(
            f"artifact.sha256: {artifact} has {sha256}, not what the request says; "
            "upload it again or correct the digest"
        )
    version_id = answer.get("VersionId")
    uploaded_at = clock.iso(answer["LastModified"].timestamp())
    return artifact.model_copy(
        update={
            "uploaded_at": uploaded_at,
            "size_bytes": answer["ContentLength"],
            "sha256": sha256,
            "version_id": version_id if version_id != "null" else None,
        }
    )


def keep_copy(url: str, target: Target, sha256: str) -> Zip:
    """Store the zip behind Lambda's short-lived link in the artifact bucket, where its key starts nothing."""
    place = f"{target.account}/{target.region}/{target.function}"
    bucket, key = os.environ["ARTIFACT_BUCKET"], f"restored/{place}/{base64.b64decode(sha256).hex()}.zip"
    with in_our_words(), tempfile.TemporaryFile() as file:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                shutil.copyfileobj(answer, file)
        except (OSError, http.client.HTTPException) as error:
            raise AwsUnavailable(f"the code of {target.function} could not be downloaded: {error}") from error
        file.seek(0)
        if _digest(file) != sha256:
            raise AwsUnavailable(f"the code of {target.function} was downloaded in part")
        file.seek(0)
        client("s3").upload_fileobj(file, bucket, key)
    return Zip(bucket=bucket, key=key, sha256=sha256)


def _digest(file: Any) -> str:
    return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def settings(bucket: str, key: str) -> dict[str, Any]:
    """The JSON object at `key`, {} if there is none. Raises InvalidRequest if it is something else."""
    try:
        with in_our_words():
            text = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except NotFound:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"s3://{bucket}/{key} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"s3://{bucket}/{key} is not a JSON object; write the rest of the request there")
    return found
