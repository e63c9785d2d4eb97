"""The same as a hook of Lambda Blue/Green: it says by its answer how green did."""

import json

import boto3

functions = boto3.client("lambda")


def handler(event, context):
    """Invoke green."""
    answer = functions.invoke(FunctionName=event["function"], Qualifier=event["green"], Payload='{"product": "bread"}')
    if (status := json.load(answer["Payload"]).get("statusCode")) == 200:
        return {"status": "Succeeded"}
    return {"status": "Failed", "reason": f"bread: status {status}"}
