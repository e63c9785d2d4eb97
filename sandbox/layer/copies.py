"""CopyObject from another account's bucket. Whether that lets the caller in, MiniStack has asked before."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core.responses import get_account_id, get_region, now_iso, request_scope
from ministack.services import s3

from sandbox.layer.answers import Response

OF_THE_OBJECT = ("content-", "cache-control", "expires", "x-amz-meta-")
OF_THE_COPY = ("content-", "x-amz-copy-source", "x-amz-metadata-directive")


def copy_object(original: Any) -> Any:
    """MiniStack looks for the source among the buckets of the account that the copy is for."""

    def _copy_object(bucket: str, key: str, headers: dict[str, str]) -> Response:
        path, _, query = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
        of_bucket, _, of_key = unquote(path).partition("/")
        owner = s3._bucket_owner_account(of_bucket)
        if owner is None or owner == get_account_id():
            copied: Response = original(bucket, key, headers)
            return copied
        with request_scope(owner, get_region()):
            status, found, body = s3._get_object(of_bucket, of_key, {}, parse_qs(query))
        if status != 200:
            return status, found, body
        about = {name.lower(): value for name, value in found.items() if name.lower().startswith(OF_THE_OBJECT)}
        if headers.get("x-amz-metadata-directive", "").upper() == "REPLACE":
            about = {name: value for name, value in headers.items() if name.startswith(OF_THE_OBJECT)}
        asked = {name: value for name, value in headers.items() if not name.startswith(OF_THE_COPY)}
        about.pop("content-length", None)
        status, told, said = s3._put_object(bucket, key, body, about | asked)
        if status != 200:
            return status, told, said
        result = (
            f'<CopyObjectResult xmlns="{s3.S3_NS}"><LastModified>{now_iso()}</LastModified>'
            f"<ETag>{told['ETag']}</ETag></CopyObjectResult>"
        )
        return 200, {**told, "Content-Type": "application/xml"}, result.encode()

    return _copy_object
