"""Lambda aliases: where they point, and moving them."""

from typing import TYPE_CHECKING

from bluegreen.aws.client import client
from bluegreen.aws.refusals import told_apart
from bluegreen.decisions.route import Route
from bluegreen.errors import NotFound, StillInProgress
from bluegreen.model import Frozen
from bluegreen.target import Target

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef


IN_PROGRESS, READY, FAILED = "IN_PROGRESS", "READY", "FAILED"
"""The states of provisioned concurrency."""


class Alias(Frozen):
    """
    An alias as it stands, and the revision to name when changing it.

    `settling`: Lambda has set these weights itself, since it moves the alias's provisioned concurrency. `stuck`: it has
    left a weight of 1 on the version before, for this reason, since it could not allocate the provisioned concurrency.
    """

    route: Route
    revision: str
    settling: bool = False
    stuck: str = ""


class Provisioned(Frozen):
    """Provisioned concurrency: IN_PROGRESS, READY or FAILED, why it failed, and how much was asked for."""

    status: str
    reason: str = ""
    amount: int = 0


def seen(target: Target) -> Alias:
    """The alias by GetAlias alone, so `settling` and `stuck` stay unset. Raises NotFound as `read` does."""
    with told_apart(target):
        return _alias(client("lambda", target).get_alias(FunctionName=target.function, Name=target.alias))


def read(target: Target, *expected: Route) -> Alias:
    """
    The alias as it stands. `settling` and `stuck` are read only if the alias is split and is not as `expected`.

    Raises NotFound if there is no such alias, or no such function. Raises StillInProgress if Lambda has moved the
    alias between the two questions.
    """
    found = seen(target)
    if found.route.whole or found.route in expected:
        return found
    concurrency = provisioned(target)
    if concurrency and concurrency.status == IN_PROGRESS:
        return found.model_copy(update={"settling": True})
    if concurrency and concurrency.status == FAILED and found.route.alone:
        return found.model_copy(update={"stuck": concurrency.reason})
    if seen(target).route != found.route:
        raise StillInProgress(f"{target} moved on while it was read; its provisioned concurrency has just settled")
    return found


def point(target: Target, route: Route, revision: str) -> Alias:
    """Main version and weights in one call. Raises PreconditionFailed if the alias no longer has `revision`."""
    with told_apart(target):
        return _alias(
            client("lambda", target).update_alias(
                FunctionName=target.function,
                Name=target.alias,
                FunctionVersion=route.primary,
                RoutingConfig={"AdditionalVersionWeights": route.also},
                RevisionId=revision,
            )
        )


def provisioned(target: Target, version: str = "") -> Provisioned | None:
    """The alias's provisioned concurrency, or that of a version, if it has any."""
    lambda_ = client("lambda", target)
    try:
        with told_apart(target):
            try:
                answer = lambda_.get_provisioned_concurrency_config(
                    FunctionName=target.function, Qualifier=version or target.alias
                )
            except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
                return None  # by itself this says that the function is there: nothing is to be told apart
            return Provisioned(
                status=answer["Status"],
                reason=answer.get("StatusReason") or "Lambda gives no reason",
                amount=answer.get("RequestedProvisionedConcurrentExecutions", 0),
            )
    except NotFound:
        return None


def _alias(answer: "AliasConfigurationResponseTypeDef") -> Alias:
    weights = answer.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return Alias(
        route=Route(
            primary=answer["FunctionVersion"],
            also={version: weight for version, weight in weights.items() if weight > 0},
        ),
        revision=answer["RevisionId"],
    )
