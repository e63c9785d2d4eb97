"""
What Lambda's refusals mean: a function that is gone, one that has lost the tag, or anything else.

Our roles may touch a function only if it has the tag. A function that is gone has none, so IAM answers 403 where Lambda
would answer 404. Only ListTags is allowed for every function, so the handler can tell the two apart by it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bluegreen.aws.client import client, in_our_words
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import AccessDenied, AwsRefused, DeploymentError, FunctionGone, NotFound, Untagged
from bluegreen.target import Target
from bluegreen.text import sentence


@contextmanager
def told_apart(target: Target) -> Iterator[None]:
    """Turns each error of a boto3 call about the target's function into one of `bluegreen.errors`."""
    try:
        with in_our_words():
            yield
    except (AccessDenied, NotFound) as refusal:
        raise _told_apart(target, refusal) from refusal


def tags(target: Target) -> dict[str, str]:
    """The function's tags. Raises NotFound if there is no such function."""
    with in_our_words():
        return client("lambda", target).list_tags(Resource=target.arn).get("Tags", {})


def _told_apart(target: Target, refusal: AwsRefused) -> AwsRefused:
    """The refusal itself if the function has the tag, or if ListTags is refused as well."""
    try:
        may_be_touched = tags(target).get(OPT_IN_TAG) == OPTED_IN
    except NotFound:
        return FunctionGone(f"There is no function {target.function} in account {target.account}, {target.region}.")
    except DeploymentError:
        return refusal
    if may_be_touched or isinstance(refusal, NotFound):
        return refusal
    return Untagged(
        f"{sentence(str(refusal))} That is because {target.function} has lost its tag {OPT_IN_TAG} = {OPTED_IN}, "
        f"without which the deployer may not touch it. `aws lambda tag-resource --resource {target.arn} "
        f"--tags {OPT_IN_TAG}={OPTED_IN}{target.in_region}` sets it, and so does `bluegreen{target.in_region} adopt "
        f"{target.function}`."
    )
