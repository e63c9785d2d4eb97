"""ServeApi: orders to a deployment that runs, and each order that is refused."""

from typing import Any

import pytest

from bluegreen.ledger import deployments, orders
from bluegreen.ledger.owner import of_deployment
from bluegreen.request.order import LONGEST_PAUSES_SECONDS
from tests.handlers.desk import Desk, Desks
from tests.machine.asking import CALLER, ask, order
from tests.machine.deployer import GOOD, Deployer

BOB = "arn:aws:iam::123456789012:user/bob"


@pytest.fixture
def shifted(desk: Desk) -> Desk:
    """Green has a tenth of the alias."""
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk


def refused(kind: str, deployment: str = "first", **body: Any) -> str:
    """409 or 404, in the API's words; and no order was added."""
    before = orders.given(of_deployment(deployment))
    status, answer = order(kind, deployment, **body)
    assert status in (404, 409), answer
    assert orders.given(of_deployment(deployment)) == before
    assert "nothing was ordered" in answer["message"]
    return str(answer["message"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("abort", {"reason": "why"}),
        ("pause", {"seconds": 300, "reason": "why"}),
        ("promote", {"to": "next"}),
        ("promote", {}),
    ],
)
def test_an_order_is_written_down_with_its_author(shifted: Desk, kind: str, body: dict[str, Any]) -> None:
    status, answer = order(kind, "first", **body)

    (given,) = orders.given(of_deployment("first"))
    assert status == 202
    assert (given.order, given.by, given.reason) == (kind, CALLER, body.get("reason", ""))
    assert answer == {"id": "first", "orders": [orders.shown(given)]}


def test_the_reason_of_an_abort_may_be_a_parameter(shifted: Desk) -> None:
    assert ask("DELETE", "/deployments/first", query="reason=too%20many%20%26%20more")[0] == 202

    assert orders.given(of_deployment("first"))[0].reason == "too many & more"


@pytest.mark.parametrize("kind", ["abort", "pause", "resume", "promote"])
class TestEveryOrder:
    def test_to_a_deployment_that_is_not_known_is_refused(self, deployer: Deployer, kind: str) -> None:
        assert "there is no deployment nowhere" in refused(kind, "nowhere")

    def test_to_a_deployment_that_has_ended_is_refused_with_what_to_do(self, deployer: Deployer, kind: str) -> None:
        run = deployer.deploy(GOOD % 2, traffic="AllAtOnce")

        said = refused(kind, run.arn.rpartition(":")[2])

        assert "it has ended as Deployed. `bluegreen rollback BonusCalculatorLambda --alias PROD` gives" in said

    def test_to_one_that_is_being_rolled_back_is_refused(self, shifted: Desk, kind: str) -> None:
        deployments.begin_undoing("first", "GreenUnhealthy", "It fails.")

        assert "it is being rolled back already: GreenUnhealthy: It fails." in refused(kind)

    @pytest.mark.parametrize(
        ("body", "complaint"),
        [
            ({"reason": "x" * 501}, "reason: "),
            ({"reason": 5}, "reason: "),
            ({"why": "x"}, "why: unknown field"),
            ({"seconds": "60"}, "seconds: "),
            ({"seconds": 299}, "seconds: "),
            ({"to": "some"}, "to: "),
        ],
    )
    def test_with_a_wrong_field_is_refused_by_its_name(
        self, shifted: Desk, kind: str, body: dict[str, Any], complaint: str
    ) -> None:
        status, answer = order(kind, "first", **body)

        assert status == 400
        assert complaint in answer["message"]
        assert answer["message"].endswith("; nothing was ordered")
        assert orders.given(of_deployment("first")) == ()


@pytest.mark.parametrize("kind", ["pause", "resume", "promote"])
def test_before_the_first_shift_only_an_abort_is_taken(desk: Desk, kind: str) -> None:
    desk.run("OpenDeployment")

    assert "green has no share of the alias yet. Order it again after the first shift, or abort" in refused(kind)
    assert order("abort", "first")[0] == 202


@pytest.mark.parametrize("kind", ["pause", "resume", "promote"])
def test_after_an_abort_no_other_order_is_taken(shifted: Desk, kind: str) -> None:
    with shifted.aws.fails("Invoke", "ServiceException", times=None):
        order("abort", "first", reason="bad")

    assert f"it is being aborted by {CALLER}: bad. `bluegreen watch`" in refused(kind)


def test_a_pause_while_it_is_paused_is_refused(shifted: Desk) -> None:
    order("pause", "first", caller=BOB)

    assert f"it is paused already by {BOB}. Resume it first to set another limit." in refused("pause")


def test_a_resume_while_it_is_not_paused_is_refused(shifted: Desk) -> None:
    assert "it is not paused. There is nothing to resume." in refused("resume")


def test_all_pauses_together_have_a_limit(shifted: Desk) -> None:
    order("pause", "first", seconds=LONGEST_PAUSES_SECONDS)
    shifted.aws.clock.sleep(600)
    order("resume", "first")

    said = refused("pause", seconds=LONGEST_PAUSES_SECONDS - 500)

    assert "its pauses may last 12 h together, and 42600 seconds are left. Pause it for fewer seconds." in said
    assert order("pause", "first", seconds=42_000)[0] == 202


def test_the_next_step_of_adaptive_is_refused(desks: Desks) -> None:
    desks(traffic="Adaptive").to("ShiftAlias").run("ShiftAlias")

    assert "its strategy, Adaptive, has no steps." in refused("promote", to="next")


def test_an_order_at_the_same_moment_as_another_one_is_refused(shifted: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    order("pause", "first")
    monkeypatch.setattr("bluegreen.ledger.orders.counted", lambda owner: ((), 0))

    status, answer = order("promote", "first")

    assert status == 503
    assert "try again" in answer["message"]
    monkeypatch.undo()
    assert [item["given"][0]["order"] for item in shifted.deployer.items("orders#first")] == ["pause"]


def test_very_many_orders_end_with_one_that_can_end_a_pause_and_with_an_abort(
    shifted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluegreen.decisions.orders.MOST", 3)
    order("pause", "first")
    order("resume", "first")

    assert "it has 2 orders already, and 3 is the most. Let it run, or abort it." in refused("pause")
    assert order("promote", "first")[0] == 202
    assert "it has 3 orders already, and 3 is the most. Let it run, or abort it." in refused("promote")
    assert order("abort", "first")[0] == 202
