"""What the template has to be like, besides what `make check` finds."""

import re
from pathlib import Path

import pytest

from tests.template.stack import ROOT, TARGET_TEMPLATE, TEMPLATE, stack

MOST_LINES = 1527


def test_the_template_can_be_read_in_one_sitting() -> None:
    assert len(TEMPLATE.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("template", [TEMPLATE, TARGET_TEMPLATE], ids=lambda path: path.name)
def test_a_template_names_no_partition_region_or_account(template: Path) -> None:
    text = template.read_text()

    assert "arn:aws" not in text
    assert re.findall(r"\b\d{12}\b", text) == []
    assert re.findall(r"\b(?:us|eu|ap|sa|ca|me|af|il|cn)-(?:gov-)?[a-z]+-\d\b", text) == []


def test_the_outputs_are_those_others_depend_on() -> None:
    assert {
        "DeployStateMachineArn",
        "ReleaseStateMachineArn",
        "ArtifactBucketName",
        "DeploymentsTableName",
        "ApiUrl",
        "NotificationsTopicArn",
        "StackId",
        "RolesForTargets",
    } <= set(stack().outputs)


def test_a_deploy_asks_nothing() -> None:
    configuration = (ROOT / "samconfig.toml").read_text()

    assert "confirm_changeset = false" in configuration
    assert "guided" not in configuration


def test_every_parameter_says_what_it_is_for_and_has_a_default() -> None:
    for name, parameter in stack().parameters.items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
