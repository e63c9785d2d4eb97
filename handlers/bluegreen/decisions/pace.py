"""How often a bake is looked at."""

import math

from bluegreen.request.traffic import Schedule, Step

MOST_EVENTS = 24_000
"""Of the 25,000 an execution may have, what shifts and looks may use."""
EVENTS_PER_SHIFT = 7
EVENTS_PER_LOOK = 9


def look_seconds(plan: Schedule, step: Step, period_seconds: int) -> int:
    """
    Seconds between two looks: an even part of the bake, a metric's period or more, few enough for one execution.

    A bake that may be drawn out is looked at no more often than its longest duration allows.
    """
    if step.bake_seconds == 0:
        return 0
    affordable = (MOST_EVENTS - len(plan.steps) * EVENTS_PER_SHIFT) // EVENTS_PER_LOOK - 2 * len(plan.steps)
    pace = max(period_seconds, math.ceil(plan.longest_in_all / affordable))
    evenly = math.ceil(step.bake_seconds / max(1, step.bake_seconds // pace))
    return max(evenly, pace) if plan.longest_seconds > step.bake_seconds else evenly
