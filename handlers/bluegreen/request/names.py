"""
Names as AWS takes them: of functions, aliases and versions, and of executions, which are the ids of deployments.

Every part of the product reads names from outside by these rules.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, StringConstraints

from bluegreen.text import is_sign, plain

FUNCTION = "[A-Za-z0-9_-]{1,64}"

REGION = "[a-z]{2}(?:-[a-z]+)+-[0-9]+"
_ROLE = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}$"
"""The role's path has 512 characters at most, its name 64. (CreateRole in the API reference of IAM.)"""
_ALIAS = r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$"
_DIGITS = r"^[0-9]+$"
IMAGE = r"^[!-~]+@sha256:[0-9a-f]{64}$"
"""The URI of a container image with its digest."""
_WORD = "^[A-Za-z][A-Za-z0-9_-]{0,63}$"

FunctionName = Annotated[str, StringConstraints(pattern=f"^{FUNCTION}$")]
AliasName = Annotated[str, StringConstraints(pattern=_ALIAS, max_length=128)]
_Digits = Annotated[str, StringConstraints(pattern=_DIGITS, max_length=18)]
VersionNumber = Annotated[
    _Digits,
    BeforeValidator(
        lambda number: str(number) if type(number) is int else number, json_schema_input_type=_Digits | int
    ),
]
RegionName = Annotated[str, StringConstraints(pattern=f"^{REGION}$")]
RoleArn = Annotated[str, StringConstraints(pattern=_ROLE)]
TargetName = Annotated[str, StringConstraints(pattern=_WORD)]
"""Of a place to which a release deploys."""

ADVICE = {
    f"^{REGION}$": "write a region, as eu-west-1",
    _WORD: "begin with a letter, and write letters, digits, - and _, 64 at most",
    IMAGE: "write the image's URI with its digest, as 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:...",
    _ROLE: "write the ARN of a role, as arn:aws:iam::111122223333:role/bluegreen",
    f"^{FUNCTION}$": "write the function's name, or its ARN",
    _ALIAS: "write an alias's name: letters, digits, - and _, not digits alone",
    _DIGITS: 'write the number of a published version, as "7"; what $LATEST has is the artifact "$LATEST"',
}
"""What to write instead of a name that does not match."""

_REFERENCE = re.compile(
    rf"(?:(?:(?:(?:arn:aws[a-z-]*:lambda:)?(?P<region>{REGION}):)?(?P<account>[0-9]{{12}}):)?function:)?"
    rf"(?P<name>{FUNCTION})(?::(?P<qualifier>[$A-Za-z0-9_-]{{1,128}}))?"
)
REFERENCE = f"^{re.sub(r'[?]P<[a-z]+>', '', _REFERENCE.pattern)}$"
"""The same for readers of JSON Schema, whose regular expressions name no groups so."""

LONGEST_EXECUTION_NAME = 80
NOT_IN_AN_EXECUTION_NAME = frozenset('<>{}[]?*"#%\\^|~`$&,;:/\ufffe\uffff\U0010ffff')


@dataclass(frozen=True)
class FunctionReference:
    """
    A function as Lambda's own API takes it: by its name, by its ARN or a part of that, each with an alias or without.

    Region, account and qualifier are "" where the reference does not say them.
    """

    name: str
    qualifier: str = ""
    region: str = ""
    account: str = ""

    @classmethod
    def read(cls, text: Any) -> Self | None:
        """None if the text is no reference to a function."""
        found = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
        return cls(**{part: value or "" for part, value in found.groupdict().items()}) if found else None

    def complaint(self, region: str = "", account: str = "", alias: str | None = None) -> str:
        """
        What is wrong with it as the function of a deployment in that region and account, "" if nothing is.

        Places that are "" are not known yet.
        """
        for kind, meant, here in (("account", self.account, account), ("region", self.region, region)):
            if meant and here and meant != here:
                return (
                    f"{self.name} is in the {kind} {meant}, and this stack deploys in {here}; use the stack of that "
                    f"{kind}"
                )
        if self.qualifier == "$LATEST" or self.qualifier.isdigit():
            return (
                f"{self.name}:{self.qualifier} is a version, and a deployment moves an alias; write the alias, as "
                f'{self.name}:PROD, and a published version as the artifact, as {{"version": "7"}}'
            )
        if self.qualifier and alias and alias != self.qualifier:
            return f"it names the alias {self.qualifier}, and `alias` says {plain(alias, 128)}; write one of them"
        return ""


def is_execution_name(text: str) -> bool:
    """Step Functions takes it as the name of an execution. (StartExecution in its API reference.)"""
    return 0 < len(text) <= LONGEST_EXECUTION_NAME and not any(
        each in NOT_IN_AN_EXECUTION_NAME or each.isspace() or unicodedata.category(each) in ("Cc", "Cs")
        for each in text
    )


def printable(name: str) -> str:
    """A name that is sent to AWS as it is. ValueError for one with a character that cannot be printed."""
    if not all(map(is_sign, name)):
        raise ValueError(f"{plain(name, 100)!r} has a character that cannot be printed; correct the name")
    return name
