"""`bluegreen watch`: follow a deployment that runs already, or is over."""

import click

from bluegreen.aws import executions
from bluegreen.errors import NotFound
from bluegreen.request.names import is_execution_name
from bluegreen_cli import completion, launch, summary, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.progress import Progress
from bluegreen_cli.stack import Stack


@click.command()
@click.argument("deployment", shell_complete=completion.deployments)
@which.alias_option
@launch.approval_option
@summary.option
@json_option
@click.pass_obj
def watch(
    context: Context,
    deployment: str,
    alias: str | None,
    wait_for_approval: bool,
    summary_file: str | None,
    as_json: bool,
) -> None:
    """
    Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does.

    With a function's name instead of an id: its deployment that runs, or else its last one.
    """
    with summary.Summary(summary_file) as kept:
        which.must_be_one(deployment)
        stack = context.stack(context.account())
        progress = _seen(stack, deployment)
        if progress is None:
            deployment = which.of_function(stack, deployment, alias)
            progress = _seen(stack, deployment)
        if progress is None:
            raise which.forgotten(deployment)
        target = stack.target(progress.function, progress.alias)
        arn = executions.arn_of(stack.machine, deployment)
        launch.to_the_end(arn, target, as_json, past_people=wait_for_approval, summary=kept)


def _seen(stack: Stack, deployment: str) -> Progress | None:
    """None if Step Functions knows no such execution."""
    if not is_execution_name(deployment):
        return None
    with explained(f"looking for {deployment}", NOTHING_CHANGED):
        try:
            return seen(executions.arn_of(stack.machine, deployment))
        except NotFound:
            return None
