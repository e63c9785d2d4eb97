"""`bluegreen report` of a release: one page, whose text may be anybody's."""

import json
import re
from pathlib import Path

import pytest

from tests.bluegreen_cli.conftest import Bluegreen
from tests.bluegreen_cli.releases.conftest import running
from tests.bluegreen_cli.test_report import EVIL, LOADING, Page
from tests.machine.asking import ask
from tests.machine.deployer import BAD_UNDER_TRAFFIC
from tests.machine.faults import acting
from tests.machine.shop import NAMES, Shop


@pytest.fixture
def text(shop: Shop, bluegreen: Bluegreen) -> str:
    """A release with an approval, a pause and a green that fails."""
    shop.users_call(2)

    def decide() -> None:
        with acting("ServeApi"):
            ask("POST", "/releases/monday/approve", json.dumps({"reason": f"tried {EVIL}"}))

    def pause() -> None:
        with acting("ServeApi"):
            ask("POST", "/releases/monday/pause", json.dumps({"reason": f"wait {EVIL}", "seconds": 300}))

    shop.aws.after(30, decide)
    shop.aws.after(90, pause)
    waves = [{"most": 2, "approve": True}, {}]
    shop.release({"Tax": BAD_UNDER_TRAFFIC, "Orders": BAD_UNDER_TRAFFIC}, "monday", started_by=EVIL, waves=waves)
    return bluegreen("report", "monday", "--output", "-").stdout


def test_it_has_the_end_waves_functions_evidence_people_and_steps(text: str) -> None:
    page = Page(text)

    for part in (
        "Lambda Blue/Green: report of a release",
        "↩ Rolled back after",
        "FunctionsFailed : ",
        "Of 5 functions 5 serve the version before.",
        "5 functions in 2 waves",
        "2 functions, a person approves it",
        "Orders:PROD: GreenUnhealthy: Version 2 is unhealthy",
        "odds that its green is worse",
        "wave 1 waits for approval",
        "wave 1 approved",
        "tried <script>",
        "LookAtWave",
        "RollBackRelease",
        "bluegreen report monday.NUMBER",
    ):
        assert part in page.text, part


def test_it_loads_nothing_runs_nothing_and_escapes_everything(text: str) -> None:
    page = Page(text)

    assert not {"script", "img", "link", "iframe"} & {name for name, _ in page.tags}
    assert [name for name in LOADING - {"href"} if page.attributes(name)] == []
    assert page.attributes("href") == [f"monday.{number}.html" for number in range(1, len(NAMES) + 1)]
    assert EVIL not in text
    assert re.search(r"https?://", text) is None


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_its_links_lead_to_the_functions_own_reports(shop: Shop, bluegreen: Bluegreen, tmp_path: Path) -> None:
    shop.release(name="monday", traffic="AllAtOnce")

    ran = bluegreen("report", "monday", "--json")
    assert bluegreen("report", "monday.2").exit_code == 0

    assert ran.json == {"release": "monday", "path": "monday.html", "bytes": (tmp_path / "monday.html").stat().st_size}
    assert 'href="monday.2.html"' in (tmp_path / "monday.html").read_text()
    assert "Orders" in Page((tmp_path / "monday.2.html").read_text()).text
    assert bluegreen("report", "monday").exit_code == 2


def test_one_that_runs_shows_what_is_known_so_far(shop: Shop, bluegreen: Bluegreen) -> None:
    with running(shop):
        page = Page(bluegreen("report", "monday", "-o", "-").stdout)

    assert "… It is at wave 1 of 2, step 1 of 2: greens have 10 %" in page.text
    assert "it has not ended" in page.text
