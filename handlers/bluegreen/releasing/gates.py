"""What a wave has to pass before its first shift: a person's approval, then its hook."""

from typing import Any

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.decisions.gates import LATE_SECONDS, REJECTED, Decision, deciding_commands, objection
from bluegreen.decisions.pace import wait
from bluegreen.errors import ApprovalRefused, ApprovalTimedOut, AwsRefused, HookFailed
from bluegreen.ledger import approvals
from bluegreen.ledger.approvals import Asked
from bluegreen.ledger.releases import Release
from bluegreen.releasing import news
from bluegreen.releasing.document import Go
from bluegreen.releasing.words import of_wave
from bluegreen.request.gates import Hook
from bluegreen.target import Target
from bluegreen.text import duration, sentence

ASKED_EVERY = 12
"""The decision is read again after a twelfth of the time since people were asked, as looks at old bakes are made."""
LEAST_SECONDS, MOST_SECONDS = 15, 240


def before_wave(release: Release, wave: int) -> Go:
    """
    The wave's first shift, or a wait for the approval.

    Raises ApprovalRefused, ApprovalTimedOut and HookFailed.
    """
    if seconds := _waits(release, wave):
        reason = f"{of_wave(release, wave)} waits for a person's approval"
        now = clock.now()
        return Go(next="bake", next_seconds=seconds, wave=wave, due_at=now + seconds, reason=reason)
    if hook := release.waves[wave].before:
        _ask(release, wave, "before", hook)
    return Go(next="shift", wave=wave, step=0)


def after_wave(release: Release, wave: int) -> None:
    """Raises HookFailed."""
    if hook := release.waves[wave].after:
        _ask(release, wave, "after", hook)


def while_paused(release: Release, wave: int) -> int:
    """
    Seconds until the decision is read again. During a pause no person is asked for an approval. The time of an approval
    that was asked for before goes on.

    Raises ApprovalRefused and ApprovalTimedOut.
    """
    if not release.waves[wave].approve:
        return MOST_SECONDS
    if decision := approvals.decided(release.owner, wave + 1):
        _must_be_no_rejection(release, wave, decision)
        return MOST_SECONDS
    now, asked = clock.now(), approvals.asked_before(release.owner, wave + 1)
    if asked is None:
        return MOST_SECONDS
    _must_be_in_time(release, wave, asked, now)
    return max(1, wait(now, _over_at(asked)))


def must_be_approved(release: Release, wave: int) -> None:
    """
    Raises ApprovalRefused, and ApprovalTimedOut if there is no decision.

    ShiftWave reads the decision itself, since its event does not prove that LookAtWave has read it.
    """
    if not release.waves[wave].approve:
        return
    decision = approvals.decided(release.owner, wave + 1)
    if decision is None:
        raise ApprovalTimedOut(f"{of_wave(release, wave).capitalize()} needs a person's approval, and has none.")
    _must_be_no_rejection(release, wave, decision)


def _must_be_no_rejection(release: Release, wave: int, decision: Decision) -> None:
    if decision.decision == REJECTED:
        raise ApprovalRefused(f"{of_wave(release, wave).capitalize()} was {decision}.")


def _waits(release: Release, wave: int) -> int:
    """Seconds until the decision is read again; 0 if the wave may go on."""
    if not release.waves[wave].approve:
        return 0
    decision = approvals.decided(release.owner, wave + 1)
    if decision:
        _must_be_no_rejection(release, wave, decision)
        return 0
    now = clock.now()
    asked = approvals.ask(release.owner, wave + 1, release.approval_seconds)
    _must_be_in_time(release, wave, asked, now)
    if not asked.told_at and news.waits(
        release,
        wave,
        "approval",
        f"{of_wave(release, wave).capitalize()}, {release.waves[wave].functions} functions, waits for a person's "
        f"approval until {asked.ends_at}.",
        asked.ends_at,
        deciding_commands(release.id, wave + 1),
    ):
        approvals.learn_told(release.owner, wave + 1)
    waited = now - clock.moment(asked.asked_at)
    due = now + min(max(LEAST_SECONDS, waited / ASKED_EVERY), MOST_SECONDS)
    return max(1, wait(now, min(due, _over_at(asked))))


def _must_be_in_time(release: Release, wave: int, asked: Asked, now: float) -> None:
    if now >= _over_at(asked):
        limit = duration(release.approval_seconds)
        raise ApprovalTimedOut(f"No person approved {of_wave(release, wave)} within {limit}, until {asked.ends_at}.")


def _over_at(asked: Asked) -> float:
    """The end of the approval's time, and a few seconds for a decision that was written right before it."""
    return clock.moment(asked.ends_at) + LATE_SECONDS


def _ask(release: Release, wave: int, moment: str, hook: Hook) -> None:
    event: dict[str, Any] = {
        "moment": f"{moment}_wave",
        "release": release.id,
        "wave": wave + 1,
        "waves": len(release.waves),
        "functions": release.waves[wave].functions,
    }
    try:
        reply = functions.ask_hook(Target.beside(release.began_as, "", ""), hook, event)
    except AwsRefused as error:
        raise HookFailed(
            f"The hook {hook.function} of {of_wave(release, wave)} could not be invoked: {error}"
        ) from error
    if wrong := objection(reply):
        raise HookFailed(f"The hook {hook.function} of {of_wave(release, wave)} stops the release: {sentence(wrong)}")
