"""Where functions of a release are: a region, a role and a bucket, each of which is told if it is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from bluegreen.request.explain import explain
from bluegreen.request.targets import Place
from bluegreen.target import Target

ROLE = "arn:aws:iam::210987654321:role/bluegreen-target-bluegreen-eu-west-1"
EU = {"region": "eu-west-1", "role": ROLE, "bucket": "artifacts-there"}


def wrong(**more: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Place.model_validate({name: value for name, value in (EU | more).items() if value is not None})
    return explain(refused.value, Place)


def test_a_place_has_the_account_of_its_role_and_makes_targets() -> None:
    place = Place.model_validate(EU)

    assert place.account == "210987654321"
    assert place.target("eu", "Shop", "PROD") == Target.at("eu", "Shop", "PROD", **EU)


@pytest.mark.parametrize("name", EU)
def test_each_field_is_required_also_in_the_stack_s_own_account(name: str) -> None:
    assert wrong(**{name: None}) == f"{name}: is required"


@pytest.mark.parametrize(
    "role",
    [
        "bluegreen-target",
        "arn:aws:iam::210987654321:user/alice",
        "arn:aws:iam::210987654321:role/",
        "arn:aws:iam::21098765432:role/deployer",
        "arn:aws:iam:eu-west-1:210987654321:role/deployer",
        "arn:aws:iam::210987654321:role/deploy*",
        "arn:aws:sts::210987654321:assumed-role/deployer/session",
        f"{ROLE}\n",
    ],
)
def test_what_is_no_role_is_told_with_where_its_arn_stands(role: str) -> None:
    said = wrong(role=role)

    assert said.startswith("role: ")
    assert said.endswith("is no ARN of a role; write the output RoleArn of the stack that target.yaml made there")


@pytest.mark.parametrize("region", ["eu", "EU-WEST-1", "eu-west-1a", "eu-west-1\n", ""])
def test_what_is_no_region_is_told(region: str) -> None:
    assert wrong(region=region).endswith("is no region; write one, as eu-west-1")


@pytest.mark.parametrize("bucket", ["Artifacts", "s3://artifacts", "a", "artifacts/there", "artifacts-there\n"])
def test_what_is_no_bucket_is_told_with_where_its_name_stands(bucket: str) -> None:
    assert wrong(bucket=bucket).endswith(
        "is no bucket's name; write the output BucketName of the stack that target.yaml made there"
    )


def test_every_wrong_field_is_told_at_once() -> None:
    said = wrong(region="eu", role="me", bucket="B", account="210987654321")

    assert [each.split(":")[0] for each in said.split("; ") if ":" in each] == ["region", "role", "bucket", "account"]


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws"), ("us-gov-west-1", "aws"), ("eu-west-1", "aws-cn")]
)
def test_a_role_of_another_partition_cannot_reach_the_region(region: str, partition: str) -> None:
    role = ROLE.replace(":aws:", f":{partition}:")

    assert wrong(region=region, role=role) == (
        f"role: {role} is in {partition}, another part of AWS than {region}; write a role of the same part"
    )


def test_a_role_of_china_reaches_china() -> None:
    assert Place.model_validate(EU | {"region": "cn-north-1", "role": ROLE.replace(":aws:", ":aws-cn:")}).account
