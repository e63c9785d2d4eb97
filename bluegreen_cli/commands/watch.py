"""`bluegreen watch`: follow a deployment that runs already, or is over."""

import click

from bluegreen.aws import executions
from bluegreen.errors import NotFound
from bluegreen_cli import completion, launch, request, summary
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained


@click.command()
@click.argument("deployment", shell_complete=completion.deployments)
@launch.approval_option
@summary.option
@json_option
@click.pass_obj
def watch(context: Context, deployment: str, wait_for_approval: bool, summary_file: str | None, as_json: bool) -> None:
    """Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does."""
    with summary.Summary(summary_file) as kept:
        request.must_be_an_id(deployment, "`bluegreen history FUNCTION` lists the deployments.")
        stack = context.stack(context.account())
        arn = executions.arn_of(stack.machine, deployment)
        with explained(f"looking for {deployment}", NOTHING_CHANGED):
            try:
                progress = seen(arn)
            except NotFound as error:
                raise Refused(
                    f"there is no deployment {deployment}, or Step Functions has forgotten it, 90 days after its end",
                    NOTHING_CHANGED,
                    "`bluegreen history FUNCTION` lists the deployments.",
                ) from error
        target = stack.target(progress.function, progress.alias)
        launch.to_the_end(arn, target, as_json, past_people=wait_for_approval, summary=kept)
