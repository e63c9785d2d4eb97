"""
The customer's keys that a call uses on the caller's behalf: IAM asks for them, too.

A topic has a key of its own. A bucket's objects count as encrypted with the key that the bucket has by default.
"""

from __future__ import annotations

from ministack.services import kms, s3, sns

USES = {
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
}


def used_by(action: str, resource_arn: str) -> list[tuple[str, str]]:
    """The actions of KMS that the call needs, each with the key's ARN. Keys of AWS need none."""
    if action not in USES or not (key := kms._resolve_key(named_by(resource_arn))):
        return []
    return [(use, key["Arn"]) for use in USES[action]]


def named_by(resource_arn: str) -> str:
    """The key that a topic, or an object's bucket, names: by its id, its ARN or an alias."""
    if resource_arn.startswith("arn:aws:s3:::"):
        bucket = resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
        return str(s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id", ""))
    topic = sns._topics.get(resource_arn) or {}
    return str(topic.get("attributes", {}).get("KmsMasterKeyId", ""))
