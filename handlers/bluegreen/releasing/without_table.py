"""
A rollback while the table does not answer: aliases go back to blue by the facts in S3, as many as there is time for.

Deployments, locks and `$LATEST` are left until the table answers.
"""

import logging
import random
from collections.abc import Callable, Sequence

from bluegreen import clock
from bluegreen.errors import AwsRefused, AwsUnavailable, DeploymentError
from bluegreen.releasing.document import WithoutTable
from bluegreen.releasing.facts import Facts
from bluegreen.releasing.putting_back import AWAY_AFTER_SECONDS
from bluegreen.rollback.alias import take_back

logger = logging.getLogger(__name__)


def take_all_back(
    everyone: Sequence[Facts], before: WithoutTable, attempt: int, in_time: Callable[[], bool]
) -> tuple[WithoutTable, dict[int, DeploymentError]]:
    """
    Put aliases back while there is time; answers how far that came, and the errors by their places in `everyone`.

    Aliases that were not tried yet come first. Then come those that failed before: in another order on a retry, so that
    a slow alias does not starve the same others. A region that does not answer takes no time from the others.
    """
    tried, left, errors = before.tried, {*before.left}, dict[int, DeploymentError]()
    repeated = before.repeated or attempt > 0
    away: set[tuple[str, str]] = set()
    again = random.sample(before.left, len(before.left)) if attempt else before.left
    for place in (*range(before.tried, len(everyone)), *again):
        if not in_time():
            break
        tried = max(tried, place + 1)
        left.add(place)
        if error := _error(everyone[place], max(attempt, repeated), away):
            errors[place] = error
        else:
            left.remove(place)
    return WithoutTable(tried=tried, left=tuple(sorted(left)), repeated=repeated), errors


def _error(known: Facts, attempt: int, away: set[tuple[str, str]]) -> DeploymentError | None:
    """None once the alias is at blue."""
    region, began = (known.target.account, known.target.region), clock.now()
    if region in away:
        return AwsUnavailable(f"{region[1]} did not answer in time for another function")
    try:
        take_back(known.target, known.blue, known.routes, attempt)
    except DeploymentError as error:
        if isinstance(error, AwsUnavailable) and clock.now() - began >= AWAY_AFTER_SECONDS:
            away.add(region)
        return error
    except Exception as error:  # a fault in one function's facts must not hold up the others
        logger.exception("not put back", extra={"target": str(known.target)})
        return AwsRefused(f"{known.target} could not be put back ({type(error).__name__})")
    return None
