"""Lambda functions and their versions."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.decisions.replies import Reply
from bluegreen.document import OPT_IN_TAG, OPTED_IN, Green, Latest
from bluegreen.errors import AwsUnavailable, StillInProgress, UpdateFailed
from bluegreen.model import Frozen
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import GetFunctionResponseTypeDef

LATEST = "$LATEST"
PATIENCE_SECONDS = 25
"""How long a handler waits for Lambda itself; beyond that the state machine waits, by retrying."""

NOT_SETTINGS = frozenset(
    {
        "CodeSha256",
        "CodeSize",
        "ConfigSha256",
        "Description",
        "FunctionArn",
        "LastModified",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "MasterArn",
        "RevisionId",
        "RuntimeVersionConfig",
        "SigningJobArn",
        "SigningProfileVersionArn",
        "SnapStart",
        "State",
        "StateReason",
        "StateReasonCode",
        "Version",
    }
)
"""What Lambda says in a configuration that is not a person's setting, or changes by itself."""


class Function(Frozen):
    """What Lambda says of `$LATEST` or of one version; `settings` is a digest of the configuration, or empty."""

    name: str
    version: str
    sha256: str
    settings: str
    package_type: str
    revision: str
    state: str
    state_reason: str
    updating: str
    updating_reason: str
    opted_in: bool
    code_url: str | None
    image_uri: str | None

    @property
    def settled(self) -> bool:
        """Nothing is on its way, so it can be changed; new code mends a failed update and wakes what is inactive."""
        return self.state != "Pending" and self.updating != "InProgress"

    @property
    def broken(self) -> bool:
        """It cannot be invoked, and will not be by waiting."""
        return "Failed" in (self.state, self.updating)

    def has_settings_of(self, before: Latest) -> bool:
        """Nobody changed its configuration, as far as both can be read."""
        return self.settings == before.settings or "" in (self.settings, before.settings)

    def holds(self, artifact: Zip | Image) -> bool:
        """Its code is that of the artifact."""
        if isinstance(artifact, Image):
            return (self.image_uri or "").endswith(artifact.digest)
        return self.sha256 == artifact.sha256


def describe(function: str, qualifier: str = LATEST) -> Function:
    """By GetFunction, whose rate limit is its own (100 a second) and not the control plane's 15."""
    with in_our_words():
        # Tags belong to the function and come with an unqualified answer, which is $LATEST's.
        named = {} if qualifier == LATEST else {"Qualifier": qualifier}
        return _function(client("lambda").get_function(FunctionName=function, **named))


def _function(answer: "GetFunctionResponseTypeDef") -> Function:
    configuration, code = answer["Configuration"], answer.get("Code", {})
    return Function(
        name=configuration["FunctionName"],
        version=configuration["Version"],
        sha256=configuration["CodeSha256"],
        settings=_settings(configuration),
        package_type=configuration.get("PackageType", "Zip"),
        revision=configuration["RevisionId"],
        state=configuration.get("State", "Active"),
        state_reason=configuration.get("StateReason", ""),
        updating=configuration.get("LastUpdateStatus", "Successful"),
        updating_reason=configuration.get("LastUpdateStatusReason", ""),
        opted_in=answer.get("Tags", {}).get(OPT_IN_TAG) == OPTED_IN,
        code_url=code.get("Location"),
        image_uri=code.get("ResolvedImageUri"),
    )


def _settings(configuration: Any) -> str:
    """A digest; nothing when Lambda cannot decrypt the environment just now, which says nothing of who changed it."""
    if "Error" in configuration.get("Environment", {}):
        return ""
    return _digest({name: value for name, value in configuration.items() if name not in NOT_SETTINGS})


def _digest(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def when_settled(function: str, qualifier: str = LATEST) -> Function:
    """Wait until it can be changed. Raises StillInProgress if that takes longer than a handler should wait."""
    until = clock.now() + PATIENCE_SECONDS
    while True:
        found = describe(function, qualifier)
        if found.settled:
            return found
        if clock.now() >= until:
            raise StillInProgress(f"{function}:{qualifier} is {found.state}, its update {found.updating}")
        clock.sleep(1)


def when_ready(function: str, qualifier: str = LATEST) -> Function:
    """Wait until it can be invoked; an inactive one wakes when it is. Raises UpdateFailed if it never will be."""
    found = when_settled(function, qualifier)
    if found.broken:
        why = found.state_reason or found.updating_reason or "Lambda gives no reason"
        raise UpdateFailed(f"{function}:{qualifier} is {found.state}, its update {found.updating}: {why}")
    return found


def when_awake(function: str, version: str) -> None:
    """
    See that a version can be invoked. Raises StillInProgress while it wakes: one that nobody invoked for two weeks
    is Inactive, and refuses the invocation that wakes it.
    """
    if when_ready(function, version).state != "Inactive":
        return
    probe(function, version, UNLESS_GIVEN[0])
    if when_ready(function, version).state == "Inactive":
        raise StillInProgress(f"{function}:{version} is Inactive and wakes up")


def update(function: str, artifact: Zip | Image, revision: str) -> None:
    """Put the artifact into $LATEST, provided that still has `revision`. Raises PreconditionFailed otherwise."""
    with in_our_words():
        client("lambda").update_function_code(FunctionName=function, RevisionId=revision, **_source(artifact))


def _source(artifact: Zip | Image) -> Any:
    if isinstance(artifact, Image):
        return {"ImageUri": artifact.image_uri}
    version = {"S3ObjectVersion": artifact.version_id} if artifact.version_id else {}
    return {"S3Bucket": artifact.bucket, "S3Key": artifact.key} | version


def publish(function: str, latest: Function, description: str) -> Green:
    """Freeze $LATEST as a version, provided it still is what `latest` says. The same code again is the same version."""
    with in_our_words():
        answer = client("lambda").publish_version(
            FunctionName=function, CodeSha256=latest.sha256, RevisionId=latest.revision, Description=description
        )
    return Green(version=answer["Version"])


def invoke(function: str, qualifier: str, case: Case) -> Reply:
    """Invoke once and wait two minutes for the answer; a function that raises or does not answer is an answer too."""
    return _invoke(client("invoke"), function, qualifier, case)


def probe(function: str, qualifier: str, case: Case) -> Reply:
    """The same, waiting five seconds: for when traffic waits meanwhile."""
    return _invoke(client("probe"), function, qualifier, case)


def _invoke(lambda_: "LambdaClient", function: str, qualifier: str, case: Case) -> Reply:
    begun = clock.now()
    try:
        with in_our_words():
            answer = lambda_.invoke(
                FunctionName=function, Qualifier=qualifier, Payload=json.dumps(case.payload).encode()
            )
            body = answer["Payload"].read()
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
