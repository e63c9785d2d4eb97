"""
What the deployer keeps for itself in the artifact bucket, compressed unless another service reads it.

S3's events about it start nothing, since only those of uploads do.
"""

import gzip
import os
import zlib

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, NotFound

INTERNAL = "internal/"
"""Where all of it lies."""

LARGEST = 64 << 20
"""Bytes of an object, once it is no longer compressed."""

GZIP = 16
"""Tells zlib that there is a header of gzip."""


def read(key: str) -> bytes | None:
    """
    The content of an object, None if there is none.

    S3 says AccessDenied instead of that to a role that may not list the bucket. Raises AwsRefused for an object that we
    did not write: one that is not compressed or is too large.
    """
    try:
        with in_our_words():
            compressed = client("s3").get_object(Bucket=os.environ["ARTIFACT_BUCKET"], Key=key)["Body"].read(LARGEST)
    except NotFound:
        return None
    unzipping = zlib.decompressobj(zlib.MAX_WBITS + GZIP)
    try:
        content = unzipping.decompress(compressed, LARGEST)
    except zlib.error as error:
        raise AwsRefused(f"{key} in the artifact bucket cannot be read ({error})") from error
    if not unzipping.eof:
        raise AwsRefused(f"{key} in the artifact bucket is not whole, or has more than {LARGEST} bytes")
    return content


def write(key: str, content: bytes) -> None:
    """Store it, in place of what there was."""
    with in_our_words():
        client("s3").put_object(Bucket=os.environ["ARTIFACT_BUCKET"], Key=key, Body=gzip.compress(content, mtime=0))


def write_plain(key: str, content: bytes) -> None:
    """The same, not compressed: for Step Functions, which reads the items of a Distributed Map as they are."""
    with in_our_words():
        client("s3").put_object(Bucket=os.environ["ARTIFACT_BUCKET"], Key=key, Body=content)
