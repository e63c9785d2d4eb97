"""
What is deployed to: an alias of a function, and where it is.

Every call of Lambda and CloudWatch takes a Target. Today region and account are the stack's, and role is empty.
"""

from typing import Self

from bluegreen.model import Frozen


class Target(Frozen):
    """
    An alias, in an account and a region.

    `role` is the ARN of the IAM role that the deployer assumes to reach it; empty for the deployer's own account.
    """

    function: str
    alias: str
    region: str
    account: str
    role: str = ""

    @classmethod
    def beside(cls, arn: str, function: str, alias: str) -> Self:
        """In the region and the account of something else, named by its ARN."""
        _, _, _, region, account, *_ = arn.split(":")
        return cls(function=function, alias=alias, region=region, account=account)

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.function}:{self.alias}"

    @property
    def function_key(self) -> str:
        """The function, unique over accounts and regions: a key of the ledger."""
        return f"{self.account}:{self.region}:{self.function}"

    @property
    def key(self) -> str:
        """The alias, unique over accounts and regions: a key of the ledger."""
        return f"{self.function_key}:{self.alias}"

    @property
    def partition(self) -> str:
        """The part of AWS that the region belongs to."""
        cut_off = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for start, name in cut_off.items() if self.region.startswith(start)), "aws")

    @property
    def arn(self) -> str:
        """The function's ARN, without the alias."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.function}"

    def beside_logs(self, group: str) -> str:
        """The ARN of a log group in the same account and region."""
        return self.arn.partition(":lambda:")[0] + f":logs:{self.region}:{self.account}:log-group:{group}"

    def by_hand(self, version: str) -> str:
        """The command with which an operator gives a version the whole alias."""
        return (
            f"aws lambda update-alias --function-name {self.function} --name {self.alias} "
            f"--function-version {version} --routing-config AdditionalVersionWeights={{}}"
        )
