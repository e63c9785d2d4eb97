"""
News of a release: messages for people and events for other systems, about all of its functions together.

Its end is told at least once: until both know of it, RecoverDeployments finds its record and tells them again. Of
refused releases people are told once an hour, other systems always.
"""

import logging

from bluegreen import clock
from bluegreen.aws import events, notifications
from bluegreen.errors import DeploymentError, Frozen
from bluegreen.ledger import refusals, releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.news import CALLED_AGAIN_AFTER_SECONDS, schema
from bluegreen.news.schema import ReleaseEvent, WaitsFor
from bluegreen.releasing import words

logger = logging.getLogger(__name__)


def started(release: Release) -> None:
    """Tell that every function is open. A retry of ConfirmOpen tells it again; what cannot be sent is lost."""
    _announced(schema.release_started(release))
    _sent(
        f"Started: release {release.id}",
        f"{release.functions} functions in {len(release.waves)} waves, by {release.schedule.name}. "
        f"Started by {release.started_by}.",
        (f"bluegreen watch {release.id}", f"bluegreen abort {release.id}"),
        release,
    )


def waits(
    release: Release, wave: int, waits_for: WaitsFor, reason: str, until: str | None, commands: tuple[str, ...]
) -> bool:
    """Tell that the release waits for a person, until when (ISO 8601). False if people were not told."""
    _announced(schema.release_waits(release, wave, waits_for, reason, until, commands))
    return _sent(f"Waits: release {release.id}", reason, commands, release)


def shifted(release: Release, wave: int, step: int, functions: int) -> None:
    """Tell other systems that so many functions of the wave have the share of that step."""
    _announced(schema.release_shifted(release, wave, step, functions))


def tell(release: str) -> bool:
    """Tell how it ended. True if people and other systems know, by this call or by an earlier one."""
    try:
        record = releases.find(release)
        if record is None or record.live:
            return False
        people, systems = record.told_at is not None, record.announced_at is not None
        members = [] if people and systems else releases.members(release)
        if not people:
            people = _people_know(record, members)
        systems = systems or _announced(schema.release_ended(record, members))
        releases.learn_told(release, people=people, systems=systems)
    except DeploymentError:
        return False
    return people and systems


def _people_know(release: Release, members: list[Member]) -> bool:
    frozen = any(each.error == Frozen.__name__ for each in members)
    if not refusals.may_tell_how(release, releases.ALL, frozen=frozen):
        return True
    subject, text = words.of_end(release, members)
    return _sent(subject, text, (f"bluegreen show {release.id}",), release)


def call_an_operator(release: Release, stuck: list[Member], why: str) -> None:
    """Tell people and other systems that functions do not go back, at most once an hour."""
    if release.paged_at and clock.now() - clock.moment(release.paged_at) < CALLED_AGAIN_AFTER_SECONDS:
        return
    subject, text = words.for_an_operator(release, stuck, why)
    if _sent(subject, text, (f"bluegreen show {release.id}",), release):
        releases.learn_paged(release.id)
        _announced(schema.release_waits(release, release.wave, "operator", f"{subject}. {text}", None, ()))


def _announced(event: ReleaseEvent) -> bool:
    if events.put(event.DETAIL_TYPE, event.as_json(by_alias=True), event.execution):
        return True
    logger.warning("EventBridge was not told: %s of %s", event.DETAIL_TYPE, event.release)
    return False


def _sent(subject: str, text: str, steps: tuple[str, ...], release: Release) -> bool:
    if notifications.tell(subject, text, steps, release.id):
        return True
    logger.warning("people were not told: %s", subject)
    return False
