"""A release as a job summary in Markdown."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bluegreen.aws import executions
from bluegreen_cli.format import percent
from bluegreen_cli.releases.display import WORDS, chosen
from bluegreen_cli.releases.follow import Watcher, news
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.told import Moment, Told, share_of
from bluegreen_cli.summary import FIRST_STEPS, LAST_STEPS, OUTCOMES, Summary, escaped, table

MOST_FUNCTIONS = 200
"""Rows about functions; GitHub takes 1 MiB."""


class OfRelease(Watcher):
    """Gets to know a release, and says it in the summary."""

    def __init__(self, kept: Summary, release: str) -> None:
        self._kept, self._release = kept, release
        self._known: Told | None = None
        self._ending: Ending | None = None
        self._moments: list[Moment] = []
        kept.body = self.lines

    def learned(self, before: Told | None, after: Told) -> None:
        """Note each line that people see."""
        self._moments += news(before, after)
        self._known = after

    def lost(self, why: str) -> None:
        """The end says it, if AWS does not answer again."""

    def ends(self, ending: Ending) -> None:
        """How the release ended."""
        self._ending = ending
        self._kept.says(ending.said(), ending.exit_code)

    def lines(self) -> Iterator[str]:
        """The Markdown."""
        kept, known = self._kept, self._known
        how = known.record.state if known and self._ending else OUTCOMES.get(kept.exit_code, "Failed.")
        yield f"## Release {escaped(self._release)}"
        yield ""
        yield f"**{escaped(how)}** {escaped(kept.ended)}"
        yield ""
        if known:
            yield from table(("", ""), self._facts(known))
            yield from table(("function", "wave", "state", "green", "why"), self._functions(known))
        if self._moments:
            yield from table(("UTC", "what", ""), self._steps())
        if kept.arn:
            yield f"[The execution in the console](<{executions.console_link(kept.arn)}>). Function by function: "
            yield f"`bluegreen show {self._release}`"

    def _facts(self, known: Told) -> Iterator[tuple[str, str]]:
        record = known.record
        yield "functions", f"{record.functions:,}"
        yield "waves", f"{len(record.waves):,}"
        yield "strategy", record.schedule.name
        yield "greens' share of all aliases", percent(known.share)
        yield "started by", record.started_by
        yield "exit code", str(self._kept.exit_code)

    def _functions(self, known: Told) -> Iterator[tuple[str, ...]]:
        shown, left_out = chosen(known, MOST_FUNCTIONS)
        for each in shown:
            why = f"{each.error}: {each.cause}" if each.error else each.verdict.replace("_", " ")
            share = percent(share_of(each)) if share_of(each) else "-"
            yield each.target.said, str(each.wave + 1), WORDS[each.state], share, why
        if left_out:
            yield f"{left_out:,} functions are left out", "", "", "", ""

    def _steps(self) -> Iterator[tuple[str, str, str]]:
        left_out = len(self._moments) - FIRST_STEPS - LAST_STEPS
        for number, moment in enumerate(self._moments):
            if left_out > 0 and FIRST_STEPS <= number < FIRST_STEPS + left_out:
                if number == FIRST_STEPS:
                    yield "…", "", f"{left_out:,} lines are left out"
                continue
            yield f"{datetime.fromtimestamp(moment.at, UTC):%H:%M:%S}", moment.what, moment.said
