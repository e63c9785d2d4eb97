"""
Plays inputs that hypothesis draws, at every entrance, for some minutes.

    python -m tests.fuzz [--inputs 40] [--only "the API"]

`--inputs` is how many times as many as `make test` plays. Writes nothing; exits with 1 if an input crashed a handler.
"""

import argparse
import logging
import os
import sys
import time
import traceback

os.environ |= {"POWERTOOLS_SERVICE_NAME": "bluegreen", "POWERTOOLS_METRICS_NAMESPACE": "BlueGreen"}
"""As the template sets them; Powertools reads them once, when a handler is imported."""

from bluegreen.edge import logger  # noqa: E402
from tests.fuzz.entrances import ENTRANCES  # noqa: E402
from tests.fuzz.playing import Entrance, fuzz  # noqa: E402

EVERY_SECONDS = 10


class Progress:
    """Counts the inputs of an entrance, and says now and then how many there were."""

    def __init__(self, entrance: Entrance) -> None:
        self.entrance, self.inputs = entrance, 0
        self.began = self._said = time.monotonic()

    def played(self) -> None:
        """Another one."""
        self.inputs += 1
        if time.monotonic() - self._said > EVERY_SECONDS:
            self._said = time.monotonic()
            self.say("…")

    def say(self, what: str) -> None:
        """A line on standard output."""
        seconds = time.monotonic() - self.began
        print(f"{self.entrance.name:34} {self.inputs:7,} inputs {seconds:6.0f} s  {what}", flush=True)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=40, help="times as many as `make test` plays")
    parser.add_argument("--only", default="", help="entrances with this in their name")
    asked = parser.parse_args()
    logger.registered_handler.setLevel(logging.CRITICAL + 1)  # what is logged is searched, and not shown
    inputs, crashed = 0, []
    for entrance in (each for each in ENTRANCES if asked.only in each.name):
        progress = Progress(entrance)
        try:
            fuzz(entrance, examples=asked.inputs * entrance.examples, deterministic=False, played=progress.played)
        except Exception:
            crashed.append(entrance.name)
            traceback.print_exc(file=sys.stdout)
        progress.say("CRASHED" if entrance.name in crashed else "no crash")
        inputs += progress.inputs
    print(f"{inputs:,} inputs; {len(crashed)} entrances crashed{': ' if crashed else ''}{', '.join(crashed)}")
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
