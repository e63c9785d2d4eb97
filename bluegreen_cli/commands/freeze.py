"""`bluegreen freeze`: refuse deployments to a function, or to all whose name fits a pattern."""

import json
from typing import Any
from urllib.parse import quote

import click

from bluegreen import clock
from bluegreen.request.freeze import Freeze, pattern_of
from bluegreen.text import plain
from bluegreen_cli import api, completion
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import explained

NOTHING_FROZEN = "Nothing was frozen."


@click.command()
@click.argument("name", shell_complete=completion.functions)
@click.option("--reason", required=True, metavar="WHY", help="Every refusal shows it.")
@click.option(
    "--until", required=True, metavar="MOMENT", help="ISO 8601, like 2026-12-24T18:00; at most 366 days away."
)
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="HOURS",
    help='Only in these hours of each week, such as "Fri 16:00-Mon 08:00"; may be given several times.',
)
@click.option("--zone", metavar="ZONE", help="Of --until and --window, such as Europe/Berlin; UTC unless given.")
@json_option
@click.pass_obj
def freeze(
    context: Context, name: str, reason: str, until: str, windows: tuple[str, ...], zone: str | None, as_json: bool
) -> None:
    """
    Refuse every deployment to NAME, a function or a pattern such as shop-* or *, until a moment.

    A deployment that runs goes on, and can be aborted. `deploy --override-freeze WHY` deploys in spite of the
    freeze. A freeze for the same NAME is replaced.
    """
    asked: dict[str, Any] = {"reason": reason, "until": until}
    asked |= {"windows": list(windows)} if windows else {}
    asked |= {"zone": zone} if zone is not None else {}
    with explained("reading the freeze", NOTHING_FROZEN):
        pattern_of(name)
        Freeze.read(asked, clock.now())
    stack = context.stack(context.account())
    with explained("reading the freeze", NOTHING_FROZEN):
        pattern = pattern_of(name, stack.region, stack.number)
    answer = api.ask(stack, "PUT", f"/functions/{quote(pattern, safe='')}/freeze", asked)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(said(answer))
    if before := answer.get("instead_of"):
        click.echo(f"It takes the place of another one: {said(before)}", err=True)


def said(freeze: dict[str, Any]) -> str:
    """A line about a freeze, as the API tells it."""
    part = {name: plain(value) for name, value in freeze.items() if isinstance(value, str)}
    windows = ", ".join(map(plain, freeze.get("windows", ())))
    hours = f"{windows} ({part['zone']}), until" if windows else "until"
    state = "" if "in_force_until" in part else ", not now"
    return f"{part['name']} is frozen {hours} {part['until']}{state}: {part['reason']} (ordered by {part['owner']})"
