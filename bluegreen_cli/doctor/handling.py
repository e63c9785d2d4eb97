"""What Lambda's control plane does with aliases and versions: revisions, weights, publishing, and what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bluegreen_cli.doctor.patient import Patient

ALIAS = "handled"
WEIGHTS = (0.001, 0.125, 0.333, 0.999)
"""Three decimals, as the product sends them."""
OTHER_DIGEST = "A" * 43 + "="


@dataclass(frozen=True)
class Handled:
    """
    What Lambda answered.

    `revisions` are those of an alias, in the order of its changes; `repeated` are those before and after a change to
    the values that it had. `read_back` are those that GetAlias answered right after each change. `weights` are each
    weight as sent and as read. `stale` are the error codes of changes that named an old revision. `turned` is the
    alias after one call that changed its version and removed its weights. `republished` is the version that Lambda
    answered for $LATEST, which was published as `published`, and `other_code` the error for a digest that $LATEST
    does not have.
    """

    revisions: tuple[str, ...]
    read_back: tuple[str, ...]
    repeated: tuple[str, str]
    weights: dict[float, float | None]
    stale: dict[str, str]
    turned: tuple[str, dict[str, float]]
    published: str
    republished: str
    other_code: str


def look(patient: Patient) -> Handled:
    """Change an alias without callers, and delete it again."""
    patient.create_alias(ALIAS, patient.first)
    try:
        return _look(patient)
    finally:
        patient.services.functions.delete_alias(FunctionName=patient.name, Name=ALIAS)


def _look(patient: Patient) -> Handled:
    """The changes that Lambda should refuse come last: if it makes them, no later step sees a changed alias."""
    api, name = patient.services.functions, patient.name
    revisions, read_back = [_alias(patient)["RevisionId"]], []
    weights: dict[float, float | None] = {}

    def change(version: str, also: dict[str, float], **more: str) -> Any:
        routing = {"AdditionalVersionWeights": also}
        return api.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version, RoutingConfig=routing, **more)

    for weight in WEIGHTS:
        revisions.append(change(patient.first, {patient.second: weight}, RevisionId=revisions[-1])["RevisionId"])
        found = _alias(patient)
        read_back.append(found["RevisionId"])
        weights[weight] = _weights(found).get(patient.second)
    again = change(patient.first, {patient.second: WEIGHTS[-1]})["RevisionId"]
    change(patient.second, {})
    turned = _alias(patient)
    republished = api.publish_version(FunctionName=name)["Version"]
    other_code = _error(lambda: api.publish_version(FunctionName=name, CodeSha256=OTHER_DIGEST))
    old = revisions[0]
    stale = {
        "UpdateAlias": _error(lambda: change(patient.second, {}, RevisionId=old)),
        "PublishVersion": _error(lambda: api.publish_version(FunctionName=name, RevisionId=old)),
        "UpdateFunctionCode": _error(
            lambda: api.update_function_code(FunctionName=name, ZipFile=patient.serving, RevisionId=old)
        ),
    }
    return Handled(
        revisions=(*revisions, again),
        read_back=tuple(read_back),
        repeated=(revisions[-1], again),
        weights=weights,
        stale=stale,
        turned=(turned["FunctionVersion"], _weights(turned)),
        published=patient.second,
        republished=republished,
        other_code=other_code,
    )


def missing(patient: Patient) -> dict[str, str]:
    """The error codes for a function that does not exist, by operation; "" for none."""
    api, missing = patient.services.functions, patient.missing
    return {
        "ListTags": _error(lambda: api.list_tags(Resource=missing.arn)),
        "GetFunction": _error(lambda: api.get_function(FunctionName=missing.function)),
    }


def _alias(patient: Patient) -> Any:
    return patient.services.functions.get_alias(FunctionName=patient.name, Name=ALIAS)


def _weights(alias: Any) -> dict[str, float]:
    found: dict[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return found


def _error(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""
