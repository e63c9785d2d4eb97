"""Which version an invocation runs: aliases route by weight, for callers and for services."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer.settings import current

WEIGHT_DECIMALS = 3
_random = random.Random(current.seed or None)


@dataclass(frozen=True)
class Route:
    """A function's record as one invocation runs it; the configuration carries the ARN that was invoked."""

    record: dict[str, Any]
    version: str


def route(func: dict[str, Any] | None, qualifier: str | None) -> Route | None:
    """The version to run, or None where the function has no such qualifier."""
    if func is None:
        return None
    alias = func["aliases"].get(qualifier)
    version = choose(alias) if alias else qualifier or "$LATEST"
    found = func if version == "$LATEST" else func["versions"].get(version)
    if found is None:
        return None
    arn = func["config"]["FunctionArn"] + (f":{qualifier}" if qualifier else "")
    return Route({**found, "config": {**found["config"], "FunctionArn": arn}}, version)


def choose(alias: dict[str, Any]) -> str:
    """One of the alias's versions, at random by weight."""
    point = _random.random()
    for version, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
        if point < weight:
            return str(version)
    return str(alias["FunctionVersion"])


def get_func_record_for_ref(original: Any) -> Any:
    """Every invoker inside the server asks here for what to run, by name or ARN."""

    def routed(function_ref: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str]:
        func, _, name = lambda_svc._get_base_func_record_for_ref(function_ref)
        qualifier = lambda_svc._resolve_name_and_qualifier(function_ref)[1]
        found = route(func, qualifier)
        return (found.record, found.record["config"], name) if found else (None, None, name)

    return routed


def run_sqs_batch(original: Any) -> Any:
    """A batch of a queue's messages, run as any invocation of what the event source mapping names."""

    def _run_sqs_batch(mapping: dict[str, Any], record: dict[str, Any], *rest: Any) -> None:
        found = route(lambda_svc._functions.get(mapping["FunctionName"]), mapping.get("Qualifier"))
        original(mapping, found.record if found else record, *rest)

    return _run_sqs_batch


def create_alias(original: Any) -> Any:
    """The operation, with weights as Lambda keeps them."""
    return lambda name, data: original(name, rounded(data))


def update_alias(original: Any) -> Any:
    """The operation, with weights as Lambda keeps them."""
    return lambda name, alias, data: original(name, alias, rounded(data))


def rounded(data: dict[str, Any]) -> dict[str, Any]:
    """The request with weights of three decimals: nothing recorded on AWS has more."""
    weights = (data.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if not weights:
        return data
    kept = {version: round(weight, WEIGHT_DECIMALS) for version, weight in weights.items()}
    return {**data, "RoutingConfig": {"AdditionalVersionWeights": kept}}
