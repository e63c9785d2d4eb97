"""The artifacts that people upload."""

import json
from collections.abc import Mapping
from typing import Any

import boto3

from bluegreen.request.upload import Upload
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, STACK, zip_of


class Uploads:
    """Puts two artifacts into the bucket, one after the other, and keeps S3's event about each."""

    def __init__(self) -> None:
        self.older: dict[str, Any] = {}
        self.newer: dict[str, Any] = {}

    def put(self, source: str, settings: Mapping[str, Any]) -> None:
        """Upload settings, an older artifact, and the artifact of this source; without a source it is no zip."""
        boto3.client("s3").put_object(
            Bucket=BUCKET, Key=f"functions/{FUNCTION}/deployment.json", Body=json.dumps(settings).encode()
        )
        self.older = _put(zip_of(GOOD % 0), "00")
        self.newer = _put(zip_of(source) if source else b"no zip", "01")

    @property
    def execution_name(self) -> str:
        """The name of the execution that deploys the newer artifact."""
        return Upload.read(self.newer["event"]["detail"]).execution_name


def _put(body: bytes, sequencer: str) -> dict[str, Any]:
    key = f"functions/{FUNCTION}/new.zip"
    version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    event = {
        "id": "event",
        "source": "aws.s3",
        "detail": {
            "bucket": {"name": BUCKET},
            "object": {"key": key, "version-id": version, "sequencer": sequencer},
            "requester": "a person",
        },
    }
    return {"stack": STACK, "event": event}
