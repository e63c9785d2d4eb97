"""What docs/doctor.md says that a person needs is what docs/doctor-policy.json gives."""

import json
import re
from pathlib import Path

from tests.permissions.services import kinds
from tests.template.stack import as_list

DOCS = Path(__file__).parents[3] / "docs"
STATEMENTS = json.loads((DOCS / "doctor-policy.json").read_text())["Statement"]
ACTIONS = {action for statement in STATEMENTS for action in as_list(statement["Action"])}


def test_the_table_names_the_actions_of_the_policy_and_no_others() -> None:
    _, _, table = (DOCS / "doctor.md").read_text().partition("## What it needs")
    cells = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")]
    named = set(re.findall(r"\b[A-Z]\w+", " ".join(cells)))

    assert named - {"ARN", "With"} == {action.partition(":")[2] for action in ACTIONS}


def test_the_resource_is_a_star_only_for_actions_that_cannot_be_limited() -> None:
    on_all = {a for each in STATEMENTS if each["Resource"] == "*" for a in as_list(each["Action"])}

    assert {action for action in on_all if kinds(action)} == {"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"}
