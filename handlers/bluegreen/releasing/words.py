"""Sentences about a release."""

from collections.abc import Sequence

from bluegreen.decisions.route import Serving, said
from bluegreen.ledger import refusals
from bluegreen.ledger.releases import Member, Release
from bluegreen.news.words import of_others
from bluegreen.releasing.facts import Facts
from bluegreen.rollback.words import without_blue
from bluegreen.text import LONGEST_CAUSE, plain, sentence

MOST_NAMED = 50
"""Functions that one sentence names. The members have all errors."""


MOST_COMMANDS = 20
"""Functions that one sentence names with commands for each."""


def of_failures(failed: Sequence[Member]) -> str:
    """Which functions failed, and why each did."""
    named = "; ".join(f"{each.name}: {each.error}: {each.cause.removesuffix('.')}" for each in failed[:MOST_NAMED])
    more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
    return plain(f"{named}{more}", LONGEST_CAUSE)


def of_stuck(release: Release, stuck: Sequence[tuple[Member, Serving | None]]) -> str:
    """
    How many functions could not be put back, why the release went back, and of each where it is and what to do.

    The functions come last, since there may be no room for all.
    """
    count = f"{len(stuck)} function{'s' if len(stuck) != 1 else ''} could not be put back."
    why = f"The release was rolled back because: {sentence(plain(release.cause or release.error))}"
    all_of_them = f" `bluegreen show {release.id}` names all of them." if len(stuck) > 1 else ""
    where = " ".join(
        f"{each.name}: {without_blue(each.target, each.blue, said(serving) if serving else 'its version')}"
        for each, serving in stuck[:MOST_COMMANDS]
    )
    return plain(f"{count}{all_of_them} {why} {where}", LONGEST_CAUSE)


def of_left(known: Facts, why: str) -> str:
    """A function whose alias is not at blue while the table does not answer, and the command that puts it there."""
    command = known.target.by_hand(known.blue)
    by_hand = "" if command in why else f" By hand: `{command}`."
    return f"{known.target.said}: {sentence(why)}{by_hand}"


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
    stands = ", ".join(part for part in parts if part) or "nothing was touched"
    why = f" {release.error}: {sentence(release.cause or '')}" if release.error else ""
    more = f"\n\n{of_others('bluegreen list --releases --refused')}" if refusals.is_one(release) else ""
    return f"{release.state}: {whose}", f"{sentence(stands[0].upper() + stands[1:])}{why}{more}"


def for_an_operator(release: Release, stuck: Sequence[Member], why: str) -> tuple[str, str]:
    """Subject and text of the message that calls an operator to functions that do not go back."""
    commands = "\n".join(each.target.by_hand(each.blue) for each in stuck[:MOST_NAMED] if each.blue)
    return (
        f"ROLLBACK FAILED: {len(stuck)} functions of the release {release.id} may be split",
        f"{sentence(why)}\n\nIt is tried again by itself. To put blue back by hand:\n{commands}",
    )
