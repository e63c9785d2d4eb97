"""What an upload to the artifact bucket asks for."""

import hashlib
import re
from typing import Any, Self

from bluegreen.model import Frozen
from bluegreen.request.names import FUNCTION, LONGEST_EXECUTION_NAME


class Upload(Frozen):
    """
    An object created in the artifact bucket. `sequencer` orders the events of one key: greater is later.
    """

    bucket: str
    key: str
    version_id: str | None
    sequencer: str
    requester: str

    @classmethod
    def read(cls, detail: dict[str, Any]) -> Self:
        """From the detail of S3's event `Object Created`; `version-id` is missing in a bucket without versions."""
        thing = detail["object"]
        return cls(
            bucket=detail["bucket"]["name"],
            key=thing["key"],
            version_id=thing.get("version-id"),
            sequencer=thing.get("sequencer", ""),
            requester=detail.get("requester", ""),
        )

    @property
    def function(self) -> str:
        """The second part of functions/<FunctionName>/<anything>.zip, "" where there is none."""
        parts = self.key.split("/")
        return parts[1] if len(parts) > 2 else ""

    @property
    def function_is_named(self) -> bool:
        """It can be a function's name at all."""
        return re.fullmatch(FUNCTION, self.function) is not None

    @property
    def execution_name(self) -> str:
        """The same for the same upload, however often S3 tells of it."""
        identity = "\n".join((self.bucket, self.key, self.version_id or "", self.sequencer))
        digest = hashlib.sha256(identity.encode()).hexdigest()[:24]
        function = re.sub(r"[^A-Za-z0-9_-]", "", self.function) or "upload"
        return f"{function[: LONGEST_EXECUTION_NAME - 25]}-{digest}"

    def request(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The request; what the upload itself says goes before the settings."""
        artifact = {"bucket": self.bucket, "key": self.key}
        artifact |= {"version_id": self.version_id} if self.version_id else {}
        artifact |= {"sequencer": self.sequencer} if self.sequencer else {}
        return settings | {
            "function": self.function,
            "artifact": artifact,
            "only_newer": True,
            "started_by": f"upload by {self.requester or 'someone'}",
        }
