"""What a refusal of Lambda means: ListTags tells a function that is gone from one that has lost the tag."""

import boto3
import pytest

from bluegreen.aws import aliases, functions
from bluegreen.errors import AccessDenied, FunctionGone, NotFound, Untagged
from tests.machine.deployer import ALIAS, FUNCTION, TARGET, Deployer


def untag() -> None:
    boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])


def test_a_function_that_is_gone_is_told_from_the_403_that_iam_answers_for_it(deployer: Deployer) -> None:
    boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
    boto3.client("lambda").delete_function(FunctionName=FUNCTION)

    with deployer.aws.acting("RollBack"):
        with pytest.raises(FunctionGone, match=f"There is no function {FUNCTION} in account"):
            aliases.read(TARGET)
        with pytest.raises(FunctionGone):
            functions.describe(TARGET, "1")


def test_a_lost_tag_is_named_after_what_aws_says_with_the_commands_that_set_it(deployer: Deployer) -> None:
    untag()

    with deployer.aws.acting("RollBack"), pytest.raises(Untagged) as refused:
        aliases.read(TARGET)

    text = str(refused.value)
    assert "is not authorized to perform: lambda:GetAlias" in text
    assert text.endswith(
        f"That is because {FUNCTION} has lost its tag bluegreen:managed = true, without which the deployer may not "
        f"touch it. `aws lambda tag-resource --resource {TARGET.arn} --tags bluegreen:managed=true` sets it, and so "
        f"does `bluegreen adopt {FUNCTION}`."
    )


@pytest.mark.parametrize("qualifier", ["9", "LIVE"])
def test_a_version_or_an_alias_that_is_gone_is_no_function_that_is(deployer: Deployer, qualifier: str) -> None:
    with deployer.aws.acting("RollBack"), pytest.raises(NotFound) as refused:
        functions.describe(TARGET, qualifier)

    assert type(refused.value) is NotFound


def test_a_refusal_of_a_function_with_the_tag_is_left_as_aws_words_it(deployer: Deployer) -> None:
    with deployer.aws.fails("GetAlias", "AccessDeniedException"), pytest.raises(AccessDenied) as refused:
        aliases.read(TARGET)

    assert type(refused.value) is AccessDenied


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException"])
def test_tags_that_cannot_be_seen_leave_the_refusal_as_it_is(deployer: Deployer, code: str) -> None:
    untag()

    with (
        deployer.aws.fails("ListTags", code, times=None),
        deployer.aws.acting("RollBack"),
        pytest.raises(AccessDenied) as refused,
    ):
        aliases.read(TARGET)

    assert type(refused.value) is AccessDenied
