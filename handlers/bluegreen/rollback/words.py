"""Sentences about what a rollback came to. Nothing else makes prose of an outcome."""

from bluegreen.decisions.complaints import OUT_OF_MEMORY, TIMED_OUT, Complained
from bluegreen.decisions.restoration import AliasOutcome, Outcome
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import sentence


def told(cause: str, outcome: Outcome, target: Target, blue: str) -> str:
    """Why it was rolled back, what green's log says, and what became of the alias, of $LATEST and of blue."""
    said = outcome.complained
    parts = [
        sentence(cause),
        _complained(said) if said and not said.unread else "",
        _alias(outcome.alias, target, blue),
        _latest(outcome, target),
        outcome.doubts,
        f"Green's log could not be read: {sentence(said.unread)}" if said and said.unread else "",
        f"Green's log: {said.link}" if said else "",
    ]
    return " ".join(part for part in parts if part)


def _complained(said: Complained) -> str:
    """Without the error's message: the execution's history keeps a cause, and a message may have users' texts."""
    part = ", as far as it was read" if said.partly else ""
    if not said.name:
        return f"Green's log reports no error since the first shift{part}."
    also = _among(said.time_outs, "a time-out", "time-outs") if said.name != TIMED_OUT else ""
    also += _among(said.out_of_memory, "out of memory", "out of memory") if said.name != OUT_OF_MEMORY else ""
    errors = f"{said.count} of {said.of} errors{also}{part}"
    return f"Green's log says most often since the first shift: {said.said} ({errors})."


def _among(count: int, one: str, several: str) -> str:
    return f", {count} {'is' if count == 1 else 'are'} {one if count == 1 else several}" if count else ""


def _alias(outcome: AliasOutcome, target: Target, blue: str) -> str:
    route, said = outcome.route, target.said
    return {
        "put_back": f"{said} is being put back to version {blue}.",
        "back": f"{said} is back at version {blue}.",
        "never_moved": f"{said} is at {route}; this deployment never moved it.",
        "changed_by_others": f"Someone else moved {said} to {route}; it was left as it is.",
        "moved_afterwards": f"{said} was back at version {blue}, then someone else moved it to {route}; "
        "it was left as it is.",
        "gone": f"Someone else deleted {said}; nothing serves by that name. "
        f"`{target.creating(blue)}` creates it again.",
        "function_gone": f"Someone else deleted {target.function}, with its versions and aliases; nothing serves "
        f"{said}, and there is nothing left to put back.",
        "blue_gone": f"It could not be rolled back: {without_blue(target, blue, str(route))}",
    }[outcome.kind]


def without_blue(target: Target, blue: str, where: str) -> str:
    """Why an alias whose blue was deleted stays `where` it is, and what an operator can run."""
    return (
        f"someone else deleted version {blue}, so {target.said} stays at {where}. "
        f"`aws lambda list-versions-by-function {target.option}` lists what there is, and "
        f"`{target.giving('VERSION')}` gives the alias to one of them."
    )


def for_an_operator(record: Record, why: str) -> tuple[str, str]:
    """Subject and text of a call for help with a rollback that AWS refuses, or that takes too long."""
    target, blue = record.target, record.blue
    again = "It is tried again by itself: every minute at first, every five minutes after half an hour."
    if record.users_are_safe:
        safe = "No user meets green. Until this deployment can be closed no other one of the alias begins."
        return f"HELD UP: a deployment of {target.said} cannot be closed", f"{why}\n\n{safe} {again}"
    command = f"\n\nTo put blue back by hand: {target.by_hand(blue)}" if blue else ""
    return f"ROLLBACK FAILED: {target.said} may be split", f"{why}\n\n{again}{command}"


def _latest(whole: Outcome, target: Target) -> str:
    outcome = whole.latest
    if outcome.kind == "gone" and whole.alias.kind == "function_gone":
        return ""
    why = f" It could not be put back: {sentence(outcome.problem)}" if outcome.problem else ""
    return {
        "put_back": f"$LATEST is put back to {outcome.source}.",
        "rewrite": "$LATEST has the code it had.",
        "not_part": "$LATEST was not part of it.",
        "kept": "$LATEST keeps the code and the settings that it had: this deployment put nothing there.",
        "as_it_was": "$LATEST has the code it had.",
        "changed_by_others": "Someone else changed the code of $LATEST; it was left as it is.",
        "keeps_the_new": "$LATEST keeps the new code: what it had was never published or deployed from here.",
        "not_tried_again": "$LATEST keeps the new code.",
        "gone": f"Someone else deleted {target.function}.",
        "unseen": "Whether $LATEST has the new code or the old could not be seen.",
        "unchanged": "$LATEST is what was deployed.",
    }[outcome.kind] + why
