"""
A function in another region or account, and how the deployer reaches it: by a role, with a bucket in that region.

    with elsewhere(OTHER_ACCOUNT, "eu-west-1") as there:
        functions.describe(there.target)
        there.alias()
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import boto3
from moto.awslambda.models import lambda_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends

from bluegreen.aws import client as aws_client
from bluegreen.target import Target
from tests.machine import faults, targets
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, zip_of

OTHER_ACCOUNT = "210987654321"


class Elsewhere:
    """What a test does there as the owner of that account, and what it sees."""

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.bucket = targets.bucket_in(account, region)
        self.target = Target.at(
            "eu", FUNCTION, ALIAS, region=region, role=targets.role_in(account, region), bucket=self.bucket
        )
        self.served: Counter[str] = Counter()
        owner = boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/owner", RoleSessionName="owner")
        keys = owner["Credentials"]
        self._session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region)
        self.functions = self.client("lambda")

    def client(self, service: str) -> Any:
        """Of the owner's."""
        return self._session.client(service)  # type: ignore[call-overload]

    def create_bucket(self, *, region: str = "", versions: str = "Enabled") -> None:
        """As target.yaml does, or in another region or without versions."""
        s3 = s3_backends[self.account]["aws"]
        s3.create_bucket(self.bucket, region or self.region)
        s3.put_bucket_versioning(self.bucket, versions)

    def create_function(self, source: str = GOOD % 1, tags: dict[str, str] | None = None) -> None:
        """Version 1 of it, and the alias on that. Opted in unless `tags` say otherwise."""
        iam = iam_backends[self.account]["aws"]
        try:
            role = iam.get_role("function").arn
        except NotFoundException:
            role = iam.create_role("function", "{}", "/", None, "", [], None).arn
        self.functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.14",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": zip_of(source)},
            Tags=targets.TAG if tags is None else tags,
        )
        version = self.functions.publish_version(FunctionName=FUNCTION)["Version"]
        self.functions.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=version)

    def alias(self) -> tuple[str, dict[str, float]]:
        """The alias's main version, and the weights beside it."""
        alias = self.functions.get_alias(FunctionName=FUNCTION, Name=ALIAS)
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def digest(self, qualifier: str = "$LATEST") -> str:
        """The code behind a qualifier."""
        found = self.functions.get_function_configuration(FunctionName=FUNCTION, Qualifier=qualifier)
        return str(found["CodeSha256"])

    def objects(self) -> list[tuple[str, str]]:
        """Key and version of every object in the bucket."""
        found = self.client("s3").list_object_versions(Bucket=self.bucket).get("Versions", [])
        return [(each["Key"], each["VersionId"]) for each in found]

    def content(self, key: str, version: str) -> bytes:
        """Of an object version."""
        read: bytes = self.client("s3").get_object(Bucket=self.bucket, Key=key, VersionId=version)["Body"].read()
        return read

    def users_call(self) -> None:
        """Once, by the alias."""
        answer: dict[str, str] = {}
        lambda_backends[self.account][self.region].invoke(FUNCTION, ALIAS, json.dumps({"user": 1}), {}, answer)
        self.served[answer["X-Amz-Executed-Version"]] += 1


@contextmanager
def elsewhere(account: str, region: str, *, trusted: bool = True) -> Iterator[Elsewhere]:
    """
    A function and a bucket there, beside a deployer. Both stacks let the deployer in, unless it is not `trusted`.

    Each handler has credentials of its own, as each function of Lambda has.
    """
    with clients_of_each_handler():
        there = Elsewhere(account, region)
        there.create_bucket()
        there.create_function()
        if trusted:
            targets.named.add(there.target.role)
        try:
            yield there
        finally:
            targets.named.discard(there.target.role)


@contextmanager
def clients_of_each_handler() -> Iterator[None]:
    """Clients and sessions are kept by the handler that works, and for as long as the block lasts."""
    if not hasattr(aws_client._client, "__wrapped__"):  # within such a block, as with functions in several places
        yield
        return
    made: dict[Any, Any] = {}

    def kept(make: Any) -> Any:
        def by_handler(*arguments: Any) -> Any:
            key = make, faults.acting_now(), arguments
            if key not in made:
                made[key] = make(*arguments)
            return made[key]

        return by_handler

    with (
        mock.patch.object(aws_client, "_client", kept(aws_client._client.__wrapped__)),
        mock.patch.object(aws_client, "_session", kept(aws_client._session.__wrapped__)),
    ):
        yield
