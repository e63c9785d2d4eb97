"""Functions over the HTTP API: which version was last deployed to them, and the deployment that runs."""

import pytest

from bluegreen.ledger import deployments, serving
from bluegreen.target import Target
from tests.bluegreen.examples import SHOP, found, opened, target
from tests.handlers.desk import Desk
from tests.machine.asking import ask
from tests.machine.deployer import ALIAS, FUNCTION, Deployer

SINCE = "2026-01-05T09:00:00.000Z"


@pytest.fixture(autouse=True)
def installed(deployer: Deployer) -> Deployer:
    return deployer


def deployed(deployment: str, before: str, green: str, function: str = "Shop", alias: str = "PROD") -> None:
    """A deployment from its opening to its end."""
    opened(deployment, blue=before, green=green, target=target(function, alias))
    assert deployments.complete(found(deployment), latest_outcome="unchanged")


def test_an_alias_has_the_version_that_the_last_completed_deployment_left() -> None:
    deployed("first", "1", "2")
    deployed("second", "2", "3")

    assert ask("GET", "/functions/Shop") == (
        200,
        {
            "function": "Shop",
            "aliases": [
                {
                    "function": "Shop",
                    "alias": "PROD",
                    "last_deployed": "3",
                    "last_deployed_at": SINCE,
                    "deployment": "second",
                },
            ],
        },
    )


def test_no_answer_says_that_a_version_serves_which_somebody_has_moved_away(desk: Desk) -> None:
    deployed("before", "1", "2", function=FUNCTION)

    _, answer = ask("GET", f"/functions/{FUNCTION}")

    assert desk.deployer.alias() == ("1", {})
    (alias,) = answer["aliases"]
    assert (alias["last_deployed"], "serving" in alias) == ("2", False)


def test_a_deployment_that_runs_is_shown_with_greens_share(desk: Desk) -> None:
    desk.to("ShiftAlias")
    _, before = ask("GET", f"/functions/{FUNCTION}")
    desk.run("ShiftAlias")
    _, shifted = ask("GET", f"/functions/{FUNCTION}")

    begun = {"id": "first", "state": "open", "green": "2", "green_weight": 0.0}
    assert before["aliases"] == [{"function": FUNCTION, "alias": ALIAS, "running": begun}]
    assert shifted["aliases"][0]["running"] == begun | {"green_weight": 0.1}


def test_a_deployment_that_gave_the_alias_back_has_no_share(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    deployments.begin_undoing("first", "GreenUnhealthy", "why")
    deployments.learn_returned("first")

    _, answer = ask("GET", f"/functions/{FUNCTION}")

    assert answer["aliases"][0]["running"]["green_weight"] == 0.0


def test_a_function_is_shown_with_every_alias_however_many_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST", 2)
    for number in range(3):
        deployed(f"d{number}", "1", "2", alias=f"A{number}")

    status, last = ask("GET", "/functions/Shop%3AA2")
    _, every = ask("GET", "/functions/Shop")

    assert (status, [each["alias"] for each in last["aliases"]]) == (200, ["A2"])
    assert [each["alias"] for each in every["aliases"]] == ["A0", "A1", "A2"]


def test_a_name_may_have_an_alias() -> None:
    deployed("first", "1", "2")
    deployed("second", "1", "3", alias="TEST")

    aliases = [each["alias"] for each in ask("GET", "/functions/Shop")[1]["aliases"]]
    (named,) = ask("GET", "/functions/Shop%3ATEST")[1]["aliases"]

    assert (aliases, named["alias"], named["last_deployed"]) == (["PROD", "TEST"], "TEST", "3")


def test_a_function_whose_name_begins_with_anothers_is_another() -> None:
    deployed("first", "1", "2", function="Shop2")
    opened("second", target=target("Shop3"))

    assert ask("GET", "/functions/Shop")[0] == 404


@pytest.mark.parametrize("name", ["Nothing", "a%20b", "x" * 65, "shop-*"])
def test_a_function_that_is_not_known_is_answered_404(name: str) -> None:
    status, answer = ask("GET", f"/functions/{name}")

    assert (status, answer["message"].startswith("name: ")) == (404, True)


def test_a_function_of_another_region_is_answered_400() -> None:
    status, answer = ask("GET", "/functions/arn:aws:lambda:eu-west-1:123456789012:function:Shop")

    assert (status, "region" in answer["message"]) == (400, True)


def test_every_alias_is_listed_with_what_was_deployed_and_what_runs() -> None:
    deployed("first", "1", "2")
    deployed("second", "4", "5", function="Cart")
    opened("third", target=SHOP, blue="2")
    opened("fourth", target=target("New"))

    status, answer = ask("GET", "/functions")

    listed = [
        (each["function"], each.get("last_deployed"), each.get("running", {}).get("id")) for each in answer["functions"]
    ]
    assert (status, listed) == (200, [("New", None, "fourth"), ("Cart", "5", None), ("Shop", "2", "third")])


def test_what_a_release_deploys_to_for_the_first_time_is_found_with_the_release_until_it_is_completed() -> None:
    opened("monday.1", target=target("New"), release="monday", blue="1", green="2")
    status, answer = ask("GET", "/functions/New")

    assert (status, ask("GET", "/functions")[1]) == (404, {"functions": []})
    assert "none runs outside of a release" in answer["message"]
    assert answer["message"].endswith("GET /releases/{id} the functions of a release")

    assert deployments.complete(found("monday.1"), latest_outcome="unchanged")
    assert [each["last_deployed"] for each in ask("GET", "/functions")[1]["functions"]] == ["2"]
    opened("tuesday.1", target=target("New"), release="tuesday", blue="2")
    assert "running" not in ask("GET", "/functions/New")[1]["aliases"][0]


def test_a_page_says_where_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST", 2)
    for number in range(3):
        deployed(f"d{number}", "1", "2", function=f"F{number}")
    opened("again", target=target("F2"), blue="2")

    _, first = ask("GET", "/functions")
    _, second = ask("GET", "/functions", query=f"next={first['next']}")

    names = [[each["function"] for each in page["functions"]] for page in (first, second)]
    assert names == [["F0", "F1"], ["F2"]]
    assert second["functions"][0]["running"]["id"] == "again"
    assert "next" not in second


def test_a_table_that_does_not_answer_is_answered_503(deployer: Deployer) -> None:
    with deployer.aws.fails("Query", "ServiceUnavailable", times=None):
        assert [ask("GET", path)[0] for path in ("/functions", "/functions/Shop")] == [503, 503]


THERE = Target.at(
    "eu", "Shop", "PROD", region="eu-west-1", role="arn:aws:iam::210987654321:role/deployer", bucket="there"
)


def test_functions_of_one_name_in_two_regions_are_shown_apart() -> None:
    deployed("at home", "1", "2")
    opened("there", blue="4", green="5", target=THERE)
    assert deployments.complete(found("there"), latest_outcome="unchanged")
    opened("runs there", target=THERE.model_copy(update={"place": "europe", "role": f"{THERE.role}-2"}))

    _, answer = ask("GET", "/functions")

    at_home, there = sorted(answer["functions"], key=len)
    assert (at_home["last_deployed"], "region" in at_home, "running" in at_home) == ("2", False, False)
    assert (there["last_deployed"], there["region"], there["account"]) == ("5", "eu-west-1", "210987654321")
    assert there["running"]["id"] == "runs there"


def test_a_function_by_its_name_is_the_one_beside_the_stack() -> None:
    deployed("at home", "1", "2")
    opened("there", blue="4", green="5", target=THERE)
    assert deployments.complete(found("there"), latest_outcome="unchanged")

    _, answer = ask("GET", "/functions/Shop")

    assert [each["last_deployed"] for each in answer["aliases"]] == ["2"]


def test_a_deployment_elsewhere_says_where() -> None:
    opened("there", target=THERE)
    opened("at home")

    _, there = ask("GET", "/deployments/there")
    _, at_home = ask("GET", "/deployments/at%20home")

    assert (there["account"], there["region"]) == ("210987654321", "eu-west-1")
    assert not {"account", "region"} & at_home.keys()
