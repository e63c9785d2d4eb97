"""What every command is given: where to work, and how to answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from bluegreen_cli.aws import Account, sign_in
from bluegreen_cli.problems import AS_JSON
from bluegreen_cli.stack import Stack, default_alias, find


@dataclass(frozen=True)
class Context:
    """Where the commands work, as the options say; AWS is asked only when a command needs it."""

    stack_name: str
    region: str | None
    profile: str | None

    def account(self) -> Account:
        """Raises a Problem without region or credentials."""
        return sign_in(self.region, self.profile)

    def stack(self, account: Account) -> Stack:
        """Raises a Problem where there is none."""
        return find(self.stack_name, account)

    def default_alias(self) -> str:
        """Also where there is no stack."""
        return default_alias(self.stack_name)


def _remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    ctx.meta[AS_JSON] = value
    return value


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, which problems respect too."""
    option = click.option("--json", "as_json", is_flag=True, callback=_remember, help="The result as JSON on stdout.")
    return option(command)
