"""What the template has to be like, besides what `make check` finds."""

import re

from tests.template.stack import ROOT, TEMPLATE, stack

MOST_LINES = 1190


def test_the_template_can_be_read_in_one_sitting() -> None:
    assert len(TEMPLATE.read_text().splitlines()) <= MOST_LINES


def test_the_template_names_no_partition_region_or_account() -> None:
    text = TEMPLATE.read_text()

    assert "arn:aws" not in text
    assert re.findall(r"\b\d{12}\b", text) == []
    assert re.findall(r"\b(?:us|eu|ap|sa|ca|me|af|il|cn)-(?:gov-)?[a-z]+-\d\b", text) == []


def test_the_outputs_are_those_others_depend_on() -> None:
    assert {
        "DeployStateMachineArn",
        "ArtifactBucketName",
        "DeploymentsTableName",
        "ApiUrl",
        "NotificationsTopicArn",
    } <= set(stack().outputs)


def test_a_deploy_asks_nothing() -> None:
    configuration = (ROOT / "samconfig.toml").read_text()

    assert "confirm_changeset = false" in configuration
    assert "guided" not in configuration


def test_every_parameter_says_what_it_is_for_and_has_a_default() -> None:
    for name, parameter in stack().parameters.items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
