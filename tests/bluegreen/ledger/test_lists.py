"""A function's deployments are listed page by page, and its refused requests apart."""

import itertools

import pytest

from bluegreen.aws import table
from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED
from bluegreen.ledger import deployments
from bluegreen.ledger.record import OPEN, Record
from bluegreen.target import Target
from tests.bluegreen.examples import SHOP, found, opened, record, target
from tests.bluegreen.ledger.ending import end

pytestmark = pytest.mark.usefixtures("deployer")


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
