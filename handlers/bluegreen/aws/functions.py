"""Lambda functions and their versions."""

import json
from typing import TYPE_CHECKING, Any

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.deployment import OPT_IN_TAG, OPTED_IN, Code, Green, Image, Zip
from bluegreen.errors import StillInProgress, UpdateFailed
from bluegreen.model import Frozen
from bluegreen.smoke import Case, Reply

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import GetFunctionResponseTypeDef

LATEST = "$LATEST"
PATIENCE_SECONDS = 25
"""How long a handler waits for Lambda itself; beyond that the state machine waits, by retrying."""


class Function(Frozen):
    """What Lambda says of a function's `$LATEST` or of one version."""

    version: str
    sha256: str
    revision: str
    state: str
    state_reason: str
    updating: str
    updating_reason: str
    opted_in: bool
    code_url: str | None
    image_uri: str | None

    @property
    def ready(self) -> bool:
        """It can be invoked, and nothing is on its way."""
        return self.state == "Active" and self.updating == "Successful"

    @property
    def broken(self) -> bool:
        """It will not become ready by waiting."""
        return "Failed" in (self.state, self.updating)

    def holds(self, artifact: Zip | Image) -> bool:
        """Its code is that of the artifact."""
        if isinstance(artifact, Image):
            return (self.image_uri or "").endswith(artifact.digest)
        return self.sha256 == artifact.sha256


def describe(function: str, qualifier: str = LATEST) -> Function:
    """By GetFunction, whose rate limit is its own (100 a second) and not the control plane's 15."""
    with in_our_words():
        return _function(client("lambda").get_function(FunctionName=function, Qualifier=qualifier))


def _function(answer: "GetFunctionResponseTypeDef") -> Function:
    configuration, code = answer["Configuration"], answer.get("Code", {})
    return Function(
        version=configuration["Version"],
        sha256=configuration["CodeSha256"],
        revision=configuration["RevisionId"],
        state=configuration.get("State", "Active"),
        state_reason=configuration.get("StateReason", ""),
        updating=configuration.get("LastUpdateStatus", "Successful"),
        updating_reason=configuration.get("LastUpdateStatusReason", ""),
        opted_in=answer.get("Tags", {}).get(OPT_IN_TAG) == OPTED_IN,
        code_url=code.get("Location"),
        image_uri=code.get("ResolvedImageUri"),
    )


def when_ready(function: str, qualifier: str = LATEST) -> Function:
    """
    Wait until it can be invoked and changed.

    Raises UpdateFailed if it never will be, StillInProgress if it takes longer than a handler should wait.
    """
    until = clock.now() + PATIENCE_SECONDS
    while True:
        found = describe(function, qualifier)
        if found.ready:
            return found
        if found.broken:
            why = found.state_reason or found.updating_reason or "Lambda gives no reason"
            raise UpdateFailed(f"{function}:{qualifier} is {found.state}, its update {found.updating}: {why}")
        if clock.now() >= until:
            raise StillInProgress(f"{function}:{qualifier} is {found.state}, its update {found.updating}")
        clock.sleep(1)


def update(function: str, artifact: Zip | Image, revision: str) -> Code:
    """Put the artifact into $LATEST, provided that still has `revision`. Raises PreconditionFailed otherwise."""
    source: dict[str, str] = (
        {"ImageUri": artifact.image_uri}
        if isinstance(artifact, Image)
        else {"S3Bucket": artifact.bucket, "S3Key": artifact.key}
        | ({"S3ObjectVersion": artifact.version_id} if artifact.version_id else {})
    )
    with in_our_words():
        answer = client("lambda").update_function_code(FunctionName=function, RevisionId=revision, **source)  # type: ignore[arg-type]
    return Code(sha256=answer["CodeSha256"])


def publish(function: str, latest: Function, description: str) -> Green:
    """Freeze $LATEST as a version, provided it still is what `latest` says. The same code again is the same version."""
    with in_our_words():
        answer = client("lambda").publish_version(
            FunctionName=function, CodeSha256=latest.sha256, RevisionId=latest.revision, Description=description
        )
    return Green(version=answer["Version"])


def invoke(function: str, qualifier: str, case: Case) -> Reply:
    """Invoke once and wait for the answer; a function that raises is an answer too."""
    return _invoke(client("invoke"), function, qualifier, case)


def probe(function: str, qualifier: str, case: Case) -> Reply:
    """Invoke once, and give it ten seconds. Raises AwsUnavailable when they are over."""
    return _invoke(client("lambda"), function, qualifier, case)


def _invoke(lambda_: "LambdaClient", function: str, qualifier: str, case: Case) -> Reply:
    begun = clock.now()
    with in_our_words():
        answer = lambda_.invoke(FunctionName=function, Qualifier=qualifier, Payload=json.dumps(case.payload).encode())
        body = answer["Payload"].read()
    payload = _json(body)
    failed = "FunctionError" in answer
    details = payload if failed and isinstance(payload, dict) else {}
    return Reply(
        payload=payload,
        error=str(details.get("errorType", answer.get("FunctionError"))) if failed else None,
        error_message=str(details.get("errorMessage", body.decode(errors="replace"))) if failed else None,
        duration_ms=(clock.now() - begun) * 1000,
        version=answer.get("ExecutedVersion", qualifier),
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
