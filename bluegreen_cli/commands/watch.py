"""`bluegreen watch`: follow a deployment or a release that runs already, or is over."""

import click

from bluegreen.aws import executions
from bluegreen.errors import AccessDenied, NotFound
from bluegreen.request.names import is_execution_name
from bluegreen_cli import completion, launch, summary, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.progress import Progress
from bluegreen_cli.releases import launch as releases
from bluegreen_cli.stack import Stack


@click.command()
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.alias_option
@which.release_option
@launch.approval_option
@summary.option
@json_option
@click.pass_obj
def watch(
    context: Context,
    deployment: str,
    alias: str | None,
    of_release: bool,
    wait_for_approval: bool,
    summary_file: str | None,
    as_json: bool,
) -> None:
    """
    Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does.

    With a function's name instead of an id: its deployment that runs, or else its last one. With a release's id, or a
    function that a release deploys to: that release, with a table of its functions on a terminal.
    """
    with summary.Summary(summary_file) as kept:
        which.must_be_one(deployment)
        stack = context.stack(context.account())
        if release := which.release(stack, deployment, alias, of_release):
            _release(release.id, release.execution, as_json, wait_for_approval, kept)
        progress = _seen(stack, deployment)
        if progress is None and not which.part_of(deployment):
            if found := _release_begins(stack, deployment):
                _release(deployment, found, as_json, wait_for_approval, kept)
            deployment = which.of_function(stack, deployment, alias)
            progress = _seen(stack, deployment)
        if progress is None and (whole := which.part_of(deployment)):
            click.echo(f"{deployment} is a part of the release {whole}.", err=True)
            _release(whole, which.must_be_release(whole).execution, as_json, wait_for_approval, kept)
        if progress is None:
            raise which.forgotten(deployment)
        target = stack.target(progress.function, progress.alias)
        arn = executions.arn_of(stack.machine, deployment)
        launch.to_the_end(arn, target, as_json, past_people=wait_for_approval, summary=kept)


def _release(name: str, arn: str, as_json: bool, past_people: bool, kept: summary.Summary) -> None:
    """It ends the command."""
    releases.to_the_end(arn, as_json, release=name, past_people=past_people, summary=kept)


def _release_begins(stack: Stack, name: str) -> str:
    """The ARN of the release's execution, if it was started and has no record yet; "" if there is none."""
    if not is_execution_name(name):
        return ""
    with explained(f"looking for {name}", NOTHING_CHANGED):
        try:
            execution = executions.describe(executions.arn_of(stack.release_machine, name))
        except AccessDenied:
            return ""
    return execution.arn if execution else ""


def _seen(stack: Stack, deployment: str) -> Progress | None:
    """None if Step Functions knows no such execution."""
    if not is_execution_name(deployment):
        return None
    with explained(f"looking for {deployment}", NOTHING_CHANGED):
        try:
            return seen(executions.arn_of(stack.machine, deployment))
        except NotFound:
            return None
