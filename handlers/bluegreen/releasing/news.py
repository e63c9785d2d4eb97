"""News of a release: one message for all of its functions."""

import logging

from bluegreen import clock
from bluegreen.aws import notifications
from bluegreen.errors import DeploymentError
from bluegreen.ledger import releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.releasing import words

CALLED_AGAIN_AFTER_SECONDS = 3600

logger = logging.getLogger(__name__)


def started(release: Release) -> None:
    """Tell people that every function is open. A retry of ConfirmOpen tells them again; a failed message is lost."""
    _sent(
        f"Started: release {release.id}",
        f"{release.functions} functions in {len(release.waves)} waves, by {release.schedule.name}. "
        f"Started by {release.started_by}.",
        (f"bluegreen watch {release.id}", f"bluegreen abort {release.id}"),
        release,
    )


def waits(release: Release, reason: str, commands: tuple[str, ...]) -> bool:
    """Tell people that the release waits for one of them. False if they were not told."""
    return _sent(f"Waits: release {release.id}", reason, commands, release)


def tell(release: str) -> bool:
    """Tell people how it ended, once. True if they know, by this call or by an earlier one."""
    try:
        record = releases.find(release)
        if record is None or record.live:
            return False
        if record.told_at is None:
            subject, text = words.of_end(record, releases.members(release))
            if not _sent(subject, text, (f"bluegreen show {release}",), record):
                return False
            releases.learn_told(release)
    except DeploymentError:
        return False
    return True


def call_an_operator(release: Release, stuck: list[Member], why: str) -> None:
    """Notify people that functions do not go back, at most once an hour."""
    if release.paged_at and clock.now() - clock.moment(release.paged_at) < CALLED_AGAIN_AFTER_SECONDS:
        return
    subject, text = words.for_an_operator(release, stuck, why)
    if _sent(subject, text, (f"bluegreen show {release.id}",), release):
        releases.learn_paged(release.id)


def _sent(subject: str, text: str, steps: tuple[str, ...], release: Release) -> bool:
    if notifications.tell(subject, text, steps, release.id):
        return True
    logger.warning("people were not told: %s", subject)
    return False
