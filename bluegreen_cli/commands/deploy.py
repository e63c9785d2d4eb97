"""`bluegreen deploy`: from a zip, a folder or an object to the version that serves."""

from typing import Any

import click

from bluegreen_cli import launch, request, summary
from bluegreen_cli.context import Context, json_option


@click.command()
@request.options
@click.option("--follow/--no-follow", default=True, help="Watch it to its end, or only start it.")
@launch.approval_option
@summary.option
@json_option
@click.pass_obj
def deploy(
    context: Context, /, follow: bool, wait_for_approval: bool, summary_file: str | None, as_json: bool, **said: Any
) -> None:
    """
    Deploy new code, what $LATEST has, or a version that exists, to FUNCTION's alias.

    The command checks the request as the state machine does, uploads the zip (or the folder, as a zip), starts the
    execution and follows it. After Ctrl-C the deployment goes on. After a failed smoke test the command
    shows what came, if you may read the deployments table.
    """
    with summary.Summary(summary_file, said["function"]) as kept:
        asked = request.read(**said)
        account = context.account()
        stack = context.stack(account)
        target = stack.target(asked.function, asked.alias)
        arn = launch.start(asked.with_its_code(target), stack, account)
        if follow:
            launch.to_the_end(arn, target, as_json, past_people=wait_for_approval, summary=kept)
        else:
            launch.started(arn, as_json, kept)
