"""What a check finds: a refusal, or a warning."""

from typing import ClassVar

from bluegreen.errors import DeploymentError, InvalidRequest
from bluegreen.errors import Frozen as FunctionFrozen
from bluegreen.model import Frozen, Text


class Finding(Frozen):
    """The field of the request, what is wrong, and what to do; parts of the text are AWS's."""

    field: Text
    problem: Text
    advice: Text

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}; {self.advice}"


class Refusal(Finding):
    """Why a request is refused."""

    raised_as: ClassVar[type[DeploymentError]] = InvalidRequest


class RefusalByFreeze(Refusal):
    """Why a request is refused now, and not for itself."""

    raised_as = FunctionFrozen


class Warning(Finding):
    """What people should know although the deployment goes on."""


Warnings = tuple[Warning, ...]
