"""
Whose orders, approvals, decisions and steps: a deployment's or a release's.

Both have the name of their execution, and executions of two machines may have the same name.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """
    Where its items are: `key` follows the name of each partition.

    `of_deployment` and `of_release` make it, so that no caller leaves open which of both an id belongs to.
    """

    key: str


def of_deployment(deployment: str) -> Owner:
    """By its id."""
    return Owner(deployment)


def of_release(release: str) -> Owner:
    """By its id. Its key is no deployment's: the name of an execution has no `#`."""
    return Owner(f"release#{release}")
