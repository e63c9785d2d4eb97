"""Whether IAM applies a condition on a function's tags to its versions and aliases; the stack's roles depend on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from bluegreen import clock
from bluegreen.aws.client import in_our_words
from bluegreen.errors import AccessDenied
from bluegreen_cli.doctor.patient import TAG, Patient, delete_role, make_role, mark, role_for_tags

REFUSALS = ("AccessDenied", "AccessDeniedException")


@dataclass(frozen=True)
class Tagged:
    """
    The qualified ARNs at which IAM refused what the tag allows, and those at which it allowed what no tag does.

    `asked` are all of them.
    """

    asked: tuple[str, ...]
    refused: tuple[str, ...]
    allowed: tuple[str, ...]


def look(patient: Patient) -> Tagged:
    """By a role that may read functions with the doctor's tag, and invoke those with another value of it."""
    name = role_for_tags(patient.name)
    role = make_role(
        patient.services,
        name,
        patient.stack,
        trust={"AWS": f"arn:{patient.arn.split(':')[1]}:iam::{patient.target.account}:root"},
        may=[
            _may("lambda:GetFunction", patient, mark(patient.stack)),
            _may("lambda:InvokeFunction", patient, "another"),
        ],
    )
    try:
        api = _as(role, patient)
        qualifiers = (patient.first, patient.target.alias)
        refused = tuple(each for each in qualifiers if not _may_read(api, patient, each))
        allowed = tuple(each for each in qualifiers if _may_invoke(api, patient, each))
    finally:
        delete_role(patient.services, name)
    return Tagged(asked=qualifiers, refused=refused, allowed=allowed)


def _may(action: str, patient: Patient, value: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": [patient.arn, f"{patient.arn}:*"],
        "Condition": {"StringEquals": {f"aws:ResourceTag/{TAG}": value}},
    }


def _as(role: str, patient: Patient) -> Any:
    """Lambda as that role. Raises AccessDenied if the caller may not assume it, also after a while."""
    until = time.monotonic() + patient.pace.patience_for_settings
    while True:
        try:
            with in_our_words():
                given = patient.services.tokens.assume_role(RoleArn=role, RoleSessionName="bluegreen-doctor")
            break
        except AccessDenied:
            if time.monotonic() > until:
                raise
            clock.sleep(patient.pace.between_looks)
    credentials = given["Credentials"]
    return boto3.client(
        "lambda",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def _may_read(api: Any, patient: Patient, qualifier: str) -> bool:
    """A new policy takes effect after some seconds, so an early refusal does not count."""
    until = time.monotonic() + patient.pace.patience_for_settings
    while not _allows(lambda: api.get_function(FunctionName=patient.name, Qualifier=qualifier)):
        if time.monotonic() > until:
            return False
        clock.sleep(patient.pace.between_looks)
    return True


def _may_invoke(api: Any, patient: Patient, qualifier: str) -> bool:
    return _allows(lambda: api.invoke(FunctionName=patient.name, Qualifier=qualifier, Payload=b"{}"))


def _allows(call: Callable[[], object]) -> bool:
    """Raises every error that is not AccessDenied."""
    try:
        call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in REFUSALS:
            return False
        raise
    return True
