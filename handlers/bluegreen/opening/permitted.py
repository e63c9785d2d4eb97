"""
What a request may ask of the stack that deploys: which function, which zip, which image.

Nothing of AWS is read for it. So OpenDeployment, the API and `bluegreen deploy` refuse the same before anything is
read, started or uploaded.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from bluegreen.errors import InvalidRequest
from bluegreen.opening.findings import Refusal
from bluegreen.opening.owners import STACK
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.request import Request
from bluegreen.request.upload import COPIES, folder_of, place_by_request
from bluegreen.target import Target

MACHINE = "-deploy"
"""Follows the stack's name in the name of its state machine."""

FUNCTIONS = (
    "OpenDeployment",
    "RecoverPrevious",
    "UpdateCode",
    "SmokeTest",
    "PublishVersion",
    "RunHook",
    "AwaitApproval",
    "ShiftAlias",
    "CheckHealth",
    "CompleteDeployment",
    "DeleteVersions",
    "RollBack",
    "RejectDeployment",
    "OpenRelease",
    "OpenMember",
    "NoteMember",
    "ConfirmFunctions",
    "ShiftWave",
    "LookAtWave",
    "CompleteRelease",
    "RollBackRelease",
    "ReceiveUpload",
    "ServeApi",
    "RecoverDeployments",
)
"""They are named `<stack>-<one of these>`."""

REGISTRIES = ("{}.dkr.ecr.{}.amazonaws.com", "{}.dkr-ecr.{}.on.aws")
REGISTRIES_IN_CHINA = ("{}.dkr.ecr.{}.amazonaws.com.cn", "{}.dkr-ecr.{}.on.amazonwebservices.com.cn")
"""Hosts of an account's registry in a region: for IPv4, and for both IPv4 and IPv6. (Amazon ECR user guide.)"""
REGION_OF_REGISTRY = re.compile(r"[0-9]{12}\.dkr[.-]ecr\.([a-z0-9-]+)\.")


@dataclass(frozen=True)
class Home:
    """
    The stack's name, its bucket, its account and region, and the accounts beside its own whose images are deployed.

    `here` is a target without a function. Lambda takes images only from Amazon ECR in the function's own region, so the
    account alone names the registry. Images for a target elsewhere may also come from the target's account.
    """

    stack: str
    bucket: str
    here: Target
    accounts: tuple[str, ...] = ()

    @classmethod
    def of_handlers(cls) -> Self:
        """From the variables that the template sets."""
        machine = os.environ["STATE_MACHINE_ARN"]
        return cls(
            stack=machine.rpartition(":")[2].removesuffix(MACHINE),
            bucket=os.environ["ARTIFACT_BUCKET"],
            here=Target.beside(machine, "", ""),
            accounts=accounts(os.environ.get("IMAGE_REGISTRIES", "")),
        )

    def registries(self, target: Target) -> tuple[str, ...]:
        """The hosts from which images may come."""
        return self._registries(target, target.region)

    def has_in_another_region(self, image_uri: str, target: Target) -> bool:
        """The image is in a registry of an account whose images are deployed, and of another region."""
        host = registry_of(image_uri)
        found = REGION_OF_REGISTRY.match(host)
        return found is not None and found[1] != target.region and host in self._registries(target, found[1])

    def _registries(self, target: Target, region: str) -> tuple[str, ...]:
        hosts = REGISTRIES_IN_CHINA if region.startswith("cn-") else REGISTRIES
        of = dict.fromkeys((target.account, self.here.account, *self.accounts))
        return tuple(host.format(account, region) for account in of for host in hosts)

    def has(self, image_uri: str, target: Target) -> bool:
        """The image is in one of those registries."""
        return registry_of(image_uri) in self.registries(target)


def accounts(parameter: str) -> tuple[str, ...]:
    """Of the stack's parameter ImageRegistries."""
    return tuple(part.strip() for part in parameter.split(",") if part.strip())


def must_be_permitted(request: Request, target: Target, home: Home) -> None:
    """Raises InvalidRequest."""
    if refusal := refused(request, target, home):
        raise InvalidRequest(str(refusal))


def refused(request: Request, target: Target, home: Home) -> Refusal | None:
    """Why this stack does not deploy the request; None if it does."""
    artifact = request.artifact
    if is_own(home.stack, target.function):
        return of_the_stack(home.stack, target.function)
    if isinstance(artifact, Zip) and artifact.bucket == home.bucket and artifact.key.startswith(COPIES):
        return _copy(artifact, target.function)
    if isinstance(artifact, Zip) and not request.from_elsewhere:
        return _misplaced(artifact, target.function, home.bucket)
    if isinstance(artifact, Image) and not home.has(artifact.image_uri, target):
        return _foreign(artifact, target, home)
    return None


def is_own(stack: str, function: str, tags: Mapping[str, str] | None = None) -> bool:
    """Whether the function is a part of the stack of that name, by its own name or by the tag of CloudFormation."""
    return function in [f"{stack}-{name}" for name in FUNCTIONS] or (tags or {}).get(STACK) == stack


def of_the_stack(stack: str, function: str) -> Refusal:
    """A principal that may tag functions must not make the stack deploy to itself."""
    return Refusal(
        field="function",
        problem=f"{function} is a part of the stack {stack}, which deploys no part of itself",
        advice="name a function of your own",
    )


def _misplaced(artifact: Zip, function: str, bucket: str) -> Refusal | None:
    """A principal that may write to the folder of one function must not get its zips into another function."""
    if artifact.bucket == bucket and artifact.key.startswith(folder_of(function)):
        return None
    return Refusal(
        field="artifact.key" if artifact.bucket == bucket else "artifact.bucket",
        problem=f"{artifact} does not lie in the folder of {function}",
        advice=f"put it at s3://{bucket}/{place_by_request(function, '<name>.zip')}, where it starts nothing by "
        'itself, or write "from_elsewhere": true (`--from-elsewhere`)',
    )


def _copy(artifact: Zip, function: str) -> Refusal:
    """A principal that may start deployments must not get the code of one function into another function."""
    return Refusal(
        field="artifact.key",
        problem=f"{artifact} is one of the copies of code that the stack keeps for its rollbacks",
        advice=f"copy it to s3://{artifact.bucket}/{place_by_request(function, '<name>.zip')}, and name that object",
    )


def _foreign(image: Image, target: Target, home: Home) -> Refusal:
    """An image is code, so it comes from where the owner of the stack says."""
    if home.has_in_another_region(image.image_uri, target):
        return Refusal(
            field="artifact.image_uri",
            problem=f"{registry_of(image.image_uri)} is a registry of another region, and Lambda takes images for "
            f"{target.function} from {target.region} only",
            advice=f"replicate the repository to {target.region} (`aws ecr put-replication-configuration`), and name "
            "the image there, which has the same digest",
        )
    return Refusal(
        field="artifact.image_uri",
        problem=f"{registry_of(image.image_uri) or image.image_uri} is none of this stack's registries, which are "
        f"{', '.join(home.registries(target))}",
        advice="push the image there, or add the registry's account to the stack's parameter ImageRegistries"
        + (", and to that of the target's stack" if target.elsewhere else ""),
    )


def registry_of(image_uri: str) -> str:
    """The host; "" if the URI has none."""
    host, slash, _ = image_uri.partition("/")
    return host.lower() if slash else ""
