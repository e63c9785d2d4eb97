"""What the alias must say between two shifts."""

import pytest

from bluegreen.aws.aliases import Alias
from bluegreen.baking.alias import left_at, must_be
from bluegreen.decisions.route import Route
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Bake, Look
from bluegreen.errors import AliasMoved, DeploymentOver, StillInProgress
from bluegreen.ledger import deployments
from tests.bluegreen.examples import record

BLUE, SPLIT = Route(primary="1"), Route(primary="1", also={"2": 0.1})


def bake(*weights: float) -> Bake:
    shifts = tuple(Shifted(at=0.0, weight=weight) for weight in weights)
    return Bake(shifts=shifts, revision="r1", look=Look(next_weight=1.0))


@pytest.mark.parametrize(
    ("weights", "route"), [((), BLUE), ((0.1,), SPLIT), ((0.1, 0.5), Route(primary="1", also={"2": 0.5}))]
)
def test_the_alias_is_where_the_last_shift_left_it(weights: tuple[float, ...], route: Route) -> None:
    assert left_at("1", "2", bake(*weights)) == route


def test_the_alias_is_green_s_after_the_last_shift() -> None:
    assert left_at("1", "2", bake(0.1, 1.0)) == Route(primary="2")


@pytest.mark.parametrize("settling", [False, True])
def test_an_alias_that_is_as_it_must_be_is_let_pass(settling: bool) -> None:
    must_be(record(), SPLIT, Alias(route=SPLIT, revision="r2", settling=settling))


def test_an_alias_that_answers_its_weight_more_or_less_exactly_was_moved_by_nobody() -> None:
    must_be(record(), SPLIT, Alias(route=Route(primary="1", also={"2": 0.10000000149}), revision="r2"))
    must_be(record(), SPLIT, Alias(route=Route(primary="1", also={"2": 0.0996}), revision="r2"))


def test_an_alias_that_lambda_is_moving_is_waited_for() -> None:
    with pytest.raises(StillInProgress, match="moving the provisioned concurrency of Shop:PROD"):
        must_be(record(), SPLIT, Alias(route=Route(primary="1", also={"2": 0.37}), revision="r2", settling=True))


@pytest.mark.usefixtures("deployer")
@pytest.mark.parametrize("found", [BLUE, Route(primary="9"), Route(primary="1", also={"2": 0.37})])
def test_an_alias_that_someone_else_moved_stops_the_deployment(found: Route) -> None:
    deployments.open_deployment(record())

    with pytest.raises(AliasMoved) as moved:
        must_be(record(), SPLIT, Alias(route=found, revision="r2"))

    assert str(moved.value) == f"Someone else moved Shop:PROD to {found}; this deployment had left it at {SPLIT}."


@pytest.mark.usefixtures("deployer")
@pytest.mark.parametrize("found", [BLUE, Route(primary="9")])
def test_an_alias_that_is_elsewhere_since_the_deployment_was_undone_was_moved_by_nobody_else(found: Route) -> None:
    deployments.open_deployment(record())
    deployments.begin_undoing("first", "Aborted", "Aborted by alice: too many complaints.")

    with pytest.raises(DeploymentOver) as over:
        must_be(record(), SPLIT, Alias(route=found, revision="r2"))

    assert str(over.value) == (
        "Deployment first is undoing by now (Aborted: Aborted by alice: too many complaints.). "
        f"Shop:PROD is at {found}; this state changed nothing."
    )
