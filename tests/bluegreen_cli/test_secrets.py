"""
The secrets run: marked texts go in wherever a text of a user can, and every place is searched for them.

FOUND says where each kind of text may stand. A place more or less fails the test. docs/security.md has the same table.
"""

import json
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import boto3
import pytest

import receive_upload
from bluegreen import clock
from bluegreen.edge import logger
from bluegreen.ledger import audit
from sandbox import machine_log
from sandbox.server import ROOT
from tests.bluegreen_cli.conftest import Bluegreen
from tests.handlers.desk import context_of
from tests.machine.asking import ask
from tests.machine.deployer import BUCKET, FUNCTION, STACK, Deployer, alarm, zip_of
from tests.machine.log_groups import LogGroup, log_group
from tests.machine.walk import Run

RECEIVE_UPLOAD = context_of("ReceiveUploadFunction")
FOLDER = f"functions/{FUNCTION}/by-request"

MARKS = {
    "payload": "qzPAYLOADzq",
    "reply, at a place that the case names": "qzNAMEDzq",
    "reply, elsewhere": "qzELSEWHEREzq",
    "error's message": "qzMESSAGEzq",
    "error's class": "qzCLASSzq",
    "expectation": "qzEXPECTEDzq",
    "payload of a sensitive case": "qzHIDDENPAYLOADzq",
    "reply to a sensitive case": "qzHIDDENREPLYzq",
    "error of a sensitive case": "qzHIDDENERRORzq",
    "expectation of a sensitive case": "qzHIDDENEXPECTEDzq",
    "value of an environment variable": "qzENVIRONMENTzq",
    "description of the function": "qzDESCRIPTIONzq",
    "key of an artifact": "qzKEYzq",
    "name of an alarm": "qzALARMzq",
    "author": "qzAUTHORzq",
    "value of an unknown field": "qzUNKNOWNzq",
    "inline payload of a sensitive case, which is refused": "qzREFUSEDzq",
    "class of an error in green's log": "qzLOGCLASSzq",
    "message of an error in green's log": "qzLOGMESSAGEzq",
    "message of an error in green's log, with log_errors type": "qzLOGTYPEzq",
    "class of an error in green's log, which a sensitive case may have met": "qzLOGHIDDENzq",
    "message of an error in green's log, which a sensitive case may have met": "qzLOGUNTOLDzq",
    "hook's reason": "qzHOOKREASONzq",
    "hook's error message": "qzHOOKMESSAGEzq",
    "reason of an approval": "qzAPPROVALzq",
    "reason of a rejection": "qzREJECTIONzq",
    "reason of an abort": "qzABORTzq",
    "reason of a pause": "qzPAUSEzq",
    "reason of a promote": "qzPROMOTEzq",
    "reason of a freeze": "qzFREEZEzq",
    "reason to override a freeze": "qzOVERRIDEzq",
}

SOURCE = f"""
class {MARKS["error's class"]}(Exception): pass
class {MARKS["error of a sensitive case"]}(Exception): pass
calls = []
def handler(event, context):
    call = context.function_version, 'hidden' in event
    calls.append(call)
    late = calls.count(call) > 1
    differs = MODE == 'differs' or (MODE == 'tires' and late)
    if event.get('hidden'):
        assert event['hidden'] == '{MARKS["payload of a sensitive case"]}'
        if MODE == 'raises':
            raise {MARKS["error of a sensitive case"]}('{MARKS["error of a sensitive case"]}')
        rest = {{'{MARKS["reply to a sensitive case"]}': ['{MARKS["reply to a sensitive case"]}']}}
        reply = '{MARKS["reply to a sensitive case"]}' if differs else '{MARKS["expectation of a sensitive case"]}'
        return {{'token': reply, 'rest': rest}}
    if MODE == 'raises':
        raise {MARKS["error's class"]}("{MARKS["error's message"]}")
    reply = '{MARKS["reply, at a place that the case names"]}' if differs else '{MARKS["expectation"]}'
    return {{'name': reply, 'rest': '{MARKS["reply, elsewhere"]}'}}
"""
"""It answers as it should, `differs`, `raises`, or `tires`: each version answers its first call as it should."""

HOOK = "ShopHook"
HOOK_SOURCE = f"""
def handler(event, context):
    if event['deployment'] == 'hook-raises':
        raise ValueError("{MARKS["hook's error message"]}")
    return {{'status': 'Failed', 'reason': "{MARKS["hook's reason"]}"}}
"""

ORDINARY = {"name": "ordinary", "payload": {"p": MARKS["payload"]}, "expect": {"name": MARKS["expectation"]}}
HIDDEN = {
    "name": "hidden",
    "sensitive": True,
    "payload_from": f"s3://{BUCKET}/{FOLDER}/login.json",
    "expect_at": {"token": MARKS["expectation of a sensitive case"]},
}

SHOW = {"bluegreen show", "bluegreen show --json"}
A_FAILURE = {"table: steps", "API: steps", "bluegreen watch", "bluegreen watch --json"} | SHOW
A_RECORD = {"table: record", "API: record", "notifications", "events", "bluegreen history --json", "bluegreen report"}
A_RECORD |= SHOW
THE_REQUEST = {"execution's history", "bluegreen plan --json"}
THE_PLAN = {"table: plan", "API: plan", "bluegreen show --json"}
A_CAUSE = A_FAILURE | A_RECORD | {"logs", "execution's history", "state machine's log"}
AN_END = A_FAILURE | A_RECORD | {"execution's history", "state machine's log"}
AN_ORDER = {"API: answers to orders"}
STATUS = {"bluegreen status", "bluegreen status --json"}
DEPLOY = {"bluegreen deploy", "bluegreen deploy --json"}

FOUND: dict[str, set[str]] = {
    "payload": THE_REQUEST | THE_PLAN,
    "expectation": THE_REQUEST | THE_PLAN | A_FAILURE,
    "reply, at a place that the case names": A_FAILURE,
    "error's class": A_CAUSE,
    "expectation of a sensitive case": THE_REQUEST | THE_PLAN,
    "inline payload of a sensitive case, which is refused": {"execution's history"},
    "value of an unknown field": {"execution's history"},
    "author": A_RECORD | {"execution's history", "bluegreen history", "bluegreen watch", "bluegreen watch --json"},
    "name of an alarm": A_RECORD | A_FAILURE | THE_PLAN | {"execution's history"},
    "key of an artifact": A_RECORD
    | THE_PLAN
    | {"execution's history", "logs", "table: code", "table: newest", "table: waiting"}
    | A_FAILURE
    | DEPLOY
    | {"state machine's log", "bluegreen status --json"},
    "class of an error in green's log": AN_END | DEPLOY | {"bluegreen history"},
    "message of an error in green's log": A_FAILURE | A_RECORD - {"events"} | DEPLOY,
    "hook's reason": A_CAUSE,
    "reason of an approval": AN_ORDER
    | SHOW
    | {"API: record", "bluegreen history --json", "bluegreen report", "bluegreen status --json"}
    | {"table: decision", "table: record"},
    "reason of a rejection": A_CAUSE | AN_ORDER | {"table: decision"},
    "reason of an abort": A_CAUSE | AN_ORDER | {"table: orders"},
    "reason of a pause": A_CAUSE | AN_ORDER | {"table: orders"},
    "reason of a promote": A_FAILURE
    | AN_ORDER
    | STATUS
    | {"API: record", "bluegreen history --json", "bluegreen report", "execution's history", "notifications"}
    | {"table: orders", "table: record"},
    "reason of a freeze": A_CAUSE
    | STATUS
    | {"API: freezes", "bluegreen plan --report", "table: freezes"}
    | {f"bluegreen {command}{as_json}" for command in ("deploy", "freezes", "plan") for as_json in ("", " --json")},
    "reason to override a freeze": A_FAILURE | A_RECORD | STATUS | {"execution's history"},
}
"""Where each kind of text stands. What is not here stands nowhere."""


TABLE = "table: "
TOGETHER = {"audit": A_FAILURE, "record": A_RECORD, "request": THE_REQUEST, "plan": THE_PLAN}
"""What the page calls places that mostly have the same."""


def in_words(places: set[str]) -> str:
    names = {name for name, all_of_them in TOGETHER.items() if all_of_them <= places}
    rest = places.difference(*(TOGETHER[name] for name in names))
    kinds = [place.removeprefix(TABLE) for place in sorted(rest) if place.startswith(TABLE)]
    others = [place for place in sorted(rest) if not place.startswith(TABLE)]
    tables = [TABLE + " and ".join(kinds)] if kinds else []
    return ", ".join([*(f"*{name}*" for name in sorted(names)), *others, *tables]) or "nowhere"


def rows() -> list[str]:
    """Of the page's table: what stands in the same places is one row."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for kind in MARKS:
        kinds[in_words(FOUND.get(kind, set()))].append(kind)
    return [f"| {'; '.join(of)} | {places} |" for places, of in kinds.items()]


def test_the_page_about_security_says_where_a_text_stands() -> None:
    page = (ROOT / "docs" / "security.md").read_text().splitlines()

    assert [row for row in rows() if row not in page] == []
    for name, places in TOGETHER.items():
        assert any(f"*{name}*: {', '.join(sorted(places))}" in line for line in page), name


def source(mode: str, number: int = 0) -> str:
    return f"MODE, NUMBER = {mode!r}, {number}\n{SOURCE}"


class Places:
    """What is written or said, by the place where that is."""

    def __init__(self) -> None:
        self.texts: dict[str, set[str]] = defaultdict(set)

    def add(self, place: str, text: Any) -> None:
        self.texts[place].add(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str))

    def having(self, mark: str) -> set[str]:
        return {place for place, texts in self.texts.items() if any(mark in text for text in texts)}

    def add_items(self, deployer: Deployer) -> None:
        """Every item of the table, by the first part of its key; of a deployment the record and the plan."""
        for item in deployer.items(""):
            kind = item["pk"].partition("#")[0]
            self.add(f"table: {item['sk'] if kind == 'deployment' else kind}", item)


class Log(logging.Handler):
    """Everything that is logged, with what stands beside the message, and with the trace of an exception."""

    def __init__(self, places: Places) -> None:
        super().__init__(logging.DEBUG)
        self._places = places

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("moto", "werkzeug")):
            return
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._places.add("logs", f"{record.getMessage()} {vars(record)} {trace}")


@contextmanager
def logged_at_debug_level(places: Places) -> Iterator[None]:
    handler, loggers = Log(places), (logging.getLogger(), logging.getLogger(logger.name))
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)


class Story:
    """The deployments of the run, one after the other."""

    key = f"functions/{FUNCTION}/{MARKS['key of an artifact']}.zip"

    def __init__(self, deployer: Deployer, places: Places, log: LogGroup) -> None:
        self.deployer = deployer
        self.log = log
        self.places = places
        self.runs: list[Run] = []
        self.uploaded = ""
        self.abort = "none"
        self._own = {self._put(f"{FOLDER}/login.json", json.dumps({"hidden": MARKS["payload of a sensitive case"]}))}

    def _put(self, key: str, body: str | bytes) -> tuple[str, str]:
        put = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return key, put["VersionId"]

    def artifact(self, mode: str, number: int, key: str = f"{FOLDER}/new.zip") -> dict[str, str]:
        put = self._put(key, zip_of(source(mode, number)))
        self._own.add(put)
        return {"bucket": BUCKET, "key": key, "version_id": put[1]}

    def follow(self, arn: str) -> Run:
        self.runs.append(self.deployer.aws.finish(arn))
        return self.runs[-1]

    def run(self, name: str, mode: str, *cases: dict[str, Any], **more: Any) -> Run:
        """By StartExecution."""
        number = len(self.runs)
        request = {"function": FUNCTION, "artifact": self.artifact(mode, number), "smoke_tests": cases} | more
        return self.follow(self.deployer.aws.start(request, name))

    def by_api(self, mode: str, *cases: dict[str, Any]) -> Run:
        request = {"function": FUNCTION, "artifact": self.artifact(mode, 99), "smoke_tests": cases}
        return self.follow(ask("POST", "/deployments", json.dumps(request | {"traffic": "AllAtOnce"}))[1]["execution"])

    def upload(self, arn: str, state: str, moment: str) -> None:
        """While the last deployment by hand bakes, so that it waits."""
        self.places.add_items(self.deployer)
        self.complain(arn, state)
        if state != "Bake" or self.uploaded or not arn.endswith(":tires"):
            return
        self.deployer.aws.clock.sleep(2)
        settings = {"smoke_tests": [ORDINARY], "traffic": "AllAtOnce"}
        self._own.add(self._put(f"functions/{FUNCTION}/deployment.json", json.dumps(settings)))
        version = self.artifact("", 98, self.key)["version_id"]
        thing = {"key": self.key, "version-id": version, "sequencer": "01"}
        detail = {"bucket": {"name": BUCKET}, "object": thing, "requester": "123456789012", "reason": "PutObject"}
        event = {"stack": STACK, "event": {"id": "1", "source": "aws.s3", "detail": detail}}
        self.uploaded = receive_upload.handler(event, RECEIVE_UPLOAD)["execution"]
        self.follow(self.uploaded)

    def complain(self, arn: str, state: str) -> None:
        """Green logs an error under traffic, too."""
        name, message = MARKS["class of an error in green's log"], MARKS["message of an error in green's log"]
        if arn.endswith(":hidden-tires"):
            name = MARKS["class of an error in green's log, which a sensitive case may have met"]
            message = MARKS["message of an error in green's log, which a sensitive case may have met"]
        if arn.endswith(f":{self.abort}"):
            message = MARKS["message of an error in green's log, with log_errors type"]
        for green in self.deployer.alias()[1] if state == "Bake" else ():
            day = clock.iso(clock.now())[:10].replace("-", "/")
            self.log.write(
                clock.now(), f"{day}/[{green}]0a1b", f"[ERROR] {name}: {message}\nTraceback (most recent call last):"
            )

    def its_turn(self) -> Run:
        """The upload's, after that deployment."""
        (arn,) = receive_upload.handler({"id": "1", "source": "aws.states", "detail": {}}, RECEIVE_UPLOAD)["started"]
        return self.follow(arn)

    def _at(self, seconds: float, deployment: str, which: str, body: dict[str, Any]) -> None:
        """So long from now, an order to a deployment or a decision about it, which must be taken."""

        def say() -> None:
            method, path = ("DELETE", "") if which == "abort" else ("POST", f"/{which}")
            status, answer = ask(method, f"/deployments/{deployment}{path}", json.dumps(body))
            assert status < 300, answer
            self.places.add("API: answers to orders", answer)

        self.deployer.aws.after(seconds, say)

    def by_people(self, *orders: tuple[float, str, str], **more: Any) -> Run:
        """A deployment, and what people say of it meanwhile."""
        name = f"people-{len(self.runs)}"
        for seconds, which, reason in orders:
            limit = {"seconds": 600} if which == "pause" else {}
            self._at(seconds, name, which, {"reason": MARKS[reason]} | limit)
        return self.run(name, "", **more)

    def freeze(self) -> None:
        until = clock.iso(clock.now() + 86_400)
        body = {"reason": MARKS["reason of a freeze"], "until": until}
        status, answer = ask("PUT", f"/functions/{FUNCTION}/freeze", json.dumps(body))
        assert status < 300, answer
        self.places.add("API: freezes", [answer, ask("GET", "/freezes")])

    def tell(self) -> None:
        """What is to be seen of it afterwards, but for the commands."""
        for run in self.runs:
            self.places.add("execution's history", run.history)
            for event in run.history:
                self.places.add("state machine's log", machine_log.line(event, run.arn, with_data=False))
        self.places.add_items(self.deployer)
        for place, name in (("notifications", "people"), ("events", "systems")):
            queue = boto3.resource("sqs").get_queue_by_name(QueueName=name)
            while messages := queue.receive_messages(MaxNumberOfMessages=10):
                for message in messages:
                    self.places.add(place, message.body)
                    message.delete()
        for version in boto3.client("lambda").list_versions_by_function(FunctionName=FUNCTION)["Versions"]:
            if version["Version"] not in ("$LATEST", "1"):
                self.places.add("descriptions of versions", version["Description"])
        s3 = boto3.client("s3")
        for each in s3.list_object_versions(Bucket=BUCKET)["Versions"]:
            if (each["Key"], each["VersionId"]) not in self._own:
                self.places.add("S3: keys", each["Key"])

    def ask_the_api(self) -> None:
        """Each deployment, page by page, and both lists."""
        for run in self.runs:
            path, query = f"/deployments/{run.arn.rpartition(':')[2]}", ""
            while True:
                _, answer = ask("GET", path, query=query)
                plan = answer.pop("plan", None)
                self.places.add("API: plan", plan)
                self.places.add("API: steps", answer.pop("steps"))
                self.places.add("API: record", answer)
                if "next" not in answer:
                    break
                query = f"next={answer['next']}"
        for refused in ("true", "false"):
            listed = ask("GET", "/deployments", query=f"function={FUNCTION}&refused={refused}")
            self.places.add("API: record", listed)


def test_a_marked_text_stands_where_it_is_said_to_stand_and_nowhere_else(
    deployer: Deployer,
    bluegreen: Bluegreen,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Any,
) -> None:
    places = Places()
    monkeypatch.setattr(audit, "PAGE", 2)
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    boto3.client("lambda").update_function_configuration(
        FunctionName=FUNCTION,
        Description=MARKS["description of the function"],
        Environment={"Variables": {"TOKEN": MARKS["value of an environment variable"]}},
    )
    deployer.aws.create_function(HOOK, HOOK_SOURCE)
    alarm(MARKS["name of an alarm"], "INSUFFICIENT_DATA")
    ends = []
    with (
        log_group(f"/aws/lambda/{FUNCTION}") as log,
        logged_at_debug_level(places),
        deployer.aws.at_states((story := Story(deployer, places, log)).upload),
    ):
        ends.append(story.by_api("tires", HIDDEN, ORDINARY).ended)
        ends.append(story.run("differs", "differs", ORDINARY, started_by=MARKS["author"]).ended)
        ends.append(story.run("raises", "raises", ORDINARY).ended)
        ends.append(story.run("hidden-differs", "differs", HIDDEN).ended)
        ends.append(story.run("hidden-raises", "raises", HIDDEN).ended)
        with deployer.aws.fails("Invoke", "KMSDisabledException", state="SmokeTest"):
            ends.append(story.run("hidden-refused", "", HIDDEN).ended)
        steps = {"steps": [{"weight": 0.5, "bake_seconds": 600}]}
        health = {"no_traffic": "probe", "alarms": [MARKS["name of an alarm"]]}
        ends.append(story.run("hidden-tires", "tires", HIDDEN, traffic=steps, health=health).ended)
        ends.append(story.run("tires", "tires", ORDINARY, traffic=steps, health=health).ended)
        ends.append(story.run("unknown", "", webhook=MARKS["value of an unknown field"]).ended)
        inline = HIDDEN | {"payload": MARKS["inline payload of a sensitive case, which is refused"]}
        ends.append(story.run("inline", "", inline).ended)
        ends.append(story.its_turn().ended)
        for name in ("hook-fails", "hook-raises"):
            ends.append(story.run(name, "", hooks={"before_traffic": HOOK}).ended)
        asks: dict[str, Any] = {"approval": {"required": True}, "smoke_tests": "off", "traffic": steps}
        later = {"steps": [{"weight": 0.5, "bake_seconds": 60}, {"weight": 0.8, "bake_seconds": 60, "approve": True}]}
        of_later = {"traffic": later, "smoke_tests": "off"}
        ends.append(story.by_people((400, "reject", "reason of a rejection"), **of_later).ended)
        ends.append(story.by_people((200, "pause", "reason of a pause"), **of_later).ended)
        with deployer.aws.fails("Invoke", "ServiceException", state="ServeApi", times=9):
            story.abort = f"people-{len(story.runs)}"
            told = {"health": {"log_errors": "type"}}
            ends.append(story.by_people((200, "abort", "reason of an abort"), **of_later, **told).ended)
        idle = tmp_path / "idle.json"
        idle.write_text(json.dumps({"smoke_tests": "off", "traffic": steps, "health": {"no_traffic": "roll_back"}}))
        unused = tmp_path / "unused.zip"
        unused.write_bytes(zip_of(source("", 95)))
        for as_json in ((), ("--json",)):
            ran = bluegreen("deploy", FUNCTION, str(unused), "--request", str(idle), *as_json)
            assert ran.exit_code == 1
            places.add(f"bluegreen deploy{' --json' * bool(as_json)}", ran.stdout + ran.stderr)
        story.freeze()
        ends.append(story.run("frozen", "").ended)
        ends.append(
            story.by_people(
                (200, "approve", "reason of an approval"),
                (700, "promote", "reason of a promote"),
                artifact=story.artifact("", 96, story.key),
                override_freeze=MARKS["reason to override a freeze"],
                **asks,
            ).ended
        )
        story.ask_the_api()
    story.tell()
    assert ends == [
        "Deployed",
        *["RolledBack"] * 7,
        *["Rejected"] * 2,
        "Deployed",
        *["RolledBack"] * 5,
        "Rejected",
        "Deployed",
    ]
    emitted = [line for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert emitted
    places.add("metrics", "\n".join(emitted))

    rest = tmp_path / "rest.json"
    rest.write_text(json.dumps({"smoke_tests": [HIDDEN, ORDINARY]}))
    new = tmp_path / "new.zip"
    new.write_bytes(zip_of(source("differs", 97)))
    watched = ["differs", "raises", "hidden-differs", "hidden-tires", "unknown"]
    watched += ["hook-fails", "hook-raises", "frozen"]
    watched += [run.arn.rpartition(":")[2] for run in story.runs if ":people-" in run.arn]
    override = ("--override-freeze", "as the test wants it")
    commands: list[tuple[str, ...]] = [
        *(("watch", name) for name in watched),
        *(("show", run.arn.rpartition(":")[2]) for run in story.runs),
        *(("history", FUNCTION, *more) for more in ((), ("--refused",))),
        ("status", FUNCTION),
        ("freezes",),
        ("plan", FUNCTION, str(new), "--request", str(rest)),
        ("plan", FUNCTION, str(new), "--request", str(rest), *override),
        ("deploy", FUNCTION, str(new), "--request", str(rest), "--traffic", "AllAtOnce", *override),
    ]
    for command in commands:
        for as_json in ((), ("--json",)):
            ran = bluegreen(*command, *as_json)
            places.add(f"bluegreen {command[0]}{' --json' * bool(as_json)}", ran.stdout + ran.stderr)

    for name in (run.arn.rpartition(":")[2] for run in story.runs):
        places.add("bluegreen report", unescape(bluegreen("report", name, "--output", "-").stdout))
    page = tmp_path / "plan.html"
    bluegreen("plan", FUNCTION, str(new), "--request", str(rest), *override, "--report", str(page))
    places.add("bluegreen plan --report", unescape(page.read_text()))

    kinds = ("steps", "start", "lock", "serving", "code", "newest", "waiting", "refusals", "record", "plan")
    assert {f"table: {kind}" for kind in kinds} <= set(places.texts)
    assert "aws_xray_sdk" not in sys.modules, "no segment has an annotation"
    wrong = {
        kind: {
            "too much": places.having(mark) - FOUND.get(kind, set()),
            "missing": FOUND.get(kind, set()) - places.having(mark),
        }
        for kind, mark in MARKS.items()
        if places.having(mark) != FOUND.get(kind, set())
    }
    assert wrong == {}
