"""A deployment and a release of one name have nothing in common."""

import pytest

from bluegreen.decisions.gates import Decision
from bluegreen.decisions.orders import Order
from bluegreen.ledger import approvals, audit, orders
from bluegreen.ledger.owner import Owner, of_deployment, of_release

pytestmark = pytest.mark.usefixtures("deployer")

OWNERS = (of_deployment("monday"), of_release("monday"))


@pytest.mark.parametrize(("owner", "other"), [OWNERS, OWNERS[::-1]], ids=["a deployment's", "a release's"])
def test_what_is_written_of_one_is_not_read_of_the_other(owner: Owner, other: Owner) -> None:
    audit.note(owner, "LookAtWave", {})
    assert orders.give(owner, Order(order="abort", by="bob", at=1.0), 0)
    approvals.ask(owner, 2, 600)
    made = {"step": 2, "decision": "approved", "by": "bob", "at": "2026-01-05T09:00:00Z", "reason": ""}
    assert approvals.decide(owner, Decision.model_validate(made))

    assert (audit.steps(other), audit.newest(other)) == (([], ""), [])
    assert orders.counted(other) == ((), 0)
    assert (approvals.asked(other), approvals.asked_before(other, 2), approvals.shown(other)) == ((), None, [])
    assert (approvals.decided(other, 2), approvals.is_sent(other, 2)) == (None, False)
