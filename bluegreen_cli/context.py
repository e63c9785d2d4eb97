"""The object that every command gets: the account and stack to work in, and the option --json."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from bluegreen_cli.aws import Account, sign_in
from bluegreen_cli.stack import Stack, default_alias, find


@dataclass(frozen=True)
class Context:
    """The options before the command's name. A command asks AWS for account and stack when it needs them."""

    stack_name: str
    region: str | None
    profile: str | None

    def account(self) -> Account:
        """Raises a Problem without region or credentials."""
        return sign_in(self.region, self.profile)

    def stack(self, account: Account) -> Stack:
        """Raises a Problem if there is no such stack."""
        return find(self.stack_name, account)

    def default_alias(self) -> str:
        """The stack's default alias, or PROD without a stack."""
        return default_alias(self.stack_name)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --json. `bluegreen_cli.main` prints the command's problems as JSON then, too."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result, or the problem, as JSON.")(command)
