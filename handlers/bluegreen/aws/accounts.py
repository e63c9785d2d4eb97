"""What Lambda grants the account in a region."""

from bluegreen.aws.client import client, in_our_words
from bluegreen.model import Frozen
from bluegreen.target import Target


class Account(Frozen):
    """
    Bytes of code that Lambda stores now, and may store at most; and the concurrency that functions share.

    The concurrency is that of the functions without a reserved concurrency of their own.
    """

    code_bytes: int
    most_code_bytes: int
    shared_concurrency: int


def settings(target: Target) -> Account:
    """By GetAccountSettings."""
    with in_our_words():
        answer = client("lambda", target).get_account_settings()
        limit, usage = answer["AccountLimit"], answer["AccountUsage"]
        return Account(
            code_bytes=usage["TotalCodeSize"],
            most_code_bytes=limit["TotalCodeSize"],
            shared_concurrency=limit["UnreservedConcurrentExecutions"],
        )
