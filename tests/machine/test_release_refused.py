"""A flood of refused releases pushes no other release out of the list, and is no flood of messages."""

from functools import partial

import pytest

from bluegreen import clock
from bluegreen.ledger import freezes, releases
from bluegreen.ledger.freezes import Ordered
from bluegreen.ledger.refusals import QUIET_SECONDS
from bluegreen.request.freeze import Freeze
from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION, TARGET
from tests.machine.shop import Shop, open_shop


def listed(query: str) -> list[tuple[str, str]]:
    """Of a page: each release and its end."""
    status, page = ask("GET", "/releases", query=query)
    assert status == 200, page
    return [(each["id"], each["state"]) for each in page["releases"]]


def test_refused_releases_hide_no_other_one_and_people_are_told_of_them_once_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The walk acts with the roles of the handlers, and ServeApi's role asks for both lists."""
    monkeypatch.setattr(releases, "newest_first", partial(releases.newest_first, most=3))
    with open_shop((FUNCTION,)) as shop:
        shop.release(name="monday", traffic="AllAtOnce", waves=[{}])
        flood = []
        for number in range(3):
            flood.append(shop.run({"functions": "garbage"}, f"garbage{number}"))
            shop.aws.clock.sleep(1)
        checked = shop.run({"functions": [{"function": "Nobody", "artifact": "$LATEST"}]}, "nobody")

        assert ([run.ended for run in flood], checked.ended) == (["Refused"] * 3, "Rejected")
        assert listed("all=true") == [("monday", "Released")]
        _, first = ask("GET", "/releases", query="all=true&refused=true")
        assert [each["id"] for each in first["releases"]] == ["nobody", "garbage2", "garbage1"]
        assert listed(f"all=true&refused=true&next={first['next']}") == [("garbage0", "Rejected")]

        of_monday, of_flood = shop.deployer.messages()
        assert of_monday["Subject"] == "Released: release monday of 1 function"
        assert of_flood["Subject"] == "Rejected: release garbage0 of 0 functions"
        others = "`bluegreen list --releases --refused` lists what else is refused within the next hour."
        assert (others in of_monday["Message"], others in of_flood["Message"]) == (False, True)
        assert [each["detail"]["release"] for each in shop.deployer.announced("Release Ended")] == [
            *("monday", "garbage0", "garbage1", "garbage2", "nobody")
        ]
        assert releases.unfinished() == [], "the sweep has nothing to tell"

        assert frozen(shop) == ["Rejected: release frozen of 1 function"]
        shop.aws.clock.sleep(QUIET_SECONDS)
        shop.run({"functions": "garbage"}, "later")
        assert shop.deployer.notified() == ["Rejected: release later of 0 functions"]


def frozen(shop: Shop) -> list[str]:
    """What people were told of, after a release that a freeze refuses: another refusal does not hide it."""
    asked = Freeze(until=clock.iso(clock.now() + 3600), reason="inventory")
    freezes.order(TARGET, Ordered(pattern=FUNCTION, owner="alice", since=clock.iso(clock.now()), freeze=asked))
    shop.release(name="frozen", traffic="AllAtOnce", waves=[{}])
    return shop.deployer.notified()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("all=yes", "all: write true or false"),
        ("all=true&refused=yes", "refused: write true or false"),
        ("refused=true", "refused: write all=true, too: a release that was refused does not run"),
        ("Refused=true", "Refused: unknown parameter; the parameters are all, refused, next"),
    ],
)
@pytest.mark.usefixtures("deployer")
def test_a_wrong_question_for_releases_is_answered_by_the_parameters_name(query: str, said: str) -> None:
    status, answer = ask("GET", "/releases", query=query)

    assert (status, answer["message"]) == (400, said)
