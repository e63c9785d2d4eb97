"""Orders to a release that runs, its way back afterwards, and the list of releases."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

import recover_deployments
from bluegreen import clock
from bluegreen.ledger import approvals, deployments, orders, releases
from bluegreen.ledger.owner import of_release
from bluegreen_cli.releases import told
from tests.bluegreen.examples import found, opened
from tests.bluegreen_cli.conftest import Bluegreen, Ran
from tests.bluegreen_cli.releases.conftest import Write, at_the_gate, running
from tests.crash.world.driver import context_of
from tests.machine.asking import CALLER
from tests.machine.deployer import BROKEN, FUNCTION, GOOD
from tests.machine.elsewhere import OTHER_ACCOUNT, elsewhere
from tests.machine.shop import BLUE, GREEN, NAMES, Shop

AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce", "waves": [{}]}


def given() -> list[tuple[str, str, str]]:
    return [(each.order, each.by, each.reason) for each in orders.given(of_release("monday"))]


def wait_for(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.2)
    return False


def swept() -> bool:
    """The sweep that comes every few minutes; the execution that was stopped may only just have ended."""
    recover_deployments.handler({}, context_of("RecoverDeploymentsFunction"))
    return False


class TestAbort:
    def test_gives_every_blue_back_before_it_answers(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []
        thread = threading.Thread(
            target=lambda: ran.append(bluegreen("abort", "monday", "--reason", "complaints & more"))
        )
        with running(shop, to_the_end=True):
            thread.start()
            assert wait_for(lambda: bool(given()))
        assert wait_for(lambda: not thread.is_alive() or swept())

        assert ran[0].exit_code == 0
        assert ran[0].stdout == "Aborted monday (RolledBack): Of 5 functions 5 serve the version before.\n"
        assert "Release monday is being aborted: its functions are given back to their blues." in ran[0].stderr
        assert given() == [("abort", CALLER, "complaints & more")]
        assert shop.aliases() == BLUE

    def test_can_be_ordered_only(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            ran = bluegreen("abort", "monday", "--no-follow")
            told = bluegreen("abort", "monday", "--no-follow", "--json").json

        assert (ran.exit_code, ran.stdout) == (0, "`bluegreen watch monday` follows it to its end.\n")
        assert "That begins within seconds. If RecoverDeployments does not hear of it, it begins by 2026-" in ran.stderr
        assert (told["release"], told["aborted"]) == ("monday", True)
        assert 0 < clock.moment(told["takes_effect_at"]) - orders.given(of_release("monday"))[0].at < 360

    def test_one_that_has_ended_is_refused_with_the_way_back(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)

        ran, found = bluegreen("abort", "monday"), bluegreen("abort", "monday", "--json").json

        assert ran.exit_code == found["exit_code"] == 2
        assert ran.stderr.splitlines() == [
            "Error: abort: the release monday cannot take this order: it has ended as Released.",
            "Nothing was ordered.",
            "`bluegreen rollback monday` puts every function of it back.",
        ]
        assert [found["untouched"], found["advice"]] == ran.stderr.splitlines()[1:]


class TestPauseResumeAndPromote:
    def test_each_is_an_order_with_who_and_why(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop, to_the_end=True):
            paused = bluegreen("pause", "monday", "--seconds", "600", "--reason", "lunch")
            again = bluegreen("pause", "monday")
            resumed = bluegreen("resume", "monday")
            paused_again = bluegreen("pause", "monday", "--json")
            promoted = bluegreen("promote", "monday", "--json")
            again_promoted = bluegreen("promote", "monday")

        assert [each.exit_code for each in (paused, again, resumed, paused_again, promoted)] == [0, 2, 0, 0, 0]
        assert "Without resume, promote or abort within 10 min every function is rolled back." in paused.stdout
        assert "it is paused already" in again.stderr
        assert resumed.stdout == (
            "Release monday: resumed.\nIt goes on at the next look.\n"
            "A handler works on the release's functions now. The next look is 4 min after its end, at the latest.\n"
        )
        assert [each["order"] for each in promoted.json["orders"]] == ["pause", "resume", "pause", "promote"]
        assert promoted.json["instead_of"]["order"] == "pause"
        assert again_promoted.stdout == (
            "Release monday: the wave's next step comes at the next look, unless a green is worse.\n"
            "A handler works on the release's functions now. The next look is 4 min after its end, at the latest. "
            "If greens get a share just now, that is the promoted step, and the bake after it takes its time.\n"
        )
        assert given()[0] == ("pause", CALLER, "lunch")
        assert shop.aliases() == GREEN

    def test_each_says_when_the_next_look_carries_it_out(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []
        at: list[float] = []

        def hook(arn: str, state: str, when: str) -> None:
            if when != "entered" or ":release:" not in arn:
                return
            if state == "LookAtWave" and len(ran) == 5 and not at:
                at.append(clock.now())
            if state != "Bake" or ran:
                return
            for command in ("pause", "status", "resume", "pause", "promote"):
                ran.append(bluegreen(command, "monday"))

        with shop.aws.at_states(hook):
            shop.release(name="monday")

        paused, status, resumed, _, promoted = (each.stdout for each in ran)
        (look,) = at
        said = datetime.fromtimestamp(look, UTC).strftime("%Y-%m-%d %H:%M:%S UTC (in ")
        assert f"gets a larger share from the next look on, {said}" in paused
        assert f"\n  next look, at which orders and decisions take effect: {said}" in status
        assert resumed.startswith(f"Release monday: resumed.\nIt goes on at the next look, {said}")
        assert f"the wave's next step comes at the next look, {said}" in promoted

    def test_a_function_of_it_takes_no_order_of_its_own(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            for command in ("abort", "pause", "resume", "promote", "rollback"):
                ran = bluegreen(command, "Orders")

                assert (command, ran.exit_code) == (command, 2)
                assert "Orders:PROD is deployed to by the release monday, whose functions go together" in ran.stderr
                assert f"`bluegreen {command} monday`" in ran.stderr
        assert given() == []


class TestBeforeAShift:
    def test_a_promote_is_no_approval_and_is_not_swallowed(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []

        def promote() -> None:
            ran.append(bluegreen("promote", "monday"))
            bluegreen("pause", "monday")
            ran.append(bluegreen("promote", "monday"))
            bluegreen("resume", "monday")
            bluegreen("approve", "monday")
            ran.append(bluegreen("promote", "monday"))

        at_the_gate(shop, promote)

        first, paused, approved = ran
        assert first.exit_code == paused.exit_code == approved.exit_code == 2
        assert first.stderr.splitlines() == [
            "Error: promote: the release monday cannot take this order: wave 2 of 2 needs a person's approval before "
            "its first shift, and a promote is no approval.",
            "Nothing was ordered.",
            "`bluegreen approve monday --wave 2` approves the wave, as soon as it waits for that.",
        ]
        assert paused.stderr.splitlines()[-1].startswith(
            "`bluegreen resume monday` ends the pause, and `bluegreen appr"
        )
        assert (
            "no green of wave 2 of 2 has a share yet, and its first shift comes without a promote." in approved.stderr
        )
        assert [each[0] for each in given()] == ["pause", "resume"]
        assert shop.aliases() == GREEN

    def test_a_promote_ends_a_pause_all_the_same(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []

        def hook(_: str, state: str, when: str) -> None:
            if (state, when) != ("ShiftWave", "entered") or ran:
                return
            ran.extend([bluegreen("pause", "monday"), bluegreen("promote", "monday")])

        with shop.aws.at_states(hook):
            shop.release(name="monday", **AT_ONCE)

        assert [each.exit_code for each in ran] == [0, 0]
        assert shop.aliases() == GREEN

    def test_an_order_while_it_is_opened_is_refused_as_one_to_a_release(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop, "OpenFunctions"):
            paused, promoted = bluegreen("pause", "monday"), bluegreen("promote", "monday")

        assert paused.exit_code == promoted.exit_code == 2
        assert paused.stderr.splitlines() == [
            "Error: pause: the release monday cannot take this order: it still checks and locks its functions, and no "
            "green has a share of an alias.",
            "Nothing was ordered.",
            "Order it again once `bluegreen status monday` says that it makes and tests its greens, or abort it.",
        ]
        assert given() == []


class TestDecisions:
    def test_a_wave_that_does_not_wait_is_refused_in_the_apis_words(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            ran, also = bluegreen("approve", "monday"), bluegreen("reject", "monday", "--wave", "2")

        assert ran.exit_code == also.exit_code == 2
        assert ran.stderr.splitlines() == [
            "Error: the release monday does not wait for an approval.",
            "Nothing was changed.",
            "No wave waits for an approval now. `bluegreen status monday` says what the release does.",
        ]
        assert also.stderr.startswith(
            "Error: wave 2 of the release monday does not wait for an approval: it needs none.\n"
        )

    def test_one_that_has_ended_is_refused_with_its_name_and_its_end(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.run({"functions": []}, "monday")

        ran = bluegreen("approve", "monday", "--step", "1")

        assert ran.exit_code == 2
        assert ran.stderr.splitlines() == [
            "Error: there is nothing to decide about wave 1 of the release monday: it has ended as Rejected.",
            "Nothing was changed.",
            "`bluegreen show monday` says why.",
        ]

    def test_what_follows_is_told_as_it_is(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []

        def decide() -> None:
            bluegreen("pause", "monday", "--reason", "lunch")
            for command in ("approve", "resume", "approve"):
                ran.append(bluegreen(command, "monday"))

        at_the_gate(shop, decide)

        paused, _, goes_on = (each.stdout.splitlines() for each in ran)
        assert paused[0].startswith(
            "Wave 2 of monday is approved. Nothing is shifted yet: the release is paused until 2026-01-05 "
        )
        assert paused[0].endswith(f" by {CALLER}: lunch. `bluegreen resume monday` lets the wave be shifted.")
        assert goes_on[0].startswith("Wave 2 of monday is approved. It is shifted at the next look, 2026-01-05 ")
        assert goes_on[1] == "`bluegreen watch monday` follows it."
        assert shop.aliases() == GREEN

    def test_a_wave_whose_shift_has_begun_takes_no_decision_and_the_one_that_waits_is_named(
        self, shop: Shop, bluegreen: Bluegreen
    ) -> None:
        first: list[Ran] = []
        late: list[Ran] = []

        def hook(arn: str, state: str, when: str) -> None:
            known = told.read("monday") if (state, when) == ("Bake", "entered") and ":release:" in arn else None
            wave = known.awaits["step"] if known and known.awaits else None
            if wave == 2 and not first:
                first.extend(bluegreen("approve", "monday", "--step", "2", "--reason", "fine") for _ in range(2))
            if wave == 3 and not late:
                for which, step in (("approve", "2"), ("reject", "2"), ("approve", "1"), ("approve", "4")):
                    late.append(bluegreen(which, "monday", "--step", step))
                bluegreen("approve", "monday")

        waves = [{"most": 1}, {"most": 1, "approve": True}, {"approve": True}]
        with shop.aws.at_states(hook):
            shop.release(name="monday", waves=waves, traffic="AllAtOnce")

        made = approvals.decided(of_release("monday"), 2)
        assert made
        assert CALLER in made.by
        assert [each.exit_code for each in first] == [0, 0], "while the wave waits for the look, again is harmless"
        begun = f"wave 2 of monday was approved by {made.by} at {made.at} already, and its shift has begun."
        none = "wave 1 of the release monday does not wait for an approval: it needs none, and its shift has begun."
        no_such = "wave 4 of the release monday does not wait for an approval: it has 3 waves."
        rest = ["Nothing was changed.", "Wave 3 waits: `bluegreen approve monday --wave 3`."]
        assert [(each.exit_code, each.stderr.splitlines()) for each in late] == [
            (2, [f"Error: {said}", *rest]) for said in (begun, begun, none, no_such)
        ]
        assert shop.aliases() == GREEN

    def test_a_rejection_rolls_a_paused_release_back_at_the_next_look(self, shop: Shop, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []
        at_the_gate(shop, lambda: ran.extend([bluegreen("pause", "monday"), bluegreen("reject", "monday")]))

        assert ran[1].stdout.startswith(
            "Wave 2 of monday is rejected. Every function is rolled back at the next look, "
        )
        assert "Rolled back after " in bluegreen("status", "monday").stdout
        assert "ApprovalRefused" in bluegreen("status", "monday").stdout
        assert shop.aliases() == BLUE

    def test_no_such_id_is_neither_a_release_nor_a_deployment(self, shop: Shop, bluegreen: Bluegreen) -> None:
        assert "there is no deployment tuesday" in bluegreen("approve", "tuesday").stderr
        assert "there is no release tuesday" in bluegreen("reject", "tuesday", "--release").stderr

    def test_an_id_that_both_have_is_refused(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)
        shop.aws.walk({"function": "Tax", "artifact": "$LATEST"}, "monday")

        ran = bluegreen("approve", "monday")

        assert (ran.exit_code, "monday is a release, and the id of a deployment" in ran.stderr) == (2, True)


class TestRollback:
    def test_a_release_gives_every_function_the_version_before(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)
        assert shop.aliases() == GREEN

        ran = bluegreen("rollback", "monday")

        assert ran.exit_code == 0
        assert ran.stdout.endswith("Of 5 functions 5 serve again the version that served before monday.\n")
        assert "5 functions in 1 wave, by AllAtOnce." in ran.stderr
        assert shop.aliases() == BLUE

        again = bluegreen("rollback", "monday")

        assert again.exit_code == 2
        assert "every function of monday serves again what served before it." in again.stderr
        assert "There is nothing to roll back." in again.stderr
        assert shop.aliases() == BLUE

    def test_functions_that_are_back_already_are_left_out(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)
        assert bluegreen("rollback", "Tax").exit_code == 0

        told = bluegreen("rollback", "monday", "--json").json

        assert [each["function"] for each in told["functions"]] == [name for name in NAMES if name != "Tax"]
        assert shop.aliases() == BLUE

    def test_only_what_it_gave_goes_back(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release({"Tax": GOOD % 1}, name="monday", **AT_ONCE)

        told = bluegreen("rollback", "monday", "--json").json

        assert [each["function"] for each in told["functions"]] == [name for name in NAMES if name != "Tax"]
        assert shop.aliases() == BLUE

    def test_functions_that_were_deployed_to_since_are_named_and_nothing_is_started(
        self, shop: Shop, bluegreen: Bluegreen
    ) -> None:
        shop.release(name="monday", **AT_ONCE)
        for name in ("Tax", "Orders"):
            artifact = shop.upload(name, GOOD % 3)
            shop.aws.walk({"function": name, "artifact": artifact, "traffic": "AllAtOnce"}, f"{name}-2")

        ran = bluegreen("rollback", "monday")

        assert ran.exit_code == 2
        assert "Error: 2 of 5 functions of monday were deployed to since." in ran.stderr
        assert "\n  Orders:PROD: Orders-2 has deployed version 3 since\n" in ran.stderr
        assert "\n  Tax:PROD: Tax-2 has deployed version 3 since\n" in ran.stderr
        assert "Nothing was started." in ran.stderr

    def test_who_holds_functions_is_said_once_and_nothing_is_started(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="sunday", **AT_ONCE)
        with running(shop, sources=dict.fromkeys(NAMES, GOOD % 3)):
            ran, found = bluegreen("rollback", "sunday"), bluegreen("rollback", "sunday", "--json").json

        assert ran.exit_code == 2
        names = ", ".join(f"{name}:PROD" for name in NAMES)
        assert ran.stderr.splitlines() == [
            "Error: 5 of 5 functions of sunday are being deployed to.",
            f"  the release monday holds {names}; `bluegreen abort monday` undoes it",
            "Nothing was started.",
            "Roll sunday back again once that has ended.",
        ]
        assert len(found["details"]) == 1

    def test_functions_elsewhere_go_back_with_the_others_and_are_told_apart(
        self, shop: Shop, bluegreen: Bluegreen, write: Write
    ) -> None:
        with elsewhere(OTHER_ACCOUNT, "eu-west-1") as there:
            eu = {"region": there.region, "role": there.target.role, "bucket": there.bucket}
            here = {"function": FUNCTION, "artifact": {"path": "a.zip"}}
            path = write({"functions": [here, here | {"target": "eu"}], "targets": {"eu": eu}} | AT_ONCE, a=GOOD % 2)
            ran = bluegreen("release", path, "--json")
            assert (shop.alias(FUNCTION), there.alias()) == (("2", {}), ("2", {}))
            assert "uploaded 1 of 1\n" in ran.stderr
            name = ran.json["release"]

            ran = bluegreen("rollback", name)

            assert (ran.exit_code, shop.alias(FUNCTION), there.alias()) == (0, ("1", {}), ("1", {}))
            place = f"{FUNCTION}:PROD ({OTHER_ACCOUNT}, eu-west-1)"
            assert f"wave 1 of 1: 2 functions get 100 %: {FUNCTION}:PROD, {place}." in ran.stderr
            assert bluegreen("show", f"{name}.2").stdout.startswith(f"{name}.2: deployment to {place}, a part of ")

            opened("later.1", target=there.target, blue="1", green="3", release="later")
            assert deployments.complete(found("later.1"), latest_outcome="unchanged")
            ran = bluegreen("rollback", name)

            assert f"\n  {place}: later.1 has deployed version 3 since\n" in ran.stderr
            assert "elsewhere with the later release, as with `bluegreen rollback RELEASE`" in ran.stderr

    def test_one_that_gave_nothing_has_nothing_to_give_back(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release({name: GOOD % 1 for name in NAMES}, name="monday", **AT_ONCE)

        ran = bluegreen("rollback", "monday")

        assert (ran.exit_code, "none of its functions serves a version that it gave" in ran.stderr) == (2, True)

    def test_one_that_runs_is_aborted(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            ran = bluegreen("rollback", "monday", "--no-follow", "--reason", "no")

        assert (ran.exit_code, given()) == (0, [("abort", CALLER, "no")])

    def test_it_goes_back_as_a_whole(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)

        ran = bluegreen("rollback", "monday", "--to", "1")

        assert (ran.exit_code, "A release goes back as a whole" in ran.stderr) == (2, True)

    def test_it_can_be_started_only(self, shop: Shop, bluegreen: Bluegreen) -> None:
        shop.release(name="monday", **AT_ONCE)

        ran = bluegreen("rollback", "monday", "--no-follow")

        assert (ran.exit_code, ran.stdout.startswith("Started release-")) == (0, True)


class TestList:
    def test_releases_that_run_stand_above_the_functions(self, shop: Shop, bluegreen: Bluegreen) -> None:
        with running(shop):
            ran, told = bluegreen("list"), bluegreen("list", "--releases", "--json").json
            _, only = bluegreen("list", "--releases").stdout.splitlines()

        first, *rest = ran.stdout.splitlines()
        assert first.startswith("release monday of 5 functions is open, at wave 1 of 2, started ")
        assert rest == []
        assert [each["id"] for each in told] == ["monday"]
        assert re.split(" {2,}", only)[2:5] == ["5", "runs: open, at wave 1 of 2", "-"]

    def test_a_function_that_a_release_shifts_is_not_said_to_be_moved_by_someone_else(
        self, shop: Shop, bluegreen: Bluegreen
    ) -> None:
        shop.release(name="sunday", **AT_ONCE)
        with running(shop, sources=dict.fromkeys(NAMES, GOOD % 3)):
            ran = bluegreen("list")

        line = next(each for each in ran.stdout.splitlines() if each.startswith("Orders:PROD"))
        assert "version 2 (90 %) and version 3 (10 %) " in line
        assert "not by a deployment" not in line
        assert " monday.2 " in line

    def test_none_was_begun(self, shop: Shop, bluegreen: Bluegreen) -> None:
        assert bluegreen("list", "--releases", "--json").json == []
        assert bluegreen("list", "--releases").stdout == (
            "There is no release yet; `bluegreen release FILE` begins one.\n"
        )

    def test_those_that_have_ended_are_listed_with_their_ends_the_newest_first_and_in_pages(
        self, shop: Shop, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.release(name="monday", **AT_ONCE)
        shop.release({"Tax": BROKEN}, name="tuesday", **AT_ONCE)
        for day in ("wednesday", "thursday"):
            shop.run({"functions": "garbage"}, day)
            shop.aws.clock.sleep(1)
        monkeypatch.setattr(releases, "newest_first", partial(releases.newest_first, most=1))

        ran, found = bluegreen("list", "--releases"), bluegreen("list", "--releases", "--limit", "1", "--json")
        refused = bluegreen("list", "--releases", "--refused")

        rows = [_row(line) for line in ran.stdout.splitlines()[1:]]
        assert [(row[-1], row[2], row[3], row[5]) for row in rows] == [
            ("tuesday", "5", "RolledBack", "FunctionsFailed"),
            ("monday", "5", "Released", "-"),
        ]
        others = [_row(line) for line in refused.stdout.splitlines()[1:]]
        assert [(row[-1], row[2], row[3], row[5]) for row in others] == [
            ("thursday", "0", "Rejected", "InvalidRequest"),
            ("wednesday", "0", "Rejected", "InvalidRequest"),
        ]
        assert all(row[4].startswith("2026-01-05 09:") for row in rows + others)
        assert [each["id"] for each in found.json] == ["tuesday"]
        assert (ran.stderr, refused.stderr) == ("", "")
        assert found.stderr == "There are older ones: raise --limit.\n"
        assert "release monday" not in bluegreen("list").stdout

    def test_refused_ones_are_of_releases(self, shop: Shop, bluegreen: Bluegreen) -> None:
        none, wrong = bluegreen("list", "--releases", "--refused"), bluegreen("list", "--refused")

        assert (none.exit_code, none.stdout) == (0, "No release was refused.\n")
        assert (wrong.exit_code, "--refused is for --releases" in wrong.stderr) == (2, True)


def _row(line: str) -> list[str]:
    return re.split(" {2,}", line.strip())


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def test_releases_that_run_are_offered_after_tab(shop: Shop) -> None:
    from tests.bluegreen_cli.test_completion import offered

    with running(shop):
        found = [offered(command, "mon") for command in ("watch", "status", "abort", "approve", "report")]

    assert found == [["monday"]] * 5
