"""
`bluegreen`: zero-downtime deployments of Lambda functions.

Results go to stdout, progress and problems to stderr. A command's module is imported when the command runs:
`--help` and `--version` need neither boto3 nor pydantic.
"""

import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from bluegreen.errors import DeploymentError
from bluegreen_cli.problems import NOTHING_CHANGED, Failed, Interrupted, Problem, Refused, of_error

COMMANDS = {
    "deploy": "Deploy new code, what $LATEST has, or a version that exists, to FUNCTION's alias.",
    "release": "Deploy to many functions as FILE says, all or nothing.",
    "rollback": "Give FUNCTION's alias back to the version that served before.",
    "abort": "Undo FUNCTION's deployment that runs: RecoverDeployments gives its blue all of the alias at once.",
    "pause": "Let green's share of FUNCTION's alias grow no more, for an hour unless --seconds says otherwise.",
    "resume": "Take back the pause of FUNCTION's deployment.",
    "promote": "Give green all of FUNCTION's alias at the next look, or with --next the share of the next step.",
    "status": "Say which version serves FUNCTION's alias, whether a deployment runs, and how the last one ended.",
    "list": "List every function: who serves since when, which deployment runs, whether it is frozen, how the last one "
    "ended.",
    "watch": "Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does.",
    "approve": "Let DEPLOYMENT (its id), which waits for an approval, take its next step.",
    "reject": "Roll back DEPLOYMENT (its id), which waits for an approval.",
    "history": "List FUNCTION's deployments, the newest first.",
    "report": "Write DEPLOYMENT (its id) as one HTML page: every step, weights, requests, odds, and how it ended.",
    "show": "Show DEPLOYMENT (its id): who began it, when each step was and what it did, orders, approvals, and "
    "how it ended.",
    "logs": "Show what green and blue wrote to their logs during DEPLOYMENT (its id), side by side in time: lines of "
    "errors.",
    "open": "Print the console's link to DEPLOYMENT (its id), and open it in a browser if this is a terminal.",
    "plan": "Say what `deploy` with the same options would do: steps with times, state transitions and their price.",
    "freeze": "Refuse every deployment to NAME, a function or a pattern such as shop-* or *, until a moment.",
    "unfreeze": "Lift the freeze of NAME, a function or a pattern, before its end.",
    "freezes": "List the freezes, or those that are for FUNCTION.",
    "create": "Create FUNCTION from a zip or a folder, with version 1 behind an alias and the tag bluegreen:managed.",
    "adopt": "Prepare an existing FUNCTION for deployments.",
    "outputs": "List the stack's outputs: the API's address, the bucket, the state machine, the policies for people.",
    "doctor": "Check that AWS behaves in this account and region as this product assumes.",
    "demo": "Show a good deployment and a bad one on the embedded AWS (from a checkout).",
    "sandbox": "Run the embedded AWS with this stack in it, until Ctrl-C (from a checkout).",
}
"""In the order of use. The text of each is the first sentence of its own help."""

LOOK_ABOVE = "Any lines above say what was done."

OF_A_CHECKOUT = ("demo", "sandbox")


class Commands(click.Group):
    """The commands. A problem of theirs is printed on stderr, and with --json on stdout too."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **settings: Any) -> Any:
        """Run the command, and exit with one of the documented codes."""
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(arguments, *more, **settings | {"standalone_mode": False})
        except click.ClickException as problem:
            problem.show()
            _exit(arguments, problem)
        except click.Abort:
            interrupted = Interrupted("interrupted", "What was ordered or started before goes on.")
            interrupted.show()
            _exit(arguments, interrupted)
        except Exception as error:
            _print_json(arguments, Failed(f"{type(error).__name__}: {error}", LOOK_ABOVE).to_json())
            raise
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DeploymentError as error:
            raise of_error(error, f"`{ctx.invoked_subcommand}`", LOOK_ABOVE) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant. For another word click names those that are like it."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as unknown:
            raise NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from unknown

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options, without importing the commands."""
        commands = [CompletionItem(name, help=said) for name, said in COMMANDS.items() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command. Its module is imported only now."""
        if cmd_name not in COMMANDS:
            return None
        module = "bluegreen_cli.dev" if cmd_name in OF_A_CHECKOUT else f"bluegreen_cli.commands.{cmd_name}"
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _exit(arguments: list[str], problem: click.ClickException) -> NoReturn:
    """With --json, also where click did not come to read it, stdout has the problem."""
    _print_json(arguments, problem.to_json() if isinstance(problem, Problem) else _wrong_usage(problem))
    sys.exit(problem.exit_code)


def _print_json(arguments: list[str], shown: dict[str, Any]) -> None:
    if "--json" in arguments:
        click.echo(json.dumps(shown, indent=2))


def _wrong_usage(problem: click.ClickException) -> dict[str, Any]:
    used = problem.ctx.command_path if isinstance(problem, click.UsageError) and problem.ctx else "bluegreen"
    advice = f"`{used} --help` says what may be written."
    return Refused(problem.format_message(), NOTHING_CHANGED, advice).to_json() | {"error": "WrongUsage"}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bluegreen")
@click.option(
    "--stack",
    "stack_name",
    default="bluegreen",
    envvar="BLUEGREEN_STACK",
    show_default=True,
    show_envvar=True,
    metavar="NAME",
    help="The CloudFormation stack of this product.",
)
@click.option("--region", metavar="NAME", help="The AWS region; AWS_REGION or the profile's unless given.")
@click.option("--profile", metavar="NAME", help="The AWS profile; AWS_PROFILE unless given.")
@click.pass_context
def cli(ctx: click.Context, stack_name: str, region: str | None, profile: str | None) -> None:
    """
    Take Lambda functions from blue to green, and back.

    From `rollback` to `open`, every command but `list` takes a release's id, too.

    Exit codes: 0 done; 1 rolled back or failed; 2 refused, not allowed, or wrong usage; 3 a rollback failed; 4 not
    known: AWS gave no answer or does not know the caller; 5 the deployment waits for a person's approval; 130 Ctrl-C.
    """
    from bluegreen_cli.context import Context

    ctx.obj = Context(stack_name, region, profile)


def main() -> None:
    """The entry point."""
    cli(prog_name="bluegreen")
