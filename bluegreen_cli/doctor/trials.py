"""Deployments of the doctor's function by the installed stack: a good and a bad one, and two that stop early."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bluegreen import clock
from bluegreen.aws import aliases, executions
from bluegreen.aws.executions import Execution
from bluegreen.decisions.route import Route
from bluegreen.errors import AwsUnavailable
from bluegreen.request.upload import place_by_request
from bluegreen_cli.doctor.calls import Call, Stream
from bluegreen_cli.doctor.patient import HALF, Patient, code
from bluegreen_cli.launch import execution_name

AWKWARD = "a build (1) + ü%20&=.zip"
"""The last part of a key, of characters that some encoding of keys changes."""
MOST_EXECUTIONS = 50


@dataclass(frozen=True)
class Deployed:
    """
    A deployment that is over: its end and its error, who served before and after, and the doctor's calls meanwhile.

    `starts` are the ARNs that two starts of the same name and input were answered.
    """

    status: str
    error: str
    cause: str
    before: Route
    after: Route
    calls: tuple[Call, ...]
    starts: tuple[str, ...]


class Deployment:
    """A context in which a deployment runs while the doctor calls the alias; `ended` waits for its end."""

    def __init__(self, patient: Patient, what: str, *, bad: bool = False) -> None:
        self._patient, self._code = patient, code(what, bad=bad)
        self._key = place_by_request(patient.name, f"{'bad' if bad else 'good'}.zip")
        self._open = ExitStack()
        self._starts: tuple[str, ...] = ()

    def __enter__(self) -> "Deployment":
        patient = self._patient
        self._before = aliases.seen(patient.target).route
        artifact = upload(patient, self._key, self._code)
        self._stream = self._open.enter_context(
            Stream(patient.services.caller, patient.name, patient.target.alias, patient.pace.between_calls)
        )
        request = self._request(artifact)
        name = execution_name(patient.name)
        try:
            self._starts = tuple(start(patient, name, request) for _ in range(2))
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ended(self) -> Deployed:
        """Raises AwsUnavailable if it does not end."""
        found = until_over(self._patient, self._starts[0])
        after = aliases.seen(self._patient.target).route
        self._open.close()
        if found.status == "SUCCEEDED":
            self._patient.serving = self._code
        return Deployed(
            found.status, found.error, found.cause, self._before, after, tuple(self._stream.calls), self._starts
        )

    def _request(self, artifact: dict[str, Any]) -> dict[str, Any]:
        """One step with a weight of a half. It lasts until both versions can be seen in the metrics."""
        pace, target = self._patient.pace, self._patient.target
        return {
            "function": target.function,
            "alias": target.alias,
            "artifact": artifact,
            "traffic": {"steps": [{"weight": HALF, "bake_seconds": pace.minute}]},
            "health": {"period_seconds": pace.minute, "delay_seconds": pace.delay},
            "started_by": "bluegreen doctor",
        }


@dataclass(frozen=True)
class Refused:
    """An execution that should have been refused: its status, error and cause."""

    status: str
    error: str
    cause: str


def missing_function(patient: Patient) -> Refused:
    """A request for a function that is not there."""
    function = patient.missing.function
    artifact = f"s3://{patient.stack.bucket}/{place_by_request(function, 'none.zip')}"
    request = {"function": function, "alias": patient.target.alias, "artifact": artifact, "traffic": "AllAtOnce"}
    found = until_over(patient, start(patient, execution_name(function), request))
    return Refused(found.status, found.error, found.cause)


@dataclass(frozen=True)
class Uploaded:
    """
    An upload with an awkward key, and the execution that it started.

    `got` is the key in its request, "" if no execution came within `waited` seconds.
    """

    key: str
    got: str = ""
    status: str = ""
    error: str = ""
    cause: str = ""
    waited: float = 0.0


def awkward_upload(patient: Patient) -> Uploaded:
    """The zip has the code that serves already, so the deployment ends as NothingToDeploy."""
    key = f"functions/{patient.name}/{AWKWARD}"
    known = _executions(patient)
    began = time.monotonic()
    upload(patient, key, patient.serving)
    while time.monotonic() - began < patient.pace.patience_for_uploads:
        for arn in _executions(patient) - known:
            known.add(arn)
            found = executions.describe(arn)
            if found and _is_of(found, patient):
                over = until_over(patient, arn)
                got = str(found.request.get("artifact", {}).get("key", "another artifact"))
                return Uploaded(key, got, over.status, over.error, over.cause, time.monotonic() - began)
        clock.sleep(patient.pace.between_looks)
    return Uploaded(key, waited=time.monotonic() - began)


def upload(patient: Patient, key: str, content: bytes) -> dict[str, Any]:
    """Put a zip into the artifact bucket; return the request's `artifact`."""
    answer = patient.services.objects.put_object(Bucket=patient.stack.bucket, Key=key, Body=content)
    version = {"version_id": answer["VersionId"]} if "VersionId" in answer else {}
    return {"bucket": patient.stack.bucket, "key": key} | version


def start(patient: Patient, name: str, request: dict[str, Any]) -> str:
    """The ARN that Step Functions answers."""
    arn: str = patient.services.executions.start_execution(
        stateMachineArn=patient.stack.machine, name=name, input=json.dumps(request)
    )["executionArn"]
    return arn


def until_over(patient: Patient, arn: str) -> Execution:
    """Raises AwsUnavailable if it does not end in time."""
    until = time.monotonic() + patient.pace.patience_for_deployments
    while time.monotonic() < until:
        found = _again(lambda: executions.describe(arn))
        if found and not found.running:
            return found
        clock.sleep(min(5.0, patient.pace.between_looks))
    raise AwsUnavailable(f"the execution {arn} has not ended after {patient.pace.patience_for_deployments:.0f} seconds")


def _again(ask: Callable[[], Execution | None]) -> Execution | None:
    """None if AWS does not answer now."""
    try:
        return ask()
    except AwsUnavailable:
        return None


def _executions(patient: Patient) -> set[str]:
    """The newest."""
    answer = patient.services.executions.list_executions(
        stateMachineArn=patient.stack.machine, maxResults=MOST_EXECUTIONS
    )
    return {each["executionArn"] for each in answer["executions"]}


def _is_of(execution: Execution, patient: Patient) -> bool:
    request = execution.request
    return isinstance(request, dict) and request.get("function") == patient.name
