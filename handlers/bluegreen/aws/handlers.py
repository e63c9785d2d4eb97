"""The stack's own functions, which one of them invokes."""

import json
import os

from bluegreen.aws.client import client, in_our_words


def undo_soon(deployment: str) -> None:
    """Have RecoverDeployments look at once whether the deployment is to be aborted. Lambda queues the event."""
    with in_our_words():
        client("lambda").invoke(
            FunctionName=os.environ["RECOVER_DEPLOYMENTS"],
            InvocationType="Event",
            Payload=json.dumps({"abort": deployment}),
        )
