"""The job summary of a deployment: a pipeline's page says what the log says, and nothing foreign steers it."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bluegreen.decisions.route import Route
from bluegreen_cli.outcome import Ending
from bluegreen_cli.problems import Lost
from bluegreen_cli.progress import Progress
from bluegreen_cli.summary import FIRST_STEPS, LAST_STEPS, Summary, escaped
from tests.bluegreen_cli.conftest import Bluegreen
from tests.bluegreen_cli.history import CANARY, GREEN, TARGET, TENTH, History, document, flat, look
from tests.machine.deployer import BROKEN, FUNCTION, GOOD, Deployer

ARN = "arn:aws:states:us-east-1:123456789012:execution:deploy:Shop-1"
FOREIGN = "\n# <img src=x> [bad](http://bad.example) | `a` @ada www.bad.example #1 **b** $x$\u202e"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "summary.md"


def rolled_back(because: str, looks: int = 1) -> tuple[Progress, Progress, list[dict[str, object]]]:
    """Before, after, and the events between."""
    history = History()
    first = history.to_the_first_shift()
    history.document = document(green=GREEN, bake=TENTH)
    found = [history.did("CheckHealth", look((9, 10), (1, 90), f"look {number}")) for number in range(looks)]
    events = flat(first, *found, *[history.ended_badly("RolledBack", "GreenUnhealthy", because)])
    before = Progress(schedule=CANARY, warnings=(because,), started_by="ci by ada")
    return before, before.after(events), events


def test_it_has_what_people_ask_of_a_deployment(file: Path) -> None:
    before, after, events = rolled_back("green failed 9 of 10")

    with Summary(str(file), "Shop") as kept:
        kept.arn = ARN
        kept.learned(before, events, after)
        kept.ends(Ending(ARN, TARGET, after, Route(primary="2")))

    said = file.read_text()
    for part in (
        "## Deployment of Shop:PROD\n",
        "**RolledBack** Rolled back after 10 s: GreenUnhealthy: green failed 9 of 10. "
        "Shop:PROD is served by version 2.\n",
        "| blue | 2 |\n| green | 3 |\n| strategy | Canary10Percent5Minutes |\n| served by | version 2 |\n",
        "| started by | ci by ada |\n| deployment | Shop-1 |\n| exit code | 1 |\n",
        "| blue 2 | 90 | 1 of 90 failed (1.111 %) |\n| green 3 | 10 | 9 of 10 failed (90 %) |\n",
        "- Warning: green failed 9 of 10\n",
        "| 09:00:01 | OpenDeployment | checks the request",
        "| ShiftAlias | version 3 gets 10 %, version 2 keeps 90 %",
        "(<https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/",
        "`bluegreen watch Shop-1`",
    ):
        assert part in said


def test_foreign_text_is_text_on_one_line(file: Path) -> None:
    before, after, events = rolled_back(FOREIGN)

    with Summary(str(file), FOREIGN) as kept:
        kept.learned(before, events, after)
        kept.ends(Ending(ARN, TARGET, after, None))

    said = file.read_text()
    assert "\n# " not in said
    assert "\u202e" not in said
    assert re.search(r"(?<!\\)[<`*\[](?!\*)(img|a\\|bad|b\*)", said) is None
    assert "http://" not in said
    assert "@ada" not in said
    assert "www.bad" not in said
    assert escaped("a|b_c") == r"a\|b\_c"


def test_a_long_deployment_has_its_beginning_and_its_end(file: Path) -> None:
    before, after, events = rolled_back("bad", looks=300)

    with Summary(str(file)) as kept:
        kept.learned(before, events, after)

    said = file.read_text()
    rows = re.findall(r"^\| (?:\d\d:|…)", said, re.MULTILINE)
    assert len(rows) == FIRST_STEPS + LAST_STEPS + 1
    assert "look 0 |" in said
    assert "look 299 |" in said
    assert "lines are left out" in said


def test_a_deployment_that_is_lost_from_sight_says_so(file: Path) -> None:
    with pytest.raises(Lost), Summary(str(file), "Shop"):
        raise Lost("AWS is silent", "It goes on.", "Watch it.")

    assert "**Not known.** AWS is silent. It goes on. Watch it." in file.read_text()
    assert "| exit code | 4 |" in file.read_text()


def test_deploy_appends_whatever_becomes_of_it(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str], file: Path
) -> None:
    file.write_text("of an earlier step\n")
    to_it = ("--summary", str(file))

    deployment = bluegreen("deploy", FUNCTION, package(BROKEN), "--json", *to_it).json["deployment"]
    assert bluegreen("watch", deployment, *to_it).exit_code == 1
    assert bluegreen("deploy", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnes", *to_it).exit_code == 2
    assert bluegreen("deploy", FUNCTION, "--latest", "--version", "1", *to_it).exit_code == 2
    assert bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow", *to_it).exit_code == 0

    before, failed, watched, refused, wrong, begun = file.read_text().split("## Deployment of ")
    assert before == "of an earlier step\n"
    assert f"{FUNCTION}:PROD\n\n**RolledBack** Rolled back after" in failed
    assert "SmokeTestFailed" in failed
    assert watched == failed
    assert f"{FUNCTION}\n\n**Refused.** traffic: 'AllAtOnes' is not a strategy" in refused
    assert "exclude each other" in wrong
    assert "**Started.**" in begun


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_a_pipeline_that_is_cancelled_has_its_summary(
    deployer: Deployer,
    bluegreen: Bluegreen,
    package: Callable[..., str],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    def cancel(seconds: float) -> None:
        if how == "Ctrl-C":
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGTERM)

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("bluegreen_cli.follow.pause", cancel)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--summary", str(file))

    assert ran.exit_code == 130
    assert "**Interrupted.** no longer watching. The deployment goes on. \\`bluegreen watch" in file.read_text()
    assert "| exit code | 130 |" in file.read_text()
    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(bluegreen: Bluegreen, tmp_path: Path) -> None:
    ran = bluegreen("deploy", FUNCTION, "--version", "1", "--summary", str(tmp_path))

    assert ran.exit_code == 2
    assert "--summary: " in ran.stderr
    assert "Nothing was changed." in ran.stderr
