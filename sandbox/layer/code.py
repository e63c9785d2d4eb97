"""GetFunction's link to the code: that of the version asked for, as a URL anyone can fetch for a while."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer.answers import Response


def get_function(original: Any) -> Any:
    """Let the link name the version that the qualifier leads to."""

    def _get_function(name: str, qualifier: str | None = None) -> Response:
        status, headers, body = original(name, qualifier)
        found = json.loads(body)
        if status == 200 and "Location" in found["Code"]:
            version = found["Configuration"]["Version"]
            found["Code"]["Location"] = lambda_svc._presigned_code_url(f"{name}:{version}")
            body = json.dumps(found).encode()
        return status, headers, body

    return _get_function


def serve_function_code(original: Any) -> Any:
    """The archive of the version in the link."""

    def _serve_function_code(func_name: str, account_id: str | None = None, region: str | None = None) -> Response:
        name, _, version = func_name.partition(":")
        func = lambda_svc._functions.get_scoped(account_id, region, name) or {}
        record = func if version == "$LATEST" else func.get("versions", {}).get(version, {})
        if not record.get("code_zip"):
            return 404, {"Content-Type": "text/plain"}, b"no such code"
        return 200, {"Content-Type": "application/zip"}, record["code_zip"]

    return _serve_function_code
