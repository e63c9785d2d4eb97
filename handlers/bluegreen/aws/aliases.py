"""Lambda aliases: where they point, and moving them."""

from typing import TYPE_CHECKING

from bluegreen.aws.client import client, in_our_words
from bluegreen.decisions.route import Route
from bluegreen.errors import NotFound, StillInProgress
from bluegreen.model import Frozen

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef


class Alias(Frozen):
    """An alias as it stands, and the revision to name when changing it."""

    route: Route
    revision: str


def read(function: str, alias: str) -> Alias:
    """Raises NotFound if there is no such alias, or no such function."""
    with in_our_words():
        return _alias(client("lambda").get_alias(FunctionName=function, Name=alias))


def point(function: str, alias: str, route: Route, revision: str) -> Alias:
    """Main version and weights in one call. Raises PreconditionFailed if the alias no longer has `revision`."""
    with in_our_words():
        return _alias(
            client("lambda").update_alias(
                FunctionName=function,
                Name=alias,
                FunctionVersion=route.primary,
                RoutingConfig={"AdditionalVersionWeights": route.also},
                RevisionId=revision,
            )
        )


def moved_by_lambda(function: str, alias: str, found: Route) -> bool:
    """
    Lambda itself sets weights while it moves an alias's provisioned concurrency; that is nobody's doing.

    Raises StillInProgress if the alias is not at `found` any more: then that move may have ended just now.
    """
    try:
        with in_our_words():
            answer = client("lambda").get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
    except NotFound:
        return False
    if answer["Status"] == "IN_PROGRESS":
        return True
    if read(function, alias).route != found:
        raise StillInProgress(f"{function}:{alias} moved on while it was looked at")
    return False


def _alias(answer: "AliasConfigurationResponseTypeDef") -> Alias:
    weights = answer.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return Alias(
        route=Route(
            primary=answer["FunctionVersion"],
            also={version: weight for version, weight in weights.items() if weight > 0},
        ),
        revision=answer["RevisionId"],
    )
