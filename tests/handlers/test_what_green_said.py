"""A rollback's cause has the type of the error that green's log has most often, the record its message too."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

import recover_deployments
from bluegreen import clock
from bluegreen.aws import console, logs
from bluegreen.errors import DeploymentInterrupted, RollbackImpossible
from tests.handlers.desk import Desk, Desks, context_of, in_its_role, payload_in_s3
from tests.machine.asking import ask
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET, Deployer
from tests.machine.log_groups import LogGroup, log_group

GROUP = f"/aws/lambda/{FUNCTION}"
ID = "e05c5e6b-5a3c-4b6d-9d3a-0c6f3c1f1a11"
RAISED = "[ERROR] ValueError: no bonus for user {}\nTraceback (most recent call last):\n"
NOTHING = "Green's log reports no error since the first shift."


@pytest.fixture
def own(deployer: Deployer) -> Iterator[LogGroup]:
    """The function's log group, which the stack may search."""
    with log_group(GROUP) as group:
        yield group


def stream(version: str = "2", end: str = "0a1b") -> str:
    return f"{clock.iso(clock.now())[:10].replace('-', '/')}/[{version}]{end}"


def shifted(desks: Desks, **request: Any) -> Desk:
    """Green has its first share, and failed."""
    desk = desks(**request).to("ShiftAlias")
    desk.run("ShiftAlias")
    return desk.failed()


def writes(group: LogGroup, *lines: str, version: str = "2") -> None:
    for line in lines:
        group.write(clock.now(), stream(version), line)


def rolled_back(desk: Desk) -> str:
    """The cause."""
    desk.aws.clock.sleep(60)
    cause = str(desk.run("RollBack")["cause"])
    assert (desk.state(), desk.deployer.alias()) == ("RolledBack", ("1", {}))
    return cause


def in_all(count: int, of: int, what: str) -> str:
    return f"Green's log says most often since the first shift: {what} ({count} of {of} errors)."


def test_a_green_that_raises_hangs_or_eats_memory_reads_differently(desks: Desks, own: LogGroup) -> None:
    greens = {
        "ValueError": [RAISED.format(user) for user in range(3)],
        "time-out": [f"2026-01-05T10:30:00.123Z {ID} Task timed out after 3.00 seconds"],
        "out of memory": [f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError"],
    }
    for number, (said, lines) in enumerate(greens.items()):
        desk = shifted(desks, name=f"green-{number}", source=GOOD % (number + 2))
        green = str(desk.record()["green"])
        writes(own, *lines, f"START RequestId: {ID} Version: {green}", version=green)
        writes(own, "[ERROR] BlueError: not green's", version="1")

        cause = rolled_back(desk)

        assert cause.startswith(
            f"green failed 9 of 10. {in_all(len(lines), len(lines), said)} {FUNCTION}:{ALIAS} is back"
        )
        assert cause.endswith(f"Green's log: {console.of_log(TARGET, GROUP, stream(green))}")


def test_it_is_in_the_record_the_api_the_notification_and_once_only_in_the_log(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks)
    writes(own, "[ERROR] KeyError: 'x'", *[RAISED.format(user) for user in (4711, 4712)])

    cause = rolled_back(desk)

    assert in_all(2, 3, "ValueError") in cause
    status, answer = ask("GET", f"/deployments/{desk.name}")
    link = console.of_log(TARGET, GROUP, stream())
    assert status == 200
    assert answer["complained"] == desk.record()["complained"] | {"time_outs": 0, "out_of_memory": 0} | {
        "group": GROUP,
        "stream": stream(),
        "link": link,
        "name": "ValueError",
        "message": "no bonus for user #",
        "count": 2,
        "of": 3,
        "partly": False,
        "unread": "",
    }
    assert answer["shifted_at"] == desk.record()["shifted_at"]
    (message,) = desk.deployer.messages()
    assert f"{cause}\n\nMost often in green's log: ValueError: no bonus for user #." in message["Message"]
    assert desk.evidence("RollBack")["outcome"]["complained"]["link"] == link
    searched = len(own.searches)
    assert desk.run("RollBack", retries=1)["cause"] == cause
    assert len(own.searches) == searched


@pytest.mark.parametrize("gone", ["blue", "alias"])
def test_a_rollback_that_finds_something_gone_quotes_it_to_people_only(desks: Desks, own: LogGroup, gone: str) -> None:
    desk = shifted(desks)
    writes(own, RAISED.format(4711))
    if gone == "blue":
        desk.run("ShiftAlias")
        boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")
        with pytest.raises(RollbackImpossible) as impossible:
            desk.failed().run("RollBack")
        answered = str(impossible.value)
    else:
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
        answered = json.dumps(desk.run("RollBack"))

    (message,) = desk.deployer.messages()
    assert "Most often in green's log: ValueError: no bonus for user #." in message["Message"]
    assert "no bonus" not in answered


def test_what_was_logged_before_the_first_shift_or_by_another_version_is_not_greens(
    desks: Desks, own: LogGroup
) -> None:
    desk = desks().to("ShiftAlias")
    writes(own, "[ERROR] SmokeError: of a smoke test")
    desk.aws.clock.sleep(1)
    desk.run("ShiftAlias")
    writes(own, "[ERROR] BlueError: x", version="1")
    writes(own, "[ERROR] OtherError: x", version="22")

    assert f"green failed 9 of 10. {NOTHING} {FUNCTION}" in rolled_back(desk.failed())


def test_without_a_first_shift_the_log_is_not_read(desk: Desk, own: LogGroup) -> None:
    desk.to("PublishVersion")
    writes(own, "[ERROR] ValueError: x")

    cause = rolled_back(desk.failed("SmokeTestFailed", "it answers wrongly"))

    assert (own.searches, "Green's log" in cause) == ([], False)


def test_only_the_type_is_told_of_errors_whose_messages_are_not_for_everybody(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks, health={"log_errors": "type"})
    writes(own, RAISED.format(4711))

    assert in_all(1, 1, "ValueError") in rolled_back(desk)
    assert "no bonus for user" not in json.dumps(desk.deployer.items(""), default=str)


def test_nobody_reads_a_log_that_is_not_to_be_told_of(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks, health={"log_errors": "off"})

    assert "Green's log" not in rolled_back(desk)
    assert own.searches == []


@pytest.mark.parametrize(("no_traffic", "told"), [("proceed", "ValueError"), ("probe", "an error")])
def test_with_a_sensitive_smoke_test_no_message_is_told(
    desks: Desks, own: LogGroup, no_traffic: str, told: str
) -> None:
    place, _ = payload_in_s3({"token": "4711"})
    login = {"name": "login", "payload_from": place, "sensitive": True}
    desk = shifted(desks, smoke_tests=[login], health={"no_traffic": no_traffic})
    writes(own, RAISED.format(4711))

    assert in_all(1, 1, told) in rolled_back(desk)


def test_a_log_group_without_the_tag_is_named_with_the_command_that_sets_it(desks: Desks) -> None:
    with log_group(GROUP, tags={}) as group:
        desk = shifted(desks)
        cause = rolled_back(desk)

    arn = TARGET.beside_logs(GROUP)
    assert f"`aws logs tag-resource --resource-arn {arn} --tags bluegreen:managed=true`." in cause
    assert cause.endswith(f"Green's log: {console.of_log(TARGET, GROUP)}")
    assert group.searches == []


@pytest.mark.parametrize("fault", ["ReadTimeout", "ThrottlingException", "InternalFailure"])
def test_a_log_that_does_not_answer_stops_nothing(desks: Desks, own: LogGroup, fault: str) -> None:
    desk = shifted(desks)

    with desk.aws.fails("FilterLogEvents", fault, times=None):
        cause = rolled_back(desk)

    assert "Green's log could not be read: " in cause
    assert "unread" in desk.record()["complained"]


def test_blue_has_everybody_before_the_log_is_read(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks)
    then: list[Any] = []

    def before(call: Any, make: Any) -> Any:
        if call.operation == "FilterLogEvents":
            then.append([*desk.deployer.alias(), desk.state()])
        return make()

    with desk.aws.watched(before):
        rolled_back(desk)

    assert then == [["1", {}, "undoing"]] * 2


def test_a_long_log_is_read_in_few_calls_and_the_cause_says_so(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks)
    own.page = 10
    writes(own, *[RAISED.format(user) for user in range(100)])

    cause = rolled_back(desk)

    assert "ValueError (50 of 50 errors, as far as it was read)." in cause
    assert len(own.searches) == logs.GLANCE_CALLS


def test_a_log_of_long_lines_is_read_to_half_a_megabyte(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks)
    own.page = 2
    writes(own, *["[ERROR] ValueError: x" + "x" * 200_000] * 8)

    assert "as far as it was read" in rolled_back(desk)
    assert len(own.searches) == 2


def test_a_slow_log_is_not_asked_again(desks: Desks, own: LogGroup) -> None:
    desk = shifted(desks)
    own.page = 1
    writes(own, *["[ERROR] ValueError: x"] * 5)

    def slow(call: Any, make: Any) -> Any:
        if call.operation == "FilterLogEvents":
            desk.aws.clock.sleep(5)
        return make()

    with desk.aws.watched(slow):
        assert "ValueError (2 of 2 errors, as far as it was read)." in rolled_back(desk)


@pytest.mark.parametrize("recovery", ["RecoverPrevious", "RecoverDeployments"])
def test_a_deployment_that_is_recovered_tells_it_too(desks: Desks, own: LogGroup, recovery: str) -> None:
    desk = shifted(desks)
    writes(own, RAISED.format(1))
    desk.stop()

    if recovery == "RecoverPrevious":
        second = desks("second", GOOD % 3)
        with pytest.raises(DeploymentInterrupted):
            second.run("OpenDeployment")
        second.run(recovery)
    else:
        in_its_role(recover_deployments.handler, recovery)({}, context_of(f"{recovery}Function"))

    assert in_all(1, 1, "ValueError") in desk.record()["cause"]


def test_a_second_shift_does_not_change_when_the_first_began(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    first = desk.record()["shifted_at"]
    desk.aws.clock.sleep(300)
    desk.run("ShiftAlias")

    assert desk.record()["shift"] == 2
    assert desk.record()["shifted_at"] == first == clock.iso(desk.document["bake"]["shifts"][0]["at"])
