"""Functions that are not beside the stack: a role of their account reaches them, as `targets` of a document say."""

from bluegreen.target import Target


def elsewhere(target: Target) -> bool:
    """It is reached by a role, and not with the stack's own credentials."""
    return bool(target.role)


def said(target: Target) -> str:
    """As people write it, and where it is unless that is beside the stack."""
    return f"{target} ({target.account}, {target.region})" if elsewhere(target) else str(target)


def shown(target: Target) -> dict[str, str]:
    """As other programs get it: account and region are there only if it is not beside the stack."""
    there = {"account": target.account, "region": target.region} if elsewhere(target) else {}
    return {"function": target.function, "alias": target.alias} | there
