"""
ReceiveUpload: an object created at functions/<FunctionName>/<name>.zip becomes a deployment of that function, and one
at releases/<name>.json a release.

Safe to repeat: the execution's name comes from the upload, so an event delivered twice is one deployment. Every object
in functions/ is answered: one that cannot be deployed starts an execution, too, which ends Rejected and says why.

An upload that came while another deployment ran waits in the ledger. When an execution ends, and every few minutes,
because events can be lost, this handler starts those whose alias is free.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import artifacts, executions
from bluegreen.edge import logger
from bluegreen.errors import AwsRefused, DeploymentError, InvalidRequest, NotTheHolder
from bluegreen.ledger import locks, starts, waiting
from bluegreen.ledger.waiting import Waiting
from bluegreen.news import dashboard
from bluegreen.opening import proof
from bluegreen.request.request import Request, unfit
from bluegreen.request.upload import FOLDER, SETTINGS, Upload, next_name

COPIED = "CopyObject"

OURS = ("upload", "deployment_json")
"""Fields of a request in which this handler says why it is to be refused."""


@logger.inject_lambda_context(correlation_id_path="event.id || id", clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """
    What was started. Raises NotTheHolder for an event of S3 that does not come from the stack's rule.

    The rule sends S3's event as `event`, and the stack's id as `stack`. Any other event starts the uploads that wait
    and whose alias is free.
    """
    sent = event if isinstance(event, dict) else {}
    told = sent["event"] if isinstance(sent.get("event"), dict) else sent
    if told.get("source") != "aws.s3":
        return {"started": _turns()}
    if not proof.is_from_a_trigger(sent.get("stack")):
        raise NotTheHolder("The event does not come from the rule of this stack; nothing was started.")
    upload = Upload.read(told.get("detail"))
    if upload.is_beside:
        return {}
    return {"execution": _release(upload) if upload.is_of_a_release else _received(upload)}


def _release(upload: Upload) -> str:
    """Start the release of which the object is the document. OpenRelease reads it, and says what is wrong with it."""
    place = {"bucket": upload.bucket, "key": upload.key}
    document = {"release": place | ({"version_id": upload.version_id} if upload.version_id else {})}
    starts.note(upload.release_name, upload.author, document)
    arn = executions.start(os.environ["RELEASE_MACHINE_ARN"], upload.release_name, document)
    logger.info("started", extra={"execution": arn, "key": upload.key})
    return arn


def _received(upload: Upload) -> str:
    no_upload = upload.misplaced or _made_by_s3(upload)
    request = upload.request({} if no_upload else _settings(upload), no_upload)
    arn = _start(upload.execution_name, upload.author, request)
    logger.info("started", extra={"execution": arn, "key": upload.key})
    return arn


def _made_by_s3(upload: Upload) -> str:
    """
    Why the object is no upload: a replica, or a copy onto its own key, as for another encryption; "" if it is one.

    An object whose headers S3 does not show counts as an upload; OpenDeployment says what is wrong with it.
    """
    place = upload.bucket, upload.key, upload.version_id
    try:
        if artifacts.is_replica(*place):
            return f"s3://{upload.bucket}/{upload.key} was replicated by S3, not uploaded; {_INSTEAD}"
        if upload.reason == COPIED and artifacts.is_copy_of_earlier(*place):
            return f"s3://{upload.bucket}/{upload.key} was copied onto itself, which is no upload; {_INSTEAD}"
    except AwsRefused as refused:
        logger.info("not shown", extra={"key": upload.key, "cause": str(refused)})
    return ""


_INSTEAD = "nothing was changed; to deploy it, upload the file again or run `bluegreen deploy`"


def _settings(upload: Upload) -> dict[str, Any]:
    """The rest of the request, which the team keeps beside its artifacts."""
    key = f"{FOLDER}{upload.function}/{SETTINGS}"
    try:
        settings = artifacts.settings(upload.bucket, key)
    except (InvalidRequest, AwsRefused) as error:
        return {"deployment_json": str(error)}
    why = unfit(settings) or _complaint(upload, settings)
    return {"deployment_json": f"s3://{upload.bucket}/{key}: {why}"} if why else settings


def _complaint(upload: Upload, settings: dict[str, Any]) -> str:
    """Why OpenDeployment will refuse these settings; "" if it takes them, or refuses the upload without them, too."""
    try:
        Request.read(upload.request({}))
    except InvalidRequest:
        return ""
    if ours := [name for name in OURS if name in settings]:
        return f"{ours[0]}: unknown field; leave it out"
    try:
        Request.read(upload.request(settings))
    except InvalidRequest as refusal:
        return str(refusal)
    return ""


def _turns() -> list[str]:
    """
    Start each upload whose turn it is, one a function; the executions' ARNs.

    One that cannot be started keeps no other waiting: its error is raised at the end.
    """
    started: dict[str, str] = {}
    stuck: list[DeploymentError] = []
    all_that_wait = waiting.all_that_wait()
    for each in all_that_wait:
        try:
            if each.target.function_key not in started and (arn := _turn_of(each)):
                started[each.target.function_key] = arn
        except DeploymentError as error:
            logger.warning("not started", extra={"deployment": each.deployment, "cause": str(error)})
            stuck.append(error)
    dashboard.standing(UploadsWaiting=len(all_that_wait) - len(started))
    if stuck:
        raise stuck[0]
    return list(started.values())


def _turn_of(upload: Waiting) -> str | None:
    """Start it if its alias, and $LATEST, are free; the execution's ARN. A start that was not noted is made again."""
    target = upload.target
    if locks.is_held(target, target.alias) or locks.is_held(target, locks.LATEST):
        return None
    refused = executions.describe(upload.execution)
    if refused is None:
        logger.error("its request is forgotten", extra={"deployment": upload.deployment})
        waiting.done(upload)
        return None
    author = starts.noted(upload.deployment, refused.request)
    arn = _started(next_name(upload.deployment), author, refused.request)
    waiting.done(upload)
    logger.info("its turn", extra={"execution": arn, "waited": upload.deployment})
    return arn


def _started(name: str, author: str, request: dict[str, Any]) -> str:
    """
    The ARN of the execution with this request, under this name or the first one after it that no other has.

    An author who was not proved stays so: anybody may start an execution that comes to wait.
    """
    while True:
        arn = _start(name, author, request)
        found = executions.describe(arn)
        if found is None or found.request == request:
            return arn
        name = next_name(name)


def _start(name: str, author: str, request: dict[str, Any]) -> str:
    if author:
        starts.note(name, author, request)
    return executions.start(os.environ["STATE_MACHINE_ARN"], name, request)
