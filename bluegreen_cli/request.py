"""The request of a command line. The state machine's own model checks it."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from bluegreen.aws import artifacts, functions
from bluegreen.errors import NotFound
from bluegreen.request import written
from bluegreen.request.artifact import LATEST
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.request.request import Request, taken_apart
from bluegreen.target import Target
from bluegreen.text import plain
from bluegreen_cli import completion
from bluegreen_cli.aws import Account
from bluegreen_cli.package import Package
from bluegreen_cli.problems import NOTHING_CHANGED, NOTHING_UPLOADED_OR_STARTED, Refused, explained, unreadable
from bluegreen_cli.stack import Stack

THE_STACKS_BUCKET = "the-artifact-bucket-of-the-stack"
"""Stands in the request until the stack is read, so that a wrong request is refused without AWS."""

LONGEST_SHOWN = 100


def must_be_an_id(deployment: str, advice: str) -> None:
    """Raises Refused, with the advice, for what cannot be a deployment's id."""
    if not is_execution_name(deployment):
        raise Refused(
            f"{plain(deployment, 100)!r} cannot be a deployment's id, which is the name of its execution",
            NOTHING_CHANGED,
            advice,
        )


@dataclass(frozen=True)
class Named:
    """A function as the command line says it, and an alias; None if neither says one."""

    reference: FunctionReference
    alias: str | None

    @property
    def function(self) -> str:
        """The function's own name."""
        return self.reference.name

    def must_be_in(self, place: Stack | Account, untouched: str = NOTHING_CHANGED) -> None:
        """Raises Refused for an ARN of another region or account."""
        if wrong := self.reference.complaint(place.region, place.number):
            raise Refused(f"function: {wrong}", untouched, "--region and --profile say where the command works.")

    def at(self, stack: Stack) -> Target:
        """The target. Raises Refused if the stack is in another place."""
        self.must_be_in(stack)
        return stack.target(self.function, self.alias)


@dataclass(frozen=True)
class Asked:
    """
    A request, and the package to upload for it; None if the artifact is in AWS already.

    With `code_of` the package is the code of that version, once `with_its_code` has read it.
    """

    request: dict[str, Any]
    named: Named
    package: Package | None = None
    code_of: str | None = None

    def must_be_in(self, stack: Stack) -> None:
        """Raises Refused if the function is in another region or account."""
        self.named.must_be_in(stack, NOTHING_UPLOADED_OR_STARTED)

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

    def with_its_code(self, target: Target) -> "Asked":
        """With the code of the version that `code_of` names. Raises Refused if there is no such version."""
        if self.code_of is None:
            return self
        with explained(f"reading version {self.code_of} of {target.function}", NOTHING_UPLOADED_OR_STARTED):
            try:
                found = functions.describe(target, self.code_of)
            except NotFound as error:
                raise Refused(
                    f"{target.function} has no version {self.code_of}",
                    NOTHING_UPLOADED_OR_STARTED,
                    f"`aws lambda list-versions-by-function --function-name {target.function}` lists them.",
                ) from error
            if found.image_uri:
                return self.said(artifact={"image_uri": found.image_uri})
            content = io.BytesIO()
            artifacts.download(found, content)
        return replace(self, package=Package.of(content.getvalue(), f"the code of version {self.code_of}"))

    def in_bucket(self, bucket: str) -> "Asked":
        """With the package's place in the stack's bucket as the artifact."""
        return self.said(artifact=self.package.artifact(bucket, self.function)) if self.package else self


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

OPTIONS: list[Decorator] = [
    click.argument("function", shell_complete=completion.functions),
    click.argument("source", required=False, metavar="[PATH|s3://BUCKET/KEY]"),
    click.option("--version", "version", metavar="N", help="A published version, instead of new code."),
    click.option("--latest", is_flag=True, help="What $LATEST has now, code and settings, instead of new code."),
    click.option("--code-of", type=click.IntRange(1), metavar="N", help="The code of version N, deployed as new code."),
    click.option("--image", metavar="URI", help="A container image by digest (…@sha256:…), instead of a zip."),
    click.option("--alias", metavar="NAME", help="The alias to move; the stack's default unless given."),
    click.option(
        "--traffic",
        metavar="NAME",
        shell_complete=completion.strategies,
        help="AllAtOnce, Canary10Percent5Minutes, …, Adaptive.",
    ),
    click.option("--steps", metavar="JSON", help='Steps of your own, as [{"weight": 0.05, "bake_seconds": 120}].'),
    click.option("--smoke-tests", metavar="FILE", help="JSON: a list of cases with payload and expected reply."),
    click.option("--no-smoke-tests", is_flag=True, help="Shift the alias without a smoke test."),
    click.option("--health", metavar="JSON", help='How metrics are read, as {"period_seconds": 60}.'),
    click.option(
        "--from-elsewhere", is_flag=True, help="Take s3://BUCKET/KEY although it is not in the function's own folder."
    ),
    click.option(
        "--allow-bypass", is_flag=True, help="Deploy although event source mappings invoke the function itself."
    ),
    click.option(
        "--keep-versions", type=int, metavar="N", help="Delete older versions after a success, but for the newest N."
    ),
    click.option("--override-freeze", metavar="WHY", help="Deploy in spite of a freeze; the record says why and who."),
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
    latest: bool,
    code_of: int | None,
    image: str | None,
    alias: str | None,
    traffic: str | None,
    steps: str | None,
    smoke_tests: str | None,
    no_smoke_tests: bool,
    health: str | None,
    from_elsewhere: bool,
    allow_bypass: bool,
    keep_versions: int | None,
    override_freeze: str | None,
    request_file: str | None,
) -> Asked:
    """Raises Refused in the state machine's words, and click's UsageError for options that exclude each other."""
    _at_most_one("PATH, --version, --latest, --code-of and --image", source, version, latest, code_of, image)
    _at_most_one("--traffic and --steps", traffic, steps)
    _at_most_one("--smoke-tests and --no-smoke-tests", smoke_tests, no_smoke_tests)
    request = _object(_file(request_file, "--request"), "--request") if request_file else {}
    if _bare(request.setdefault("function", function)) != _bare(function):
        of_file = plain(request["function"], LONGEST_SHOWN)
        raise click.UsageError(f"{plain(request_file)} is for the function {of_file}, not {plain(function)}.")
    if _bare(function) != function:
        request["function"] = function
    in_aws = source is None or source == LATEST or source.startswith(("s3://", "arn:"))
    package = None if in_aws else Package.read(Path(source or ""))
    if package:
        request["artifact"] = package.artifact(THE_STACKS_BUCKET, _folder(function))
    elif source:
        request["artifact"] = source
    elif version:
        request["artifact"] = {"version": version}
    elif latest:
        request["artifact"] = LATEST
    elif code_of:
        request["artifact"] = {"bucket": THE_STACKS_BUCKET, "key": f"code-of-version-{code_of}"}
    elif image:
        request["artifact"] = {"image_uri": image}
    elif "artifact" not in request:
        raise click.UsageError(
            "Say what to deploy: a zip, a folder, s3://bucket/key, --latest, --version N, --code-of N or --image URI."
        )
    given = {
        "alias": alias,
        "traffic": _steps(_json(steps, "--steps")) if steps else traffic,
        "smoke_tests": "off" if no_smoke_tests else _file(smoke_tests, "--smoke-tests") if smoke_tests else None,
        "health": _json(health, "--health") if health else None,
        "from_elsewhere": from_elsewhere or None,
        "bypass": "allow" if allow_bypass else None,
        "keep_versions": keep_versions,
        "override_freeze": override_freeze,
    }
    request |= {field: value for field, value in given.items() if value is not None}
    checked = check(request)
    return Asked(taken_apart(request)[0], _named(function, checked), package, str(code_of) if code_of else None)


def of_version(named: Named, version: str, no_smoke_tests: bool = False, override_freeze: str | None = None) -> Asked:
    """The request that gives a published version the whole alias at once."""
    request: dict[str, Any] = {"function": named.function, "artifact": {"version": version}, "traffic": "AllAtOnce"}
    request |= {"alias": named.alias} if named.alias else {}
    request |= {"smoke_tests": "off"} if no_smoke_tests else {}
    request |= {"override_freeze": override_freeze} if override_freeze is not None else {}
    check(request)
    return Asked(request, named)


def check(request: dict[str, Any], untouched: str = NOTHING_UPLOADED_OR_STARTED) -> Request:
    """Raises Refused, naming every wrong field."""
    with explained("reading the request", untouched):
        return Request.read(request)


def names(function: str, alias: str | None = None, untouched: str = NOTHING_CHANGED) -> Named:
    """Apply the request's rules for names in a command that deploys nothing."""
    request: dict[str, Any] = {"function": function, "artifact": {"version": "1"}}
    return _named(function, check(request | ({"alias": alias} if alias else {}), untouched))


def _bare(function: Any) -> Any:
    """The function's own name, if it is written as a reference that can be read."""
    reference = FunctionReference.read(function)
    return reference.name if reference else function


def _named(function: str, checked: Request) -> Named:
    return Named(FunctionReference.read(function) or FunctionReference(checked.function), checked.alias)


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
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Refused(
            f"{option}: {unreadable(path, error)}", NOTHING_UPLOADED_OR_STARTED, "Correct the path."
        ) from error
    return _json(text, f"{option} {path}", "Correct the file.")


def _json(text: str, where: str, advice: str = "Write it as JSON, for instance in single quotes.") -> Any:
    try:
        return written.read(text)
    except ValueError as error:
        raise Refused(
            f"{where} is not JSON: {error}",
            NOTHING_UPLOADED_OR_STARTED,
            advice,
        ) from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(
            f"{where} is not a JSON object",
            NOTHING_UPLOADED_OR_STARTED,
            'Write the rest of the request, as {"traffic": "AllAtOnce"}.',
        )
    return value
