"""`bluegreen release`: deploy to many functions, all or nothing."""

import click

from bluegreen_cli import launch, summary
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.releases import document, plan
from bluegreen_cli.releases import launch as releases


@click.command()
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would do and cost, check it, and start nothing.")
@click.option("--override-freeze", metavar="WHY", help="Release in spite of freezes; the record says why and who.")
@click.option("--follow/--no-follow", default=True, help="Watch it to its end, or only start it.")
@launch.approval_option
@summary.option
@json_option
@click.pass_obj
def release(
    context: Context,
    file: str,
    only_plan: bool,
    override_freeze: str | None,
    follow: bool,
    wait_for_approval: bool,
    summary_file: str | None,
    as_json: bool,
) -> None:
    """
    Deploy to many functions as FILE says, all or nothing.

    FILE is a release's document. In it an artifact may be {"path": "build/shop.zip"}, a zip or a folder beside the
    file: the command uploads it. Every mistake of the document is named before anything is uploaded or started.
    After Ctrl-C the release goes on.
    """
    with summary.Summary(summary_file) as kept:
        written = document.read(file)
        stack = context.stack(context.account())
        read = written.within(stack, override_freeze)
        if only_plan:
            plan.say(plan.checked(read, stack), as_json)
            return
        arn = releases.start(read, stack)
        if follow:
            releases.to_the_end(arn, as_json, past_people=wait_for_approval, summary=kept)
        else:
            releases.started(arn, as_json, kept)
