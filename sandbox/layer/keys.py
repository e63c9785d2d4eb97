"""
The customer's keys that a call uses on the caller's behalf: IAM asks for them, too.

A topic has a key of its own. A bucket's objects count as encrypted with the key that the bucket has by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import kms, s3, sns

USES = {
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
}

ALGORITHM, KEY = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"


def resolve_sse_write_headers(original: Callable[..., Any]) -> Callable[..., Any]:
    """A write that asks for KMS and names no key gets AWS's own key for S3. The CDK writes its assets so."""

    def _resolve_sse_write_headers(headers: Mapping[str, str], bucket_name: str) -> Any:
        if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY):
            headers = {**headers, KEY: f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
        return original(headers, bucket_name)

    return _resolve_sse_write_headers


def used_by(action: str, resource_arn: str) -> list[tuple[str, str]]:
    """The actions of KMS that the call needs, each with the key's ARN. Keys of AWS need none."""
    if action not in USES or not (key := kms._resolve_key(named_by(resource_arn))):
        return []
    return [(use, key["Arn"]) for use in USES[action]]


def named_by(resource_arn: str) -> str:
    """The key that a topic, or an object's bucket, names: by its id, its ARN or an alias."""
    if resource_arn.startswith("arn:aws:s3:::"):
        bucket = resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
        return str(s3._bucket_default_sse_headers(bucket).get(KEY, ""))
    topic = sns._topics.get(resource_arn) or {}
    return str(topic.get("attributes", {}).get("KmsMasterKeyId", ""))
