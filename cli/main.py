"""
`bluegreen`: zero-downtime deployments of Lambda functions.

Results go to stdout, progress and problems to stderr.
"""

import json
from typing import Any

import click

from bluegreen.errors import DeploymentError
from cli.adopt import adopt
from cli.checkout import demo, sandbox
from cli.create import create
from cli.deploy import deploy
from cli.history import history
from cli.place import AS_JSON, Place
from cli.plan import plan
from cli.problems import Failed, Problem
from cli.rollback import rollback
from cli.status import status
from cli.watch import watch


class Commands(click.Group):
    """Problems are said once: to people on stderr, and as JSON on stdout to those who asked for it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DeploymentError as error:
            problem = Failed(f"{type(error).__name__}: {error}", "What was done before stands above.")
            _say(ctx, problem)
            raise problem from error
        except Problem as problem:
            _say(ctx, problem)
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(self.commands)


def _say(ctx: click.Context, problem: Problem) -> None:
    if ctx.meta.get(AS_JSON):
        click.echo(json.dumps(problem.to_json(), indent=2))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--stack",
    "stack_name",
    default="bluegreen",
    envvar="BLUEGREEN_STACK",
    show_default=True,
    show_envvar=True,
    metavar="NAME",
    help="The CloudFormation stack that this product is.",
)
@click.option("--region", metavar="NAME", help="The AWS region; AWS_REGION or the profile's unless given.")
@click.option("--profile", metavar="NAME", help="The AWS profile; AWS_PROFILE unless given.")
@click.pass_context
def cli(ctx: click.Context, stack_name: str, region: str | None, profile: str | None) -> None:
    """
    Take Lambda functions from blue to green, and back.

    Exit codes: 0 deployed, or the asked-for thing done; 1 rolled back or failed; 2 refused request or wrong
    usage; 3 a rollback failed.
    """
    ctx.obj = Place(stack_name, region, profile)


for command in (deploy, rollback, status, watch, history, plan, create, adopt, demo, sandbox):
    cli.add_command(command)


def main() -> None:
    """The entry point."""
    cli(prog_name="bluegreen")
