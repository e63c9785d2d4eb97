"""Links to code, as Lambda presigns them. A caller that has a link needs no credentials. No caller can make one."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

FOLDERS = ("/_ministack/lambda-code/", "/_ministack/lambda-layers/")


def presigned(original: Callable[..., str]) -> Any:
    """The link with a signature that holds for its path until the sandbox stops."""

    def _presigned_url(*what: Any) -> str:
        link = urlsplit(original(*what))
        given = [part for part in link.query.split("&") if part and not part.startswith("X-Amz-Signature=")]
        query = "&".join([*given, f"X-Amz-Signature={signature(unquote(link.path))}"])
        return link._replace(query=query).geturl()

    return _presigned_url


def holds(path: str, query: dict[str, list[str]]) -> bool:
    """Whether this is a link to code with its signature."""
    given = query.get("X-Amz-Signature", [""])[0]
    return path.startswith(FOLDERS) and hmac.compare_digest(given.encode(), signature(path).encode())


def signature(path: str) -> str:
    """Of a path, by the root's secret."""
    return hmac.new(os.environ["AWS_SECRET_ACCESS_KEY"].encode(), path.encode(), hashlib.sha256).hexdigest()
