"""What an upload to the artifact bucket asks for."""

import hashlib
import re
from typing import Any, Self

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.names import FUNCTION, LONGEST_EXECUTION_NAME
from bluegreen.text import plain

LONGEST_TURN = 5
"""Characters that `next_name` may add."""

LONGEST_REQUESTER = 128

LONGEST_RELEASE_NAME = 40
"""Characters of an object's name in the id of the release that it starts: the digest follows."""

FOLDER = "functions/"
SETTINGS = "deployment.json"
BY_REQUEST = "by-request/"
"""In a function's folder, where artifacts lie that a request names. S3's events about them start nothing."""
RELEASES = "releases/"
"""Where the documents of releases lie: releases/<name>.json starts a release."""
RELEASES_BY_REQUEST = f"{RELEASES}{BY_REQUEST}"
"""Where documents lie that a request will name. S3's events about them start nothing."""
COPIES = "restored/"
"""Where the stack keeps code for rollbacks. No request may name an object there."""
PACKAGES = (".zip", ".jar")


def folder_of(function: str) -> str:
    """Where the artifacts of a function lie: who may write there may deploy it."""
    return f"{FOLDER}{function}/"


def place_by_request(function: str, name: str) -> str:
    """The key of an artifact that a request will name."""
    return f"{folder_of(function)}{BY_REQUEST}{name}"


def next_name(name: str) -> str:
    """
    The name under which an upload that waited is started: `F-<digest>`, then `F-<digest>-2`, `F-<digest>-3` …

    Another execution may have that name. A name that is too long is cut.
    """
    first, _, turn = name.rpartition("-")
    if turn.isdigit() and len(turn) < LONGEST_TURN:
        return f"{first[: LONGEST_EXECUTION_NAME - LONGEST_TURN]}-{int(turn) + 1}"
    return f"{name[: LONGEST_EXECUTION_NAME - LONGEST_TURN]}-2"


class Upload(Frozen):
    """
    An object created in the artifact bucket. `sequencer` orders the events of one key: greater is later.

    `reason` is the S3 operation that made it, as PutObject or CopyObject.
    """

    bucket: str
    key: str
    version_id: str | None
    sequencer: str
    requester: str
    reason: str = ""

    @classmethod
    def read(cls, detail: Any) -> Self:
        """
        From the detail of S3's event `Object Created`; `version-id` is missing in a bucket without versions.

        Raises InvalidRequest for any other detail.
        """
        try:
            thing = detail["object"]
            return cls(
                bucket=detail["bucket"]["name"],
                key=thing["key"],
                version_id=thing.get("version-id"),
                sequencer=thing.get("sequencer", ""),
                requester=detail.get("requester", ""),
                reason=detail.get("reason", ""),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidRequest(
                "event: its detail is not that of S3's event `Object Created` (bucket.name, object.key); nothing was "
                "started; upload the object again"
            ) from error

    @property
    def is_of_a_release(self) -> bool:
        """It is the document of a release."""
        return self.key.startswith(RELEASES)

    @property
    def release_name(self) -> str:
        """The id of the release that it starts, the same for the same upload, however often S3 tells of it."""
        name = self.key.removeprefix(RELEASES).removesuffix(".json")
        kept = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:LONGEST_RELEASE_NAME]
        return f"{kept or 'release'}-{self._digest[:12]}"

    @property
    def function(self) -> str:
        """The second part of functions/<FunctionName>/<anything>.zip, "" where there is none."""
        parts = self.key.split("/")
        return parts[1] if len(parts) > 2 else ""

    @property
    def author(self) -> str:
        """Who uploaded it: S3 says the account, or an AWS service. CloudTrail's data events name the user."""
        account = re.fullmatch("[0-9]{12}", self.requester) is not None
        return f"upload by {'account ' if account else ''}{plain(self.requester, LONGEST_REQUESTER) or 'someone'}"

    @property
    def is_beside(self) -> bool:
        """It starts nothing: deployment.json, what a request will name, or a folder that the S3 console made."""
        beside = rf"{FOLDER}[^/]+/{SETTINGS}|{FOLDER}{FUNCTION}/{BY_REQUEST}(?s:.*)|{RELEASES_BY_REQUEST}(?s:.*)"
        return self.key.endswith("/") or re.fullmatch(beside, self.key) is not None

    @property
    def misplaced(self) -> str:
        """What is wrong with its key; "" if it names a function and ends as Lambda's packages do."""
        if self.key.endswith(f"/{SETTINGS}"):
            return (
                f"nothing reads the settings at {self.key!r}; upload them to {FOLDER}<Function>/{SETTINGS}; nothing "
                "was changed"
            )
        rule = f"upload to {FOLDER}<Function>/<name>.zip (or .jar); nothing was changed"
        if re.fullmatch(FUNCTION, self.function) is None:
            return f"the key {self.key!r} names no function; {rule}"
        if not self.key.lower().endswith(PACKAGES):
            return f"the key {self.key!r} is not that of a package; {rule}"
        return ""

    @property
    def execution_name(self) -> str:
        """The same for the same upload, however often S3 tells of it."""
        function = re.sub(r"[^A-Za-z0-9_-]", "", self.function) or "upload"
        return f"{function[: LONGEST_EXECUTION_NAME - 25 - LONGEST_TURN]}-{self._digest[:24]}"

    @property
    def _digest(self) -> str:
        identity = "\n".join((self.bucket, self.key, self.version_id or "", self.sequencer))
        return hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()

    def request(self, settings: dict[str, Any], no_upload: str = "") -> dict[str, Any]:
        """The request; what the upload itself says goes before the settings. `no_upload`: why it is to be refused."""
        artifact = {"bucket": self.bucket, "key": self.key}
        artifact |= {"version_id": self.version_id} if self.version_id else {}
        artifact |= {"sequencer": self.sequencer} if self.sequencer else {}
        return settings | {
            "function": self.function,
            "artifact": artifact,
            "only_newer": True,
            "started_by": self.author,
            **({"upload": no_upload} if no_upload else {}),
        }
