"""The record of a release, and what it says."""

import pytest

from bluegreen.document import REJECTED, ROLLED_BACK
from bluegreen.ledger import releases
from bluegreen.ledger.releases import OPEN, Member, Release
from bluegreen.news import schema
from bluegreen.releasing import news
from bluegreen.releasing.words import of_stuck
from bluegreen.target import Target
from bluegreen.text import LONGEST_CAUSE
from tests.machine.asking import ask
from tests.machine.deployer import Deployer

MOST_BYTES = 400 * 1024
"""Of an item of DynamoDB."""


MONDAY = Release(
    id="monday",
    state=OPEN,
    began_as="arn:aws:states:eu-west-1:123456789012:execution:bg-release:monday",
    execution="arn:aws:states:eu-west-1:123456789012:execution:bg-release:monday",
    started_at="2026-01-05T09:00:00+00:00",
    started_by="a test",
    document="{}",
)


def members(count: int) -> list[Member]:
    """With names of 64 characters."""
    here = Target(region="eu-west-1", account="123456789012", function="", alias="PROD")
    return [
        Member(
            number=number,
            wave=0,
            deployment=f"monday.{number}",
            target=here.model_copy(update={"function": f"F{number:063}"}),
            blue="1",
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.usefixtures("deployer")
def test_a_record_and_its_event_name_50_failed_functions_and_count_all() -> None:
    failed = members(10_000)
    releases.open_release(MONDAY, [], {})

    closed = releases.close("monday", ROLLED_BACK, failed)

    assert closed == releases.find("monday")
    assert closed is not None
    assert closed.failed == tuple(each.name for each in failed[:50])
    assert closed.failed_count == 10_000
    assert len(closed.model_dump_json()) < MOST_BYTES
    ended = schema.release_ended(closed, [])
    assert (ended.failed, ended.failed_count) == (closed.failed, 10_000)


def test_the_cause_of_a_release_that_cannot_be_put_back_says_why_it_went_back_however_many_are_stuck() -> None:
    first = MONDAY.model_copy(update={"cause": f"Tax is worse{'.' * LONGEST_CAUSE}"})

    said = of_stuck(first, [(each, None) for each in members(30)])

    assert said.startswith(
        "30 functions could not be put back. `bluegreen show monday` names all of them. The release was rolled back "
        "because: Tax is worse."
    )
    assert f"functions.0 (F{1:063}:PROD): someone else deleted version 1" in said
    assert len(said) <= LONGEST_CAUSE + len(" …")


@pytest.mark.usefixtures("deployer")
def test_the_api_lists_the_releases_that_run_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "MOST", 2)
    for name in ("monday", "sunday", "tuesday", "friday"):
        releases.open_release(MONDAY.model_copy(update={"id": name}), [], {})
    releases.close("friday", ROLLED_BACK)
    releases.learn_told("friday", people=True, systems=True)

    _, first = ask("GET", "/releases")
    _, last = ask("GET", "/releases", query=f"next={first['next']}")

    assert [each["id"] for each in first["releases"]] == ["monday", "sunday"]
    assert ([each["id"] for each in last["releases"]], "next" in last) == (["tuesday"], False)
    assert len(releases.unfinished()) == 3, "the sweep reads them all"


class TestARefusedRelease:
    REFUSED = MONDAY.model_copy(
        update={"state": REJECTED, "error": "InvalidRequest", "cause": "functions: is required"}
    )

    def test_of_which_people_could_not_be_told_is_told_later(self, deployer: Deployer) -> None:
        for name in ("monday", "tuesday"):
            releases.keep_refused(self.REFUSED.model_copy(update={"id": name}))
        with deployer.aws.fails("Publish", "ServiceUnavailable", times=None):
            assert [news.tell(name) for name in ("monday", "tuesday")] == [False, True]
        assert [each.id for each in releases.unfinished()] == ["monday"]

        assert news.tell("monday")

        assert [subject.split()[2] for subject in deployer.notified()] == ["monday"]
        assert releases.unfinished() == []

    def test_people_are_told_of_every_abort_of_one_that_touched_nothing(self, deployer: Deployer) -> None:
        for name in ("monday", "tuesday"):
            releases.open_release(MONDAY.model_copy(update={"id": name}), [], {})
            releases.begin_undoing(name, "Aborted", "by alice: a wrong price")
            releases.close(name, REJECTED)
            news.tell(name)

        told = deployer.messages()
        assert [each["Subject"].split()[2] for each in told] == ["monday", "tuesday"]
        assert not [each for each in told if "--refused" in each["Message"]]
