"""
HTML from elements. Every text that is put in is foreign until an element is made of it: it is made plain and escaped.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from bluegreen.text import LONGEST_CAUSE, plain

VOID = frozenset({"br", "wbr"})


class Html(str):
    """Markup of ours. Any other text is escaped."""

    __slots__ = ()


def html(*parts: object) -> Html:
    """The parts one after another."""
    return Html("".join(part if isinstance(part, Html) else escape(plain(part, LONGEST_CAUSE)) for part in parts))


def el(name: str, *children: object, **attributes: Any) -> Html:
    """An element. `class_` is the attribute class, and in other names _ stands for -; None leaves one out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>" if name in VOID else f"<{name}{said}>{html(*children)}</{name}>")


def table(headings: Iterable[str], rows: Iterable[Iterable[object]], *, caption: str = "", class_: str = "") -> Html:
    """In a table of the class `labelled` each cell has its column's heading, which narrow screens show beside it."""
    named, labelled = list(headings), "labelled" in class_
    head = el("thead", el("tr", *(el("th", heading, scope="col") for heading in named)))
    body = el(
        "tbody",
        *(
            el("tr", *(el("td", cell, data_of=of if labelled else None) for of, cell in zip(named, row, strict=True)))
            for row in rows
        ),
    )
    return el("table", *([el("caption", caption)] if caption else []), head, body, class_=class_ or None)


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Names and values. Those without a value are left out."""
    shown = [el("div", el("dt", name), el("dd", value)) for name, value in pairs if value]
    return el("dl", *shown, class_="facts")


def section(heading: str, *parts: object) -> Html:
    """A part of the page; nothing if it has no content."""
    content = [part for part in parts if part]
    return el("section", el("h2", heading), *content) if content else Html()
