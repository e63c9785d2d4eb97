"""What an observer sees of the function: its alias, its $LATEST and its versions."""

from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from tests.machine.deployer import ALIAS, FUNCTION
from tests.machine.strict_lambda import weights_of
from tests.machine.walk import REGION

Route = tuple[str, tuple[tuple[str, float], ...]]
"""What an alias says: its main version, and the weights beside it."""


def lambda_backend() -> Any:
    """Moto's side of Lambda. A question to it is no call: no fault meets it and no seam counts it."""
    return lambda_backends[DEFAULT_ACCOUNT_ID][REGION]


class Observer:
    """Sees a function as it is at this moment, without a call of AWS."""

    def __init__(self, function: str = FUNCTION) -> None:
        self._function = function
        self._lambda = lambda_backend()

    def route(self) -> Route:
        """Where the alias points to."""
        alias = self._lambda.get_alias(ALIAS, self._function)
        weights = weights_of(alias.routing_config)
        return str(alias.function_version), tuple(sorted(weights.items()))

    def is_split(self) -> bool:
        """Whether the alias sends a share of the users to a second version."""
        return bool(self.route()[1])

    def digest(self) -> str:
        """The digest of the code of $LATEST."""
        return self.digest_of(None)

    def digest_of(self, version: str | None) -> str:
        """The digest of the code of a version; of $LATEST if none is named."""
        return str(self._lambda.get_function(self._function, version).code_sha_256)

    def settings(self, version: str | None = None) -> dict[str, str]:
        """The environment of a version; of $LATEST if none is named."""
        return dict(self._lambda.get_function(self._function, version).environment_vars or {})
