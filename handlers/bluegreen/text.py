"""
Text for people.

What functions, requests and AWS say is foreign: it is made `plain` where it comes in, so that no part has to think of
lone surrogates, of terminals or of limits again.
"""

import re
import unicodedata
from typing import Any

LONGEST = 2_000
"""Characters of a foreign text, unless a place has less room."""

LONGEST_CAUSE = 8_000
"""Of a rollback: it has the sentence of an error, and what became of alias, $LATEST and blue."""

DEEPEST = 100
"""Levels of JSON that are read of a request or shown of a reply."""

BITS_OF_A_NUMBER = 1024
"""The largest whole number that is shown: what is larger is infinite to most readers of JSON."""

UNPRINTABLE = "\ufffd"
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of characters that are no signs: controls, marks of format, surrogates, separators of lines."""
JOINERS = "\u200c\u200d"
LONE_SURROGATES = re.compile("[\ud800-\udfff]")
NO_CHARACTERS = frozenset(
    {*range(0xFDD0, 0xFDF0), *range(0xFFFE, 0x110000, 0x10000), *range(0xFFFF, 0x110000, 0x10000)}
)
"""Unicode's code points that never are characters; SQS takes no message with them."""
REPLACED = re.compile(f"[\ud800-\udfff{UNPRINTABLE}]")


def sentence(text: str) -> str:
    """With a stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def plain(text: Any, longest: int = LONGEST) -> str:
    """
    A foreign text as it may be stored and shown: valid, printable, on one line, and short.

    White space becomes a blank. Every other character that is no sign becomes U+FFFD: a lone surrogate, a control
    character (with it a terminal's escape), a mark that turns the direction of writing.
    """
    whole = _as_text(text)
    kept = whole[:longest]
    if not kept.isprintable():
        kept = "".join(each if is_sign(each) else " " if each.isspace() else UNPRINTABLE for each in kept)
    return kept if len(whole) <= longest else f"{kept} …"


def is_sign(character: str) -> bool:
    """Whether it is printed as itself or joins its neighbours, and does nothing else to a terminal or a service."""
    if character.isprintable() or character in JOINERS:
        return True
    if ord(character) in NO_CHARACTERS:
        return False
    return unicodedata.category(character) not in STEERING and not character.isspace()


def valid_text(text: str, longest: int) -> str:
    """A text of ours, with its line breaks, made fit for every service: a last guard for a part that is not plain."""
    kept = LONE_SURROGATES.sub(UNPRINTABLE, text[:longest])
    return kept if len(text) <= longest else f"{kept} …"


def valid(value: Any, room: int) -> Any:
    """
    A foreign value as JSON that every service takes, of about `room` characters at most.

    Lone surrogates become U+FFFD, and numbers that JSON does not have become text. A value that is nested too deeply,
    has no room left, is too large a number or is no JSON becomes the name of its type.
    """
    return _valid(value, [room], DEEPEST)


def comparable(value: Any) -> Any:
    """
    A value of JSON as every service shows it.

    In a text, "?" stands for what a service may write in place of a lone surrogate. A whole number may be shown as
    1.0E30.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return REPLACED.sub("?", value) if isinstance(value, str) else value


def duration(seconds: float) -> str:
    """The two largest units that are not zero: `5 min`, `1 h 20 min`, `45 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole // 60, "min", whole % 60, "s")
    return _pair(whole // 3600, "h", whole % 3600 // 60, "min")


def _pair(large: int, unit: str, small: int, part: str) -> str:
    return f"{large} {unit} {small} {part}" if small else f"{large} {unit}"


def by_type(value: Any) -> str:
    """A value of JSON without what may be secret in it."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} keys"
    if isinstance(value, bool):
        return "a boolean"
    return "null" if value is None else "a number" if isinstance(value, (int, float)) else "no JSON"


def by_kind(value: Any) -> str:
    """A value of JSON with nothing but its type: how long a text is may be secret, too."""
    if isinstance(value, str):
        return "a string"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return by_type(value)


def is_deeper(value: Any, levels: int) -> bool:
    """The JSON value has more levels than that. It may be deeper than Python recurses."""
    level = [value]
    for _ in range(levels):
        level = [each for outer in level for each in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else []


def _valid(value: Any, room: list[int], levels: int) -> Any:
    room[0] -= 8
    if room[0] < 0 or not levels:
        return f"… {by_type(value)}"
    if isinstance(value, str):
        kept = value[: room[0]]
        room[0] -= len(kept)
        return LONE_SURROGATES.sub(UNPRINTABLE, kept) + (" …" if len(kept) < len(value) else "")
    if isinstance(value, dict):
        found = {}
        for key, each in value.items():
            if room[0] < 0:
                found["…"] = f"{len(value)} keys"
                break
            shown = str(_valid(key, room, levels))
            found[shown] = _valid(each, room, levels - 1)
        return found
    if isinstance(value, (list, tuple)):
        several = []
        for each in value:
            if room[0] < 0:
                several.append(f"… {len(value)} in all")
                break
            several.append(_valid(each, room, levels - 1))
        return several
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return str(value)
    if value is None or isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= BITS_OF_A_NUMBER):
        return value
    return f"… {by_type(value)}"


def _as_text(value: Any) -> str:
    """The value's own text; the type of what Python does not write: too deep a value, too long a number."""
    try:
        return str(value)
    except (RecursionError, ValueError):
        return by_type(value)
