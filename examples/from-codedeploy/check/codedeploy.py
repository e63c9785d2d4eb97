"""CodeDeploy's hook: it says by a call how the new version did."""

import json
import os

import boto3

codedeploy = boto3.client("codedeploy")
functions = boto3.client("lambda")


def handler(event, context):
    """Invoke the version that CodeDeploy is about to shift to."""
    answer = functions.invoke(FunctionName=os.environ["NEW_VERSION"], Payload='{"product": "bread"}')
    works = json.load(answer["Payload"]).get("statusCode") == 200
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if works else "Failed",
    )
