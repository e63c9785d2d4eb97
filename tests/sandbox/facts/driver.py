"""
Ask the sandbox what AWS was asked.

A file of facts has stories, and a story has steps:

    call, with             an operation of a service, and what it is given; `answers` is what AWS answered
    wait, with             a waiter of the SDK, or a status that is waited for
    run, with              a machine and its input; `answers` has its events' types and how its execution ended
    evaluate, cases        an intrinsic function; each case is its input and the result
    choose, cases          a comparison of Choice; each case is a variable, a value and whether the rule matches

Every answer and every case is a fact. Of an answer that is told `in part` other fields are not compared. Fields that
AWS added after the recording are the story's `newer` ones.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, WaiterError

from sandbox.testing import Clients, eventually
from tests.sandbox.facts import sources
from tests.sandbox.facts.answers import Names, differences, parsed

HERE = Path(__file__).parent
MANY = re.compile(r"<(\d+) x>")
REFERENCE = re.compile(r"\$(?=[.,)])")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Fact:
    """One answer of AWS, and where the sandbox's is another."""

    id: str
    differs: list[str]


def stories() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every story of every file, with the file's name."""
    for file in sorted(HERE.glob("*.json")):
        for story in json.loads(file.read_text())["stories"]:
            yield file.stem, story


def tell(story: dict[str, Any], client: Clients, role: str) -> Iterator[Fact]:
    """The story's facts, each held against the sandbox."""
    number = next(_numbers)
    known = {
        "function-name:1": f"fact-{number}",
        "alias-name": f"alias-{number}",
        "machine:1": f"machine-{number}",
        "role": role,
        **sources.GIVEN,
    }
    names = Names(known)
    for step in story["steps"]:
        if "wait" in step:
            wait(step["wait"], names.fill(step["with"]), client)
            continue
        if "cases" in step:
            yield from cases(story["test"], step, client, role)
            continue
        if "run" in step:
            answer = run(names.fill(step["run"]), names.fill(step["with"]), client, role, known["machine:1"])
        else:
            answer = ask(step["call"], names.fill(long(step.get("with", {}))), client)
        if "answers" in step:
            seen = {name: value for name, value in answer.items() if name not in story.get("newer", ())}
            if step.get("in part"):
                seen = {name: value for name, value in seen.items() if name in step["answers"]}
            yield Fact(f"{story['test']} {step['fact']}", list(differences(step["answers"], seen, names)))
        elif "Error" in answer:
            yield Fact(f"{story['test']} {step['call']}", [f"is refused: {answer['Error']}"])


def ask(call: str, request: dict[str, Any], client: Clients) -> dict[str, Any]:
    """The answer in the form of the facts: the status first, of a refusal its code and message."""
    service, operation = call.split()
    try:
        answer = getattr(client(service), operation)(**request)
    except ClientError as refusal:
        error = refusal.response["Error"]
        return {
            "status": refusal.response["ResponseMetadata"]["HTTPStatusCode"],
            "Error": {name: error[name] for name in ("Code", "Message") if name in error},
        }
    except HTTPClientError as broken:
        return {"status": 0, "Error": {"Code": type(broken).__name__, "Message": str(broken)}}
    about = answer.pop("ResponseMetadata")
    told = {"status": about["HTTPStatusCode"], **{name: plain(value) for name, value in answer.items()}}
    return told | ({"LogResult": lines(told["LogResult"])} if "LogResult" in told else {})


def plain(value: Any) -> Any:
    """What an SDK made of the answer as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "read"):
        return value.read().decode()
    return value


def lines(tail: str) -> list[str]:
    """The lines of a log that came with an answer."""
    return base64.b64decode(tail).decode().split("\n")


def wait(name: str, request: dict[str, Any], client: Clients) -> None:
    """Wait as the SDK's waiter of that name does, but look more often; or until a status is, or is no longer."""
    if "executionArn" in request:
        until_execution(name == "until ended", request, client)
        return
    if name.startswith("until "):
        until_status(name.removeprefix("until "), request, client)
        return
    service, waiter = name.split()
    try:
        client(service).get_waiter(waiter).wait(**request, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100})
    except WaiterError as error:
        raise AssertionError(f"{name} {request}: {error}") from error


def until_status(wanted: str, request: dict[str, Any], client: Clients) -> None:
    """Wait for provisioned concurrency to be there, or to be there or have failed."""
    end = time.monotonic() + 10
    while True:
        status = client("lambda").get_provisioned_concurrency_config(**request)["Status"]
        if status == wanted or (wanted.startswith("not ") and status != wanted.removeprefix("not ")):
            return
        assert time.monotonic() < end, f"{request} stays {status}"
        time.sleep(0.03)


def until_execution(ended: bool, request: dict[str, Any], client: Clients) -> None:
    """Wait for the execution's end, or for its first state."""
    api = client("stepfunctions")
    eventually(
        lambda: (
            api.describe_execution(**request)["status"] != "RUNNING"
            if ended
            else len(api.get_execution_history(**request)["events"]) > 1
        )
    )


def run(machine: Any, given: Any, client: Clients, role: str, name: str) -> dict[str, Any]:
    """What an execution of the machine came to; the machine is new."""
    api = client("stepfunctions")
    made = api.create_state_machine(name=name, definition=json.dumps(machine), roleArn=role)["stateMachineArn"]
    started = api.start_execution(stateMachineArn=made, input=json.dumps(given))["executionArn"]
    until_execution(True, {"executionArn": started}, client)
    told = api.describe_execution(executionArn=started)
    events = api.get_execution_history(executionArn=started)["events"]
    answer = {name: told[name] for name in ("status", "error", "cause", "output") if name in told}
    return {"events": [event["type"] for event in events], **answer}


def cases(test: str, step: dict[str, Any], client: Clients, role: str) -> Iterator[Fact]:
    """All cases of a step in one execution: the results are one object, with a member for each."""
    known = step["cases"]
    machine = evaluating(step["evaluate"], known) if "evaluate" in step else choosing(step["choose"], known)
    given = {f"i{index}": case[0] for index, case in enumerate(known)}
    answer = run(machine, given, client, role, f"machine-{next(_numbers)}-cases")
    results = parsed(answer.get("output", "{}"))
    for index, case in enumerate(known):
        found = results.get(f"r{index}", answer)
        yield Fact(f"{test} {json.dumps(case[:-1])}", list(differences(case[-1], found, Names({}), "result")))


def evaluating(function: str, known: list[Any]) -> dict[str, Any]:
    """A machine that evaluates the function once for each case."""
    results = {f"r{index}.$": REFERENCE.sub(f"$.i{index}", function) for index in range(len(known))}
    return {"StartAt": "All", "States": {"All": {"Type": "Pass", "Parameters": results, "End": True}}}


def choosing(comparison: str, known: list[Any]) -> dict[str, Any]:
    """A machine that goes through one Choice after the other, and notes which rules matched."""
    states: dict[str, Any] = {}
    for index, (_, value, _) in enumerate(known):
        then = f"Choose{index + 1}" if index + 1 < len(known) else "Told"
        rule = {"Variable": f"$.i{index}", comparison: value, "Next": f"Matched{index}"}
        if comparison.endswith("Path"):
            states[f"Choose{index}"] = {
                "Type": "Pass",
                "Result": value,
                "ResultPath": "$.value",
                "Next": f"Compare{index}",
            }
            rule[comparison] = "$.value"
        here = f"Compare{index}" if comparison.endswith("Path") else f"Choose{index}"
        states[here] = {"Type": "Choice", "Choices": [rule], "Default": f"Not{index}"}
        for name, matched in ((f"Matched{index}", True), (f"Not{index}", False)):
            states[name] = {"Type": "Pass", "Result": matched, "ResultPath": f"$.r{index}", "Next": then}
    states["Told"] = {"Type": "Succeed"}
    return {"StartAt": "Choose0", "States": states}


def long(value: Any) -> Any:
    """A request in which `<4000 x>` stands for so many letters."""
    if isinstance(value, dict):
        return {key: long(inner) for key, inner in value.items()}
    return MANY.sub(lambda found: "x" * int(found[1]), value) if isinstance(value, str) else value
