"""
An export that takes minutes.

It reads every page and fails then, since it looks for the last line one too far. A failure is seen after minutes.
"""

import os
import time
from typing import Any

SECONDS_A_PAGE = float(os.environ.get("SECONDS_A_PAGE", "20"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The report's address and its length. A smoke test asks for no pages, so it is over at once."""
    lines = [line for page in range(event["pages"]) for line in read(page)]
    last = lines[len(lines)] if lines else None
    return {"report": f"s3://reports/{event['report']}.csv", "lines": len(lines), "last": last}


def read(page: int) -> list[str]:
    """As slow as where the figures come from."""
    time.sleep(SECONDS_A_PAGE)
    return [f"{page},{line}" for line in range(10)]
