"""Requests without smoke tests: {} is sent, and counts only where blue passes it. Nothing else is made up."""

import json
from typing import Any

import pytest

from bluegreen.aws import functions
from bluegreen.decisions.replies import Reply
from bluegreen.document import Plan
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import deployments
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.target import Target
from tests.handlers.desk import told
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.walk import Run

ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}
EVENTS = {
    "a job": "def handler(event, context): return len(event['Records']) + %d",
    "an API": "def handler(event, context): return {'statusCode': 200 if event.get('path') else 500, 'body': '%d'}",
    "a string": "def handler(event, context): return event['detail'].strip() * %d",
}
SAID = (
    "No smoke test was given, so {} was sent; version 1 fails it too, so it says nothing. "
    'Give one in `smoke_tests`, or write "off".'
)
COUNTING = """
import json, pathlib
def handler(event, context):
    with pathlib.Path({path!r}).open("a") as file:
        file.write(json.dumps([context.function_version, event]) + chr(10))
    if not event.get("Records"):
        raise KeyError("Records")
    return {number}
"""


def evidence(deployer: Deployer, run: Run, state: str) -> dict[str, Any]:
    """What the state left in the audit."""
    steps = deployer.items(f"steps#{run.arn.rpartition(':')[2]}")
    return dict(next(json.loads(step["evidence"]) for step in steps if f"#{state}#" in step["sk"]))


def deployed_over(deployer: Deployer, first: str, second: str, **request: Any) -> Run:
    """The second source, while the first one serves."""
    assert deployer.deploy(first, **ALL_AT_ONCE, smoke_tests="off").ended == "Deployed"
    return deployer.deploy(second, **(ALL_AT_ONCE | request))


@pytest.mark.parametrize("kind", EVENTS)
def test_a_function_that_knows_other_events_is_deployed_and_the_record_says_what_the_test_said(
    deployer: Deployer, kind: str
) -> None:
    run = deployed_over(deployer, EVENTS[kind] % 2, EVENTS[kind] % 3)
    said = SAID.replace("version 1", "version 2")

    assert run.ended == "Deployed"
    assert deployer.record(run)["untested"] == said
    for state, version in (("SmokeTest", "$LATEST"), ("SmokeTestGreen", "3")):
        assert evidence(deployer, run, state) == {"version": version, "passed_ms": {}, "untested": said}


@pytest.mark.parametrize(
    "broken",
    ["def handler(event, context): raise KeyError('x')", "def handler(event, context): return {'statusCode': 502}"],
    ids=["an error", "HTTP 502"],
)
def test_a_green_that_fails_what_blue_passes_is_rolled_back(deployer: Deployer, broken: str) -> None:
    run = deployer.deploy(broken)

    assert (run.ended, run.error) == ("RolledBack", "SmokeTestFailed")
    assert "no smoke test was given, so {} was sent, and version 1 passes it. Give one in `smoke_tests`" in run.cause
    assert deployer.alias() == ("1", {})


def test_a_green_that_cannot_be_loaded_is_rolled_back_whatever_blue_says_to_the_test(deployer: Deployer) -> None:
    run = deployed_over(deployer, EVENTS["a job"] % 1, "import nothing_of_that_name")

    assert run.ended == "RolledBack"
    assert "it raised Runtime.ImportModuleError; so Lambda cannot load the code" in run.cause


@pytest.mark.parametrize("status", ["'500'", "' 502 '", "503.0"])
def test_the_number_of_http_counts_however_it_is_written(deployer: Deployer, status: str) -> None:
    run = deployer.deploy(f"def handler(event, context): return {{'statusCode': {status}}}")

    assert (run.ended, run.error) == ("RolledBack", "SmokeTestFailed")


@pytest.mark.parametrize("status", ["True", "'200'", "'5xx'", "None", "[500]", "float('nan')", "499"])
def test_what_is_no_number_of_an_http_failure_fails_nothing(deployer: Deployer, status: str) -> None:
    assert deployer.deploy(f"def handler(event, context): return {{'statusCode': {status}}}", **ALL_AT_ONCE).ended == (
        "Deployed"
    )


def test_a_blue_that_is_throttled_does_not_pass_the_default_test(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke, asked = functions.invoke, []

    def throttled(target: Target, qualifier: str, case: Case) -> Reply:
        if qualifier == "2":
            asked.append(qualifier)
            raise AwsUnavailable("TooManyRequestsException: Rate Exceeded.")
        return invoke(target, qualifier, case)

    monkeypatch.setattr(functions, "invoke", throttled)

    run = deployed_over(deployer, EVENTS["a job"] % 2, EVENTS["a job"] % 3)

    assert run.ended == "Deployed"
    assert "version 2 could not be asked, so it says nothing" in deployer.record(run)["untested"]
    assert len(asked) == 6


def test_the_default_test_of_an_older_stack_version_is_nobodys_either(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a plan has the default test, and does not say that it is one."""
    first = deployer.deploy(EVENTS["a job"] % 2, **ALL_AT_ONCE, smoke_tests="off").arn.rpartition(":")[2]
    deployer.deploy(EVENTS["a job"] % 3, **ALL_AT_ONCE, smoke_tests="off")
    plan_of = deployments.plan_of

    def as_written_then(deployment: str) -> Plan | None:
        plan = plan_of(deployment)
        return plan.model_copy(update={"smoke_tests": UNLESS_GIVEN}) if plan and deployment == first else plan

    monkeypatch.setattr(deployments, "plan_of", as_written_then)

    assert deployer.run({"function": FUNCTION, "artifact": {"version": "2"}} | ALL_AT_ONCE).ended == "Deployed"


def test_an_answer_of_http_is_none_of_a_test_that_people_wrote(deployer: Deployer) -> None:
    run = deployer.deploy("def handler(event, context): return {'statusCode': 503}", smoke_tests=[{"name": "answers"}])

    assert run.path.count("SmokeTestGreen") == 1


@pytest.mark.parametrize(
    ("tests", "calls"), [("off", 0), ([], 0), ([{"name": "a", "payload": {"Records": [1]}}], 2), (None, 4)]
)
def test_a_function_is_called_as_often_as_the_plan_says_and_with_nothing_that_nobody_wrote(
    deployer: Deployer, tmp_path: Any, tests: Any, calls: int
) -> None:
    path = tmp_path / "calls"
    sources = [COUNTING.format(path=str(path), number=number) for number in (2, 3)]

    run = deployed_over(deployer, *sources, **({} if tests is None else {"smoke_tests": tests}))

    assert run.ended == "Deployed"
    assert len(path.read_text().splitlines() if path.exists() else []) == calls


@pytest.mark.parametrize("tests", ["off", [], None])
def test_blue_is_asked_nothing_on_the_way_back_that_nobody_wrote(deployer: Deployer, tmp_path: Any, tests: Any) -> None:
    path = tmp_path / "calls"
    bad = "def handler(event, context):\n    if event.get('user'): raise ValueError('x')\n    return event['Records']"
    first = COUNTING.format(path=str(path), number=2).replace("if not event", "if not event.get('user') and not event")
    assert deployer.deploy(first, **ALL_AT_ONCE, smoke_tests="off").ended == "Deployed"
    deployer.users_call(times_a_second=5)

    run = deployer.deploy(bad, **({} if tests is None else {"smoke_tests": tests}))

    assert (run.ended, run.error) == ("RolledBack", "GreenUnhealthy")
    assert "unwell" not in run.cause
    asked = [json.loads(line)[1] for line in path.read_text().splitlines()]
    assert asked.count({}) == (0 if tests is not None else 2)


def test_a_probe_that_nobody_wrote_harms_no_green(deployer: Deployer) -> None:
    job = EVENTS["a job"]
    run = deployed_over(deployer, job % 2, job % 3, traffic="Canary10Percent5Minutes", health={"no_traffic": "probe"})

    assert run.ended == "Deployed"
    assert deployer.alias() == ("3", {})


def test_a_version_from_elsewhere_is_asked_the_default_test_and_an_older_one_nothing(deployer: Deployer) -> None:
    job = EVENTS["a job"]
    assert deployed_over(deployer, job % 2, GOOD % 3, smoke_tests="off").ended == "Deployed"

    assert deployer.run({"function": FUNCTION, "artifact": {"version": "2"}} | ALL_AT_ONCE).ended == "Deployed"


def test_people_are_told_that_no_test_speaks_for_green(deployer: Deployer) -> None:
    deployed_over(deployer, EVENTS["a job"] % 2, EVENTS["a job"] % 3)

    assert SAID.replace("version 1", "version 2") in told(deployer)[-1]
