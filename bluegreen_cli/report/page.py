"""The document around a report. Its policy allows nothing but its own style: no script, no address, no image."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from bluegreen_cli.report.markup import Html, el, html


def page(title: str, *body: object) -> str:
    """A whole page."""
    style = _file("page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Template(_file("page.html")).substitute(
        title=html(title), style=style, digest=digest, body="\n".join(html(part) for part in body if part)
    )


def notice(kind: str, heading: str, *sentences: object) -> Html:
    """What matters most: `kind` is good, bad, warn or still."""
    return el(
        "div",
        el("p", el("strong", heading)),
        *(el("p", sentence) for sentence in sentences if sentence),
        class_=f"end {kind}",
    )


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
