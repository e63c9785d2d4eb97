"""What a check finds: a refusal, or a warning."""

from bluegreen.model import Frozen


class Finding(Frozen):
    """The field of the request, what is wrong, and what to do."""

    field: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}; {self.advice}"


class Refusal(Finding):
    """Why a request is refused."""


class Warning(Finding):
    """What people should know; the deployment goes on."""


Warnings = tuple[Warning, ...]
