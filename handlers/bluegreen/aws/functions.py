"""Lambda functions and their versions."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from bluegreen import clock
from bluegreen.aws.client import client, patient
from bluegreen.aws.logs import own_group
from bluegreen.aws.refusals import told_apart
from bluegreen.decisions.replies import Reply
from bluegreen.decisions.settings import Settings, digests, settings_of
from bluegreen.document import Latest
from bluegreen.errors import AwsRefused, AwsUnavailable, StillInProgress, UpdateFailed
from bluegreen.model import Frozen
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.gates import Hook
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case, as_sent
from bluegreen.target import Target
from bluegreen.text import plain

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import GetFunctionResponseTypeDef

LATEST = "$LATEST"
PATIENCE_SECONDS = 25
"""How long a handler waits for Lambda itself; beyond that the state machine waits, by retrying."""

NOT_READ = "InvalidRequestContentException"
"""Lambda's error for a payload. Its text quotes the payload, which belongs to the user."""


class Function(Frozen):
    """
    What Lambda says of `$LATEST` or a version. A setting that Lambda could not read is not among the settings.

    `dead_letters` is where failed events go. `reserved_concurrency` is the function's, None if it has none.
    """

    name: str
    version: str
    sha256: str
    settings: Settings
    package_type: str
    revision: str
    state: str
    state_reason: str
    updating: str
    updating_reason: str
    code_url: str | None
    image_uri: str | None
    role: str = ""
    dead_letters: str = ""
    timeout_seconds: int = 3
    reserved_concurrency: int | None = None

    @property
    def settled(self) -> bool:
        """No create or update is in progress, so it can be changed. New code mends a failed update."""
        return self.state != "Pending" and self.updating != "InProgress"

    @property
    def broken(self) -> bool:
        """It cannot be invoked, and waiting does not help."""
        return "Failed" in (self.state, self.updating)

    @property
    def log_group(self) -> str:
        """Where it writes its log."""
        return str(self.settings.get("LoggingConfig", {}).get("LogGroup") or own_group(self.name))

    @property
    def why_broken(self) -> str:
        """Lambda's reason."""
        return self.state_reason or self.updating_reason or "Lambda gives no reason"

    def is_as(self, before: Latest, key: str) -> bool:
        """Its code and, as far as both could be read, its settings are what they were."""
        return self.sha256 == before.sha256 and self.has_settings_of(before, key)

    def has_settings_of(self, before: Latest, key: str) -> bool:
        """Its settings are what they were, as far as both could be read."""
        now = digests(self.settings, key)
        return all(now[name] == digest for name, digest in before.settings.items() if name in now)

    def holds(self, artifact: Zip | Image) -> bool:
        """Its code is that of the artifact."""
        return self.has_code(artifact.digest)

    def has_code(self, digest: str) -> bool:
        """Its code has that digest: the SHA-256 of a zip, or the `sha256:...` of an image."""
        return bool(digest) and (self.sha256 == digest or (self.image_uri or "").endswith(digest))


def describe(target: Target, qualifier: str = LATEST) -> Function:
    """By GetFunction, whose rate limit is its own (100 a second) and not the control plane's 15."""
    named = {} if qualifier == LATEST else {"Qualifier": qualifier}
    with told_apart(target):
        return _function(client("lambda", target).get_function(FunctionName=target.function, **named))


def _function(answer: "GetFunctionResponseTypeDef") -> Function:
    configuration, code = answer["Configuration"], answer.get("Code", {})
    return Function(
        name=configuration["FunctionName"],
        version=configuration["Version"],
        sha256=configuration["CodeSha256"],
        settings=settings_of(configuration),
        package_type=configuration.get("PackageType", "Zip"),
        revision=configuration["RevisionId"],
        state=configuration.get("State", "Active"),
        state_reason=configuration.get("StateReason", ""),
        updating=configuration.get("LastUpdateStatus", "Successful"),
        updating_reason=configuration.get("LastUpdateStatusReason", ""),
        code_url=code.get("Location"),
        image_uri=code.get("ResolvedImageUri"),
        role=configuration.get("Role", ""),
        dead_letters=configuration.get("DeadLetterConfig", {}).get("TargetArn", ""),
        timeout_seconds=configuration.get("Timeout", 3),
        reserved_concurrency=answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
    )


def when_settled(target: Target, qualifier: str = LATEST) -> Function:
    """Wait until it can be changed. Raises StillInProgress if that takes longer than a handler should wait."""
    until = clock.now() + PATIENCE_SECONDS
    while True:
        found = describe(target, qualifier)
        if found.settled:
            return found
        if clock.now() >= until:
            raise StillInProgress(f"{target.function}:{qualifier} is {found.state}, its update {found.updating}")
        clock.sleep(1)


def when_ready(target: Target, qualifier: str = LATEST) -> Function:
    """Wait until it can be invoked; an inactive one wakes when it is. Raises UpdateFailed if it never will be."""
    found = when_settled(target, qualifier)
    if found.broken:
        raise UpdateFailed(
            f"{target.function}:{qualifier} is {found.state}, its update {found.updating}: {found.why_broken}"
        )
    return found


def when_awake(target: Target, qualifier: str) -> None:
    """
    See that a version or $LATEST can be invoked. Raises StillInProgress while Lambda activates it.

    A version that was not invoked for two weeks is Inactive. Its next invocation fails and activates it.
    """
    if when_ready(target, qualifier).state != "Inactive":
        return
    probe(target, qualifier, UNLESS_GIVEN[0])
    if when_ready(target, qualifier).state == "Inactive":
        raise StillInProgress(f"{target.function}:{qualifier} is Inactive, and Lambda is activating it")


def update(target: Target, artifact: Zip | Image, revision: str) -> None:
    """Put the artifact into $LATEST, provided that still has `revision`. Raises PreconditionFailed otherwise."""
    with told_apart(target):
        client("lambda", target).update_function_code(
            FunctionName=target.function, RevisionId=revision, **_source(artifact)
        )


def _source(artifact: Zip | Image) -> Any:
    if isinstance(artifact, Image):
        return {"ImageUri": artifact.image_uri}
    version = {"S3ObjectVersion": artifact.version_id} if artifact.version_id else {}
    return {"S3Bucket": artifact.bucket, "S3Key": artifact.key} | version


def publish(target: Target, latest: Function, description: str) -> str:
    """Freeze $LATEST as a version, provided it still is what `latest` says. The same code again is the same version."""
    with told_apart(target):
        answer = client("lambda", target).publish_version(
            FunctionName=target.function, CodeSha256=latest.sha256, RevisionId=latest.revision, Description=description
        )
        return str(answer["Version"])


def invoke(target: Target, qualifier: str, case: Case) -> Reply:
    """Invoke once and wait two minutes for the answer; a function that raises or does not answer is an answer too."""
    return _invoke(client("invoke", target), target, qualifier, as_sent(case.payload), case.name)


def probe(target: Target, qualifier: str, case: Case) -> Reply:
    """The same, waiting five seconds: for when traffic waits meanwhile."""
    return _invoke(client("probe", target), target, qualifier, as_sent(case.payload), case.name)


def ask_hook(beside: Target, hook: Hook, event: dict[str, Any]) -> Reply:
    """Invoke a hook in the place of the deployed function, and wait as long as the hook may take."""
    target = beside.model_copy(update={"function": hook.name})
    return _invoke(patient(target, hook.timeout_seconds), target, hook.qualifier or LATEST, as_sent(event), "hook")


def _invoke(lambda_: "LambdaClient", target: Target, qualifier: str, sent: bytes, name: str) -> Reply:
    begun = clock.now()
    try:
        with told_apart(target):
            answer = lambda_.invoke(FunctionName=target.function, Qualifier=qualifier, Payload=sent)
            body, ran, failed = answer["Payload"].read(), answer.get("ExecutedVersion"), answer.get("FunctionError")
    except AwsRefused as error:
        if _code(error) != NOT_READ:
            raise
        raise AwsRefused(f"Lambda does not read the payload of {name!r} ({NOT_READ})") from None
    except AwsUnavailable as error:
        if not isinstance(error.__cause__, ReadTimeoutError):
            raise
        waited = clock.now() - begun
        return Reply(
            payload=None,
            error="NoAnswer",
            error_message=f"nothing came within {waited:.0f} seconds",
            duration_ms=waited * 1000,
            version=qualifier,
            answered=False,
        )
    payload = _json(body)
    details = payload if failed and isinstance(payload, dict) else {}
    return Reply(
        payload=payload,
        error=plain(details.get("errorType", failed)) if failed else None,
        error_message=plain(details.get("errorMessage", body.decode(errors="replace"))) if failed else None,
        duration_ms=(clock.now() - begun) * 1000,
        version=str(ran or qualifier),
    )


def _code(error: AwsRefused) -> str:
    """AWS's own, "" if AWS gave none."""
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _json(body: bytes) -> Any:
    """A reply. A text that is not JSON, or is nested deeper than Python reads, stays a text."""
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
