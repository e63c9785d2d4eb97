"""The request of a command line. The state machine's own model checks it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from bluegreen.request.request import Request
from bluegreen_cli.package import Package
from bluegreen_cli.problems import NOTHING_CHANGED, NOTHING_UPLOADED_OR_STARTED, Refused, explained

THE_STACKS_BUCKET = "the-artifact-bucket-of-the-stack"
"""Stands in the request until the stack is read, so that a wrong request is refused without AWS."""


@dataclass(frozen=True)
class Asked:
    """A request, and the package to upload for it; None if the artifact is in AWS already."""

    request: dict[str, Any]
    package: Package | None = None

    @property
    def function(self) -> str:
        """The function's name."""
        return str(self.request["function"])

    @property
    def alias(self) -> str | None:
        """The alias, if the request names one."""
        return self.request.get("alias")

    def said(self, **more: Any) -> "Asked":
        """With more fields of the request."""
        return replace(self, request=self.request | more)

    def in_bucket(self, bucket: str) -> "Asked":
        """With the package's place in the stack's bucket as the artifact."""
        return self.said(artifact=self.package.artifact(bucket, self.function)) if self.package else self


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

OPTIONS: list[Decorator] = [
    click.argument("function"),
    click.argument("source", required=False, metavar="[PATH|s3://BUCKET/KEY]"),
    click.option("--version", "version", metavar="N", help="A published version, instead of new code."),
    click.option("--image", metavar="URI", help="A container image by digest (…@sha256:…), instead of a zip."),
    click.option("--alias", metavar="NAME", help="The alias to move; the stack's default unless given."),
    click.option("--traffic", metavar="NAME", help="AllAtOnce, Canary10Percent5Minutes, …, Adaptive."),
    click.option("--steps", metavar="JSON", help='Steps of your own, as [{"weight": 0.05, "bake_seconds": 120}].'),
    click.option("--smoke-tests", metavar="FILE", help="JSON: a list of cases with payload and expected reply."),
    click.option("--no-smoke-tests", is_flag=True, help="Shift the alias without a smoke test."),
    click.option("--health", metavar="JSON", help='How metrics are read, as {"period_seconds": 60}.'),
    click.option(
        "--allow-bypass", is_flag=True, help="Deploy although event source mappings invoke the function itself."
    ),
    click.option(
        "--request", "request_file", metavar="FILE", help="JSON: the rest of the request. Options override it."
    ),
]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments and options that make a request."""
    for decorate in reversed(OPTIONS):
        command = decorate(command)
    return command


def read(
    function: str,
    source: str | None,
    version: str | None,
    image: str | None,
    alias: str | None,
    traffic: str | None,
    steps: str | None,
    smoke_tests: str | None,
    no_smoke_tests: bool,
    health: str | None,
    allow_bypass: bool,
    request_file: str | None,
) -> Asked:
    """Raises Refused in the state machine's words, and click's UsageError for options that exclude each other."""
    _at_most_one("PATH, --version and --image", source, version, image)
    _at_most_one("--traffic and --steps", traffic, steps)
    _at_most_one("--smoke-tests and --no-smoke-tests", smoke_tests, no_smoke_tests)
    request = _object(_file(request_file, "--request"), "--request") if request_file else {}
    if request.setdefault("function", function) != function:
        raise click.UsageError(f"{request_file} is for the function {request['function']}, not {function}.")
    package = Package.read(Path(source)) if source and not source.startswith("s3://") else None
    if package:
        request["artifact"] = package.artifact(THE_STACKS_BUCKET, _folder(function))
    elif source:
        request["artifact"] = source
    elif version:
        request["artifact"] = {"version": version}
    elif image:
        request["artifact"] = {"image_uri": image}
    elif "artifact" not in request:
        raise click.UsageError("Say what to deploy: a zip, a folder, s3://bucket/key, --version N or --image URI.")
    given = {
        "alias": alias,
        "traffic": _steps(_json(steps, "--steps")) if steps else traffic,
        "smoke_tests": "off" if no_smoke_tests else _file(smoke_tests, "--smoke-tests") if smoke_tests else None,
        "health": _json(health, "--health") if health else None,
        "bypass": "allow" if allow_bypass else None,
    }
    request |= {field: value for field, value in given.items() if value is not None}
    check(request)
    return Asked(request, package)


def of_version(function: str, alias: str | None, version: str, no_smoke_tests: bool = False) -> Asked:
    """The request that gives a published version the whole alias at once."""
    request: dict[str, Any] = {"function": function, "artifact": {"version": version}, "traffic": "AllAtOnce"}
    request |= {"alias": alias} if alias else {}
    request |= {"smoke_tests": "off"} if no_smoke_tests else {}
    check(request)
    return Asked(request)


def check(request: dict[str, Any], untouched: str = NOTHING_UPLOADED_OR_STARTED) -> Request:
    """Raises Refused, naming every wrong field."""
    with explained("reading the request", untouched):
        return Request.read(request)


def check_names(function: str, alias: str | None = None, untouched: str = NOTHING_CHANGED) -> None:
    """Apply the request's rules for names in a command that deploys nothing."""
    check({"function": function, "artifact": {"version": "1"}} | ({"alias": alias} if alias else {}), untouched)


def _at_most_one(names: str, *values: object) -> None:
    if sum(bool(value) for value in values) > 1:
        raise click.UsageError(f"{names} exclude each other.")


def _folder(function: str) -> str:
    """A function's name that is wrong is refused as such, and not for the key that it would make."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", function)


def _steps(value: Any) -> Any:
    return {"steps": value} if isinstance(value, list) else value


def _file(path: str, option: str) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Refused(
            f"{option}: {path} cannot be read: {error}", NOTHING_UPLOADED_OR_STARTED, "Correct the path."
        ) from error
    return _json(text, f"{option} {path}")


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused(
            f"{where} is not JSON: {error}",
            NOTHING_UPLOADED_OR_STARTED,
            "Write it as JSON, for instance in single quotes.",
        ) from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(
            f"{where} is not a JSON object",
            NOTHING_UPLOADED_OR_STARTED,
            'Write the rest of the request, as {"traffic": "AllAtOnce"}.',
        )
    return value
