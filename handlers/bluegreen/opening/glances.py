"""
Reads that a deployment can do without: one that fails stops nothing, and becomes a warning.

A read without an answer may take half a minute, so after one the following reads are not made.
"""

from collections.abc import Callable
from typing import TypeVar

from bluegreen.errors import AwsUnavailable, DeploymentError

T = TypeVar("T")

LONGEST_REASON = 300


class Glances:
    """Makes such reads. `unseen` has the subject of each failed read and why it failed."""

    def __init__(self) -> None:
        self.unseen: dict[str, str] = {}
        self._silent = False

    def at(self, what: str, read: Callable[[], T]) -> T | None:
        """What `read` answers, or None if it fails."""
        if self._silent:
            self.unseen[what] = "it was not asked for, since AWS had given no answer before"
            return None
        try:
            return read()
        except AwsUnavailable as error:
            self._silent = True
            self.unseen[what] = str(error)[:LONGEST_REASON]
        except DeploymentError as error:
            self.unseen[what] = str(error)[:LONGEST_REASON]
        except Exception as error:  # an unexpected answer of AWS is no reason to refuse a deployment
            self.unseen[what] = f"AWS's answer could not be read ({type(error).__name__})"
        return None
