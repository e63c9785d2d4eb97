"""
Where functions of a release are, unless they are beside the stack: each place has a region, a role and a bucket.

The stack `target.yaml` makes role and bucket there. A role is required in the stack's own account, too: the stack's
roles may touch functions of their own region only.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from bluegreen.model import Frozen
from bluegreen.target import Target
from bluegreen.text import plain

_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

PlaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]

FROM_THE_STACK = "of the stack that target.yaml made there"


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError(f"{plain(text, 100)!r} is no region; write one, as eu-west-1")
    return text


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise ValueError(f"{plain(text, 100)!r} is no ARN of a role; write the output RoleArn {FROM_THE_STACK}")
    return text


def _bucket(text: str) -> str:
    if not _BUCKET.fullmatch(text):
        raise ValueError(f"{plain(text, 100)!r} is no bucket's name; write the output BucketName {FROM_THE_STACK}")
    return text


class Place(Frozen):
    """A region of an account, and how the deployer reaches functions there."""

    region: Annotated[str, Field(max_length=64), AfterValidator(_region)] = Field(
        description="The region of the functions."
    )
    role: Annotated[str, Field(max_length=640), AfterValidator(_role)] = Field(
        description="The ARN of the role that the deployer assumes; its account is that of the functions. It is the "
        "output RoleArn of the stack that target.yaml made there."
    )
    bucket: Annotated[str, Field(max_length=64), AfterValidator(_bucket)] = Field(
        description="The artifact bucket of that region, to which zips are copied. It is the output BucketName of the "
        "same stack."
    )

    @field_validator("role")
    @classmethod
    def _is_in_the_region_s_partition(cls, role: str, info: ValidationInfo) -> str:
        region, partition = info.data.get("region"), role.split(":")[1]
        if region and Target.at("", "", "", region=region, role=role, bucket="").partition != partition:
            raise ValueError(
                f"{role} is in {partition}, another part of AWS than {region}; write a role of the same part"
            )
        return role

    @property
    def account(self) -> str:
        """The account of the functions."""
        return self.role.split(":")[4]

    def target(self, name: str, function: str, alias: str) -> Target:
        """An alias there. `name` is that of this place in the document's `targets`."""
        return Target.at(name, function, alias, region=self.region, role=self.role, bucket=self.bucket)
