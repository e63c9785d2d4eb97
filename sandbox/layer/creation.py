"""What Lambda refuses of a function's settings and code, whether it is created with them or changed to them."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import lambda_svc, s3

from sandbox.layer.answers import Response, invalid, refused

RUNTIMES = (
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, "
    "python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, "
    "java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
)
NEWER_RUNTIMES = {"ruby4.0", "nodejs26.x", "python3.15", "java8.al2023", "java11.al2023", "java17.al2023"}
RETIRED_RUNTIMES = {
    *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x"),
    *("python2.7", "python3.6", "python3.7", "ruby2.5", "ruby2.7", "java8", "go1.x", "provided"),
    *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
}
MOST_ENVIRONMENT = 4096
MOST_ZIPPED = 50 * 1024 * 1024


def runtime_is_supported(func: Any, data: dict[str, Any]) -> Response | None:
    """The runtime is one that Lambda has, and has still."""
    runtime = data.get("Runtime")
    if runtime in RETIRED_RUNTIMES:
        return invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime is None or runtime in {*RUNTIMES.split(", "), *NEWER_RUNTIMES}:
        return None
    return invalid(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{RUNTIMES}] or be a valid ARN"
    )


def environment_is_small(func: Any, data: dict[str, Any]) -> Response | None:
    """The variables are 4 KB at most, written as JSON."""
    text = json.dumps((data.get("Environment") or {}).get("Variables") or {}, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) <= MOST_ENVIRONMENT:
        return None
    return invalid(
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        f"exceeded the 4KB limit. String measured: {text}"
    )


def code_can_be_had(func: Any, data: dict[str, Any]) -> Response | None:
    """The object in S3 is there; an archive that is sent is 50 MB at most."""
    code = data.get("Code") or data
    if "ZipFile" in code and len(code["ZipFile"]) * 3 // 4 > MOST_ZIPPED:
        return refused("RequestEntityTooLargeException", f"Zipped size must be smaller than {MOST_ZIPPED} bytes", 413)
    if "S3Bucket" not in code:
        return None
    missing = not_in_s3(code["S3Bucket"], code.get("S3Key", ""), code.get("S3ObjectVersion"))
    if missing is None:
        return None
    return invalid(f"Error occurred while GetObject. S3 Error Code: {missing[0]}. S3 Error Message: {missing[1]}")


def not_in_s3(bucket: str, key: str, version: str | None) -> tuple[str, str] | None:
    """What S3 says of an object that is not there."""
    if bucket not in s3._buckets:
        return "NoSuchBucket", "The specified bucket does not exist"
    if lambda_svc._fetch_code_from_s3(bucket, key, version_id=version) is not None:
        return None
    if version:
        return "NoSuchVersion", "The specified version does not exist."
    return "NoSuchKey", "The specified key does not exist."
