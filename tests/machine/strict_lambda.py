"""
What moto's Lambda lets pass and AWS does not, and the metrics that only AWS writes.

Preconditions (RevisionId, CodeSha256), routes to versions that do not exist, versions deleted under an alias,
version numbers given twice, updates that take their time, and AWS/Lambda metrics by alias and executed version.
"""

import base64
import copy
import io
import json
import math
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    PreconditionFailedException,
    UnknownEventConfig,
    ValidationException,
)
from moto.awslambda.models import EventSourceMapping, LambdaAlias, LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from tests.machine.clock import Clock

LATEST = "$LATEST"
HERE = (DEFAULT_ACCOUNT_ID, "us-east-1")
"""Account and region of the stack."""


class ResourceConflict(LambdaClientError):  # type: ignore[misc]
    """What AWS answers while something else is under way."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


@cache
def _dimension_sets(function: str, qualifier: str, version: str) -> list[frozenset[tuple[str, str]]]:
    """As Lambda writes them: the function's, the qualifier's and, behind an alias, the version's."""
    resource = function if qualifier == LATEST else f"{function}:{qualifier}"
    sets = [{"FunctionName": function}, {"FunctionName": function, "Resource": resource}]
    if qualifier not in (LATEST, version):
        sets.append({"FunctionName": function, "Resource": resource, "ExecutedVersion": version})
    return [frozenset(dimensions.items()) for dimensions in sets]


class _Counted(NamedTuple):
    """Invocations that started at the same moment."""

    moment: float
    invocations: int
    errors: int
    throttles: int
    duration_ms: float

    def points(self, metric: str) -> list[tuple[float, int]]:
        """Of a metric: a value, and how often it was written."""
        written: list[tuple[float, int]] = []
        if metric == "Invocations":
            written = [(1.0, self.invocations)]
        elif metric == "Errors":
            written = [(1.0, self.errors), (0.0, self.invocations - self.errors)]
        elif metric == "Throttles":
            written = [(1.0, self.throttles), (0.0, self.invocations)]
        elif metric == "Duration":
            written = [(self.duration_ms, self.invocations)]
        return [point for point in written if point[1]]


class Metrics:
    """
    AWS/Lambda as CloudWatch counts it, for the three dimension sets that Lambda writes.

    Everything shows `delay_seconds` late, and a metric of a version that is in `later`, as ("Errors", "2"), so many
    seconds more. From `silent_since` on (seconds since 1970) CloudWatch counts nothing. Of the versions in `unshown` it
    has no series: the dimension ExecutedVersion is missing.
    """

    def __init__(self, clock: Clock, delay_seconds: float = 0.0) -> None:
        self._clock = clock
        self._counted: dict[tuple[tuple[str, str], frozenset[tuple[str, str]]], list[_Counted]] = {}
        self.delay_seconds = delay_seconds
        self.later: dict[tuple[str, str], float] = {}
        self.silent_since = math.inf
        self.unshown: set[str] = set()

    def count(
        self,
        function: str,
        qualifier: str,
        version: str,
        *,
        invocations: int = 1,
        errors: int = 0,
        throttles: int = 0,
        duration_ms: float = 1.0,
    ) -> None:
        """Invocations that start now. A throttled one counts as neither an invocation nor an error."""
        counted = _Counted(self._clock.now(), invocations, errors, throttles, duration_ms)
        self._add(HERE, _dimension_sets(function, qualifier, version), counted)

    def count_one(
        self, place: tuple[str, str], function: str, qualifier: str, version: str, *, failed: bool, duration_ms: float
    ) -> None:
        """An invocation that ends now, in that account and region."""
        counted = _Counted(self._clock.now(), 1, int(failed), 0, duration_ms)
        self._add(place, _dimension_sets(function, qualifier, version), counted)

    def _add(self, place: tuple[str, str], sets: list[frozenset[tuple[str, str]]], counted: _Counted) -> None:
        for dimensions in sets:
            self._counted.setdefault((place, dimensions), []).append(counted)

    def read(
        self,
        metric: str,
        dimensions: Mapping[str, str],
        start: float,
        end: float,
        period: int,
        stat: str,
        place: tuple[str, str] = HERE,
    ) -> list[tuple[float, float]]:
        """Buckets stand on multiples of the period, as CloudWatch's do; nothing younger than the delay is known yet."""
        version = dimensions.get("ExecutedVersion", "")
        if version in self.unshown:
            return []
        late = self.delay_seconds + self.later.get((metric, version), 0.0)
        known = min(self._clock.now() - late, self.silent_since)
        first = start // period * period
        buckets: dict[float, list[tuple[float, int]]] = {}
        for counted in self._counted.get((place, frozenset(dimensions.items())), []):
            if not first <= counted.moment <= known:
                continue
            bucket = counted.moment // period * period
            if bucket < end and (points := counted.points(metric)):
                buckets.setdefault(bucket, []).extend(points)
        return [(bucket, _statistic(stat, values)) for bucket, values in sorted(buckets.items())]

    def get_metric_data(
        self,
        original: Callable[..., list[dict[str, Any]]],
        backend: CloudWatchBackend,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        """GetMetricData: what asks for AWS/Lambda is answered here, the rest by moto."""
        answers = []
        for query in queries:
            asked = query.get("MetricStat")
            if asked is None or asked["Metric"]["Namespace"] != "AWS/Lambda":
                answers += original(backend, [query], start_time, end_time, scan_by)
                continue
            found = self.read(
                asked["Metric"]["MetricName"],
                {dimension["Name"]: dimension["Value"] for dimension in asked["Metric"].get("Dimensions", [])},
                start_time.replace(tzinfo=UTC).timestamp(),
                end_time.replace(tzinfo=UTC).timestamp(),
                int(asked["Period"]),
                asked["Stat"],
                (backend.account_id, backend.region_name),
            )
            if scan_by == "TimestampDescending":
                found.reverse()
            if query.get("ReturnData", True):
                answers.append(
                    {
                        "id": query["Id"],
                        "label": query.get("Label") or asked["Metric"]["MetricName"],
                        "timestamps": [datetime.fromtimestamp(moment, UTC).replace(tzinfo=None) for moment, _ in found],
                        "values": [value for _, value in found],
                        "status_code": "Complete",
                    }
                )
        return answers


def _statistic(stat: str, values: list[tuple[float, int]]) -> float:
    samples = sum(times for _, times in values)
    total = sum(value * times for value, times in values)
    if stat.startswith("PR(") and stat.endswith(")"):
        low, _, high = stat[3:-1].rpartition(":")
        above = float(low) if low else -math.inf
        upto = float(high) if high else math.inf
        return 100.0 * sum(times for value, times in values if above < value <= upto) / samples
    if stat.startswith("p") and stat[1:].replace(".", "", 1).isdigit():
        rank = math.ceil(samples * float(stat[1:]) / 100)
        for value, times in sorted(values):
            rank -= times
            if rank <= 0:
                return value
    plain = {
        "Sum": total,
        "SampleCount": float(samples),
        "Average": total / samples,
        "Minimum": min(value for value, _ in values),
        "Maximum": max(value for value, _ in values),
    }
    if stat not in plain:
        raise JsonRESTError("ValidationError", f"The value {stat} for parameter Stat is not supported.")
    return plain[stat]


@contextmanager
def strict_lambda(
    clock: Clock, *, update_seconds: float = 0.0, metrics_delay_seconds: float = 0.0
) -> Iterator[tuple[Metrics, "Rules"]]:
    """
    Moto's Lambda and CloudWatch with AWS's rules, for as long as the block lasts.

    An update of `$LATEST` stays InProgress for `update_seconds` of the clock, and a version that is published with it
    Pending for as long. `$LATEST` has another RevisionId when an update is done and when a version of it is published.
    """
    metrics = Metrics(clock, metrics_delay_seconds)
    rules = Rules(clock, update_seconds)
    with ExitStack() as patches:
        for owner, name, rule in (
            (LambdaFunction, "get_configuration", rules.get_configuration),
            (LambdaFunction, "get_code", rules.get_code),
            (LambdaFunction, "_set_function_code", rules.set_function_code),
            (LambdaBackend, "update_function_code", rules.update_function_code),
            (LambdaBackend, "update_function_configuration", rules.update_function_configuration),
            (LambdaResponse, "publish_version", rules.publish_version),
            (LambdaStorage, "publish_version", rules.next_version),
            (LambdaStorage, "put_alias", rules.put_alias),
            (LambdaResponse, "update_alias", rules.update_alias),
            (LambdaStorage, "del_function", rules.del_function),
            (LambdaResponse, "put_function_event_invoke_config", rules.put_function_event_invoke_config),
            (LambdaResponse, "get_function_event_invoke_config", rules.get_function_event_invoke_config),
            (LambdaBackend, "list_event_source_mappings", rules.list_event_source_mappings),
            (LambdaBackend, "update_event_source_mapping", rules.update_event_source_mapping),
            (CloudWatchBackend, "get_metric_data", metrics.get_metric_data),
        ):
            patches.enter_context(mock.patch.object(owner, name, _as_method(rule, getattr(owner, name))))
        patches.enter_context(
            mock.patch.object(LambdaResponse, "get_account_settings", get_account_settings, create=True)
        )
        patches.enter_context(mock.patch.dict(url_paths, {ACCOUNT_SETTINGS: LambdaResponse.dispatch}))
        yield metrics, rules


ACCOUNT_SETTINGS = r"{0}/(?P<api_version>[^/]+)/account-settings/?$"
MOST_CODE_BYTES = 75 * 1024**3
CONCURRENCY = 1000


def get_account_settings(response: LambdaResponse) -> str:
    """GetAccountSettings, which moto lacks: the quotas of a new account, and the code of every version."""
    groups: list[Any] = [*response.backend._lambdas._functions.values()]
    latest = [group["latest"] for group in groups]
    reserved = sum(int(each.reserved_concurrency or 0) for each in latest)
    return json.dumps(
        {
            "AccountLimit": {
                "TotalCodeSize": MOST_CODE_BYTES,
                "CodeSizeUnzipped": 250 * 1024**2,
                "CodeSizeZipped": 50 * 1024**2,
                "ConcurrentExecutions": CONCURRENCY,
                "UnreservedConcurrentExecutions": CONCURRENCY - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(
                    each.code_size for group in groups for each in (group["latest"], *group["versions"])
                ),
                "FunctionCount": len(groups),
            },
        }
    )


def _as_method(rule: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """A rule gets what it replaces, then the object of moto's and the arguments."""

    def method(*arguments: Any, **named: Any) -> Any:
        return rule(original, *arguments, **named)

    return method


class Rules:
    """AWS's rules, each in place of a method of moto's."""

    def __init__(self, clock: Clock, update_seconds: float = 0.0) -> None:
        self._clock = clock
        self._update_seconds = update_seconds

    def is_busy(self, function: LambdaFunction) -> bool:
        """An update of `$LATEST` is in progress, or a version not yet active."""
        return self._clock.now() < getattr(function, "busy_until", 0.0)

    def serving(self, function: Any) -> LambdaFunction:
        """Whose code runs: while an update of `$LATEST` is in progress, still the code before it."""
        before: LambdaFunction = (
            function.outgoing if self.is_busy(function) and function.version == LATEST else function
        )
        return before

    def get_configuration(
        self, original: Callable[..., dict[str, Any]], function: LambdaFunction, on_create: bool = False
    ) -> dict[str, Any]:
        """RevisionId, which moto leaves out, and the states that pass by."""
        answer = original(function, on_create) | {"RevisionId": self.revision(function)}
        if not self.is_busy(function):
            return answer
        if function.version == LATEST:
            return answer | {"LastUpdateStatus": "InProgress"}
        return answer | {"State": "Pending", "StateReasonCode": "Creating"}

    def get_code(self, original: Callable[..., dict[str, Any]], function: LambdaFunction) -> dict[str, Any]:
        """A link to the code that can be followed, without a network; a reserved concurrency of 0 is one, too."""
        answer = original(function)
        if function.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": int(function.reserved_concurrency)}
        if "Location" in answer.get("Code", {}):
            package = base64.b64encode(function.code_bytes).decode()
            answer["Code"]["Location"] = f"data:application/zip;base64,{package}"
        if "ResolvedImageUri" in answer.get("Code", {}):
            image: str = function.image_uri
            answer["Code"] |= dict.fromkeys(("ImageUri", "ResolvedImageUri"), image)
        return answer

    def set_function_code(self, original: Any, function: Any, code: dict[str, Any]) -> None:
        """An image's digest is that of its URI, and a version keeps its own when $LATEST gets another."""
        original(function, code)
        if "ImageUri" in code:
            function.image_uri = code["ImageUri"]
            function.code_sha_256 = function.image_uri.rpartition("@sha256:")[2]

    def update_function_code(
        self, original: Any, backend: LambdaBackend, name: str, qualifier: str | None, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Preconditions, the version of an S3 object, and that it is a zip at all."""
        function = self._latest_to_change(backend, name, body)
        code = {"ImageUri": body["ImageUri"]} if "ImageUri" in body else {"ZipFile": _zip_of(backend, body)}
        if not body.get("DryRun"):
            self._begin_update(function)
            function.update_function_code(code)
        changed = backend.publish_version(name) if body.get("Publish") else function
        found: dict[str, Any] = (changed or function).get_configuration()
        return found

    def update_function_configuration(
        self, original: Callable[..., Any], backend: LambdaBackend, name: str, qualifier: str, body: dict[str, Any]
    ) -> Any:
        """Preconditions."""
        self._begin_update(self._latest_to_change(backend, name, body))
        return original(backend, name, qualifier, body)

    def publish_version(self, original: Any, response: LambdaResponse) -> tuple[int, dict[str, Any], str]:
        """Preconditions, RevisionId and CodeSha256."""
        name = unquote(response.path.split("/")[-2])
        asked = json.loads(response.body or "{}")
        function = self._latest_to_change(response.backend, name, asked)
        if asked.get("CodeSha256", function.code_sha_256) != function.code_sha_256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({asked['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
                f"({function.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
            )
        version = response.backend.publish_version(name, asked.get("Description", ""))
        assert version is not None
        return 201, {"status": 201}, json.dumps(version.get_configuration())

    def next_version(
        self, original: Any, storage: LambdaStorage, name_or_arn: str, description: str = ""
    ) -> LambdaFunction:
        """The same code and configuration again is the same version, and no number is given twice."""
        latest: Any = storage.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        group = storage._functions[latest.function_name]
        if group["versions"] and group.get("published") == _frozen(latest):
            newest: LambdaFunction = group["versions"][-1]
            return newest
        group["published"] = _frozen(latest)
        version = copy.copy(latest)
        group["numbers_given"] = group.get("numbers_given", 0) + 1
        version.set_version(group["numbers_given"])
        version.description = description or latest.description
        for changed in (version, latest):
            vars(changed).pop("revision_after_update", None)
            changed.revision_id = str(uuid.uuid4())
        group["versions"].append(version)
        storage._arns[version.function_arn] = version
        frozen: LambdaFunction = version
        return frozen

    def put_alias(
        self,
        original: Callable[..., LambdaAlias],
        storage: LambdaStorage,
        name: str,
        function: str,
        version: str,
        description: str,
        routing: Any,
    ) -> LambdaAlias:
        """Routes that AWS accepts."""
        self._check_route(storage, function, version, routing)
        return original(storage, name, function, version, description, routing)

    def update_alias(self, original: Any, response: LambdaResponse) -> tuple[int, dict[str, Any], str]:
        """The precondition, routes that AWS accepts, and a new RevisionId."""
        function, name = unquote(response.path.split("/")[-3]), unquote(response.path.split("/")[-1])
        asked = json.loads(response.body or "{}")
        alias = response.backend.get_alias(name, function)
        _expect_revision(asked, alias.revision_id)
        version = asked.get("FunctionVersion") or alias.function_version
        routing: Any = asked["RoutingConfig"] if asked.get("RoutingConfig") is not None else alias.routing_config
        self._check_route(response.backend._lambdas, function, version, routing)
        alias.update(asked.get("Description"), version, routing if weights_of(routing) else {})
        alias.revision_id = str(uuid.uuid4())
        return 200, {"status": 200}, json.dumps(alias.to_json())

    def del_function(
        self, original: Callable[..., None], storage: LambdaStorage, name_or_arn: str, qualifier: str | None = None
    ) -> None:
        """Not while an alias names the version, as its main one or by a weight."""
        function = storage.get_function_by_name_or_arn_with_qualifier(name_or_arn, qualifier)
        version = str(function.version)
        for alias in storage.list_aliases(function.function_name):
            if version != LATEST and version in (alias.function_version, *weights_of(alias.routing_config)):
                raise ResourceConflict(f"{function.function_arn} is currently being used by alias {alias.name}")
        original(storage, name_or_arn, qualifier)

    def put_function_event_invoke_config(self, original: Callable[..., Any], response: LambdaResponse) -> Any:
        """Those of a version or an alias are its own."""
        qualifier, function = self._asked_for(response)
        if not qualifier:
            return original(response)
        kept = vars(function).setdefault("event_invoke_configs", {})
        kept[qualifier] = json.loads(response.body) | {"FunctionArn": f"{function.function_arn}:{qualifier}"}
        return ActionResult(kept[qualifier])

    def get_function_event_invoke_config(self, original: Callable[..., Any], response: LambdaResponse) -> Any:
        """Those of a version or an alias are its own."""
        qualifier, function = self._asked_for(response)
        if not qualifier:
            return original(response)
        kept = vars(function).get("event_invoke_configs", {})
        if qualifier not in kept:
            raise UnknownEventConfig(f"{function.function_arn}:{qualifier}")
        return ActionResult(kept[qualifier])

    def list_event_source_mappings(
        self, original: Any, backend: LambdaBackend, source: str, name: str
    ) -> list[EventSourceMapping]:
        """Of a function, with those of its versions and aliases."""
        mappings = list(original(backend, source, ""))
        return [each for each in mappings if not name or each.function_arn.split(":")[6] == name]

    def update_event_source_mapping(
        self, original: Any, backend: LambdaBackend, mapping: str, asked: dict[str, Any]
    ) -> EventSourceMapping | None:
        """It invokes what it was told to: an alias, and not the version that this is at."""
        found: EventSourceMapping | None = original(backend, mapping, asked)
        if found and "FunctionName" in asked:
            name, _, qualifier = asked["FunctionName"].partition(":")
            arn = backend.get_function(name, None).function_arn.removesuffix(f":{LATEST}")
            found.function_arn = f"{arn}:{qualifier}" if qualifier else arn
        return found

    def _asked_for(self, response: LambdaResponse) -> tuple[str | None, Any]:
        name = unquote(response.path.rsplit("/", 2)[1])
        return response.querystring.get("Qualifier", [None])[0], response.backend.get_function(name, None)

    def _latest_to_change(self, backend: LambdaBackend, name: str, asked: dict[str, Any]) -> LambdaFunction:
        function = backend.get_function(name, None)
        if self.is_busy(function):
            raise ResourceConflict(
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {function.function_arn}"
            )
        _expect_revision(asked, self.revision(function))
        return function

    def revision(self, function: Any) -> str:
        """Of a function or version; the end of an update of `$LATEST` is a new one."""
        if not self.is_busy(function) and (after := vars(function).pop("revision_after_update", None)):
            function.revision_id = after
        return _revision(function)

    def _begin_update(self, function: Any) -> None:
        function.outgoing = None
        function.outgoing = copy.copy(function)
        function.revision_id = str(uuid.uuid4())
        function.revision_after_update = str(uuid.uuid4())
        function.busy_until = self._clock.now() + self._update_seconds

    def _check_route(self, storage: LambdaStorage, function: str, version: str, routing: Any) -> None:
        weights = weights_of(routing)
        if len(weights) > 1:
            raise InvalidParameterValueException(
                "Number of items in AdditionalVersionWeights cannot be greater than 1."
            )
        if weights and LATEST in (version, *weights):
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if version in weights:
            raise InvalidParameterValueException(
                f"Function version {version} is already included in routing configuration."
            )
        for other, weight in weights.items():
            if not 0.0 <= weight <= 1.0:
                raise ValidationException(
                    f"{{{other}={weight}}}", "routingConfig", "Member must be between 0.0 and 1.0"
                )
        roles = {
            storage.get_function_by_name_or_arn_with_qualifier(function, each).role for each in (version, *weights)
        }
        if len(roles) > 1:
            raise InvalidParameterValueException(
                "Both versions of an alias with weights must have the same execution role"
            )
        for named in (version, *weights):
            target = storage.get_function_by_name_or_arn_with_qualifier(function, named)
            if named != LATEST and self.is_busy(target):
                raise ResourceConflict(f"{target.function_arn} is in the following state: Pending")


def weights_of(routing: Any) -> dict[str, float]:
    """Version -> share, of an alias's RoutingConfig."""
    return dict((routing or {}).get("AdditionalVersionWeights") or {})


def _revision(function: Any) -> str:
    if "revision_id" not in vars(function):
        function.revision_id = str(uuid.uuid4())
    return str(function.revision_id)


def _expect_revision(asked: Mapping[str, Any], revision: str) -> None:
    if asked.get("RevisionId") not in (None, revision):
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


def _zip_of(backend: LambdaBackend, body: Mapping[str, Any]) -> str:
    if "ZipFile" in body:
        content = base64.b64decode(body["ZipFile"])
    else:
        bucket, key, version = body["S3Bucket"], body["S3Key"], body.get("S3ObjectVersion")
        buckets = s3_backends[backend.account_id][backend.partition]
        try:
            if buckets.get_bucket(bucket).region_name != backend.region_name:
                raise _not_in_s3("PermanentRedirect")
            found = buckets.get_object(bucket, key, version)
        except MissingBucket:
            raise _not_in_s3("NoSuchBucket") from None
        if found is None:
            raise _not_in_s3("NoSuchVersion" if version else "NoSuchKey")
        content = found.value
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        )
    return base64.b64encode(content).decode()


def _not_in_s3(code: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"Error occurred while GetObject. S3 Error Code: {code}.")


def _frozen(function: LambdaFunction) -> tuple[Any, ...]:
    return (
        *(function.code_sha_256, function.handler, function.role, function.run_time, function.memory_size),
        *(function.timeout, function.environment_vars, function.layers, function.architectures, function.description),
    )
