"""What is deployed to: an alias of a function, in an account and a region, reached by a role or by none."""

import pytest

from bluegreen.target import Target
from tests.bluegreen.examples import SHOP, target

EXECUTION = "arn:aws:states:eu-west-1:210987654321:execution:deployer-deploy:first"


def test_a_target_is_in_the_region_and_the_account_of_the_execution() -> None:
    assert Target.beside(EXECUTION, "Shop", "PROD") == Target(
        function="Shop", alias="PROD", region="eu-west-1", account="210987654321", role=""
    )


def test_a_target_reads_as_people_write_it() -> None:
    assert str(SHOP) == "Shop:PROD"


def test_the_keys_of_a_target_are_its_own_over_accounts_and_regions() -> None:
    others = [
        target(alias="LIVE"),
        target(function="Other"),
        SHOP.model_copy(update={"region": "eu-west-1"}),
        SHOP.model_copy(update={"account": "210987654321"}),
    ]

    assert SHOP.key == "123456789012:us-east-1:Shop:PROD"
    assert len({each.key for each in [SHOP, *others]}) == 5


def test_two_aliases_of_a_function_have_its_key_in_common() -> None:
    assert SHOP.function_key == target(alias="LIVE").function_key == "123456789012:us-east-1:Shop"


def test_the_role_that_reaches_a_target_is_no_part_of_its_keys() -> None:
    by_role = SHOP.model_copy(update={"role": "arn:aws:iam::123456789012:role/deployer"})

    assert (by_role.key, by_role.function_key) == (SHOP.key, SHOP.function_key)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
    ],
)
def test_the_arn_of_the_function_is_in_the_partition_of_its_region(region: str, partition: str) -> None:
    there = SHOP.model_copy(update={"region": region})

    assert there.arn == f"arn:{partition}:lambda:{region}:123456789012:function:Shop"


class TestElsewhere:
    ROLE = "arn:aws:iam::210987654321:role/bluegreen-target-bluegreen-eu-west-1"
    THERE = Target.at("eu", "Shop", "PROD", region="eu-west-1", role=ROLE, bucket="artifacts-there")

    def test_a_target_is_in_the_account_of_its_role(self) -> None:
        assert (
            Target(
                function="Shop",
                alias="PROD",
                region="eu-west-1",
                account="210987654321",
                role=self.ROLE,
                bucket="artifacts-there",
                place="eu",
            )
            == self.THERE
        )
        assert (self.THERE.elsewhere, SHOP.elsewhere) == (True, False)

    def test_neither_role_nor_bucket_nor_place_is_a_part_of_its_keys(self) -> None:
        beside = SHOP.model_copy(update={"region": "eu-west-1", "account": "210987654321"})

        assert (self.THERE.key, self.THERE.function_key) == (beside.key, beside.function_key)

    def test_it_says_where_it_is_and_one_beside_the_stack_does_not(self) -> None:
        assert (self.THERE.said, SHOP.said) == ("Shop:PROD (210987654321, eu-west-1)", "Shop:PROD")
        assert (self.THERE.where, SHOP.where) == ("account 210987654321, eu-west-1", "this account and region")
        assert self.THERE.shown == {
            "function": "Shop",
            "alias": "PROD",
            "account": "210987654321",
            "region": "eu-west-1",
        }
        assert SHOP.shown == {"function": "Shop", "alias": "PROD"}
        assert self.THERE.field("role") == "targets.eu.role"

    def test_metrics_know_it_by_function_and_alias_alone(self) -> None:
        assert str(self.THERE) == "Shop:PROD"

    def test_the_operator_s_command_names_the_account_and_the_region(self) -> None:
        assert self.THERE.by_hand("3") == (
            "aws lambda update-alias --function-name arn:aws:lambda:eu-west-1:210987654321:function:Shop "
            "--region eu-west-1 --name PROD --function-version 3 --routing-config AdditionalVersionWeights={}"
        )

    def test_no_command_of_the_deployer_is_advised_for_it_since_that_is_about_the_function_at_home(self) -> None:
        there = "--function-name arn:aws:lambda:eu-west-1:210987654321:function:Shop --region eu-west-1 --name PROD"

        assert self.THERE.giving("3") == self.THERE.by_hand("3")
        assert self.THERE.creating("3") == f"aws lambda create-alias {there} --function-version 3"


def test_the_deployers_commands_are_advised_beside_the_stack() -> None:
    assert SHOP.giving("3") == "bluegreen rollback Shop --alias PROD --to 3"
    assert SHOP.creating("3") == "bluegreen adopt Shop --alias PROD"


def test_an_operator_gives_a_version_the_whole_alias_with_one_command() -> None:
    assert SHOP.by_hand("3") == (
        "aws lambda update-alias --function-name Shop --name PROD --function-version 3 "
        "--routing-config AdditionalVersionWeights={}"
    )
