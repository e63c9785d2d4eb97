"""
What a version's log complains of most: the lines that report an error, and which of them come most often.

Lambda writes a line for a time-out and for a runtime that was killed; each runtime writes what a handler raised in a
way of its own, as text or as JSON (Lambda's log format JSON). A line that names an error's type says more than one that
only has the level ERROR, and AWS's report on an invocation only counts where nothing else tells why it failed.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict

from bluegreen.model import Frozen, Text
from bluegreen.text import is_deeper, plain

TIMED_OUT = "TimedOut"
OUT_OF_MEMORY = "OutOfMemory"
UNNAMED = "an error"
SAID = {TIMED_OUT: "time-out", OUT_OF_MEMORY: "out of memory"}
"""For people, what Lambda itself ended."""

Tells = Literal["message", "type", "own"]
"""
message  the type and the message of what green's code raised or logged
type     its type only
own      only what Lambda says itself: a time-out, no memory, a runtime that did not start
"""

LONGEST_LINE = 16_000
LONGEST_MS = 10**9
"""No invocation takes so long."""
LONGEST_NAME = 100
LONGEST_MESSAGE = 300

FILTER = "%[Ee]rror|ERROR|[Ee]xception|Traceback|FATAL|fatal|CRITICAL|crit|fail|panic|imed.out|timeout|out.of.memory%"
"""The filter pattern of CloudWatch Logs that finds such lines, and some others."""


class Line(NamedTuple):
    """Of a log: when it was written (milliseconds since 1970), to which stream."""

    at: int
    stream: str
    text: str


class Complained(Frozen):
    """
    What green's log complained of since the first shift, as far as it was read; `partly` if there is more.

    `name` is the error's type, TimedOut, OutOfMemory or the level of a line without a type, and "" if no line reports
    an error. So many (`count`) of all complaints (`of`) are this one. `stream` has the latest of them, and `link` shows
    it in the console. `unread` says why the log could not be read.

    A record keeps it, and a record may be of another stack version: unknown attributes are passed over.
    """

    model_config = ConfigDict(extra="ignore")

    group: str = ""
    stream: str = ""
    link: str = ""
    name: Text = ""
    message: Text = ""
    count: int = 0
    of: int = 0
    time_outs: int = 0
    out_of_memory: int = 0
    partly: bool = False
    unread: Text = ""

    @property
    def said(self) -> str:
        """The name as people read it."""
        return SAID.get(self.name, self.name)

    @property
    def quoted(self) -> str:
        """Name and message, "" if there is no message that may be told. It is for people, and in no history."""
        return f"{self.said}: {self.message}" if self.message else ""


class Complaint(NamedTuple):
    """
    Of one line. `request` is the id of the invocation, where the line has it.

    The lower the `rank`, the more it says: an error with its type, a line of that level, an invocation's report.
    """

    name: str
    message: str
    rank: int = 0
    request: str = ""


def most_often(lines: Iterable[Line], tells: Tells) -> Complained:
    """What is complained of most; of two the one that came last. Group and link are the caller's to add."""
    found = _of_invocations([(line, said) for line in lines if (said := complaint(line.text))])
    best = min((said.rank for _, said in found), default=0)
    told = [(line, _told(said, tells)) for line, said in found if said.rank == best]
    alike: dict[tuple[str, str], list[tuple[Line, Complaint]]] = {}
    for line, said in told:
        alike.setdefault((said.name, "" if is_own(said.name) else said.message), []).append((line, said))
    if not alike:
        return Complained()
    most = max(alike.values(), key=lambda each: (len(each), max(line.at for line, _ in each)))
    line, said = max(most, key=lambda each: each[0].at)
    return Complained(
        stream=line.stream,
        name=said.name,
        message=said.message,
        count=len(most),
        of=len(told),
        time_outs=sum(each.name == TIMED_OUT for _, each in told),
        out_of_memory=sum(each.name == OUT_OF_MEMORY for _, each in told),
    )


def is_own(name: str) -> bool:
    """Whether Lambda gave it that name, and not the function's code."""
    return name in (TIMED_OUT, OUT_OF_MEMORY) or name.startswith(("Runtime.", "Extension.", "Sandbox."))


def complaint(text: str) -> Complaint | None:
    """What a line reports; None if it reports no error."""
    stripped = text[:LONGEST_LINE].replace("\r", "\n").strip()
    if stripped.startswith("{"):
        line = _parsed(stripped)
        return _of_json(line) if line is not None else _cut_off(stripped)
    return _of_lambda(stripped) or _of_runtime(stripped) or _of_level(stripped)


def levelled(message: str) -> str:
    """Without what differs from one request to the next, so that equal complaints are counted together."""
    first = next(iter(message.strip().splitlines()), "")
    return plain(DIFFERS.sub("#", first[:1_000]), LONGEST_MESSAGE)


DIFFERS = re.compile(r"(?<!\S)\S+@\S+|(?<![\w-])(?=[\w-]*\d)[\w-]{8,}\b|\d+(?:[.,:]\d+)*")
"""Addresses of mail, words of eight signs or more with a digit among them (ids, digests, tokens), numbers."""

LEVELS = ("ERROR", "FATAL", "CRITICAL")
NAME = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::)[\w$]+)*")
NAMED = re.compile(r"(?P<name>(?:[A-Za-z_$][\w$]*(?:\.|::))*[A-Z][\w$]*)(?::(?: (?P<message>.*))?)?$", re.M)
RAISED = re.compile(
    r"(?P<name>(?:[A-Za-z_$][\w$]*(?:\.|::))*[A-Z][\w$]*(?:Error|Exception|Throwable)|Error)(?:: (?P<message>.*))?$",
    re.M,
)

TIME_OUT = re.compile(r"^(?:\S+Z \S+ |.{0,100}RequestId: \S+ Error: )(?P<message>Task timed out after [\d.]+ seconds)")
EXITED = re.compile(r"^.{0,100}RequestId: \S+ Error: (?P<message>Runtime exited .*)")
REQUEST = re.compile(r"RequestId: (\S+)|^\S+Z (\S+) Task")
REPORT = re.compile(r"^(?:INIT_)?REPORT .*\sStatus: (?P<status>\w+)(?:\s+Error Type: (?P<name>[\w.]+))?", re.S)
DURATION = re.compile(r"\sDuration: (\d+(?:\.\d+)?) ms")

BY_PYTHON = re.compile(r"^\[ERROR\] (?P<name>[A-Za-z_]\w*(?:\.\w+)*)(?:: ?(?P<message>.*))?$", re.M)
SURELY_A_TYPE = re.compile(r"Runtime\.\w+|[\w.]*(?:Error|Exception|Exit|Interrupt|Warning)")
"""Without a traceback any word may stand where Lambda writes the type, as one of a user's."""
TRACE = "Traceback (most recent call last)"
FRAME = '  File "'
AS_JSON = re.compile(
    r"(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection|Error raised from handler method)\s*(\{.*)", re.S
)
JAVA = re.compile(rf"^(?:Exception in thread \S+ )?(?=\S+\.){RAISED.pattern}", re.M)
HEAP = "heap out of memory"
KILLED = "signal: killed"
PANIC = re.compile(r"^panic: (?P<message>.*)$", re.M)
WITH_LEVEL = re.compile(
    r"^(?:\[(?P<first>\w+)\]\t\S*\t\S*\t|\S+Z\t\S*\t(?P<third>\w+)\t|\W{0,2}(?P<bare>[A-Z]+)\W{1,3})(?P<message>.*)",
    re.S,
)
LEVEL_WORDS = {"fail": "ERROR", "crit": "CRITICAL"}
"""Of .NET."""


def _of_lambda(text: str) -> Complaint | None:
    if found := TIME_OUT.match(text):
        return Complaint(TIMED_OUT, found["message"], request=_request(text))
    if found := EXITED.match(text):
        return _exit(found["message"], _request(text))
    if HEAP in text:
        return Complaint(OUT_OF_MEMORY, f"JavaScript {HEAP}")
    if found := REPORT.match(text):
        seconds = DURATION.search(text)
        took = float(seconds[1]) / 1000 if seconds else 0.0
        if text.startswith("INIT_") and found["status"] == "timeout":
            return None  # Lambda initialises it once more, with the first request
        return _report(found["status"], found["name"] or "", took, _request(text))
    return None


def _of_runtime(text: str) -> Complaint | None:
    if found := AS_JSON.search(text):
        line = _parsed(found[1])
        return _of_json(line, raised=True) if line is not None else _cut_off(found[1])
    if TRACE in text and (last := _last_of(text)):
        return last
    found = BY_PYTHON.match(text)
    if found and (TRACE in text or SURELY_A_TYPE.fullmatch(found["name"])):
        return _raised(found["name"], found["message"])
    if found := JAVA.search(text):
        return _raised(found["name"], found["message"])
    if found := PANIC.search(text):
        return _raised("panic", found["message"])
    return None


def _of_level(text: str) -> Complaint | None:
    found = WITH_LEVEL.match(text)
    if found is None:
        return None
    level = found["first"] or found["third"] or found["bare"]
    level = LEVEL_WORDS.get(level, level)
    if level not in LEVELS:
        return None
    typed = RAISED.match(found["message"])
    return _raised(typed["name"], typed["message"]) if typed else Complaint(level, levelled(found["message"]), rank=1)


def _of_json(line: dict[str, Any], *, raised: bool = False) -> Complaint | None:
    if str(line.get("type", "")).startswith("platform."):
        return _of_platform(line.get("record"))
    inner = line["message"] if isinstance(line.get("message"), dict) else {}
    name = line.get("errorType") or inner.get("errorType") or line.get("exception_name")
    message = line.get("errorMessage") or inner.get("errorMessage")
    level = str(line.get("level") or line.get("log_level") or line.get("severity") or "").upper()
    if raised or (name and level in ("", *LEVELS)):
        if isinstance(message, str) and (found := EXITED.match(message)):
            return _exit(found["message"], _request(message))
        trace = line.get("exception")
        if message is None and isinstance(trace, str) and (last := _last_of(trace)):
            return last
        return _raised(name or UNNAMED, message or line.get("message"))
    if level not in LEVELS:
        return None
    trace = line.get("exception") or line.get("stack_trace") or line.get("stackTrace")
    if isinstance(trace, str) and TRACE in trace:
        return _last_of(trace)
    said = message or line.get("message") or line.get("msg")
    return Complaint(level, levelled(said) if isinstance(said, str) else "", rank=1)


def _of_platform(record: Any) -> Complaint | None:
    """A report of Lambda's in the format JSON."""
    if not isinstance(record, dict):
        return None
    metrics = record.get("metrics")
    took = metrics.get("durationMs") if isinstance(metrics, dict) else None
    seconds = took / 1000 if isinstance(took, int | float) and took < LONGEST_MS else 0.0
    request = record.get("requestId")
    return _report(str(record.get("status")), str(record.get("errorType") or ""), seconds, str(request or ""))


def _report(status: str, name: str, seconds: float, request: str) -> Complaint | None:
    if status == "timeout" and request:
        return Complaint(TIMED_OUT, f"Task timed out after {seconds:.2f} seconds", request=request)
    if "OutOfMemory" in name:
        return Complaint(OUT_OF_MEMORY, "Runtime.OutOfMemory", request=request)
    if status not in ("error", "failure"):
        return None
    return Complaint(_name(name) if name else UNNAMED, "", rank=2, request=request)


def _exit(message: str, request: str) -> Complaint:
    """A runtime that ends by itself has said why before. Lambda kills one when it is out of memory."""
    if KILLED in message:
        return Complaint(OUT_OF_MEMORY, f"Runtime exited with error: {KILLED}", request=request)
    return Complaint("Runtime.ExitError", plain(message, LONGEST_MESSAGE), rank=2, request=request)


def _last_of(trace: str) -> Complaint | None:
    """The first line after a traceback's last frame names what was raised. Others after it are of its message."""
    lines = trace.splitlines()
    last = max((number for number, line in enumerate(lines) if line.startswith(FRAME)), default=None)
    if last is None:
        return None
    named = next((line for line in lines[last:] if line.strip() and not line[0].isspace()), "")
    found = NAMED.match(named)
    return _raised(found["name"], found["message"]) if found else None


def _raised(name: Any, message: Any) -> Complaint:
    return Complaint(_name(name), levelled(message) if isinstance(message, str) else "")


def _name(name: Any) -> str:
    """A type's name as it is; no other text."""
    bare = re.sub(r"^Function<(.*)>$", r"\1", str(name))
    return bare if len(bare) <= LONGEST_NAME and NAME.fullmatch(bare) else UNNAMED


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and not is_deeper(line, 50) else None


def _cut_off(text: str) -> Complaint | None:
    """An error of which a line has not all."""
    found = re.search(r'"errorType"\s*:\s*"([^"\\]+)"', text)
    return _raised(found[1], None) if found else None


def _request(text: str) -> str:
    found = REQUEST.search(text)
    return (found[1] or found[2]) if found else ""


def _told(said: Complaint, tells: Tells) -> Complaint:
    if tells == "message" or said.name in (TIMED_OUT, OUT_OF_MEMORY):
        return said
    if tells == "own" and not is_own(said.name):
        return said._replace(name=UNNAMED, message="")
    return said._replace(message="")


def _of_invocations(found: list[tuple[Line, Complaint]]) -> list[tuple[Line, Complaint]]:
    """Lambda has several lines about one invocation that it ended: one of them counts."""
    by_request: dict[str, tuple[Line, Complaint]] = {}
    others = []
    for line, said in found:
        if not said.request:
            others.append((line, said))
            continue
        before = by_request.get(said.request)
        if before is None or _says_more(said, before[1]):
            by_request[said.request] = line, said
    return [*others, *by_request.values()]


def _says_more(said: Complaint, other: Complaint) -> bool:
    return (said.rank, said.name != OUT_OF_MEMORY) < (other.rank, other.name != OUT_OF_MEMORY)
