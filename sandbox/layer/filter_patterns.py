"""
Filter patterns of CloudWatch Logs, as metric filters and FilterLogEvents take them.

Of the syntax this has terms and phrases, JSON conditions with NOT EXISTS, space-delimited fields and regular
expressions between percent signs. IS NULL and the like are refused.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any

Matcher = Callable[[str], bool]
Condition = Callable[[Any], bool]

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
TOKEN = re.compile(r'\s*(\(|\)|&&|\|\||>=|<=|!=|=|>|<|"(?:[^"\\]|\\.)*"|%[^%]*%|[^\s()&|=<>!"]+)')
FIELD = re.compile(r"^(?P<name>[\w.\-]*)\s*(?:(?P<op>>=|<=|!=|=|>|<)\s*(?P<value>.+))?$")
WORD = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|[\w.@#/:;,=\-]+)')
FIELDS_OF_A_LINE = re.compile(r'"[^"]*"|\[[^\]]*\]|\S+')


class Invalid(ValueError):
    """AWS takes no such pattern."""


@cache
def compiled(pattern: str) -> Matcher:
    """Whether a line fits. Raises Invalid."""
    text = pattern.strip()
    if text.startswith("{"):
        return _of_json(text)
    if text.startswith("["):
        return _of_fields(text)
    if len(text) > 1 and text.startswith("%") and text.endswith("%"):
        return _of_regex(text)
    return _of_terms(text)


def look(line: Any, path: str) -> Any:
    """What stands at `a.b.c` of the line."""
    for name in path.split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line


def parsed(message: str) -> dict[str, Any] | None:
    """The line, if it is a JSON object."""
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _of_json(text: str) -> Matcher:
    if not text.endswith("}"):
        raise Invalid("If a filter pattern starts with '{' it must end with '}'")
    tokens = _tokens(text[1:-1])
    condition = _either(tokens)
    if tokens:
        raise Invalid("Invalid filter pattern")
    return lambda message: (line := parsed(message)) is not None and condition(line)


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        token = TOKEN.match(text, at)
        if token is None:
            raise Invalid("Invalid filter pattern")
        found.append(token[1])
        at = token.end()
    return found


def _either(tokens: list[str]) -> Condition:
    parts = [_both(tokens)]
    while tokens and tokens[0] == "||":
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda line: any(part(line) for part in parts)


def _both(tokens: list[str]) -> Condition:
    parts = [_one(tokens)]
    while tokens and tokens[0] == "&&":
        tokens.pop(0)
        parts.append(_one(tokens))
    return lambda line: all(part(line) for part in parts)


def _one(tokens: list[str]) -> Condition:
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _either(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise Invalid("Invalid filter pattern")
        return inner
    if len(tokens) > 2 and tokens[0].startswith("$.") and tokens[1:3] == ["NOT", "EXISTS"]:
        absent = tokens[0][2:]
        del tokens[:3]
        return lambda line: look(line, absent) is None
    if len(tokens) < 3 or not tokens[0].startswith("$.") or tokens[1] not in COMPARED:
        raise Invalid("Invalid filter pattern")
    path, op, value = tokens.pop(0)[2:], tokens.pop(0), tokens.pop(0)
    return lambda line: _compares(look(line, path), op, value)


def _of_fields(text: str) -> Matcher:
    if not text.endswith("]"):
        raise Invalid("If a filter pattern starts with '[' it must end with ']'")
    names = [name.strip() for name in text[1:-1].split(",")]
    wanted = [FIELD.match(name) for name in names if name != "..."]
    if not all(wanted) or "..." in names[1:-1]:
        raise Invalid("Invalid filter pattern")
    open_ended = "..." in names
    from_the_end = names[0] == "..."

    def matches(message: str) -> bool:
        fields = [field.strip('"[]') for field in FIELDS_OF_A_LINE.findall(message)]
        if len(fields) < len(wanted) or (len(fields) > len(wanted) and not open_ended):
            return False
        seen = fields[-len(wanted) :] if from_the_end else fields
        return all(
            _compares(field, each["op"], each["value"].strip())
            for field, each in zip(seen, wanted, strict=False)
            if each and each["op"]
        )

    return matches


def _of_regex(text: str) -> Matcher:
    try:
        found = re.compile(text[1:-1])
    except re.error as error:
        raise Invalid("Invalid regex") from error
    return lambda message: found.search(message) is not None


def _of_terms(text: str) -> Matcher:
    words, at = [], 0
    while text[at:].strip():
        word = WORD.match(text, at)
        if word is None:
            raise Invalid(f"Invalid character(s) in term '{text[at:].split()[0]}'")
        words.append((word[1], word[2].strip('"').replace('\\"', '"')))
        at = word.end()
    any_of = [word for sign, word in words if sign == "?"]

    def matches(message: str) -> bool:
        return (
            all(word in message for sign, word in words if not sign)
            and not any(word in message for sign, word in words if sign == "-")
            and (not any_of or any(word in message for word in any_of))
        )

    return matches


def _compares(value: Any, op: str, expected: str) -> bool:
    """Numbers are compared as numbers, a star in a text stands for anything, and what is not there fits nothing."""
    if value is None:
        return False
    if expected.startswith("%"):
        return (re.search(expected.strip("%"), str(value)) is not None) is (op == "=")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = expected.strip('"')
    if op in ("=", "!=") and not _is_number(plain):
        return (re.fullmatch(re.escape(plain).replace(r"\*", ".*"), text) is not None) is (op == "=")
    if not _is_number(plain) or not _is_number(text):
        return op == "!="
    return COMPARED[op](float(text), float(plain))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?", text) is not None
