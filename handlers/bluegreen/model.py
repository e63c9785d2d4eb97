"""What every model has in common."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bluegreen.text import plain

Text = Annotated[str, BeforeValidator(plain)]
"""A text that is foreign in part, made plain."""


class Frozen(BaseModel):
    """Never changed, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def as_json(self, **how: Any) -> Any:
        """As lists and objects of JSON. (pydantic's own mode "json" fails at half a character in a payload.)"""
        return json.loads(json.dumps(self.model_dump(**how)))


class Section(BaseModel):
    """
    What a state answers; the state machine keeps it in the document.

    `evidence` is what no later state needs: it goes into the audit only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    evidence: dict[str, Any] = Field(default={}, exclude=True)

    @property
    def is_end(self) -> bool:
        """The record is closed: a retry of the state would have nothing to do but to find that out."""
        return False

    def noted(self) -> dict[str, Any]:
        """What goes into the audit."""
        return self.model_dump(mode="json") | self.evidence
