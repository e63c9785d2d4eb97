"""`bluegreen logs`: green's and blue's lines, side by side in time."""

from collections.abc import Iterator

import pytest

from bluegreen import clock
from bluegreen_cli import lines
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, Deployer
from tests.machine.log_groups import LogGroup, log_group

NAME = "Shop-1"
OWN = f"/aws/lambda/{FUNCTION}"
NINE = 1767603600
"""2026-01-05 09:00 UTC, when the deployment begins."""
GREEN, BLUE = "2026/01/05/[2]0a1b", "2026/01/04/[1]2c3d"


@pytest.fixture
def group(deployer: Deployer) -> Iterator[LogGroup]:
    """Of a deployment that was rolled back after three minutes."""
    deployer.users_call()
    artifact = deployer.upload(BAD_UNDER_TRAFFIC)
    deployer.run({"function": FUNCTION, "artifact": artifact}, name=NAME)
    deployer.aws.clock.sleep(3600)
    with log_group(OWN) as group:
        group.write(NINE + 70, BLUE, "[ERROR] blue broke")
        group.write(NINE + 60.25, GREEN, "[ERROR] RuntimeError: no\nTraceback\n  File index.py")
        group.write(NINE + 65, GREEN, "all is well")
        group.write(NINE + 66, "2026/01/05/[3]4e5f", "[ERROR] of another version")
        group.write(NINE - 1, GREEN, "[ERROR] before")
        group.write(NINE + 600, GREEN, "[ERROR] long after")
        yield group


def test_lines_of_errors_of_both_versions_are_shown_in_time_and_all_lines_if_asked(
    group: LogGroup, bluegreen: Bluegreen
) -> None:
    ran, every, told = bluegreen("logs", NAME), bluegreen("logs", FUNCTION, "--all"), bluegreen("logs", NAME, "--json")

    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout == (
        "2026-01-05 09:01:00 UTC  green 2        [ERROR] RuntimeError: no\n"
        "    Traceback\n"
        "      File index.py\n"
        "2026-01-05 09:01:10 UTC  blue 1         [ERROR] blue broke\n"
    )
    assert "2026-01-05 09:01:05 UTC  green 2        all is well\n" in every.stdout
    assert "another version" not in every.stdout
    assert [(line["at"], line["side"], line["stream"]) for line in told.json["lines"]] == [
        ("2026-01-05T09:01:00.250Z", "green", GREEN),
        ("2026-01-05T09:01:10.000Z", "blue", BLUE),
    ]
    assert told.json["versions"]["green"] == {"version": "2", "group": OWN, "more": False}


def test_a_limit_is_said_and_so_is_a_version_without_lines(
    group: LogGroup, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, late = bluegreen("logs", NAME, "--all", "--limit", "1"), bluegreen("logs", NAME, "--minutes", "1")
    group.page = 1
    monkeypatch.setattr(lines, "MOST_CALLS", 2)
    cut = bluegreen("logs", NAME, "--all")

    assert few.stdout.count("green 2") == 1
    assert f"There may be more lines of green, version 2, in {OWN}: narrow --minutes, or raise --limit.\n" in few.stderr
    assert late.stdout == ""
    assert (
        f"There are no lines of errors of blue, version 1, in {OWN} between 2026-01-05 09:03:00 UTC and 1 min later. "
        "--all shows every line.\n"
    ) in late.stderr
    assert cut.stdout.count("green 2") == 1
    assert "There may be more lines of green" in cut.stderr


def test_who_may_not_read_the_log_group_is_told_how(group: LogGroup, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("FilterLogEvents", "AccessDeniedException", "not authorized to perform: logs:FilterLogEvents", 403)

    ran = bluegreen("logs", NAME)

    assert ran.exit_code != 0
    said, untouched, advice = ran.stderr.splitlines()
    assert said.startswith(f"Error: reading the log group {OWN} is not allowed: ")
    assert "logs:FilterLogEvents" in said
    assert untouched == "Nothing was changed."
    assert advice.startswith("OperatorPolicy allows it for log groups with the tag: `aws logs tag-resource")


def test_before_green_is_published_the_lines_are_those_of_latest(deployer: Deployer, bluegreen: Bluegreen) -> None:
    artifact = deployer.upload(BROKEN)
    deployer.run({"function": FUNCTION, "artifact": artifact, "traffic": "AllAtOnce"}, name=NAME)
    with log_group(OWN) as group:
        group.write(clock.now(), "2026/01/05/[$LATEST]0a", "[ERROR] RuntimeError")
        ran = bluegreen("logs", NAME)

    assert "green $LATEST  [ERROR] RuntimeError\n" in ran.stdout


def test_a_log_group_that_is_not_there_and_a_deployment_without_a_log_are_said(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(BROKEN), "traffic": "AllAtOnce"}, name=NAME)
    deployer.run({"function": FUNCTION, "artifact": {"version": "99"}}, name="refused")

    missing, refused, nothing = bluegreen("logs", NAME), bluegreen("logs", "refused"), bluegreen("logs", "nothing")

    assert missing.exit_code == 0
    assert f"There is no log group {OWN}: version 1 has written nothing.\n" in missing.stderr
    assert refused.exit_code == 2
    assert "`bluegreen show refused` says why." in refused.stderr
    assert nothing.exit_code == 2
    assert "there is no deployment nothing" in nothing.stderr
