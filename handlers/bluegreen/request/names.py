"""Names as Lambda takes them."""

from typing import Annotated

from pydantic import StringConstraints

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AliasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", max_length=128)]
VersionNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]
