"""Who else changes a function and its aliases."""

import pytest

from bluegreen.opening import owners
from tests.machine.deployer import FUNCTION, TARGET

OURS = {"bluegreen:managed": "true", "team": "shop"}


def test_a_function_that_no_tool_made_has_no_owner() -> None:
    assert owners.of(TARGET, OURS) == ()


def test_a_stack_is_named_with_what_its_next_update_does() -> None:
    tags = {"aws:cloudformation:stack-name": "shop", "aws:cloudformation:logical-id": "Bonus"}

    (warning,) = owners.of(TARGET, OURS | tags)

    assert str(warning) == (
        f"function: {FUNCTION} belongs to the CloudFormation stack shop (there Bonus), whose next update puts the "
        "template's code and settings into $LATEST, and moves PROD at once if the template has that alias; let only "
        "this product move the alias: leave AutoPublishAlias and DeploymentPreference out of a SAM template, the alias "
        "out of a template of CDK, Serverless or your own"
    )


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"ManagedBy": "terraform"}, "ManagedBy = terraform"),
        ({"managed-by": "OpenTofu"}, "managed-by = OpenTofu"),
        ({"Terraform": "true"}, "Terraform = true"),
        ({"terraform-workspace": "prod"}, "terraform-workspace = prod"),
        ({"Terraform": "false"}, ""),
        ({"team": "shop"}, ""),
    ],
)
def test_terraform_is_known_by_the_tags_that_people_give(tags: dict[str, str], said: str) -> None:
    warnings = owners.of(TARGET, OURS | tags)

    assert [warning.problem.partition("(tag ")[2].partition(")")[0] for warning in warnings] == ([said] if said else [])
    assert all("ignore_changes = [function_version, routing_config]" in warning.advice for warning in warnings)
