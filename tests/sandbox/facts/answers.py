"""
How an answer is compared with the one that was recorded.

A recorded text may hold names in angle brackets. `<revision-id:1>` stands for the same text wherever it stands in a
story and for another one than `<revision-id:2>`; a name without a number, such as `<location>`, stands for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

NAME = re.compile(r"<([a-z][\w -]*(?::\d+)?)>")
MISSING = object()


class Names:
    """What the names of one story stand for, as far as that is known."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = dict(known)

    def fill(self, value: Any) -> Any:
        """A request with every known name replaced by what it stands for."""
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if (whole := NAME.fullmatch(value)) and whole[1] in self._known:
            return self._known[whole[1]]
        return NAME.sub(lambda found: str(self._known[found[1]]), value)

    def fits(self, recorded: str, given: str) -> bool:
        """Whether the text is the recorded one; new names stand for what it has in their place from then on."""
        names = NAME.findall(recorded)
        pattern, seen = "", set[str]()
        for index, part in enumerate(NAME.split(recorded)):
            if index % 2 == 0:
                pattern += re.escape(part)
            elif part in self._known:
                pattern += re.escape(str(self._known[part]))
            elif part in seen:
                pattern += f"(?P={group(part)})"
            else:
                pattern += f"(?P<{group(part)}>.+?)" if ":" in part else ".*?"
                seen |= {part} if ":" in part else set()
        match = re.fullmatch(pattern, given, re.DOTALL)
        if match is None:
            return False
        new = {name: match[group(name)] for name in names if ":" in name and name not in self._known}
        if any(self._is_taken(name, text) for name, text in new.items()):
            return False
        self._known |= new
        return True

    def _is_taken(self, name: str, text: str) -> bool:
        kind = name.partition(":")[0]
        return any(known == text for other, known in self._known.items() if other.partition(":")[0] == kind)


def group(name: str) -> str:
    """The name as a regular expression can have it."""
    return "g_" + re.sub(r"\W", "_", name)


def differences(recorded: Any, given: Any, names: Names, path: str = "") -> Iterator[str]:
    """Every place where the answer is not the recorded one, with what stands there."""
    if recorded == "<any>":
        return
    if isinstance(recorded, dict | list) and isinstance(given, str):
        given = parsed(given)
    if isinstance(recorded, dict) and isinstance(given, dict):
        for key in sorted({*recorded, *given}):
            here = f"{path}.{key}" if path else key
            if key not in given:
                yield f"{here} is missing"
            elif key not in recorded:
                yield f"{here} is there"
            else:
                yield from differences(recorded[key], given[key], names, here)
    elif isinstance(recorded, list) and isinstance(given, list) and len(recorded) == len(given):
        for index, (one, other) in enumerate(zip(recorded, given, strict=True)):
            yield from differences(one, other, names, f"{path}[{index}]")
    elif isinstance(recorded, str) and NAME.search(recorded):
        if not names.fits(recorded, str(given)):
            yield f"{path} is {given!r}, not {recorded!r}"
    elif recorded != given or isinstance(recorded, bool) != isinstance(given, bool):
        yield f"{path} is {given!r}, not {recorded!r}"


def parsed(text: str) -> Any:
    """A text that is JSON as the value it stands for."""
    try:
        return json.loads(text)
    except ValueError:
        return text
