"""Every way by which foreign data come in: requests, uploads, the API, replies of functions, answers of AWS."""

import base64
import io
import itertools
import json
import string
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import boto3
from hypothesis import strategies as st

import receive_upload
import recover_deployments
import serve_api
from bluegreen.aws.client import client
from bluegreen.decisions.replies import Reply, evidence, mismatches, verbatim
from bluegreen.document import ENDS
from bluegreen.errors import DeploymentError, InvalidRequest, SmokeTestFailed
from bluegreen.ledger import deployments
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import Case
from tests.bluegreen.examples import record
from tests.bluegreen.strategies import requests
from tests.fuzz import hostile
from tests.fuzz.hostile import MARKED, spoilt
from tests.fuzz.machine import taking_all
from tests.fuzz.playing import TYPED, Entrance, Play, must_be_plain, only_typed_errors
from tests.handlers.desk import TASKS, Desk, Desks, context_of
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, STACK, TARGET, Deployer, installed, place
from tests.machine.faults import Call

REQUEST = {
    "function": FUNCTION,
    "artifact": {"bucket": BUCKET, "key": place("new.zip")},
    "traffic": {"steps": [{"weight": 0.5, "bake_seconds": 60}]},
    "smoke_tests": [{"name": "a", "payload": {"b": MARKED}, "expect": {"statusCode": 200}, "expect_at": {"bonus": 2}}],
    "health": {"no_traffic": "probe", "alarms": [], "dry_run": []},
}


def _names() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"played-{next(numbers)}"


def _known_by_name(error: str) -> bool:
    """An error of ours, or of Step Functions."""
    ours = {kind.__name__ for kind in _all_below(DeploymentError)} | {kind.__name__ for kind in TYPED}
    return error in ours or error.startswith("States.")


def _all_below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from _all_below(each)


def _record_is_plain(deployer: Deployer, name: str) -> dict[str, Any]:
    (record,) = (each for each in deployer.items(f"deployment#{name}") if each["sk"] == "record")
    must_be_plain(*(value for value in record.values() if isinstance(value, str)))
    return record


@contextmanager
def _executions() -> Iterator[Play]:
    """StartExecution, through the whole committed machine."""
    with installed() as deployer:
        deployer.upload(GOOD % 2)
        name_of = _names()

        def play(request: Any) -> None:
            before, name = deployer.alias(), name_of()
            run = deployer.run(request, name)
            record = _record_is_plain(deployer, name)
            assert run.ended in ENDS, (run.ended, run.error, run.cause)
            assert run.ended == record["state"]
            assert not run.error or _known_by_name(run.error), (run.error, run.cause)
            must_be_plain(run.error, run.cause)
            assert deployer.items("lock#") == []
            assert run.ended == "Deployed" or deployer.alias() == before

        yield play


@contextmanager
def _desks() -> Iterator[Desks]:
    with installed() as deployer, tempfile.TemporaryDirectory() as folder:
        desks = Desks(deployer, Path(folder))
        try:
            yield desks
        finally:
            desks.close()


def _ends_well(desk: Desk) -> None:
    """Whatever came before: the undo closes the record, frees the lock and leaves the alias at blue."""
    if not desk.record():
        desk.failed("InvalidRequest").run("RejectDeployment")
    elif desk.state() in ("open", "undoing"):
        desk.failed().run("RollBack" if "deployment" in desk.document else "RejectDeployment")
    desk.end()
    record = _record_is_plain(desk.deployer, desk.name)
    assert record["state"] in ENDS
    assert desk.deployer.items("lock#") == []
    assert desk.deployer.alias() == ("1", {})


@contextmanager
def _events() -> Iterator[Play]:
    """Events of the state machine, sent past it."""
    with _desks() as desks:
        desk = desks(source=GOOD % 2).to("ShiftAlias").failed()

        def play(drawn: tuple[str, list[int], Any]) -> None:
            state, place, by = drawn
            with only_typed_errors():
                desk.invoke(state, spoilt(desk.event(state), place, by))
            assert desk.deployer.alias()[0] == "1"

        yield play
        _ends_well(desk)


@contextmanager
def _openings() -> Iterator[Play]:
    """OpenDeployment, whose event is that of a running execution with this input."""
    with _desks() as desks:
        desks.deployer.upload(GOOD % 2)
        name_of = _names()

        def play(request: Any) -> None:
            desk = desks.asked_for(request, name_of())
            with only_typed_errors():
                desk.run("OpenDeployment")
            _ends_well(desk)

        yield play


def _request_of(arn: str) -> Any:
    return json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])


S3_EVENT: dict[str, Any] = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": f"functions/{FUNCTION}/new.zip", "size": 1, "version-id": "v1", "sequencer": "0055AE"},
        "requester": "123456789012",
        "reason": "PutObject",
    },
}
ENDED_EVENT: dict[str, Any] = {
    "id": "1",
    "source": "aws.states",
    "detail": {"executionArn": "arn:aws:states:us-east-1:123456789012:execution:m:n", "name": "n", "status": "FAILED"},
}

keys = st.sampled_from(["functions/", f"functions/{FUNCTION}/", ""]).flatmap(
    lambda folder: hostile.texts.map(lambda name: f"{folder}{name}.zip")
)
FROM_THE_RULE = {"stack": STACK, "event": S3_EVENT}

uploads = st.tuples(st.just(FROM_THE_RULE), hostile.places, hostile.wrong).map(lambda drawn: spoilt(*drawn)) | keys.map(
    lambda key: {"stack": STACK, "event": S3_EVENT | {"detail": S3_EVENT["detail"] | {"object": {"key": key}}}}
)
"""Events about objects, from EventBridge or from a principal that may invoke ReceiveUpload."""


@contextmanager
def _uploads() -> Iterator[Play]:
    with taking_all():

        def play(event: Any) -> None:
            with only_typed_errors():
                answer = receive_upload.handler(event, context_of("ReceiveUploadFunction"))
                if "execution" in answer:
                    with only_typed_errors():
                        Request.read(_request_of(answer["execution"]))

        yield play


@contextmanager
def _settings() -> Iterator[Play]:
    """What stands beside an upload: whatever it is, the upload starts an execution."""
    with taking_all():
        sequencers = itertools.count(1)

        def play(body: bytes) -> None:
            boto3.client("s3").put_object(Bucket=BUCKET, Key=f"functions/{FUNCTION}/deployment.json", Body=body)
            uploaded = S3_EVENT["detail"]["object"] | {"sequencer": f"{next(sequencers):010X}"}
            event = S3_EVENT | {"detail": S3_EVENT["detail"] | {"object": uploaded}}
            answer = receive_upload.handler({"stack": STACK, "event": event}, context_of("ReceiveUploadFunction"))
            with only_typed_errors():
                Request.read(_request_of(answer["execution"]))

        yield play


@contextmanager
def _ends() -> Iterator[Play]:
    """Of executions that ended, to RecoverDeployments."""
    with _desks() as desks:
        desk = desks(source=GOOD % 2).to("UpdateCode")

        def play(event: Any) -> None:
            with only_typed_errors():
                recover_deployments.handler(event, context_of("RecoverDeploymentsFunction"))
            assert desk.state() == "open"

        yield play
        _ends_well(desk)


query = st.lists(
    st.tuples(
        st.sampled_from(["function", "refused", "next", "limit", "", "\u202e"]),
        st.sampled_from(["", "true", FUNCTION, f"{FUNCTION}:PROD", "MTIz", "e30", "%ff"]) | hostile.texts,
    ),
    max_size=3,
)
routes = ("/deployments/{}", "/functions/{}/freeze")
paths = st.sampled_from(["/deployments", "/deployments/known", "/functions/*/freeze", "/freezes", "/", ""]) | st.builds(
    str.format,
    st.sampled_from(routes),
    hostile.texts
    | hostile.texts.map(lambda text: quote(text, safe="", errors="replace"))
    | st.text(string.punctuation, max_size=5)
    | st.sampled_from(["%ff", "%E2%82", "%00", "a%2Fb", "..%2f..", "%25ff", "a;b"]),
)
freezes = st.fixed_dictionaries(
    {},
    optional={
        "reason": hostile.texts | st.just("why"),
        "until": hostile.texts | st.sampled_from(["2026-01-06", "9999-12-31T23:59-23:59", "0001-01-01", "x"]),
        "zone": hostile.texts | st.sampled_from(["Europe/Berlin", "Europe", "../x", "UTC", ""]),
        "windows": hostile.values | st.lists(st.sampled_from(["Fri 16:00-Mon 08:00", "Mon 24:00-Tue 00:00", ""])),
    },
).map(lambda body: json.dumps(body).encode())
calls = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "POST", "PUT", "DELETE", "HEAD", "get", ""]),
        "path": paths,
        "query": query,
        "body": st.none() | hostile.bodies | freezes,
        "encoded": st.booleans(),
        "type": st.sampled_from(["application/json", "text/plain", "multipart/form-data", "", "\x00"]),
    }
)


def _api_event(call: dict[str, Any]) -> dict[str, Any]:
    """As API Gateway hands it over: parameters of one name are joined by commas."""
    parameters: dict[str, str] = {}
    for name, value in call["query"]:
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    body = call["body"]
    if body is not None:
        body = base64.b64encode(body).decode() if call["encoded"] and body else body.decode(errors="replace")
    http = {"method": call["method"], "path": call["path"], "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": call["path"],
        "rawQueryString": "",
        "headers": {"content-type": call["type"], "host": "api"},
        "queryStringParameters": parameters or None,
        "stageVariables": {"stack": STACK},
        "requestContext": {
            "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/alice"}},
            "domainName": "api",
            "http": http | {"userAgent": "t"},
            "requestId": "request-1",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": call["encoded"],
    }


@contextmanager
def _api() -> Iterator[Play]:
    with taking_all():
        deployments.open_deployment(record("known"))

        def play(call: dict[str, Any]) -> None:
            answer = serve_api.handler(_api_event(call), context_of("ServeApiFunction"))
            assert answer["statusCode"] in (200, 202, 400, 404, 405, 503), answer
            said = json.loads(answer["body"])
            must_be_plain(str(said.get("message", "")).replace("\n", " "))

        yield play


EXPRESSIONS = (
    *("bonus", "a.b", "powertools_json(body).sum", "powertools_base64_gzip(body)", "length(@)", "&a", "@", "*"),
    *("a[*].b[] | [0]", "sort(@)", "to_string(@)", "join('-', @)", "[@, @]" + " | [@, @]" * 40 + " | to_string(@)"),
    *("[@, @][]" + " | [@, @][]" * 30, "to_number(@)", "max_by(@, &a)", "sum(@)", "keys(@)", "a == `[1]`", "[::0]"),
)
replies = st.fixed_dictionaries(
    {
        "body": hostile.bodies
        | st.sampled_from([b"x" * 1_000_000, b'"' + b"x" * 1_000_000 + b'"', b"\xff", b"[" + b"1," * 99_999 + b"1]"])
        | st.just(json.dumps({"statusCode": 200, "bonus": 2, "token": MARKED}).encode()),
        "error": st.none() | st.none() | st.sampled_from(["Unhandled", "Handled", "\x1b[2J"]),
        "version": st.sampled_from([None, "1", "2", "$LATEST"]),
        "cases": st.lists(
            st.fixed_dictionaries(
                {"name": st.just("a"), "payload": st.just({"b": MARKED})},
                optional={
                    "expect": hostile.values,
                    "expect_at": st.dictionaries(st.sampled_from(EXPRESSIONS), hostile.values, max_size=3),
                    "expect_error": st.sampled_from(["ValueError", "\x00"]),
                    "max_duration_ms": st.integers(1, 240_000),
                },
            ),
            min_size=1,
            max_size=2,
        ),
    }
)


@contextmanager
def _replying(drawn: dict[str, Any]) -> Iterator[None]:
    """Each invocation is answered so, a smoke test's as well as a probe's."""

    def say(**_: Any) -> Any:
        answer = {"StatusCode": 200, "Payload": io.BytesIO(drawn["body"])}
        answer |= {"FunctionError": drawn["error"]} if drawn["error"] else {}
        answer |= {"ExecutedVersion": drawn["version"]} if drawn["version"] else {}
        return SimpleNamespace(status_code=200), answer

    clients = [client("invoke", TARGET), client("probe", TARGET)]
    for each in clients:
        each.meta.events.register("before-call.lambda.Invoke", say)
    try:
        yield
    finally:
        for each in clients:
            each.meta.events.unregister("before-call.lambda.Invoke", say)


@contextmanager
def _replies() -> Iterator[Play]:
    """Of functions, to SmokeTest, then to CheckHealth as a probe, then to RollBack, which asks blue."""
    with _desks() as desks:
        desks.deployer.upload(GOOD % 2)
        name_of = _names()

        def play(drawn: dict[str, Any]) -> None:
            desk = desks.asked_for(REQUEST | {"smoke_tests": drawn["cases"]}, name_of())
            with only_typed_errors():
                desk.to("SmokeTest")
                with _replying(drawn):
                    with only_typed_errors():
                        desk.run("SmokeTest")
                    desk.run("PublishVersion")
                    desk.run("ShiftAlias")
                    desk.aws.clock.sleep(200)
                    desk.run("CheckHealth")
            with _replying(drawn):
                _ends_well(desk)

        yield play


def _metrics_answer(drawn: dict[str, Any]) -> Callable[..., Any]:
    """GetMetricData's answer to whatever was asked."""

    def say(params: dict[str, Any], context: Any, **_: Any) -> Any:
        start = datetime(2026, 1, 5, 9, tzinfo=UTC)
        stamps = [start + timedelta(minutes=minute) for minute in range(-3, len(drawn["values"]) - 3)]
        stamps = [*stamps[:-1], start + timedelta(days=drawn["days"])] if stamps else []
        results = [
            {"Id": f"q{number}", "Timestamps": stamps, "Values": drawn["values"], "StatusCode": "Complete"}
            for number in range(12)
        ]
        answer: Any = {"MetricDataResults": results[: drawn["series"]], "Messages": []}
        if drawn["spoilt"]:
            answer = spoilt(answer, *drawn["spoilt"])
        return SimpleNamespace(status_code=200), answer

    return say


figures = st.fixed_dictionaries(
    {
        "values": st.lists(
            st.sampled_from([0.0, 1.0, 100.0, -3.0, 0.5, 1e9, 1e16, 2.0**360, *hostile.NO_NUMBERS])
            | st.floats(allow_nan=True),
            max_size=6,
        ),
        "series": st.sampled_from([4, 8, 12]),
        "days": st.sampled_from([0, 1, 400, 36_500]),
        "spoilt": st.none() | st.tuples(hostile.places, hostile.wrong),
    }
)


@contextmanager
def _figures() -> Iterator[Play]:
    """CloudWatch's, to CheckHealth."""
    with _desks() as desks:
        metric = {"name": "orders", "namespace": "Shop", "bad": "Lost", "requests": "Orders"}
        health = {"metrics": [metric | {"dimensions": {"Version": "{version}"}}], "slow_ms": "learn"}
        desk = desks(source=GOOD % 2, health=health, smoke_tests="off").to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.aws.clock.sleep(400)

        def play(drawn: dict[str, Any]) -> None:
            events, say = client("cloudwatch", TARGET).meta.events, _metrics_answer(drawn)
            events.register("before-call.cloudwatch.GetMetricData", say)
            try:
                before = desk.document
                with only_typed_errors():
                    look = desk.run("CheckHealth")
                    must_be_plain(look["reason"])
                desk.document = before
            finally:
                events.unregister("before-call.cloudwatch.GetMetricData", say)

        yield play
        _ends_well(desk)


STATES_OF_AWS = ("OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "ShiftAlias", "CheckHealth")
answers = st.tuples(
    st.sampled_from([*STATES_OF_AWS, "CompleteDeployment", "RollBack"]),
    st.integers(0, 40),
    hostile.places,
    st.just(hostile.GONE) | hostile.wrong | st.just(datetime(9999, 1, 1, tzinfo=UTC)),
)


@contextmanager
def _answers() -> Iterator[Play]:
    """AWS's to every state: one field of one answer is another or missing. The table's items are another matter."""
    with _desks() as desks:
        desks.deployer.upload(GOOD % 2)
        name_of = _names()

        def play(drawn: tuple[str, int, list[int], Any]) -> None:
            state, number, place, by = drawn
            desk = desks.asked_for(REQUEST | {"smoke_tests": "off", "traffic": "AllAtOnce"}, name_of())
            counted = itertools.count()

            def watch(call: Call, attempt: Callable[[], Any]) -> Any:
                answer, error = attempt()
                if error or call.state != state or call.service == "dynamodb" or next(counted) != number % 7:
                    return answer, error
                http, parsed = answer
                kept = {"ResponseMetadata": parsed["ResponseMetadata"]}
                rest = {name: value for name, value in parsed.items() if name not in kept}
                return (http, spoilt(rest, place, by) | kept if rest else parsed), error

            with desk.aws.watched(watch), only_typed_errors():
                for each in STATES_OF_AWS:
                    desk.run(each)
                desk.run("CompleteDeployment" if state == "CompleteDeployment" else "CheckHealth")
                desk.failed()
                if state == "RollBack":
                    desk.run("RollBack")
            if desk.state() == "Deployed":
                boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")
            _ends_well(desk)

        yield play


@contextmanager
def _searches() -> Iterator[Play]:
    """JMESPath that a request may have, in replies of any shape: a search ends soon, and its text has no value."""

    def play(drawn: tuple[dict[str, Any], Any]) -> None:
        asked, payload = drawn
        try:
            case = Request.read(REQUEST | {"smoke_tests": [{"name": "a", "expect_at": asked}]}).smoke_tests[0]
        except InvalidRequest:
            return
        assert isinstance(case, Case)
        reply = Reply(payload=payload, error=None, error_message=None, duration_ms=1, version="2")
        error = SmokeTestFailed("; ".join(mismatches(case, reply)))
        assert MARKED not in str(error)
        must_be_plain(str(error), *verbatim(case, reply))
        json.dumps(evidence(case, reply), allow_nan=False)

    yield play


parts = st.sampled_from(
    (
        *("@", "a", "*", "[*]", "[]", "[0]", "[::2]", "[?a]", "length(@)", "to_string(@)", "join('x', @)", "[@, @]"),
        *("{a: @}", "reverse(@)", "@ == @", "contains(@, `1`)", "map(&[@, @], @)", "sort_by(@, &a)", "&a", "!a"),
        *("powertools_json(@)", "powertools_base64(@)", "powertools_base64_gzip(@)"),
    )
)
expressions = (
    st.lists(parts, min_size=1, max_size=6).map(" | ".join)
    | st.tuples(parts, st.integers(1, 60)).map(lambda drawn: " | ".join([drawn[0]] * drawn[1]))
    | hostile.texts
    | st.sampled_from(["(" * 400, "[" * 900, "a" * 5_000, "!" * 900 + "a", "a" + "||a" * 300, "`" + "[" * 900 + "`"])
)

spoilt_requests = st.tuples(st.just(REQUEST) | requests, hostile.places, hostile.values | hostile.deep)
large_request = REQUEST | {"smoke_tests": [{"name": "a", "payload": MARKED * 14_000}]}
hostile_requests = (
    hostile.no_objects
    | spoilt_requests.map(lambda drawn: spoilt(*drawn))
    | st.builds(lambda name, value: REQUEST | {name: value}, hostile.texts, hostile.values)
    | st.just(large_request)
)


def _described_cases() -> st.SearchStrategy[Any]:
    """Schemathesis is imported here: in each process that collects the tests it takes longer than any of them."""
    from tests.fuzz import described

    return described.cases()


@contextmanager
def _described_api() -> Iterator[Play]:
    from tests.fuzz import described

    with described.api() as play:
        yield play


ENTRANCES = (
    Entrance("StartExecution", hostile_requests, _executions, 25),
    Entrance("OpenDeployment", hostile_requests, _openings, 40),
    Entrance(
        "events of every state",
        st.tuples(st.sampled_from(sorted(TASKS)), hostile.places, hostile.wrong),
        _events,
        100,
    ),
    Entrance("uploads", uploads, _uploads, 60),
    Entrance("deployment.json", hostile.bodies, _settings, 40),
    Entrance(
        "ends of executions",
        st.tuples(st.just(ENDED_EVENT), hostile.places, hostile.wrong).map(lambda drawn: spoilt(*drawn))
        | hostile.values,
        _ends,
        40,
    ),
    Entrance("the API", calls, _api, 150),
    Entrance("the API as it describes itself", st.deferred(_described_cases), _described_api, 150),
    Entrance("replies of functions", replies, _replies, 12),
    Entrance("figures of CloudWatch", figures, _figures, 40),
    Entrance("answers of AWS", answers, _answers, 12),
    Entrance(
        "searches in replies",
        st.tuples(st.dictionaries(expressions, hostile.values, min_size=1, max_size=3), hostile.values),
        _searches,
        100,
    ),
)
