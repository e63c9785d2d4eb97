"""
What IAM says to the roles of our handlers: without the tag they may do nothing to a function but list its tags.

A function that is gone has no tag, so AWS answers 403 for it and not 404.
"""

import re
from urllib.parse import unquote

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

REGION = "us-east-1"
TAG = {"bluegreen:managed": "true"}
ACTIONS = {"Invoke": "InvokeFunction"}
"""Where IAM has another name than the operation."""


def refusal(service: str, operation: str, state: str | None, url: str) -> str | None:
    """AWS's sentence for a handler whose role may not, None for one that may and for every other caller."""
    named = re.search(r"/functions/([^/?]+)", url)
    if state is None or service != "lambda" or operation == "ListTags" or named is None:
        return None
    function = unquote(named[1]).rpartition(":function:")[2].partition(":")[0]
    if TAG.items() <= _tags(function).items():
        return None
    account, action = f"{REGION}:{DEFAULT_ACCOUNT_ID}", f"lambda:{ACTIONS.get(operation, operation)}"
    return (
        f"User: arn:aws:sts::{DEFAULT_ACCOUNT_ID}:assumed-role/{state}/{state} is not authorized to perform: {action} "
        f"on resource: arn:aws:lambda:{account}:function:{function} because no identity-based policy allows the "
        f"{action} action"
    )


def _tags(function: str) -> dict[str, str]:
    try:
        found = lambda_backends[DEFAULT_ACCOUNT_ID][REGION].get_function(function)
    except UnknownFunctionException:
        return {}
    return dict(found.tags or {})
