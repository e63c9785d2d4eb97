"""
The invoice of a day with its due date, a line of the log.

Every invocation is work: without a day in the event it is today's.
"""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Write the day's invoice."""
    day = date.fromisoformat(event["day"]) if "day" in event else datetime.now(UTC).date()
    print(json.dumps({"invoiced": day.isoformat(), "due": (day + timedelta(days=14)).isoformat()}))
    return {"day": day.isoformat()}
