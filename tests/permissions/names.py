"""
ARNs as AWS has them, in the names of `resolved`.

What belongs to a user, and what a deployment makes anew, is `x`: a function, a version, an execution, a key of the
bucket. An object's first folder stays, and the second within internal/, since policies ask for them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.permissions.needs import KEY_OF_THE_TOPIC

PLAIN = "x"
INTERNAL = "internal"
"""The folder of what the deployer keeps for itself."""


@dataclass(frozen=True)
class Place:
    """Where the stack is, and how its resources are called there: `own` gives their names in the template, or ""."""

    region: str
    account: str
    own: Callable[[str], str]

    def named(self, arn: str) -> str:
        """The ARN in those names; `*` stays."""
        if arn == "*":
            return arn
        _, _, service, region, account, resource = arn.split(":", 5)
        region = "region" if region == self.region else region
        account = "account" if account == self.account else account
        name = _NAMES.get(service, Place._other)
        return f"arn:aws:{service}:{region}:{account}:{name(self, resource)}"

    def _other(self, resource: str) -> str:
        return self.own(resource) or resource

    def _function(self, resource: str) -> str:
        kind, _, rest = resource.partition(":")
        name, _, qualifier = rest.partition(":")
        own = self.own(name)
        return f"{kind}:{own or PLAIN}" + (f":{PLAIN}" if qualifier else "")

    def _table(self, resource: str) -> str:
        kind, _, rest = resource.partition("/")
        name, _, index = rest.partition("/")
        return f"{kind}/{self.own(name) or name}" + (f"/{index}" if index else "")

    def _object(self, resource: str) -> str:
        bucket, slash, key = resource.partition("/")
        *folders, _ = key.split("/")
        known = folders[: 2 if folders[:1] == [INTERNAL] else 1]
        return (self.own(bucket) or bucket) + slash + "/".join([*known, PLAIN] if key else [])

    def _execution(self, resource: str) -> str:
        kind, machine, *execution = resource.split(":")
        return ":".join([kind, self.own(machine) or machine, *[PLAIN for _ in execution]])

    def _log_group(self, resource: str) -> str:
        kind, _, name = resource.partition(":")
        return f"{kind}:{self.own(name) or PLAIN}"

    def _repository(self, resource: str) -> str:
        return f"{resource.partition('/')[0]}/{PLAIN}"

    def _key(self, resource: str) -> str:
        """In these runs the stack has one key."""
        return f"{resource.partition('/')[0]}/{KEY_OF_THE_TOPIC}"


_NAMES: dict[str, Callable[[Place, str], str]] = {
    "lambda": Place._function,
    "dynamodb": Place._table,
    "s3": Place._object,
    "states": Place._execution,
    "ecr": Place._repository,
    "kms": Place._key,
    "logs": Place._log_group,
}


def key_of(value: str) -> str:
    """A key of the table, without whose it is."""
    return re.sub(r"#.*", f"#{PLAIN}", value, flags=re.DOTALL)
