"""
What is deployed to: an alias of a function, and where it is.

Every call of Lambda, CloudWatch and Logs about a function takes a Target. One beside the stack has no role. Any other
is reached by a role, as the `targets` of a release's document say.
"""

from typing import Self

from bluegreen.model import Frozen


class Target(Frozen):
    """
    An alias, in an account and a region.

    The others are empty beside the stack. `role` is the ARN of the IAM role that the deployer assumes to reach the
    target, `bucket` the artifact bucket of its region, and `place` the name of both in the release's document.
    """

    function: str
    alias: str
    region: str
    account: str
    role: str = ""
    bucket: str = ""
    place: str = ""

    @classmethod
    def beside(cls, arn: str, function: str, alias: str) -> Self:
        """In the region and the account of something else, named by its ARN."""
        _, _, _, region, account, *_ = arn.split(":")
        return cls(function=function, alias=alias, region=region, account=account)

    @classmethod
    def at(cls, place: str, function: str, alias: str, *, region: str, role: str, bucket: str) -> Self:
        """Where a release's document says, as `targets.<place>`. The account is that of the role, which is an ARN."""
        account = role.split(":")[4]
        return cls(
            function=function, alias=alias, region=region, account=account, role=role, bucket=bucket, place=place
        )

    @property
    def elsewhere(self) -> bool:
        """It is reached by a role, and not with the stack's own credentials."""
        return bool(self.role)

    @property
    def where(self) -> str:
        """In which account and region, as a part of a sentence."""
        return f"account {self.account}, {self.region}" if self.elsewhere else "this account and region"

    @property
    def said(self) -> str:
        """As people write it, and where it is unless that is beside the stack."""
        return f"{self} ({self.account}, {self.region})" if self.elsewhere else str(self)

    @property
    def shown(self) -> dict[str, str]:
        """As other programs get it: account and region are there only if it is not beside the stack."""
        there = {"account": self.account, "region": self.region} if self.elsewhere else {}
        return {"function": self.function, "alias": self.alias} | there

    def field(self, name: str) -> str:
        """A field of the release's document that says where it is."""
        return f"targets.{self.place}.{name}"

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

    @property
    def option(self) -> str:
        """The function as `aws lambda` takes it. Elsewhere the ARN says whose credentials the operator needs."""
        named = self.arn if self.elsewhere else self.function
        return f"--function-name {named}{self.in_region}"

    @property
    def in_region(self) -> str:
        """The option of `aws` with the region, with a blank before it; "" beside the stack."""
        return f" --region {self.region}" if self.elsewhere else ""

    def by_hand(self, version: str) -> str:
        """The command with which an operator gives a version the whole alias."""
        return (
            f"aws lambda update-alias {self.option} --name {self.alias} "
            f"--function-version {version} --routing-config AdditionalVersionWeights={{}}"
        )

    @property
    def by_name(self) -> str:
        """The function and the alias as `bluegreen` takes them. It takes those beside the stack only."""
        return f"{self.function} --alias {self.alias}"

    def giving(self, version: str) -> str:
        """The command that gives a version the whole alias: a deployment beside the stack, Lambda's own elsewhere."""
        return self.by_hand(version) if self.elsewhere else f"bluegreen rollback {self.by_name} --to {version}"

    def creating(self, version: str) -> str:
        """The command that creates the alias again, elsewhere at that version."""
        if not self.elsewhere:
            return f"bluegreen adopt {self.by_name}"
        return f"aws lambda create-alias {self.option} --name {self.alias} --function-version {version}"
