"""`bluegreen report`: a deployment as one HTML page. One walk has all that a page can show."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from bluegreen import clock
from bluegreen.ledger import audit
from bluegreen.ledger.audit import Step
from bluegreen.text import duration
from bluegreen_cli.main import cli
from bluegreen_cli.report import deployment, told
from bluegreen_cli.report.told import Counts, Stretch, Told, merged
from tests.bluegreen_cli.conftest import Answers, Ran
from tests.machine.asking import ask, order
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BUCKET, FUNCTION, GOOD, TABLE, Deployer, installed
from tests.machine.faults import acting

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
GATE = "def handler(event, context): return {'status': 'Succeeded'}"
VOID = {"meta", "wbr", "br"}
LOADING = {"src", "href", "srcset", "action", "style", "data", "poster", "background"}


class Page(HTMLParser):
    """What a browser reads of a page. A tag that is not closed, or not opened, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def attributes(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def run(*arguments: str) -> Ran:
    result = CliRunner().invoke(cli, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def running() -> list[str]:
    """The report of `good` while it ran."""
    return []


@pytest.fixture(scope="module")
def world(running: list[str]) -> Iterator[Deployer]:
    """A green that fails, with a hook, an approval, a pause and hostile texts, `bad`; then a good one, `good`."""
    with Answers().installed() as answers, installed() as deployer:
        answers.stack(
            "bluegreen",
            DeployStateMachineArn=deployer.aws.machine_arn(),
            ArtifactBucketName=BUCKET,
            DeploymentsTableName=TABLE,
            ApiUrl="https://api123.execute-api.eu-central-1.amazonaws.com",
        )
        deployer.aws.create_function("Gate", GATE)
        deployer.users_call()
        deployer.aws.clock.sleep(600)

        def approve() -> None:
            with acting("ServeApi"):
                ask("POST", "/deployments/bad/approve", json.dumps({"reason": f"tried {EVIL}"}))

        deployer.aws.after(60, approve)
        deployer.aws.after(150, lambda: order("pause", "bad", reason=f"wait {EVIL}", seconds=600))
        request = {"function": FUNCTION, "started_by": EVIL, "hooks": {"before_traffic": "Gate"}}
        tests = {"smoke_tests": [{"name": EVIL}], "approval": {"required": True}}
        deployer.run(request | tests | {"artifact": deployer.upload(BAD_UNDER_TRAFFIC)}, "bad")
        deployer.aws.after(100, lambda: running.append(run("report", "good", "--output", "-").stdout))
        deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)}, "good")
        yield deployer


@pytest.fixture(scope="module")
def known(world: Deployer) -> Told:
    found = told.read("bad")
    assert found
    return found


@pytest.fixture(scope="module")
def page(world: Deployer) -> Page:
    return Page(run("report", "bad", "--output", "-").stdout)


def test_a_page_loads_nothing_and_runs_nothing(world: Deployer) -> None:
    text = run("report", "bad", "--output", "-").stdout
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)

    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base", "a", "image", "use"})
    assert {name for _, attributes in page.tags for name in attributes}.isdisjoint(LOADING)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in page.attributes(
        "content"
    )


def test_what_people_and_functions_say_is_shown_and_is_no_markup(page: Page) -> None:
    assert page.text.count(EVIL) >= 4  # of the author, the smoke test, the approval and the pause
    assert f"wait {EVIL}" in page.text
    assert f"tried {EVIL}" in page.text


def test_every_step_order_approval_and_hook_has_a_row_with_its_time(page: Page, known: Told) -> None:
    for step in known.steps:
        assert step.at[11:19] in page.texts
        assert step.state in page.texts
    assert known.orders
    assert known.approvals
    assert "pause for 10 min at most" in page.texts
    assert "step 1 approved" in page.texts
    assert "Gate (before_traffic), 0.0 s" in page.texts
    assert f"{clock.iso(known.orders[0].at)[:19].replace('T', ' ')} UTC" in page.texts


def test_it_says_how_it_ended_why_and_who_serves(page: Page, known: Told) -> None:
    assert f"↩ Rolled back after {duration(known.ended_at - known.began_at)}" in page.texts
    assert known.record.cause
    assert known.record.cause in page.text
    assert f"At its end {FUNCTION}:PROD was served by version 1 ." in page.text
    assert f"{FUNCTION}:PROD is served by version 3." in page.text


def test_the_odds_stand_against_the_threshold_and_both_versions_against_each_other(page: Page, known: Told) -> None:
    last = known.looks[-1].found
    errors = last.findings[0]

    assert last.kind == "worse"
    assert "100 to 1 rolls back" in page.texts
    assert re.search(r"The odds that green is worse were [\d,]+ (million )?to 1 at the last look", page.text)
    assert f"{errors.green.bad} of {errors.green.requests} (100 %)" in page.texts
    assert f"{errors.blue.bad} of {errors.blue.requests} (0 %)" in page.texts
    titles = [
        "Share of the alias",
        "Requests a minute",
        "Failed requests",
        "Latency: slow requests",
        "Odds that green is worse",
    ]
    assert [each for each in titles if each in page.texts] == titles
    assert sum(tag == "svg" and of.get("role") == "img" for tag, of in page.tags) == len(titles)
    assert page.attributes("aria-labelledby") == [f"chart-{number}-title" for number in range(1, len(titles) + 1)]


def test_the_figures_beside_a_chart_add_up_to_what_the_last_look_knew(world: Deployer) -> None:
    good = told.read("good")
    assert good
    stretches, errors = list(good.stretches("errors")), good.looks[-1].finding("errors")

    assert errors
    assert len(stretches) > 2
    for side in ("green", "blue"):
        assert sum((getattr(each, side) for each in stretches), Counts()) == getattr(errors, side)


def test_a_good_end_says_what_was_proved(world: Deployer) -> None:
    page = Page(run("report", "good", "--output", "-").stdout)

    assert any(text.startswith("✓ Deployed in 5 min") for text in page.texts)
    assert re.search(r"In \d+ requests green failed 0 \(blue 0 of \d+\)", page.text)


def test_it_is_written_into_the_working_directory_and_over_no_file(
    world: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run("report", "good")
    size = (tmp_path / "good.html").stat().st_size
    (tmp_path / "good.html").write_text("mine")

    again = run("report", "good")

    assert first.stdout == f"good.html: {size:,} bytes. A browser shows it, without a network.\n"
    assert (again.exit_code, (tmp_path / "good.html").read_text()) == (2, "mine")
    assert again.stderr == (
        "Error: good.html is there already.\nIt was not changed.\n"
        "Name another file with --output, or write over this one with --force.\n"
    )
    forced = run("report", "good", "--force", "--json")
    assert forced.json == {"deployment": "good", "path": "good.html", "bytes": size}
    assert (tmp_path / "good.html").stat().st_size == size


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "there is no deployment nowhere, nor any of nowhere:PROD"),
        (["a b"], 2, "'a b' cannot be a deployment's id"),
        (["good", "--output", "/nowhere/x.html"], 1, "/nowhere/x.html cannot be written: No such file or directory"),
        (["good", "--output", "-", "--json"], 2, "exclude each other"),
    ],
)
def test_what_cannot_be_reported_is_said(world: Deployer, arguments: list[str], code: int, said: str) -> None:
    ran = run("report", *arguments)

    assert (ran.exit_code, said in ran.stderr) == (code, True)


def test_a_functions_name_stands_for_its_last_deployment(world: Deployer) -> None:
    title = r"<title>.*</title>"
    by_id, by_name = (run("report", name, "--output", "-").stdout for name in ("good", FUNCTION))

    assert re.findall(title, by_name) == re.findall(title, by_id) != []


def test_a_table_that_may_not_be_read_is_exit_code_2(world: Deployer) -> None:
    with world.aws.fails("GetItem", "AccessDeniedException", times=None):
        ran = run("report", "good", "--output", "-")

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "reading good is not allowed" in ran.stderr


def test_a_deployment_that_runs_shows_what_is_known_so_far(world: Deployer, running: list[str]) -> None:
    page = Page(running[0])

    assert any(text.startswith("… It has run for 1 min") for text in page.texts)
    assert "it has not ended" in page.texts
    assert "Version 3 gets 10 %, version 1 keeps 90 %." in page.texts
    assert f"{FUNCTION}:PROD is served by version 1 (90 %) and version 3 (10 %)." in page.text


def test_48_hours_have_every_look_on_a_page_of_less_than_300_kilobytes(known: Told) -> None:
    """Of such looks 197 were counted, and 655 runs of CheckHealth between them."""
    begun, looked = known.shifts[0].at, known.looks[-1].said
    shift = next(step for step in known.steps if step.state == "ShiftAlias")
    steps = [shift]
    for number in range(1, 853):
        at, idle = clock.iso(begun + number * 48 * 3600 / 853), number % 4
        found = looked.evidence.model_copy(update={"kind": "not_enough", "buckets": 3 * number})
        evidence = {"next": "bake_on"} if idle else looked.model_dump(mode="json") | {"evidence": found.model_dump()}
        steps.append(Step(at=at, state="CheckHealth", evidence=evidence))
    long = replace(known, steps=tuple(steps), record=known.record.model_copy(update={"ended_at": steps[-1].at}))

    text = deployment.report(long, None)

    assert 100_000 < len(text.encode()) < 300_000
    page = Page(text)
    assert all(f"{look.said.reason[1:]}." in page.text for look in long.looks)
    assert len([each for each in page.texts if each == "CheckHealth"]) == 2 * len(long.looks)
    assert page.text.count("3 runs until ") >= len(long.looks) - 1


def test_evidence_of_another_stack_version_spoils_nothing(known: Told) -> None:
    strange = [
        Step(at=known.steps[-1].at, state="CheckHealth", evidence={"evidence": "a text", "next": 3}),
        Step(at=known.steps[-1].at, state="ShiftAlias", evidence={"shifts": "none"}),
        Step(at=known.steps[-1].at, state="NewState", evidence={"a": [1]}),
        Step(at=known.steps[-1].at, state="SmokeTest", evidence={"passed_ms": [1]}),
    ]
    page = Page(deployment.report(replace(known, plan=None, steps=(*known.steps, *strange)), None))

    assert "NewState" in page.texts
    assert "Lambda did not say who serves" in page.text


@pytest.mark.parametrize(
    ("state", "heading", "serves"),
    [
        ("Rejected", "✕ Rejected: nothing was touched", False),
        ("RollbackFailed", "✕ The rollback failed", True),
        ("NothingToDeploy", "✓ Nothing to deploy", False),
        ("undoing", "… It is being undone", False),
    ],
)
def test_every_end_has_its_heading(known: Told, state: str, heading: str, serves: bool) -> None:
    record = known.record.model_copy(update={"state": state, "serving": None})
    page = Page(deployment.report(replace(known, record=record), None))

    assert heading in page.texts
    assert ("at its end is not known" in page.text) is serves


def test_all_at_once_has_no_charts_and_no_odds(known: Told) -> None:
    shift = next(step for step in known.steps if step.state == "ShiftAlias")
    at_once = known.record.model_copy(update={"ended_at": clock.iso(known.shifts[0].at + 2), "watched": None})

    page = Page(deployment.report(replace(known, steps=(shift,), record=at_once), None))

    assert "svg" not in {tag for tag, _ in page.tags}
    assert "No look found a request of green." in page.texts


def test_neighbours_are_added_up_until_they_are_few() -> None:
    several = [
        Stretch(float(at), at + 60.0, Counts(requests=at, bad=1), Counts(requests=1)) for at in range(0, 6000, 60)
    ]

    few = merged(several, 10)

    assert len(few) == 10
    assert [each.begin for each in few] == [600.0 * number for number in range(10)]
    assert sum((each.green for each in few), Counts()) == sum((each.green for each in several), Counts())
    assert merged(several, 1000) == several


def test_the_audit_is_read_to_its_last_page(world: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told.read("good")
    monkeypatch.setattr(audit, "PAGE", 3)

    assert told.read("good") == replace(whole, read_at=clock.now()) if whole else False
