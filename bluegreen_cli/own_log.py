"""
The log group of a function that is adopted.

Its tag lets the stack's roles search it, so that a rollback says what green's log has most often.
"""

from bluegreen.aws import functions
from bluegreen.aws.client import in_our_words
from bluegreen.aws.logs import own_group
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import DeploymentError, NotFound
from bluegreen.target import Target
from bluegreen_cli.aws import client

TAG = {OPT_IN_TAG: OPTED_IN}


def opt_in(target: Target, latest: functions.Function, did: list[str]) -> str:
    """
    Tag Lambda's own log group for the function, which is created if it is not there yet; a warning if that failed.

    A log group of the function's choice may have the lines of others, so its tag is left to its owner.
    """
    group = latest.log_group
    arn = target.beside_logs(group)
    by_hand = f"`aws logs tag-resource --resource-arn {arn} --tags {OPT_IN_TAG}={OPTED_IN}`"
    try:
        own = group == own_group(target.function)
        if own and _created(group):
            did.append(f"log group {group} was created with the tag {OPT_IN_TAG}")
        elif _tags(arn).get(OPT_IN_TAG) != OPTED_IN:
            if not own:
                return f"logs: {group} may have the lines of other functions, so it got no tag; {_then(by_hand)}"
            with in_our_words():
                client("logs").tag_resource(resourceArn=arn, tags=TAG)
            did.append(f"log group {group} got the tag {OPT_IN_TAG}")
    except DeploymentError as error:
        return f"logs: {group} got no tag ({error}); {_then(by_hand)}"
    return ""


def _created(group: str) -> bool:
    """False if it is there already."""
    logs = client("logs")
    with in_our_words():
        try:
            logs.create_log_group(logGroupName=group, tags=TAG)
        except logs.exceptions.ResourceAlreadyExistsException:
            return False
    return True


def _tags(arn: str) -> dict[str, str]:
    """None of a log group that is not there."""
    try:
        with in_our_words():
            return dict(client("logs").list_tags_for_resource(resourceArn=arn)["tags"])
    except NotFound:
        return {}


def _then(by_hand: str) -> str:
    return f"once {by_hand} has set it, a rollback says what green's log has most often"
