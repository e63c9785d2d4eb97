"""Sentences about a release."""

from collections.abc import Sequence

from bluegreen.ledger.releases import Member, Release
from bluegreen.text import LONGEST_CAUSE, plain, sentence

MOST_NAMED = 50
"""Functions that one sentence names; the record has all."""


def of_failures(failed: Sequence[Member]) -> str:
    """Which functions failed, and why each did."""
    said = "; ".join(f"{each.name}: {each.error}: {each.cause.removesuffix('.')}" for each in failed[:MOST_NAMED])
    more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
    return plain(f"{said}{more}", LONGEST_CAUSE)


def of_wave(release: Release, wave: int) -> str:
    """`wave 2 of 3`; `wave` counts from 0."""
    return f"wave {wave + 1} of {len(release.waves)}"


def of_end(release: Release, members: Sequence[Member]) -> tuple[str, str]:
    """Subject and text of the one message about how it ended."""
    counts = {state: sum(each.state == state for each in members) for state in ("deployed", "back", "stuck", "nothing")}
    whose = f"release {release.id} of {release.functions} function{'s' if release.functions != 1 else ''}"
    parts = [
        f"{counts['deployed']} serve their new version" if counts["deployed"] else "",
        f"{counts['back']} are back at the version before" if counts["back"] else "",
        f"{counts['nothing']} had this code already" if counts["nothing"] else "",
        f"{counts['stuck']} could not be put back" if counts["stuck"] else "",
    ]
    said = ", ".join(part for part in parts if part) or "nothing was touched"
    why = f" {release.error}: {sentence(release.cause or '')}" if release.error else ""
    return f"{release.state}: {whose}", f"{sentence(said[0].upper() + said[1:])}{why}"


def for_an_operator(release: Release, stuck: Sequence[Member], why: str) -> tuple[str, str]:
    """Subject and text of a call for help with functions that do not go back."""
    commands = "\n".join(each.target.by_hand(each.blue) for each in stuck[:MOST_NAMED] if each.blue)
    return (
        f"ROLLBACK FAILED: {len(stuck)} functions of the release {release.id} may be split",
        f"{sentence(why)}\n\nIt is tried again by itself. To put blue back by hand:\n{commands}",
    )
