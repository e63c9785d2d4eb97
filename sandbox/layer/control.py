"""
The server's own paths, for tests; the header x-sandbox-secret has the root's secret.

    GET    /_sandbox/settings           the settings
    POST   /_sandbox/settings           change some
    GET    /_sandbox/faults             the faults in force, with how often each was met
    POST   /_sandbox/faults             put one: the fields of `sandbox.layer.faults.Fault`
    DELETE /_sandbox/faults[?id=3]      take one away, or all
    GET    /_sandbox/calls[?since=17]   the calls with a greater number
    DELETE /_sandbox/calls              forget them and count anew
    GET    /_sandbox/refusals           the last requests that were refused at the door, and why
    GET    /_sandbox/asked              what IAM was asked for callers that act as a role, and what it said
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from ministack.services import stepfunctions

from sandbox.layer import asked, door, settings
from sandbox.layer.calls import Journal
from sandbox.layer.faults import Faults


class Control:
    """Answers the paths above."""

    def __init__(self, journal: Journal, faults: Faults) -> None:
        self._journal = journal
        self._faults = faults

    def handle(self, method: str, path: str, query: bytes, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request to one of the paths."""
        ask = getattr(self, f"{method.lower()}_{path.removeprefix('/_sandbox/')}", None)
        number = {name: int(values[0]) for name, values in parse_qs(query.decode()).items()}
        try:
            if ask is None:
                raise ValueError(f"there is no {method} {path}")
            status, said = 200, ask(json.loads(body or b"{}"), number)
        except (ValueError, TypeError) as error:
            status, said = 400, {"message": str(error)}
        return status, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def get_settings(self, body: Any, number: dict[str, int]) -> Any:
        """All settings."""
        return vars(settings.current)

    def post_settings(self, body: dict[str, Any], number: dict[str, int]) -> Any:
        """Change those named, and show all."""
        for name, value in body.items():
            settings.change(settings.current, name, value)
        stepfunctions._SFN_WAIT_SCALE = settings.current.wait_scale
        return vars(settings.current)

    def get_faults(self, body: Any, number: dict[str, int]) -> Any:
        """Those in force."""
        return [fault.public() for fault in self._faults.all()]

    def post_faults(self, body: dict[str, Any], number: dict[str, int]) -> Any:
        """Put one in force."""
        return self._faults.put(body).public()

    def delete_faults(self, body: Any, number: dict[str, int]) -> Any:
        """Take one away by its id, or all."""
        self._faults.clear(number.get("id"))
        return []

    def get_calls(self, body: Any, number: dict[str, int]) -> Any:
        """The journal."""
        return [call.public() for call in self._journal.since(number.get("since", 0))]

    def delete_calls(self, body: Any, number: dict[str, int]) -> Any:
        """Empty the journal."""
        self._journal.clear()
        return []

    def get_refusals(self, body: Any, number: dict[str, int]) -> Any:
        """What the door refused."""
        return list(door.refusals)

    def get_asked(self, body: Any, number: dict[str, int]) -> Any:
        """Of IAM."""
        return asked.all_asked()
