"""What every part of the document has in common."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A part of the document: never changed, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ring(BaseModel):
    """What a state reads of the document: it names the sections it needs and sees no others."""

    model_config = ConfigDict(frozen=True, extra="ignore")
