"""The life of a deployment's record: opened, planned, changed step by step, undone or completed; and who may write."""

import itertools
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import boto3
import pytest
from hypothesis import given, settings

from bluegreen.aws import table
from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK, Plan
from bluegreen.errors import AwsUnavailable, DeploymentOver, InvalidRequest
from bluegreen.ledger import code, deployments, locks, serving, uploads
from bluegreen.ledger.record import OPEN, UNDOING, Record
from bluegreen.ledger.uploads import Newest
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.request import Request
from bluegreen.target import Target
from tests.bluegreen.examples import IMAGE, IN_BASE64, SHOP, ZIP, found, opened, plan, plan_of, record, request, target
from tests.bluegreen.strategies import requests
from tests.machine.deployer import TABLE, Deployer
from tests.machine.faults import Call

pytestmark = pytest.mark.usefixtures("deployer")

NUMBERS = itertools.count()

CLOSED_BY_CLOSE = [ROLLED_BACK, REJECTED, NOTHING_TO_DEPLOY]
ENDS = [DEPLOYED, *CLOSED_BY_CLOSE]
OVER = pytest.raises(DeploymentOver, match="nothing was changed")


def end(as_: str, **learned: Any) -> bool:
    """The way of each end: green serves, or the deployment is closed."""
    if as_ == DEPLOYED:
        return deployments.complete(record(blue="1", green="2"), latest_outcome="unchanged")
    return deployments.close(record(), as_, **learned)


def a_newer_stack_version_writes(sk: str, **values: Any) -> None:
    """Into an item of the deployment."""
    item = table.get("deployment#first", sk)
    assert item is not None
    table.put({"Item": table.values(item | values)})


def inspected(planned: Plan) -> Plan:
    """With what S3 knows of the artifact."""
    artifact = planned.artifact
    known = artifact.model_copy(update={"sha256": IN_BASE64}) if isinstance(artifact, Zip) else artifact
    return planned.model_copy(update={"artifact": known})


class TestOpening:
    def test_opening_takes_the_lock_and_writes_the_record(self) -> None:
        opened()

        assert deployments.find("first") == record()
        assert deployments.load("first") == (record(), None)
        assert locks.all_held() == ([locks.of(record())], [])

    def test_opening_twice_is_opening_once(self) -> None:
        opened()
        opened()

        assert found() == record()
        assert locks.held(SHOP) == locks.of(record())

    def test_opening_beside_another_is_refused_and_writes_nothing(self) -> None:
        opened()

        with pytest.raises(deployments.Held, match=r"Shop:PROD is being deployed to by arn:.*:first") as refused:
            opened("second")

        assert refused.value.lock == locks.of(record())
        assert deployments.find("second") is None

    def test_a_deployment_that_has_ended_is_not_opened_again(self) -> None:
        opened()
        end(ROLLED_BACK)

        with pytest.raises(AwsUnavailable):
            opened()

        assert found().state == ROLLED_BACK

    def test_a_deployment_that_has_a_plan_is_not_opened_again(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        with pytest.raises(AwsUnavailable):
            opened(proof="another proof")

        assert found().blue == "1"


class TestThePlan:
    def test_the_plan_comes_back_as_it_was_written(self) -> None:
        opened()

        deployments.learn_plan(record(), plan(), is_newest=False)

        assert deployments.plan_of("first") == plan()
        assert deployments.load("first") == (found(), plan())

    def test_the_record_learns_from_the_plan_how_to_undo_it(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(record(), plan(), is_newest=False)

        assert learned == found()
        assert (learned.blue, learned.blue_sha256) == ("1", "the digest of blue")
        assert (learned.latest_sha256, learned.code, learned.green) == ("the digest of $LATEST", IN_BASE64, None)
        assert learned.artifact == "s3://artifacts/new.zip"

    def test_the_record_learns_the_digest_of_an_image(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(record(), plan(artifact={"image_uri": IMAGE}), is_newest=False)

        assert learned.code == IMAGE.rpartition("@")[2]

    def test_the_record_learns_green_from_the_plan_of_a_published_version(self) -> None:
        opened()

        learned, _ = deployments.learn_plan(
            record(), plan(artifact={"version": "7"}, brings="version"), is_newest=False
        )

        assert (learned.green, learned.code) == ("7", None)
        assert code.known(SHOP, IN_BASE64) is None

    def test_the_plan_is_written_once_and_a_later_attempt_gets_that(self) -> None:
        opened()
        first = deployments.learn_plan(record(), plan(), is_newest=False)

        again = deployments.learn_plan(
            record(proof="another proof"),
            plan(blue={"version": "2", "sha256": "another", "revision": "r9"}),
            is_newest=False,
        )

        assert again == first
        assert deployments.load("first") == first

    def test_an_attempt_whose_reply_was_lost_gets_the_plan_that_it_wrote(self, deployer: Deployer) -> None:
        opened()

        with (
            deployer.aws.fails("TransactWriteItems", "ReadTimeout", times=None, when="after"),
            pytest.raises(AwsUnavailable),
        ):
            deployments.learn_plan(record(), plan(), is_newest=False)
        again, known = deployments.learn_plan(record(), plan(red_alarms=["late"]), is_newest=False)

        assert (again.blue, known) == ("1", plan())

    def test_no_plan_is_written_for_a_deployment_that_is_being_undone(self) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        with OVER:
            deployments.learn_plan(record(), plan(), is_newest=True)

        assert deployments.plan_of("first") is None
        assert code.known(SHOP, IN_BASE64) is None
        assert uploads.newest(SHOP) is None

    def test_no_plan_is_written_for_a_deployment_without_a_record(self) -> None:
        with OVER:
            deployments.learn_plan(record(), plan(), is_newest=False)

        assert deployments.plan_of("first") is None

    def test_a_plan_with_more_in_it_is_read_and_one_that_lacks_something_is_none(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        a_newer_stack_version_writes("plan", colour="blue")
        assert deployments.plan_of("first") == plan()
        a_newer_stack_version_writes("plan", brings="something else")
        assert deployments.plan_of("first") is None

    @pytest.mark.parametrize(
        "payload", [1e300, 5e-324, 2**200, {"": {"": []}}, "größer \x00 😀", "", None, [True, 1, 1.0, "1"], {"a.b": {}}]
    )
    def test_payloads_and_expectations_of_any_json_come_back_as_they_were(self, payload: Any) -> None:
        opened()
        case = {"name": "a", "payload": payload, "expect": [payload], "expect_at": {"b": payload}}

        deployments.learn_plan(record(), plan(smoke_tests=[case]), is_newest=False)

        known = deployments.plan_of("first")
        assert known is not None
        assert [each.model_dump(exclude_unset=True) for each in known.smoke_tests] == [
            case | {"sensitive": False, "payload_from": None, "expect_error": None, "max_duration_ms": None}
        ]

    @pytest.mark.parametrize("payload", ["\ud83d", {"\ud83d": 1}], ids=["a value", "a key"])
    def test_a_payload_with_half_a_letter_in_it_comes_back_unless_the_request_is_refused(self, payload: Any) -> None:
        opened()

        with suppress(InvalidRequest):
            written = inspected(plan_of(Request.read(request(smoke_tests=[{"name": "a", "payload": payload}]))))
            deployments.learn_plan(record(), written, is_newest=False)

            assert deployments.plan_of("first") == written

    @settings(deadline=None, max_examples=50)
    @given(requests)
    def test_the_plan_of_any_request_comes_back_as_it_was_written(self, document: dict[str, Any]) -> None:
        name = f"d{next(NUMBERS)}"
        there = target(alias=f"A{name}")
        opened(name, target=there)
        written = inspected(plan_of(Request.read(document), id=name, target=there))

        deployments.learn_plan(record(name, target=there), written, is_newest=False)

        assert deployments.plan_of(name) == written

    @pytest.mark.parametrize("over", [False, True])
    def test_the_newest_upload_is_learned_with_the_plan_or_not_at_all(self, over: bool) -> None:
        opened()
        if over:
            deployments.begin_undoing("first", "E", "why")

        with OVER if over else nullcontext():
            deployments.learn_plan(record(), plan(), is_newest=True)

        learned = Newest(artifact=Zip.model_validate(ZIP), deployment="first")
        assert uploads.newest(SHOP) == (None if over else learned)

    def test_an_upload_that_is_not_the_newest_is_not_learned_as_such(self) -> None:
        opened()

        deployments.learn_plan(record(), plan(), is_newest=False)

        assert uploads.newest(SHOP) is None
        assert code.known(SHOP, IN_BASE64) == Zip.model_validate(ZIP)


class TestLearning:
    def test_green_and_the_weights_to_come_are_kept(self) -> None:
        opened()

        deployments.learn_green("first", "3")  # by an attempt that the one that goes on has overtaken
        deployments.learn_shift("first", 2, "2", (0.1, 0.2))

        assert (found().green, found().weights, found().shift) == ("2", (0.1, 0.2), 2)

    def test_green_is_not_replaced_once_it_was_shifted_to(self) -> None:
        opened()
        deployments.learn_green("first", "2")
        deployments.learn_shift("first", 1, "2", (0.1,))

        with OVER:
            deployments.learn_green("first", "3")

        assert found().green == "2"

    def test_an_attempt_that_a_later_shift_overtook_changes_nothing(self) -> None:
        opened()
        deployments.learn_shift("first", 9, "2", (0.1,))
        deployments.learn_shift("first", 9, "2", (0.1,))
        deployments.learn_shift("first", 10, "2", (0.1, 0.2))

        with OVER:
            deployments.learn_shift("first", 9, "2", (0.1,))

        assert found().weights == (0.1, 0.2)

    @pytest.mark.parametrize(
        "learn",
        [
            lambda: deployments.learn_code_sent("first", None),
            lambda: deployments.learn_green("first", "2"),
            lambda: deployments.learn_shift("first", 1, "2", (0.1,)),
        ],
        ids=["code", "green", "shift"],
    )
    @pytest.mark.parametrize("over", ["undone", "closed", "without a record"])
    def test_a_deployment_that_is_not_open_learns_nothing_more(self, learn: Callable[[], None], over: str) -> None:
        if over != "without a record":
            opened()
        if over == "undone":
            deployments.begin_undoing("first", "E", "why")
        if over == "closed":
            end(ROLLED_BACK)

        with OVER:
            learn()

        known = deployments.find("first")
        assert known is None or (known.code_sent_at, known.green, known.weights) == (None, None, ())

    def test_the_moment_is_kept_at_which_code_was_sent(self, deployer: Deployer) -> None:
        opened()

        deployments.learn_code_sent("first", None)

        assert found().code_sent_at == "2026-01-05T09:00:00.000Z"
        assert found().latest_kept is None

    @pytest.mark.parametrize("kept", [Zip(bucket="artifacts", key="restored/a.zip"), Image(image_uri=IMAGE)])
    def test_the_place_is_kept_where_the_code_before_is(self, kept: Zip | Image) -> None:
        opened()

        deployments.learn_code_sent("first", kept)

        assert found().latest_kept == kept


class TestUndoing:
    def test_undoing_begins_as_often_as_it_is_tried(self) -> None:
        opened()

        first = deployments.begin_undoing("first", "E", "why")
        again = deployments.begin_undoing("first", "E", "why")

        assert first == again == found()
        assert found().state == UNDOING

    def test_the_first_reason_for_undoing_stays(self) -> None:
        opened()
        deployments.begin_undoing("first", "GreenUnhealthy", "green failed 9 of 10")

        marked = deployments.begin_undoing("first", "DeploymentAbandoned", "the execution is TIMED_OUT")

        assert marked is not None
        assert (marked.error, marked.cause) == ("GreenUnhealthy", "green failed 9 of 10")

    @pytest.mark.parametrize("as_", ENDS)
    def test_undoing_does_not_begin_after_the_end(self, as_: str) -> None:
        opened()
        end(as_)

        ended = deployments.begin_undoing("first", "E", "why")

        assert ended == found()
        assert (found().state, found().error) == (as_, None)

    def test_a_deployment_without_a_record_cannot_be_undone(self) -> None:
        assert deployments.begin_undoing("first", "E", "why") is None
        assert deployments.find("first") is None

    def test_a_deployment_that_must_be_undoing_is_so_or_it_is_over(self) -> None:
        with OVER:
            deployments.must_be_undoing("first")
        opened()
        with OVER:
            deployments.must_be_undoing("first")
        deployments.begin_undoing("first", "E", "why")
        assert deployments.must_be_undoing("first") == found()
        end(ROLLED_BACK)
        with OVER:
            deployments.must_be_undoing("first")

    def test_what_undoing_finds_is_kept_for_the_next_attempt(self, deployer: Deployer) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        deployments.learn_returned("first")
        deployments.learn_doubts("first", "But version 1 is unwell itself: it raised ValueError.")

        assert found().alias_returned_at == "2026-01-05T09:00:00.000Z"
        assert found().doubts == "But version 1 is unwell itself: it raised ValueError."

    def test_a_deployment_that_is_not_being_undone_learns_nothing_of_it(self) -> None:
        opened()

        deployments.learn_returned("first")
        deployments.learn_doubts("first", "none")

        assert (found().alias_returned_at, found().doubts) == (None, None)

    def test_attempts_at_latest_are_counted_from_one(self) -> None:
        opened()
        deployments.begin_undoing("first", "E", "why")

        assert [deployments.learn_latest_attempt("first") for _ in range(3)] == [1, 2, 3]
        assert found().latest_attempts == 3

    def test_an_attempt_at_latest_is_not_begun_for_a_deployment_that_is_not_being_undone(self) -> None:
        opened()

        with OVER:
            deployments.learn_latest_attempt("first")

        assert found().latest_attempts == 0


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


class TestRefusedRequests:
    def test_a_record_that_is_there_stays_as_it_is(self) -> None:
        opened()

        assert not deployments.keep_refused(record(state=REJECTED))

        assert found().state == OPEN

    def test_a_refused_request_is_kept_with_its_reason(self) -> None:
        refused = record(state=REJECTED, error="InvalidRequest", cause="function: is required")

        assert deployments.keep_refused(refused)

        assert found() == refused

    def test_refused_requests_are_listed_apart(self) -> None:
        opened()
        deployments.keep_refused(record("refused", state=REJECTED))

        assert ids_of(deployments.of_function(SHOP)) == ["first"]
        assert ids_of(deployments.of_function(SHOP, refused=True)) == ["refused"]

    def test_a_request_that_is_refused_after_its_opening_is_listed_with_the_refused_ones(self) -> None:
        opened()
        end(REJECTED)

        assert ids_of(deployments.of_function(SHOP)) == []
        assert ids_of(deployments.of_function(SHOP, refused=True)) == ["first"]

    def test_fifty_five_refused_uploads_push_no_deployment_out_of_the_list(self) -> None:
        opened(started_at="2026-01-01T09:00:00.000Z")
        end(DEPLOYED)
        for number in range(55):
            deployments.keep_refused(record(f"upload{number}", started_at=at(number), state=REJECTED))

        assert ids_of(deployments.of_function(SHOP)) == ["first"]

    def test_nothing_to_deploy_is_a_deployment_and_no_refusal(self) -> None:
        opened()
        end(NOTHING_TO_DEPLOY)

        assert ids_of(deployments.of_function(SHOP)) == ["first"]


def at(number: int) -> str:
    return f"2026-01-05T09:00:{number:02}.000Z"


def ids_of(page: tuple[list[Record], str]) -> list[str]:
    return [each.id for each in page[0]]


def pages(target: Target, most: int, *, refused: bool = False) -> list[list[str]]:
    """Every page of a list, each asked for with what the one before said."""
    found: list[list[str]] = []
    following = ""
    while not found or following:
        page, following = deployments.of_function(target, refused=refused, after=following, most=most)
        found.append([each.id for each in page])
    return found


class TestLists:
    def test_a_function_s_deployments_are_listed_the_newest_first(self) -> None:
        for number in range(3):
            deployments.keep_refused(record(f"d{number}", started_at=at(number)))
        opened(target=target(function="Other"))

        assert ids_of(deployments.of_function(SHOP, refused=True)) == ["d2", "d1", "d0"]

    def test_an_audit_entry_with_the_attributes_of_a_record_is_not_listed(self) -> None:
        forged = record("forged", state="Deployed").to_item() | {"pk": {"S": "steps#first"}, "kind": {"S": "untold"}}
        table.put({"Item": forged})

        assert deployments.of_function(SHOP) == ([], "")
        assert deployments.untold() == []

    def test_a_page_has_fifty_at_most_and_says_what_comes_next(self) -> None:
        for number in range(52):
            deployments.keep_refused(record(f"d{number}", started_at=at(number)))

        first = deployments.of_function(SHOP, refused=True)
        second = deployments.of_function(SHOP, refused=True, after=first[1])

        assert ids_of(first) == [f"d{number}" for number in itertools.islice(reversed(range(52)), 50)]
        assert ids_of(second) == ["d1", "d0"]
        assert first[1] == f"{at(2)}|d2"
        assert second[1] == ""

    @pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6])
    def test_pages_together_have_every_deployment_once(self, most: int) -> None:
        for number in range(5):
            deployments.keep_refused(record(f"d{number}", started_at=at(number // 2)))

        listed = pages(SHOP, most, refused=True)

        assert sorted(itertools.chain(*listed)) == [f"d{number}" for number in range(5)]
        assert all(len(page) <= most for page in listed)

    def test_a_page_is_of_deployments_of_that_function_although_more_follow(self) -> None:
        for number, function in enumerate(["Shop", "Other", "Shop", "Other"]):
            opened(f"d{number}", target=target(function=function, alias=f"A{number}"), started_at=at(number))

        assert [each for page in pages(SHOP, 1) for each in page] == ["d2", "d0"]

    def test_a_deployment_that_cannot_be_read_keeps_no_other_from_being_listed(self) -> None:
        opened()
        broken = {"pk": "deployment#x", "sk": "record", "listed": "deployments#Shop", "started_at": at(9)}
        table.put({"Item": table.values(broken)})

        assert ids_of(deployments.of_function(SHOP)) == ["first"]

    def test_a_function_without_deployments_has_none(self) -> None:
        assert deployments.of_function(SHOP) == ([], "")


class TestReading:
    def test_a_record_that_lacks_what_every_stack_version_writes_cannot_be_read(self) -> None:
        table.put({"Item": table.values({"pk": "deployment#first", "sk": "record", "state": "open"})})

        with pytest.raises(ValueError, match="Target"):
            deployments.find("first")

    def test_a_record_of_a_newer_stack_version_is_read(self) -> None:
        opened()

        a_newer_stack_version_writes("record", colour="blue")

        assert found() == record()

    def test_record_and_plan_are_read_by_one_consistent_read(self, deployer: Deployer) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)
        asked: list[str] = []

        def watch(call: Call, make: Callable[[], Any]) -> Any:
            asked.append(call.operation)
            return make()

        with deployer.aws.watched(watch):
            deployments.load("first")

        assert asked == ["Query"]

    def test_a_deployment_that_was_never_opened_is_none(self) -> None:
        assert deployments.find("first") is None
        assert deployments.load("first") == (None, None)
        assert deployments.plan_of("first") is None

    def test_the_plan_is_no_part_of_the_record(self) -> None:
        opened()
        deployments.learn_plan(record(), plan(), is_newest=False)

        item = boto3.resource("dynamodb").Table(TABLE).get_item(Key={"pk": "deployment#first", "sk": "record"})["Item"]

        assert not {"plan", "schedule", "smoke_tests", "health"} & set(item)
