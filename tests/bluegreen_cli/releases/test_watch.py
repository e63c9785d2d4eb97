"""`bluegreen watch`, `status`, `show` and `open`, of a release that runs and of one that is over."""

import io
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bluegreen.errors import AwsUnavailable
from bluegreen.ledger.releases import Member
from bluegreen_cli import follow, when
from bluegreen_cli.releases import told
from bluegreen_cli.releases.display import Board, Display, display, standing
from bluegreen_cli.releases.follow import news
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.told import Told
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.bluegreen_cli.releases.conftest import running
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, GOOD, TARGET
from tests.machine.shop import NAMES, Shop


def written(known: Told, rows: int = 20) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(standing(known, rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def read(name: str = "monday") -> Told:
    known = told.read(name)
    assert known
    return known


def watching(bluegreen: Bluegreen, *arguments: str) -> tuple[threading.Thread, list[Ran]]:
    ran: list[Ran] = []
    thread = threading.Thread(target=lambda: ran.append(bluegreen("watch", *arguments)))
    thread.start()
    return thread, ran


class TestWhileItRuns:
    def test_lines_tell_each_event_once_and_the_exit_code_the_end(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop, to_the_end=True):
            thread, ran = watching(bluegreen, "monday")
        thread.join(60)

        assert ran[0].exit_code == 0
        said = [line.partition("Z ")[2] for line in ran[0].stderr.splitlines()[1:]]
        for part in (
            "release            5 functions in 2 waves, by Canary10Percent5Minutes.",
            f"shift              wave 1 of 2: 2 functions get 10 %: {FUNCTION}:PROD, Orders:PROD.",
            "shift              wave 2 of 2: 3 functions get 100 %: Prices:PROD, Stock:PROD, Tax:PROD.",
        ):
            assert said.count(part) == 1, part
        assert any(line.startswith("ended              Released, after ") for line in said)
        assert ran[0].stdout.endswith("Of 5 functions 5 serve their new version.\n")

    def test_a_function_leads_to_the_release_that_it_is_a_part_of(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop, to_the_end=True):
            status = bluegreen("status", "Tax")
            also = bluegreen("status", "Tax", "--json").json["running"]
            thread, ran = watching(bluegreen, "Tax")
        thread.join(60)

        assert (ran[0].exit_code, "monday.5 is a part of the release monday." in ran[0].stderr) == (0, True)
        assert "monday.5 is under way, as a part of the release monday.\n  `bluegreen watch monday`" in status.stdout
        assert also["release"] == "monday"

    def test_a_function_that_was_released_last_leads_there_too(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", traffic="AllAtOnce")

        ran = bluegreen("watch", "Tax")

        assert (ran.exit_code, "Released in " in ran.stdout) == (0, True)

    def test_status_says_where_it_is_and_what_it_waits_for(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            bluegreen("pause", "monday", "--seconds", "600", "--reason", "lunch")
            ran, found = bluegreen("status", "monday"), bluegreen("status", "monday", "--json").json

        assert ran.stdout.splitlines()[0] == "monday is at wave 1 of 2, step 1 of 2: greens have 10 %."
        assert "It is paused until 2026-01-05 09:" in ran.stdout
        assert "`bluegreen resume monday` lets it go on." in ran.stdout
        assert "  functions: 3 green is tested, 2 meets users" in ran.stdout
        assert (found["state"], found["wave"], found["counts"]) == ("open", 0, {"shifted": 2, "staged": 3})
        assert found["given"]["paused"]["reason"] == "lunch"

    def test_between_two_waves_it_does_not_say_that_no_user_has_met_a_green(
        self, shop: Shop, bluegreen: Bluegreen
    ) -> None:
        found: list[tuple[Ran, Ran, list[str]]] = []

        def look(arn: str, entered: str, when: str) -> None:
            if (entered, when) != ("Bake", "entered") or found or ":release:" not in arn:
                return
            if (known := told.read("monday")) and known.awaits:
                said = [each.what for each in news(None, known)]
                found.append((bluegreen("status", "monday"), bluegreen("list"), said))
                bluegreen("approve", "monday")

        with shop.aws.at_states(look):
            shop.release(name="monday", waves=[{"most": 1}, {"approve": True}], traffic="AllAtOnce")

        status, functions, said = found[0]
        assert status.stdout.splitlines()[0] == "monday is between waves: wave 2 of 2 is not shifted yet."
        assert "staging" not in said
        assert functions.stdout.startswith("release monday of 5 functions is open, before wave 2 of 2, started ")

    def test_before_the_first_wave_it_says_that_all_greens_are_tested(self, shop: Shop, bluegreen: Bluegreen) -> None:
        found: list[Ran] = []

        def look(arn: str, entered: str, when: str) -> None:
            if (entered, when) != ("Bake", "entered") or found or ":release:" not in arn:
                return
            found.append(bluegreen("status", "monday"))
            bluegreen("approve", "monday")

        with shop.aws.at_states(look):
            shop.release(name="monday", waves=[{"approve": True}], traffic="AllAtOnce")

        said = "has made and tested its greens; wave 1 of 1 is not shifted yet, and no user has met one."
        assert found[0].stdout.splitlines()[0] == f"monday {said}"

    def test_show_has_waves_functions_and_moments(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            ran = bluegreen("show", "monday")

        assert ran.stdout.startswith("monday: release of 5 functions\n")
        assert (
            "\nwave 1 of 2: 2 functions\n  BonusCalculatorLambda:PROD: version 1 to 2: meets users, 10 %" in ran.stdout
        )
        assert "(monday.1)\n" in ran.stdout
        assert "  ended: not yet, it is at wave 1 of 2, step 1 of 2: greens have 10 %" in ran.stdout
        assert "UTC  shift              wave 1 of 2: 2 functions get 10 %: " in ran.stdout

    def test_ctrl_c_ends_the_watching_only(
        self, shop: Shop, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with running(shop, to_the_end=True), monkeypatch.context() as patched:

            def interrupt(_: float) -> None:
                raise KeyboardInterrupt

            patched.setattr(follow, "pause", interrupt)
            ran = bluegreen("watch", "monday", "--json")

        assert (ran.exit_code, ran.json["untouched"]) == (130, "The release goes on.")
        assert read().record.state == "Released"

    def test_an_aws_that_answers_again_is_waited_for(
        self, shop: Shop, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.release(name="monday", traffic="AllAtOnce")
        real, silences = told.read, iter([True, True])

        def now_and_then(release: str) -> Told | None:
            if next(silences, False):
                raise AwsUnavailable("the table is away")
            return real(release)

        monkeypatch.setattr(told, "read", now_and_then)

        ran = bluegreen("watch", "monday")

        assert ran.exit_code == 0
        assert ran.stderr.count("AWS does not answer just now, the release goes on: the table is away") == 1
        assert "AWS answers again" in ran.stderr

    def test_an_aws_that_stays_silent_is_4(
        self, shop: Shop, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.release(name="monday", traffic="AllAtOnce")

        def silent(_: str) -> Told | None:
            raise AwsUnavailable("the table is away")

        monkeypatch.setattr(told, "read", silent)

        ran = bluegreen("watch", "monday", "--json")

        assert (ran.exit_code, ran.json["error"]) == (4, "Lost")
        assert "`bluegreen watch monday` goes on watching" in ran.json["advice"]


class TestOnceItIsOver:
    def test_watch_tells_it_from_its_beginning(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.users_call(2)
        shop.release({"Tax": BAD_UNDER_TRAFFIC}, name="monday")

        ran, found = bluegreen("watch", "monday"), bluegreen("watch", "monday", "--json")

        assert ran.exit_code == found.exit_code == 1
        kinds = [line.partition("Z ")[2].split()[0] for line in ran.stderr.splitlines()[1:] if "Z " in line]
        assert kinds[0] == "started"
        assert {"shift", "look", "goes", "ended", "failed"} <= {*kinds}
        assert "opening" not in kinds
        assert found.json["failed"] == [each.name for each in read().failed]
        assert found.json["error"] == "FunctionsFailed"

    def test_show_and_status_say_how_it_ended(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release({"Tax": BROKEN}, name="monday")

        status, shown = bluegreen("status", "monday").stdout, bluegreen("show", "monday").stdout
        found = bluegreen("show", "monday", "--json").json

        assert status.startswith("monday ended ")
        assert "Rolled back after " in status
        assert "  failed: Tax:PROD: SmokeTestFailed: " in status
        assert "Tax:PROD: version 1: back at blue; SmokeTestFailed: " in shown
        assert "GET /releases" not in shown
        assert {each["state"] for each in found["members"]} == {"back"}

    def test_open_prints_the_link(self, shop: Shop, bluegreen: Bluegreen) -> None:
        run = shop.release(name="monday", traffic="AllAtOnce")

        ran = bluegreen("open", "monday", "--json")

        assert ran.json["release"] == "monday"
        assert ran.json["console"].endswith(run.arn)

    def test_a_document_that_is_refused_has_a_record_to_watch(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.run({"functions": []}, "monday")

        ran = bluegreen("watch", "monday")

        assert (ran.exit_code, ran.stdout.startswith("Rejected: InvalidRequest: functions: ")) == (2, True)
        assert bluegreen("show", "monday").stdout.startswith("monday: release of 0 functions\n")

    def test_an_execution_without_a_record_is_a_refusal(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with shop.aws.state_fails("OpenRelease", "NotTheHolder", times=None):
            shop.run(shop.document(), "monday")

        ran = bluegreen("watch", "monday", "--json")

        assert (ran.exit_code, ran.json["untouched"]) == (2, "No function was touched.")
        assert "NotTheHolder" in ran.json["cause"]


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [("Released", 0), ("NothingToDeploy", 0), ("RolledBack", 1), ("Rejected", 2), ("RollbackFailed", 3)],
)
def test_each_end_has_the_code_of_a_deployments_end(shop: Shop, end: str, exit_code: int) -> None:
    shop.run({"functions": []}, "monday")
    known = read()
    stuck = Member(number=1, wave=0, deployment="monday.1", target=TARGET, state="stuck", blue="1", error="AliasMoved")
    ended = Ending(replace(known, record=known.record.model_copy(update={"state": end}), members=(stuck,)))

    assert ended.exit_code == exit_code
    assert "put blue back by hand with `aws lambda update-alias --function-name" in [*ended.in_full()][1]


class TestNames:
    def test_no_such_release_is_refused_with_where_to_look(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran = bluegreen("watch", "tuesday", "--release")

        assert ran.exit_code == 2
        assert "there is no release tuesday, or it has only just begun" in ran.stderr
        assert "`bluegreen list --releases` lists the releases, the newest first." in ran.stderr

    def test_a_wrong_id_is_not_taken_for_a_functions_name(self, shop: Shop, bluegreen: Bluegreen) -> None:
        found = {
            name: bluegreen(name, "tuesday") for name in ("pause", "abort", "rollback", "status", "show", "approve")
        }

        assert {ran.exit_code for ran in found.values()} == {2}
        assert found["pause"].stderr.splitlines() == [
            "Error: there is no release tuesday, and no deployment of tuesday:PROD runs.",
            "Nothing was ordered.",
            "`bluegreen status tuesday --alias PROD` says who serves, and how the last deployment ended. "
            "`bluegreen list --releases` lists the releases, the newest first.",
        ]
        for name in ("rollback", "status"):
            assert found[name].stderr.startswith("Error: there is no release tuesday, and there is no function tuesday")
        for name in ("show", "approve"):
            assert "there is no deployment tuesday, nor " in found[name].stderr
            assert "a release with that id." in found[name].stderr
            assert "`bluegreen list --releases`" in found[name].stderr

    def test_a_function_that_was_deployed_to_is_not_taken_for_a_release(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", traffic="AllAtOnce")

        assert bluegreen("pause", "Tax").stderr.startswith("Error: no deployment of Tax:PROD runs.\n")

    def test_a_name_that_is_a_function_too_is_refused(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="Tax", traffic="AllAtOnce")

        for command in ("watch", "status", "show", "open", "report", "abort", "rollback", "pause"):
            ran = bluegreen(command, "Tax")

            assert (command, ran.exit_code) == (command, 2)
            assert "Tax is a release, and a function's name" in ran.stderr
            assert "Add --release for the release, or --alias PROD for the other one." in ran.stderr

    def test_the_options_say_which_one_is_meant(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="Tax", traffic="AllAtOnce")

        assert bluegreen("status", "Tax", "--release").stdout.startswith("Tax ended ")
        assert bluegreen("status", "Tax", "--alias", "PROD").stdout.startswith("Tax:PROD is served by ")
        both = bluegreen("status", "Tax", "--alias", "PROD", "--release")
        assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)

    def test_a_deployments_id_is_told_apart_as_well(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", traffic="AllAtOnce")
        shop.aws.walk({"function": "Tax", "artifact": shop.upload("Tax", GOOD % 3), "traffic": "AllAtOnce"}, "monday")

        ran = bluegreen("show", "monday")

        assert (ran.exit_code, "monday is a release, and the id of a deployment" in ran.stderr) == (2, True)

    def test_a_caller_who_may_not_read_releases_goes_on_as_before(
        self, shop: Shop, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bluegreen.errors import AccessDenied
        from bluegreen.ledger import releases

        def denied(_: str) -> None:
            raise AccessDenied("dynamodb:GetItem")

        monkeypatch.setattr(releases, "find", denied)

        assert bluegreen("status", "Tax").exit_code == 0


class TestTheTable:
    def test_it_has_every_function_a_bar_and_who_it_waits_for(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            bluegreen("pause", "monday")
            shown = written(read())

        lines = shown.splitlines()
        assert lines[0].startswith("monday  is at wave 1 of 2, step 1 of 2: greens have 10 %")
        assert lines[1].strip() == "█" + "░" * 29 + "  4 % of all aliases"
        assert "It is paused until " in lines[2]
        assert [line.split()[0] for line in shown.splitlines() if ":PROD " in line] == [
            f"{name}:PROD" for name in NAMES
        ]
        assert "Orders:PROD" in shown
        assert "meets users" in shown

    def test_it_says_when_the_next_look_is_and_so_do_lines_once_an_order_is_given(
        self, shop: Shop, bluegreen: Bluegreen
    ) -> None:
        with running(shop, "Bake"):
            before = read()
            bluegreen("pause", "monday")
            after = read()

        look = when.utc(after.record.looks_at or "")
        assert f"The next look is at {look} (in " in written(after)
        assert [each.what for each in news(before, before)] == []
        assert [(each.what, each.said) for each in news(before, after)][-1] == (
            "next look",
            f"at {look}; orders and decisions take effect then",
        )

    def test_those_that_failed_come_first_and_the_rest_is_counted(self, shop: Shop) -> None:
        shop.release({"Tax": BROKEN}, name="monday")

        shown = written(read(), rows=2)

        first = next(line for line in shown.splitlines() if ":PROD" in line)
        assert first.startswith("Tax:PROD")
        assert "SmokeTestFailed: " in shown
        assert "and 3 functions more" in shown

    def test_a_terminal_gets_it_below_the_lines(self, shop: Shop) -> None:
        shop.release(name="monday", traffic="AllAtOnce")
        console = Console(file=io.StringIO(), width=150, force_terminal=True)

        with Board(console) as board:
            board.learned(None, read())
            shown = written(read())

        assert isinstance(console.file, io.StringIO)
        assert "Released, after" in console.file.getvalue()
        assert "100 % of all aliases" in shown

    def test_a_pipe_gets_lines_only(self) -> None:
        assert type(display()) is Display


def test_only_the_waves_that_are_worked_on_are_read_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from bluegreen.ledger import releases

    real, asked = releases.members, []

    def members(release: str, wave: int | None = None) -> Any:
        asked.append(wave)
        return real(release, wave)

    with running(shop):
        before = read()
        monkeypatch.setattr(releases, "members", members)
        after = told.again(before)
        monkeypatch.setattr(releases, "members", real)

    assert asked == [0]
    assert after.members == before.members
    assert news(before, after) == []


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_caller_who_sees_no_orders_sees_the_rest(
    shop: Shop, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bluegreen.errors import AccessDenied
    from bluegreen.ledger import approvals, orders

    def denied(_: str) -> Any:
        raise AccessDenied("dynamodb:GetItem")

    shop.release(name="monday", traffic="AllAtOnce")
    monkeypatch.setattr(orders, "given", denied)
    monkeypatch.setattr(approvals, "shown", denied)

    known = read()

    assert (known.orders, known.approvals, known.record.state) == ((), (), "Released")
