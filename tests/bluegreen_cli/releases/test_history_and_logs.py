"""`bluegreen history` and `bluegreen logs` of a release."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from bluegreen import clock
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.bluegreen_cli.releases.conftest import LOGS
from tests.machine.deployer import BROKEN, GOOD
from tests.machine.log_groups import log_group
from tests.machine.shop import NAMES, Shop, at


def columns(line: str) -> list[str]:
    return re.split(" {2,}", line.strip())


def test_history_has_what_stood_before_what_the_release_brought_and_what_stands_now(
    shop: Shop, bluegreen: Bluegreen
) -> None:
    shop.release(name="monday", traffic="AllAtOnce", waves=[{"most": 4}, {}])
    artifact = shop.upload("Tax", GOOD % 3)
    shop.aws.walk({"function": "Tax", "artifact": artifact, "traffic": "AllAtOnce"}, "Tax-2")

    ran, few = bluegreen("history", "monday"), bluegreen("history", "monday", "--limit", "2", "--json")
    refused, wrong = bluegreen("history", "monday", "--refused"), bluegreen("history", "tuesday")

    heading, *rows = map(columns, ran.stdout.splitlines())
    assert heading == ["function", "wave", "from", "to", "state", "why", "now", "since", "by", "deployment"]
    assert [(row[0], row[1], row[2], row[3], row[4], row[6], row[8]) for row in rows] == [
        *((f"{name}:PROD", "1", "1", "2", "deployed", "2", "this release") for name in NAMES[:4]),
        ("Tax:PROD", "2", "1", "2", "deployed", "3", "Tax-2"),
    ]
    assert [row[-1] for row in rows] == [f"monday.{number}" for number in range(1, 6)]
    assert [each["now"]["deployment"] for each in few.json] == ["monday.1", "monday.2"]
    assert few.stderr == "3 functions more: raise --limit.\n"
    assert (refused.exit_code, "--refused is for a function." in refused.stderr) == (2, True)
    assert wrong.stderr.startswith("Error: there is no release tuesday, and there is no function tuesday")


def test_history_of_a_release_that_runs_has_the_versions_that_serve(shop: Shop, bluegreen: Bluegreen) -> None:
    seen: list[Ran] = []

    def ask() -> None:
        seen.append(bluegreen("history", "monday"))

    with at(shop, "LookAtWave", ask), at(shop, "CompleteRelease", ask):
        shop.release(name="monday", waves=[{"most": 1}, {}])

    served = [[columns(line)[6] for line in ran.stdout.splitlines()[1:]] for ran in seen]
    assert served == [["2 at 10 %, else 1", "1", "1", "1", "1"], ["2 at 100 %"] * 5]


@contextmanager
def handlers_log() -> Iterator[list[str]]:
    """The lines that handlers write meanwhile, as CloudWatch Logs gets them."""
    lines: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeping, inner = Keeping(), logging.getLogger("bluegreen")
    keeping.setFormatter(inner.handlers[0].formatter)
    inner.addHandler(keeping)
    try:
        yield lines
    finally:
        inner.removeHandler(keeping)


def test_logs_have_what_the_handlers_wrote_about_the_release_and_nothing_else(shop: Shop, bluegreen: Bluegreen) -> None:
    with handlers_log() as of_monday:
        shop.release({"Tax": BROKEN}, name="monday", traffic="AllAtOnce", waves=[{}])
    at = clock.now() - 1
    with handlers_log() as of_another:
        shop.run({"functions": []}, "mondays")
    with log_group(LOGS, page=7) as group:
        for line in (*of_monday, *of_another, "START RequestId: 1"):
            group.write(at, "2026/01/05/bluegreen-LookAtWave[$LATEST]0a1b", line)

        ran, every = bluegreen("logs", "monday"), bluegreen("logs", "monday", "--all", "--limit", "500", "--json")
        few = bluegreen("logs", "monday", "--all", "--limit", "1")

    assert ran.exit_code == every.exit_code == 0
    assert re.match(r"2026-01-05 09:\d\d:\d\d UTC  ERROR +SmokeTest +the deployment stops here; error: Smo", ran.stdout)
    assert {line.split()[3] for line in ran.stdout.splitlines()} <= {"ERROR", "WARNING"}
    assert "`bluegreen logs ID` with its deployment's id, as monday.1." in ran.stderr
    states = {line["state"] for line in every.json["lines"]}
    assert {"OpenRelease", "OpenMember", "SmokeTest", "ConfirmStaged", "RollBackRelease"} <= states
    assert (every.json["group"], every.json["more"]) == (LOGS, False)
    assert len(every.json["lines"]) == len(of_monday)
    assert of_another
    assert f"There may be more lines in {LOGS}: narrow --minutes, or raise --limit." in few.stderr


def test_who_may_not_read_the_handlers_log_is_told_which_policy_allows_it(
    shop: Shop, bluegreen: Bluegreen, answers: Answers
) -> None:
    shop.run({"functions": []}, "monday")
    answers.refuse("FilterLogEvents", "AccessDeniedException", status=403)

    ran = bluegreen("logs", "monday")

    assert ran.exit_code == 2
    assert f"Error: reading the log group {LOGS} is not allowed: " in ran.stderr
    assert ran.stderr.endswith("AuditorPolicy allows it.\n")
