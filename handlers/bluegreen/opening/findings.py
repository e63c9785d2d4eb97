"""What a check finds: a refusal, or a warning."""

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


class Warning(Finding):
    """What people should know although the deployment goes on."""


Warnings = tuple[Warning, ...]
