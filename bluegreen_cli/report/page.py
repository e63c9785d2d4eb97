"""The document around a report. Its policy allows nothing but its own style: no script, no address, no image."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, ROLLBACK_FAILED, ROLLED_BACK
from bluegreen.ledger.releases import RELEASED
from bluegreen_cli.report.markup import Html, el, html

ENDS = {
    DEPLOYED: ("good", "✓ Deployed in {took}"),
    RELEASED: ("good", "✓ Released in {took}"),
    NOTHING_TO_DEPLOY: ("good", "✓ Nothing to deploy"),
    ROLLED_BACK: ("warn", "↩ Rolled back after {took}"),
    REJECTED: ("warn", "✕ Rejected: nothing was touched"),
    ROLLBACK_FAILED: ("bad", "✕ The rollback failed"),
}
"""By end of a deployment or a release, the kind of the notice about it and its heading."""


def page(title: str, *body: object) -> str:
    """A whole page."""
    style = _file("page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Template(_file("page.html")).substitute(
        title=html(title), style=style, digest=digest, body="\n".join(html(part) for part in body if part)
    )


def heading(state: str, took: str, otherwise: str) -> str:
    """How it ended; `otherwise` is for what runs."""
    return ENDS[state][1].format(took=took) if state in ENDS else f"… {otherwise}"


def kind_of(state: str) -> str:
    """That of the notice about an end; "still" for what runs."""
    return ENDS[state][0] if state in ENDS else "still"


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
