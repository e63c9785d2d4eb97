"""A deployment ends once, gives the lock back, and is untold until people and systems know."""

from collections.abc import Callable

import pytest

from bluegreen.aws import table
from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK
from bluegreen.ledger import deployments, locks, serving
from bluegreen.ledger.record import OPEN, UNDOING
from tests.bluegreen.examples import SHOP, found, opened, plan, record
from tests.bluegreen.ledger.ending import CLOSED_BY_CLOSE, ENDS, end
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")


class TestCompleting:
    def test_a_completed_deployment_has_green_for_all_and_gives_the_lock_back(self) -> None:
        opened(blue="1", green="2")

        assert deployments.complete(found(), latest_outcome="unchanged")

        assert (found().state, found().serving, found().latest_outcome) == (DEPLOYED, "2", "unchanged")
        assert found().ended_at == "2026-01-05T09:00:00.000Z"
        assert locks.held(SHOP) is None

    def test_what_serves_is_written_with_the_end_or_not_at_all(self) -> None:
        opened(blue="1", green="2")
        deployments.begin_undoing("first", "E", "why")

        assert not deployments.complete(found(), latest_outcome="unchanged")

        assert found().state == UNDOING
        assert serving.now(SHOP) is None
        assert locks.held(SHOP) is not None

    def test_a_completed_deployment_is_not_completed_again(self) -> None:
        opened(blue="1", green="2")
        deployments.complete(found(), latest_outcome="unchanged")
        first = found()

        assert not deployments.complete(first, latest_outcome="changed_by_others")

        assert found() == first


class TestClosing:
    @pytest.mark.parametrize("as_", CLOSED_BY_CLOSE)
    def test_an_end_is_written_once(self, as_: str) -> None:
        opened()

        assert deployments.close(record(), as_, serving="2", error="E", cause="c")
        assert [end(other) for other in ENDS] == [False] * 4

        assert (found().state, found().serving, found().error, found().cause) == (as_, "2", "E", "c")
        assert found().ended_at == "2026-01-05T09:00:00.000Z"

    def test_an_end_of_a_deployment_without_a_record_writes_nothing(self) -> None:
        assert not deployments.close(record(), REJECTED)
        assert deployments.find("first") is None

    def test_an_end_keeps_who_serves_a_split_alias(self) -> None:
        opened()

        deployments.close(record(), ROLLED_BACK, serving={"1": 0.9, "7": 0.1})

        assert found().serving == {"1": 0.9, "7": 0.1}

    def test_an_alias_that_is_gone_is_served_by_no_version(self) -> None:
        opened()

        deployments.close(record(), ROLLED_BACK, serving=None, alias_outcome="gone")

        assert (found().serving, found().alias_outcome) == (None, "gone")

    @pytest.mark.parametrize(
        "touch",
        [
            lambda: deployments.learn_code_sent("first", None),
            lambda: deployments.learn_shift("first", 1, "2", (0.1,)),
        ],
        ids=["code was sent", "the alias was shifted"],
    )
    @pytest.mark.parametrize("as_", [REJECTED, NOTHING_TO_DEPLOY])
    def test_a_rejection_wants_that_nothing_was_touched(self, touch: Callable[[], None], as_: str) -> None:
        opened()
        touch()

        assert not deployments.close(record(), as_)

        assert found().state == OPEN
        assert locks.held(SHOP) is not None
        assert deployments.close(record(), ROLLED_BACK)

    def test_a_rejection_may_know_a_green_that_was_published_before(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(artifact={"version": "7"}, brings="version"), is_newest=False)

        assert deployments.close(record(), REJECTED)


class TestTellingPeople:
    @pytest.mark.parametrize("as_", [DEPLOYED, ROLLED_BACK, REJECTED])
    def test_people_are_to_be_told_of_an_end_until_they_know(self, deployer: Deployer, as_: str) -> None:
        opened()
        assert deployments.untold() == []

        end(as_)
        assert [each.id for each in deployments.untold()] == ["first"]

        deployments.learn_told(found(), people=True, systems=True)
        assert deployments.untold() == []
        assert found().told_at == "2026-01-05T09:00:00.000Z"

    @pytest.mark.parametrize(
        ("as_", "knowing", "untold"),
        [
            (DEPLOYED, {"people": True, "systems": False}, True),
            (DEPLOYED, {"people": False, "systems": True}, True),
            (NOTHING_TO_DEPLOY, {"people": False, "systems": False}, True),
            (NOTHING_TO_DEPLOY, {"people": False, "systems": True}, False),
        ],
    )
    def test_an_end_is_untold_until_people_and_systems_know_and_nothing_to_deploy_is_for_systems(
        self, as_: str, knowing: dict[str, bool], untold: bool
    ) -> None:
        opened()
        end(as_)

        after, _ = deployments.learn_told(found(), **knowing)

        assert (after, after.untold) == (found(), untold)
        assert [each.id for each in deployments.untold()] == ["first"] * untold

    @pytest.mark.parametrize("knowing", [False, True])
    def test_one_call_of_all_that_tell_an_end_counts_it_whoever_knows(self, knowing: bool) -> None:
        opened()
        end(ROLLED_BACK)
        seen_before = found()

        counts = [deployments.learn_told(seen_before, people=knowing, systems=False)[1] for _ in range(2)]
        counts += [deployments.learn_told(found(), people=True, systems=True)[1] for _ in range(2)]

        assert counts == [True, False, False, False]

    def test_people_are_to_be_told_of_a_request_that_was_never_opened(self) -> None:
        deployments.keep_refused(record(state=REJECTED))

        assert [each.id for each in deployments.untold()] == ["first"]

    def test_no_record_comes_to_be_by_telling_people_of_it(self) -> None:
        deployments.learn_told(record(state=DEPLOYED), people=True, systems=True)

        assert deployments.find("first") is None

    def test_the_moment_is_kept_at_which_an_operator_was_called(self) -> None:
        opened()

        deployments.learn_paged("first")

        assert found().paged_at == "2026-01-05T09:00:00.000Z"

    def test_an_untold_end_that_cannot_be_read_keeps_back_no_other(self) -> None:
        opened()
        end(ROLLED_BACK)
        table.put({"Item": table.values({"pk": "deployment#x", "sk": "record", "kind": "untold", "state": "Deployed"})})

        assert [each.id for each in deployments.untold()] == ["first"]
