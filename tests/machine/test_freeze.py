"""Deployments during a freeze: refused by name, unless the request overrides it; what undoes one is never held up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bluegreen import clock
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import DAYS, Freeze
from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, FUNCTION, GOOD, TARGET, Deployer

REJECTED = ["OpenDeployment", "RejectDeployment", "Rejected"]
OWNER = "API by arn:aws:iam::123456789012:user/alice"


def freeze(pattern: str = FUNCTION, seconds: float = 3600, **more: Any) -> str:
    """The end of it."""
    until = clock.iso(clock.now() + seconds)
    asked = Freeze.model_validate({"reason": "inventory", "until": until} | more)
    freezes.order(TARGET, Ordered(pattern=pattern, owner=OWNER, since=clock.iso(clock.now()), freeze=asked))
    return until


@pytest.mark.parametrize("pattern", [FUNCTION, "Bonus*", "*"])
def test_a_frozen_function_is_refused_with_reason_owner_and_end_and_nothing_is_touched(
    deployer: Deployer, pattern: str
) -> None:
    artifact, before = deployer.upload(GOOD % 2), deployer.everything()
    until = freeze(pattern)

    run = deployer.run({"function": FUNCTION, "artifact": artifact})

    assert (run.path, run.error) == (REJECTED, "Frozen")
    assert f"function: {pattern} is frozen until {until} (inventory; ordered by {OWNER}); deploy" in run.cause
    assert "--override-freeze WHY" in run.cause
    assert deployer.everything() == before
    assert deployer.items("lock#") == []
    assert deployer.notified() == [f"Frozen: {FUNCTION}:{ALIAS} was not touched"]


def test_an_upload_in_a_freeze_is_refused_and_people_are_told_so_although_another_request_was_refused_before(
    deployer: Deployer,
) -> None:
    deployer.run({"function": FUNCTION})
    deployer.notified()
    freeze()
    artifact = deployer.upload(GOOD % 2, f"functions/{FUNCTION}/new.zip")

    run = deployer.run({"function": FUNCTION, "artifact": artifact, "only_newer": True, "started_by": "upload by x"})

    assert (run.ended, run.error) == ("Rejected", "Frozen")
    assert deployer.notified() == [f"Frozen: {FUNCTION}:{ALIAS} was not touched"]


@pytest.mark.parametrize(
    ("pattern", "seconds", "more"),
    [("Basket", 3600, {}), (FUNCTION.lower(), 3600, {}), (FUNCTION, -1, {}), (FUNCTION, 9e5, {"windows": "later"})],
    ids=["another function", "another case", "over", "other hours"],
)
def test_a_freeze_of_others_or_of_other_hours_holds_nobody_up(
    deployer: Deployer, pattern: str, seconds: float, more: dict[str, Any]
) -> None:
    if more:
        day = DAYS[(datetime.fromtimestamp(clock.now(), UTC).weekday() + 3) % 7]
        more = {"windows": [f"{day} 10:00-{day} 12:00"]}
    freeze(pattern, seconds, **more)

    run = deployer.deploy(traffic="AllAtOnce")

    assert run.ended == "Deployed"
    assert deployer.alias() == ("2", {})


@pytest.mark.parametrize(
    ("seconds", "warned"), [(7200, True), (1800, False)], ids=["begins before its end", "begins after its end"]
)
@pytest.mark.parametrize("asks", ["first", "later"])
def test_people_are_warned_of_a_freeze_that_may_begin_while_the_deployment_waits_for_an_approval(
    deployer: Deployer, seconds: int, warned: bool, asks: str
) -> None:
    begin, end = (datetime.fromtimestamp(clock.now() + hours * 3600, UTC) for hours in (1, 3))
    freeze("Bonus*", 9e5, windows=[f"{DAYS[begin.weekday()]} {begin:%H:%M}-{DAYS[end.weekday()]} {end:%H:%M}"])
    steps = [{"weight": 0.5, "bake_seconds": 60}, {"weight": 1.0, "bake_seconds": 0, "approve": asks == "later"}]
    approval = {"required": asks == "first", "timeout_seconds": seconds}

    run = deployer.deploy(traffic={"steps": steps}, approval=approval)

    assert run.error == "ApprovalTimedOut"
    said = [each for each in deployer.record(run).get("warnings", []) if "a freeze of Bonus* begins at" in each]
    assert len(said) == warned


def test_a_freeze_is_overridden_by_name_and_the_record_says_why_and_who(deployer: Deployer) -> None:
    until = freeze("Bonus*")

    run = deployer.deploy(traffic="AllAtOnce", override_freeze="the shop is down", started_by="alice")

    record = deployer.record(run)
    assert run.ended == "Deployed"
    assert deployer.alias() == ("2", {})
    assert record["override_freeze"] == "the shop is down"
    assert record["started_by"] == "alice, as the request says"
    assert record["warnings"][0] == (
        f"override_freeze: Bonus* is frozen until {until} (inventory; ordered by {OWNER}), and this request overrides "
        f"that: the shop is down; tell {OWNER}"
    )


def test_without_a_freeze_nothing_is_overridden(deployer: Deployer) -> None:
    run = deployer.deploy(traffic="AllAtOnce", override_freeze="in any case")

    assert run.ended == "Deployed"
    assert "override_freeze" not in deployer.record(run)


@pytest.mark.parametrize("why", ["", "  ", None, 1, True, "x" * 501])
def test_an_override_says_why(deployer: Deployer, why: Any) -> None:
    freeze()

    run = deployer.deploy(override_freeze=why)

    assert run.path == REJECTED
    assert deployer.alias() == ("1", {})


def test_a_bad_green_is_rolled_back_although_a_freeze_began_meanwhile(deployer: Deployer) -> None:
    deployer.users_call(10)
    deployer.aws.after(30, lambda: freeze("*"))

    run = deployer.deploy(BAD_UNDER_TRAFFIC)

    assert (run.ended, run.error) == ("RolledBack", "GreenUnhealthy")
    assert deployer.alias() == ("1", {})


def test_while_the_table_does_not_answer_nobody_gets_past_a_freeze(deployer: Deployer) -> None:
    freeze()
    with deployer.aws.fails("Query", "ServiceUnavailable", times=3, state="OpenDeployment"):
        run = deployer.deploy()

    assert (run.ended, run.error) == ("Rejected", "Frozen")
    assert deployer.alias() == ("1", {})
