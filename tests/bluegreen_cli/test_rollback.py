"""`bluegreen rollback`: the version that served before, or any other."""

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from bluegreen.errors import AccessDenied
from bluegreen.ledger import deployments
from bluegreen_cli.commands import rollback
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.handlers.desk import another_user_publishes, another_user_updates_the_code
from tests.machine.deployer import ALIAS, BROKEN, FUNCTION, GOOD, TARGET, Deployer

ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}


@pytest.fixture
def third(deployer: Deployer) -> Deployer:
    """Version 3 serves; version 2 served before it, and version 1 before that."""
    assert deployer.deploy(GOOD % 2, **ALL_AT_ONCE).ended == "Deployed"
    assert deployer.deploy(GOOD % 3, **ALL_AT_ONCE).ended == "Deployed"
    return deployer


def item(deployer: Deployer, deployment: str, kind: str) -> dict[str, Any]:
    """The deployment's record or plan."""
    (found,) = (item for item in deployer.items(f"deployment#{deployment}") if item["sk"] == kind)
    return found


def test_a_rollback_goes_back_to_the_version_that_served_before(third: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 0
    assert "Version 2 served before." in ran.stderr
    assert f"{FUNCTION}:PROD is served by version 2. Nobody watched green" in ran.stdout
    assert third.alias() == ("2", {})


def test_a_rollback_says_what_latest_has_and_the_command_that_puts_it_right(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    ran = bluegreen("rollback", FUNCTION)

    command = f"bluegreen deploy {FUNCTION} --alias {ALIAS} --code-of 2"
    assert ran.stderr.endswith(
        f"$LATEST has the code of version 3. `{command}` gives $LATEST the code of version 2, and leaves the alias as "
        "it is.\n"
    )
    before = third.versions()
    mended = bluegreen(*command.split()[1:])
    assert mended.exit_code == 0
    assert third.digest() == third.digest("2")
    assert (third.alias(), third.versions()) == (("2", {}), before)


def test_a_rollback_says_that_no_version_has_the_code_of_latest(third: Deployer, bluegreen: Bluegreen) -> None:
    another_user_updates_the_code(third, GOOD % 9)

    assert "$LATEST has code that no version has. `" in bluegreen("rollback", FUNCTION).stderr
    assert "--code-of 1" in bluegreen("rollback", FUNCTION, "--json").json["latest"]


def test_a_caller_who_may_not_list_versions_is_told_of_other_code(
    third: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("ListVersionsByFunction", "AccessDeniedException", status=403)

    assert "$LATEST has other code. `" in bluegreen("rollback", FUNCTION).stderr


def test_a_rollback_past_settings_that_changed_says_that_a_next_deployment_brings_them(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=60)
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)

    said = bluegreen("rollback", FUNCTION).stderr

    assert "$LATEST has the code of version 2, and other settings (Timeout). Set them back with the tool that" in said
    assert "Until then a next deployment brings those settings." in said


def test_a_rollback_from_settings_alone_says_that_latest_has_them(deployer: Deployer, bluegreen: Bluegreen) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=60)
    deployer.deploy(GOOD % 1, **ALL_AT_ONCE)

    said = bluegreen("rollback", FUNCTION).stderr

    assert said.endswith("$LATEST has this code and other settings (Timeout), which a next deployment brings.\n")


def test_a_second_rollback_goes_one_version_further_back_and_never_forward(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    bluegreen("rollback", FUNCTION)

    assert bluegreen("rollback", FUNCTION).exit_code == 0
    assert third.alias() == ("1", {})


def test_a_deployment_that_failed_meanwhile_changes_nothing_about_a_rollback(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    assert third.deploy(BROKEN, **ALL_AT_ONCE).ended == "RolledBack"

    bluegreen("rollback", FUNCTION)

    assert third.alias() == ("2", {})


def test_requests_that_were_refused_meanwhile_change_nothing_about_a_rollback(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    for _ in range(3):
        assert third.deploy(GOOD % 4, health={"alarms": ["nowhere"]}).ended == "Rejected"

    bluegreen("rollback", FUNCTION)

    assert third.alias() == ("2", {})


def test_a_rollback_may_name_any_published_version(third: Deployer, bluegreen: Bluegreen) -> None:
    assert bluegreen("rollback", FUNCTION, "--to", "1").exit_code == 0
    assert third.alias() == ("1", {})


def test_a_rollback_is_a_deployment_of_a_version_all_at_once(third: Deployer, bluegreen: Bluegreen) -> None:
    deployment = bluegreen("rollback", FUNCTION, "--json").json["deployment"]

    record = item(third, deployment, "record")
    assert record["artifact"] == "version 2"
    assert record["started_by"].startswith("cli by arn:aws:sts::")
    assert item(third, deployment, "plan")["schedule"]["name"] == "AllAtOnce"


def asked_of(deployer: Deployer, ran: Ran) -> list[str]:
    """The names of the cases that a rollback asked the version."""
    return [json.loads(case)["name"] for case in item(deployer, ran.json["deployment"], "plan")["smoke_tests"]]


def test_a_rollback_asks_the_version_what_it_was_deployed_with(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE, smoke_tests=[{"name": "two", "expect": {"bonus": 2}}])
    deployer.deploy(GOOD % 3, **ALL_AT_ONCE, smoke_tests=[{"name": "three", "expect": {"bonus": 3}}])

    assert asked_of(deployer, bluegreen("rollback", FUNCTION, "--json")) == ["two"]
    assert asked_of(deployer, bluegreen("rollback", FUNCTION, "--to", "3", "--json")) == ["three"]
    assert asked_of(deployer, bluegreen("rollback", FUNCTION, "--no-smoke-tests", "--json")) == []


def test_a_version_of_which_nobody_wrote_a_test_is_asked_nothing(third: Deployer, bluegreen: Bluegreen) -> None:
    assert asked_of(third, bluegreen("rollback", FUNCTION, "--json")) == []
    assert asked_of(third, bluegreen("rollback", FUNCTION, "--json")) == []


def test_no_invented_event_stops_an_emergency(deployer: Deployer, bluegreen: Bluegreen) -> None:
    """Versions 1 and 2 answer Records only. Version 3 answers anything, and is bad."""
    reads = "def handler(event, context): return len(event['Records']) + %d"
    for source in (reads % 1, reads % 2, GOOD % 3):
        deployer.deploy(source, **ALL_AT_ONCE, smoke_tests="off")

    assert bluegreen("rollback", FUNCTION).exit_code == 0
    assert bluegreen("rollback", FUNCTION, "--to", "2").exit_code == 0
    assert deployer.alias() == ("2", {})


def test_a_version_that_somebody_else_published_is_asked_nothing(deployer: Deployer, bluegreen: Bluegreen) -> None:
    version = another_user_publishes(BROKEN)

    assert bluegreen("rollback", FUNCTION, "--to", version).exit_code == 0


def test_a_plan_that_cannot_be_read_holds_no_rollback_up(
    third: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise AccessDenied("dynamodb:GetItem")

    monkeypatch.setattr("bluegreen_cli.commands.rollback.tests.written_for", refused)

    assert rollback._nothing_is_written_for(TARGET, "2") is False


def test_a_rollback_can_be_started_only(third: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION, "--no-follow")

    assert ran.exit_code == 0
    assert "Started" in ran.stdout


def test_without_a_deployment_in_the_ledger_a_rollback_asks_for_a_version(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 2
    assert f"there is no record of a deployment that gave {FUNCTION}:PROD to version 1" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "--to" in ran.stderr


def test_a_split_alias_is_left_alone(third: Deployer, bluegreen: Bluegreen) -> None:
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}
    )

    ran = bluegreen("rollback", FUNCTION)

    assert ran.exit_code == 2
    assert "is served by version 3 (75 %) and version 2 (25 %)" in ran.stderr
    assert third.alias() == ("3", {"2": 0.25})


class TestADeploymentThatRuns:
    """It is aborted: ServeApi takes the order, and RecoverDeployments carries it out."""

    @pytest.fixture(autouse=True)
    def hears(self, monkeypatch: pytest.MonkeyPatch, bluegreen: Bluegreen, http_api: None) -> list[float]:
        paused: list[float] = []
        self.over = threading.Event()
        monkeypatch.setattr("bluegreen_cli.follow.pause", paused.append)
        return paused

    def while_it_runs(self, deployer: Deployer, run: Callable[[], Ran], seconds: float = 90, **asked: Any) -> Ran:
        """The command, so long after the start of a canary from version 3 to version 4."""
        reached = threading.Event()

        def hold() -> None:
            reached.set()
            self.over.wait(120)

        artifact = asked.pop("artifact", None) or deployer.upload(GOOD % 4)
        deployer.aws.after(seconds, hold)
        arn = deployer.aws.start({"function": FUNCTION, "artifact": artifact, **asked}, "running")
        assert reached.wait(60)
        try:
            return run()
        finally:
            self.over.set()
            deployer.aws.finish(arn)

    def test_is_stopped_and_its_blue_has_everybody(self, third: Deployer, bluegreen: Bluegreen) -> None:
        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION))

        assert ran.exit_code == 0
        assert ran.stdout == f"Aborted running (RolledBack): {FUNCTION}:PROD is served by version 3.\n"
        assert third.alias() == ("3", {})
        assert item(third, "running", "record")["state"] == "RolledBack"
        assert third.items("lock#") == []

    @pytest.mark.parametrize("keep_control", [0.01, 0])
    def test_is_stopped_also_in_its_final_bake(
        self, third: Deployer, bluegreen: Bluegreen, keep_control: float
    ) -> None:
        final_bake = {"steps": [{"weight": 1, "bake_seconds": 600}], "keep_control": keep_control}

        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION), traffic=final_bake)

        assert (ran.exit_code, third.alias()) == (0, ("3", {}))

    def test_is_told_as_json(self, third: Deployer, bluegreen: Bluegreen) -> None:
        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION, "--json"))

        assert ran.json["deployment"] == "running"
        assert (ran.json["aborted"], ran.json["end"], ran.json["serving"]) == (True, "RolledBack", "3")

    def test_can_be_stopped_only(self, third: Deployer, bluegreen: Bluegreen, hears: list[float]) -> None:
        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION, "--no-follow"))

        assert ran.exit_code == 0
        assert "says when blue has all of the alias" in ran.stdout
        assert hears == []

    def test_can_be_stopped_only_and_told_as_json_with_what_is_left_to_do(
        self, third: Deployer, bluegreen: Bluegreen
    ) -> None:
        command = ("rollback", FUNCTION, "--no-follow", "--to", "1", "--json")

        ran = self.while_it_runs(third, lambda: bluegreen(*command))

        assert ran.json == {"deployment": "running", "aborted": True}
        assert "Version 1 was not deployed: `bluegreen rollback" in ran.stderr
        assert f"{FUNCTION} --alias PROD --to 1` does that once blue has all of the alias." in ran.stderr

    def test_whose_blue_is_gone_fails_with_what_there_is(self, third: Deployer, bluegreen: Bluegreen) -> None:
        final_bake = {"steps": [{"weight": 1, "bake_seconds": 600}], "keep_control": 0}
        third.aws.after(60, lambda: boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="3"))

        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION), traffic=final_bake)

        assert ran.exit_code == 3
        assert f"someone else deleted version 3, so {FUNCTION}:PROD stays at version 4" in ran.stdout

    def test_that_is_not_undone_in_time_is_said_to_be_under_way(
        self, third: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bluegreen_cli.follow.pause", lambda seconds: None)
        monkeypatch.setattr("bluegreen_cli.follow.POLL_SECONDS", 100)

        with third.aws.fails("Invoke", "ServiceException", times=None, state="ServeApi"):
            ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION))

        assert ran.exit_code == 4
        assert "running is not undone after 15 minutes" in ran.stderr
        assert f"bluegreen status {FUNCTION} --alias PROD" in ran.stderr

    def test_that_may_not_be_aborted_goes_on(
        self, third: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forbidden = SimpleNamespace(status_code=403, content=b'{"message": "Forbidden"}')
        monkeypatch.setattr("bluegreen_cli.api._sent", lambda request, doing: forbidden)

        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION))

        assert ran.exit_code == 2
        assert "DELETE /deployments/running is not allowed: Forbidden." in ran.stderr
        assert "Nothing was changed." in ran.stderr
        assert third.alias() == ("4", {})

    def test_that_is_rolled_back_already_gets_no_order(self, third: Deployer, bluegreen: Bluegreen) -> None:
        def undone() -> Ran:
            deployments.begin_undoing("running", "GreenUnhealthy", "It is worse.")
            return bluegreen("rollback", FUNCTION, "--no-follow")

        ran = self.while_it_runs(third, undone)

        assert ran.exit_code == 0
        assert "Deployment running is being rolled back already." in ran.stderr
        assert third.items("orders#") == []

    @pytest.mark.parametrize(
        ("version", "complaint"), [("99", "has no version 99"), ("three", "'three' does not match")]
    )
    def test_is_not_stopped_for_a_version_that_does_not_exist(
        self, third: Deployer, bluegreen: Bluegreen, version: str, complaint: str
    ) -> None:
        ran = self.while_it_runs(third, lambda: bluegreen("rollback", FUNCTION, "--to", version))

        assert ran.exit_code == 2
        assert complaint in ran.stderr
        assert "Nothing was stopped or started." in ran.stderr
        assert third.alias() == ("4", {})

    def test_that_goes_where_the_rollback_would_is_not_stopped(self, third: Deployer, bluegreen: Bluegreen) -> None:
        ran = self.while_it_runs(
            third, lambda: bluegreen("rollback", FUNCTION, "--no-follow"), artifact={"version": "2"}
        )

        assert "Deployment running is that rollback already." in ran.stderr
        assert third.alias() == ("2", {})


def test_a_version_that_does_not_exist_is_refused_and_touches_nothing(third: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("rollback", FUNCTION, "--to", "99")

    assert ran.exit_code == 2
    assert f"artifact.version: {FUNCTION} has no version 99; name one" in ran.stderr
    assert "Nothing was uploaded or started." in ran.stderr
    assert third.alias() == ("3", {})
    assert bluegreen("history", FUNCTION, "--refused", "--json").json == []


def test_a_caller_who_may_not_see_the_version_leaves_the_refusal_to_the_deployment(
    third: Deployer, bluegreen: Bluegreen
) -> None:
    with third.aws.fails("GetFunction", "AccessDeniedException", times=1):
        ran = bluegreen("rollback", FUNCTION, "--to", "99")

    assert ran.exit_code == 2
    assert f"artifact.version: {FUNCTION} has no version 99" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--to", "$LATEST"), "artifact.version: '$LATEST' does not match"),
        (("--alias", "no alias"), "alias: 'no alias' does not match"),
        (("--alias", "STAGING"), "there is no function BonusCalculatorLambda with an alias STAGING"),
    ],
)
def test_a_rollback_that_can_never_succeed_is_refused(
    deployer: Deployer, bluegreen: Bluegreen, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = bluegreen("rollback", FUNCTION, *arguments)

    assert ran.exit_code == 2
    assert complaint in ran.stderr
