"""
What a shell offers after Tab: functions, ids of deployments and releases, strategies.

The API is asked for at most two seconds. Whatever is wrong, as missing credentials, offers nothing and says nothing.
"""

import os
from contextlib import suppress
from itertools import islice
from threading import Thread
from typing import Any
from urllib.parse import quote

import click
from click.shell_completion import CompletionItem

SECONDS = 2.0
PAGES = 5


def functions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Those to which something was deployed."""
    return sorted({each["function"] for each in _in_time(_aliases, ctx) if each["function"].startswith(incomplete)})


def deployments(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Those that run, and of a function whose name is written already the newest others."""
    found = _in_time(_deployments, ctx, incomplete)
    return [CompletionItem(name, help=how) for name, how in found if name.startswith(incomplete)]


def functions_and_releases(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The same functions, and the releases that run."""
    return [*functions(ctx, parameter, incomplete), *_releases(ctx, incomplete)]


def deployments_and_releases(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The same deployments, and the releases that run."""
    releases = [CompletionItem(name, help="a release that runs") for name in _releases(ctx, incomplete)]
    return [*deployments(ctx, parameter, incomplete), *releases]


def _releases(ctx: click.Context, incomplete: str) -> list[str]:
    return sorted(name for name in _in_time(_running_releases, ctx) if name.startswith(incomplete))


def strategies(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """By name; upper and lower case are the same to begin with."""
    from bluegreen.request.traffic import ADAPTIVE, STRATEGIES

    return [name for name in (*STRATEGIES, ADAPTIVE) if name.lower().startswith(incomplete.lower())]


def _in_time(look: Any, *of: Any) -> list[Any]:
    """What was found in time. The thread ends with the command."""
    found: list[Any] = []

    def quietly() -> None:
        with suppress(Exception):
            found.extend(look(*of))

    thread = Thread(target=quietly, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return list(found) if not thread.is_alive() else []


def _aliases(ctx: click.Context) -> list[dict[str, Any]]:
    from bluegreen_cli import api

    return [each for page in islice(api.pages(_stack(ctx), "/functions"), PAGES) for each in page["functions"]]


def _deployments(ctx: click.Context, incomplete: str) -> list[tuple[str, str]]:
    from bluegreen_cli import api

    aliases = _aliases(ctx)
    running = {each["running"]["id"]: "runs" for each in aliases if "running" in each}
    ended: dict[str, str] = {}
    for function in {each["function"] for each in aliases if incomplete.startswith(f"{each['function']}-")}:
        page = api.ask(_stack(ctx), "GET", f"/deployments?function={quote(function, safe='')}")
        ended |= {each["id"]: each["state"] for each in page["deployments"]}
    return list((ended | running).items())


def _running_releases(ctx: click.Context) -> list[str]:
    from bluegreen_cli import api

    pages = islice(api.pages(_stack(ctx), "/releases"), PAGES)
    return [each["id"] for page in pages for each in page["releases"] if not each.get("ended_at")]


def _stack(ctx: click.Context) -> Any:
    """As the options before the command's name say. STS is not asked."""
    import boto3

    from bluegreen_cli.aws import Account
    from bluegreen_cli.stack import find

    said = ctx.find_root().params
    region = said.get("region") or os.environ.get("AWS_REGION")
    boto3.setup_default_session(region_name=region, profile_name=said.get("profile"))
    return find(said.get("stack_name") or "bluegreen", Account(region=region or ""))
