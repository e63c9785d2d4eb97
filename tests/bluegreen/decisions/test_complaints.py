"""What the lines of a function's log complain of, in the shapes in which Lambda and its runtimes write them."""

import json

import pytest

from bluegreen.decisions.complaints import (
    DIFFERS,
    FILTER,
    LONGEST_LINE,
    OUT_OF_MEMORY,
    TIMED_OUT,
    UNNAMED,
    Line,
    Tells,
    complaint,
    levelled,
    most_often,
)
from bluegreen.text import plain
from sandbox.layer.filter_patterns import compiled

ID = "e05c5e6b-5a3c-4b6d-9d3a-0c6f3c1f1a11"
OTHER_ID = "0d7ae71f-9b4f-4b6d-8d3a-1c6f3c1f1a12"
NOW = "2026-01-05T10:30:00.123Z"
KILLED = "Runtime exited with error: signal: killed"
TRACE = 'Traceback (most recent call last):\n  File "/var/task/index.py", line 4, in handler\n    raise x\n'
STACK = ["boom", "    at handler (/var/task/index.js:5:5)"]


def report(status: str = "", took: str = "3000.00") -> str:
    return (
        f"REPORT RequestId: {ID}\tDuration: {took} ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        f"Max Memory Used: 128 MB\t{status}"
    )


def platform(**record: object) -> str:
    found = {"requestId": ID, "metrics": {"durationMs": 3000.0, "memorySizeMB": 128, "maxMemoryUsedMB": 94}} | record
    return json.dumps({"time": NOW, "type": "platform.report", "record": found})


LINES: dict[str, tuple[str, str, str]] = {
    "python": (f"[ERROR] ValueError: no bonus\n{TRACE}", "ValueError", "no bonus"),
    "python, with its lines ended by \\r": (f"[ERROR] ValueError: no bonus\r{TRACE}", "ValueError", "no bonus"),
    "python, a line alone": ("[ERROR] KeyError: no bonus", "KeyError", "no bonus"),
    "a line alone that names no type for sure": ("[ERROR] NoBonus: no bonus", "ERROR", "NoBonus: no bonus"),
    "a line alone of one word": ("[ERROR] Smith4711", "ERROR", "#"),
    "python, a message of two lines": (
        f"[ERROR] ValueError: unknown customer\nSmith\n{TRACE}",
        "ValueError",
        "unknown customer",
    ),
    "python's logging, with a message of two lines after the trace": (
        f"[ERROR]\t{NOW}\t{ID}\tcould not save\n{TRACE}shop.errors.Violation: twice\nDETAIL:  Key (email)=(a@b)",
        "shop.errors.Violation",
        "twice",
    ),
    "python, no message": (f"[ERROR] ValueError\n{TRACE}", "ValueError", ""),
    "python, a class in small letters": (f"[ERROR] timeout: timed out\n{TRACE}", "timeout", "timed out"),
    "python, no module": (
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'",
        "Runtime.ImportModuleError",
        "Unable to import module 'app': No module named 'x'",
    ),
    "python's logging, with a trace": (
        f"[ERROR]\t{NOW}\t{ID}\tcould not pay\n{TRACE}shop.errors.NoMoney: empty",
        "shop.errors.NoMoney",
        "empty",
    ),
    "python's logging, with a trace that is cut off": (
        f"[ERROR]\t{NOW}\t{ID}\tcould not pay\n{TRACE}",
        "ERROR",
        "could not pay",
    ),
    "python's logging": (f"[ERROR]\t{NOW}\t{ID}\tcould not pay", "ERROR", "could not pay"),
    "python, JSON": (
        json.dumps(
            {"timestamp": NOW, "level": "ERROR", "errorMessage": "'n'", "errorType": "KeyError", "requestId": ID}
        ),
        "KeyError",
        "'n'",
    ),
    "python, JSON of older runtimes": (
        json.dumps({"timestamp": NOW, "log_level": "ERROR", "errorMessage": "'n'", "errorType": "KeyError"}),
        "KeyError",
        "'n'",
    ),
    "powertools": (
        json.dumps(
            {
                "level": "ERROR",
                "message": "could not pay",
                "exception": f"{TRACE}ValueError: no bonus",
                "exception_name": "ValueError",
            }
        ),
        "ValueError",
        "no bonus",
    ),
    "a library's JSON": (json.dumps({"severity": "fatal", "msg": "could not pay"}), "FATAL", "could not pay"),
    "node": (
        f"{NOW}\t{ID}\tERROR\tInvoke Error \t"
        + json.dumps({"errorType": "TypeError", "errorMessage": "x", "stack": STACK}),
        "TypeError",
        "x",
    ),
    "node, while it starts": (
        f"{NOW}\tundefined\tERROR\tUncaught Exception \t"
        + json.dumps(
            {"errorType": "Runtime.ImportModuleError", "errorMessage": "Error: Cannot find module 'luxon'\nx"}
        ),
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'luxon'",
    ),
    "node, a promise": (
        f"{NOW}\t{ID}\tERROR\tUnhandled Promise Rejection \t"
        + json.dumps({"errorType": "Runtime.UnhandledPromiseRejection", "errorMessage": "Error: boom"}),
        "Runtime.UnhandledPromiseRejection",
        "Error: boom",
    ),
    "node, cut off": (f'{NOW}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"TypeError","errorMess', "TypeError", ""),
    "node, JSON": (
        json.dumps({"level": "ERROR", "requestId": ID, "message": {"errorType": "TypeError", "errorMessage": "x"}}),
        "TypeError",
        "x",
    ),
    "node, an error on the console": (f"{NOW}\t{ID}\tERROR\tTypeError: x\n    at handler", "TypeError", "x"),
    "node, a text on the console": (f"{NOW}\t{ID}\tERROR\tcould not pay", "ERROR", "could not pay"),
    "node, without memory": (
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        OUT_OF_MEMORY,
        "JavaScript heap out of memory",
    ),
    "java": (
        "boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n\tat shop.Handler(H.java:9)",
        "java.lang.IllegalStateException",
        "boom",
    ),
    ".NET": (
        f"{NOW}\t{ID}\tfail\tSystem.InvalidOperationException: boom\n   at Shop.Handler()",
        "System.InvalidOperationException",
        "boom",
    ),
    "go": (json.dumps({"errorMessage": "boom", "errorType": "errorString"}), "errorString", "boom"),
    "go, a panic": ("panic: no bonus\n\ngoroutine 1 [running]:\nmain.handler()", "panic", "no bonus"),
    "ruby": (
        "Error raised from handler method\n"
        + json.dumps({"errorMessage": "x", "errorType": "Function<TypeError>", "stackTrace": []}, indent=2),
        "TypeError",
        "x",
    ),
    "a shell": ("ERROR: could not pay", "ERROR", "could not pay"),
    "time-out": (f"{NOW} {ID} Task timed out after 3.00 seconds", TIMED_OUT, "Task timed out after 3.00 seconds"),
    "time-out, as Invoke says it": (
        f"[ERROR] Sandbox.Timedout: RequestId: {ID} Error: Task timed out after 3.00 seconds",
        TIMED_OUT,
        "Task timed out after 3.00 seconds",
    ),
    "time-out, its report": (report("Status: timeout"), TIMED_OUT, "Task timed out after 3.00 seconds"),
    "time-out, JSON": (platform(status="timeout"), TIMED_OUT, "Task timed out after 3.00 seconds"),
    "no memory": (f"RequestId: {ID} Error: {KILLED}\nRuntime.ExitError", OUT_OF_MEMORY, KILLED),
    "no memory, its report": (
        report("Status: error\tError Type: Runtime.OutOfMemory"),
        OUT_OF_MEMORY,
        "Runtime.OutOfMemory",
    ),
    "no memory, JSON": (
        platform(status="error", errorType="Runtime.OutOfMemory"),
        OUT_OF_MEMORY,
        "Runtime.OutOfMemory",
    ),
    "no memory, as Invoke says it": (
        json.dumps({"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {ID} Error: {KILLED}"}),
        OUT_OF_MEMORY,
        KILLED,
    ),
    "an exit": (
        f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        "Runtime.ExitError",
        "Runtime exited with error: exit status 1",
    ),
    "a runtime that does not start": (
        "INIT_REPORT Init Duration: 0.79 ms\tPhase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
        "Runtime.InvalidEntrypoint",
        "",
    ),
    "a type that is none": (json.dumps({"errorType": "token=abc def", "errorMessage": "x"}), UNNAMED, "x"),
}


@pytest.mark.parametrize("shape", LINES)
def test_a_line_that_reports_an_error_names_it(shape: str) -> None:
    text, name, message = LINES[shape]

    found = complaint(text)

    assert found is not None
    assert (found.name, found.message) == (name, message)
    assert compiled(FILTER)(text), "the filter pattern finds it"


@pytest.mark.parametrize(
    "text",
    [
        f"START RequestId: {ID} Version: 2",
        report(),
        report("Init Duration: 130.49 ms"),
        platform(status="success"),
        "INIT_REPORT Init Duration: 10008.00 ms\tPhase: init\tStatus: timeout",
        f"[INFO]\t{NOW}\t{ID}\t0 errors",
        f"{NOW}\t{ID}\tINFO\tError budget is fine",
        json.dumps({"level": "INFO", "message": "no error"}),
        json.dumps({"level": "ERROR"})[:-1],
        json.dumps({"type": "platform.report", "record": []}),
        '{"a":' * 2000,
        "an error? none",
        "",
    ],
)
def test_any_other_line_reports_none(text: str) -> None:
    assert complaint(text) is None


def test_a_line_of_a_megabyte_is_read_at_its_beginning_and_quickly() -> None:
    for part in ("a.", "Aa.", "[ERROR] ", "x@", "Error", '{"errorType":', "A" * 50):
        complaint(part * (2_000_000 // len(part)))

    assert complaint(" " * LONGEST_LINE + "[ERROR] ValueError: x") is None


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("no bonus for user 4711", "no bonus for user #"),
        (f"request {ID} failed", "request # failed"),
        ("token eyJhbGciOiJIUzI1NiJ9 refused", "token # refused"),
        ("mail to ann@example.com refused", "mail to # refused"),
        ("at 10:30:01.5, 3 of 7", "at #, # of #"),
        ("'email'\nand more", "'email'"),
        ("\x1b[31mred", "\ufffd[#mred"),
    ],
)
def test_what_differs_between_requests_is_levelled(message: str, level: str) -> None:
    assert levelled(message) == level


def lines(*texts: str, stream: str = "2026/01/05/[2]0a") -> list[Line]:
    return [Line(number, f"{stream}{number}", text) for number, text in enumerate(texts)]


def test_equal_complaints_are_counted_together_and_the_latest_names_the_stream() -> None:
    raised = [f"[ERROR] ValueError: no bonus for user {user}" for user in range(3)]

    found = most_often(lines(*raised, "[ERROR] KeyError: 'x'", f"START RequestId: {ID}"), "message")

    assert (found.name, found.message, found.count, found.of) == ("ValueError", "no bonus for user #", 3, 4)
    assert found.stream == "2026/01/05/[2]0a2"


def test_of_two_that_come_as_often_the_last_one_is_told() -> None:
    assert most_often(lines("[ERROR] ValueError: x", "[ERROR] KeyError: 'x'"), "message").name == "KeyError"


def test_an_error_with_a_type_is_told_before_more_lines_that_only_have_the_level() -> None:
    found = most_often(lines(*["ERROR: cache is cold"] * 9, "[ERROR] ValueError: x"), "message")

    assert (found.name, found.count, found.of) == ("ValueError", 1, 1)


def test_the_lines_about_one_invocation_count_once() -> None:
    timed_out = f"{NOW} {ID} Task timed out after 3.00 seconds"
    killed = f"RequestId: {OTHER_ID} Error: {KILLED}\nRuntime.ExitError"
    of_killed = report("Status: error\tError Type: Runtime.ExitError").replace(ID, OTHER_ID)
    raised = ["[ERROR] ValueError: x"] * 2

    found = most_often(lines(timed_out, report("Status: timeout"), of_killed, killed, *raised), "message")

    assert (found.name, found.count, found.of) == ("ValueError", 2, 4)
    assert (found.time_outs, found.out_of_memory) == (1, 1)


def test_a_report_tells_why_only_where_nothing_else_does() -> None:
    of_lambda = report("Status: error\tError Type: Runtime.Unknown")

    assert most_often(lines(of_lambda), "message").name == "Runtime.Unknown"
    assert most_often(lines(of_lambda, of_lambda.replace(ID, OTHER_ID), "ERROR: x"), "message").name == "ERROR"


@pytest.mark.parametrize(
    ("tells", "name", "message", "count"),
    [("message", "ValueError", "secret", 2), ("type", "ValueError", "", 3), ("own", UNNAMED, "", 3)],
)
def test_no_more_is_told_than_may_be(tells: Tells, name: str, message: str, count: int) -> None:
    found = most_often(lines(*["[ERROR] ValueError: secret"] * 2, "[ERROR] ValueError: other"), tells)

    assert (found.name, found.message, found.count, found.of) == (name, message, count, 3)


def test_what_lambda_says_itself_is_always_told() -> None:
    found = most_often(lines(f"{NOW} {ID} Task timed out after 3.00 seconds"), "own")

    assert (found.name, found.message) == (TIMED_OUT, "Task timed out after 3.00 seconds")
    assert found.quoted == "time-out: Task timed out after 3.00 seconds"


def test_a_log_without_a_complaint_has_none() -> None:
    assert most_often(lines("all is well"), "message").name == ""


def test_a_line_that_only_informs_complains_of_nothing() -> None:
    assert complaint(json.dumps({"level": "INFO", "errorType": "ValueError", "message": "was handled"})) is None


@pytest.mark.parametrize(
    "line",
    [
        report("Status: timeout").replace("3000.00", "1.2.3"),
        platform(status="timeout", metrics={"durationMs": 10**400}),
    ],
)
def test_a_duration_that_is_none_spoils_no_other_line(line: str) -> None:
    lines = [Line(1, "s", line), Line(2, "s", LINES["python"][0])]

    assert most_often(lines, "type").of == 2


def test_what_differs_from_request_to_request_is_levelled() -> None:
    assert levelled("x-" * 500 + "call 4711") == plain("x-" * 500 + "call #", 300)
    assert DIFFERS.sub("#", "to <a@b.c> for order-4711 of 12.5") == "to # for # of #"
