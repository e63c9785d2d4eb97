"""
ReceiveUpload: an object created at functions/<FunctionName>/<anything>.zip becomes a deployment of that function.

Safe to repeat: the execution's name comes from the upload, so an event delivered twice is one deployment.
An upload that cannot be deployed starts an execution, too, which ends Rejected and says why.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import artifacts, executions
from bluegreen.edge import logger
from bluegreen.errors import InvalidRequest
from bluegreen.request.upload import Upload

SETTINGS = "functions/{function}/deployment.json"


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    upload = Upload.read(EventBridgeEvent(event).detail)
    arn = executions.start(os.environ["STATE_MACHINE_ARN"], upload.execution_name, upload.request(_settings(upload)))
    logger.info("started", extra={"execution": arn, "key": upload.key})
    return {"execution": arn}


def _settings(upload: Upload) -> dict[str, Any]:
    """The rest of the request, which the team keeps beside its artifacts."""
    if not upload.function_is_named:
        return {}
    try:
        return artifacts.settings(upload.bucket, SETTINGS.format(function=upload.function))
    except InvalidRequest as error:
        return {"deployment_json": str(error)}
