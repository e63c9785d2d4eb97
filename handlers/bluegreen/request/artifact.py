"""What is deployed: a zip, a container image, a version that is published already, or what `$LATEST` has."""

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    StringConstraints,
    Tag,
)

from bluegreen.model import Frozen
from bluegreen.request.names import IMAGE, VersionNumber
from bluegreen.request.numbers import Whole
from bluegreen.text import plain

LATEST = "$LATEST"
LARGEST_OBJECT = 50 * 2**40
"""Bytes, of S3."""


def code_digest(text: Any) -> str:
    """A SHA-256 as Lambda writes it (base64), from hexadecimal or base64. Raises ValueError for anything else."""
    if isinstance(text, str) and re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    if isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9+/]{43}=", text):
        return text
    raise ValueError("write the SHA-256 of the zip in hexadecimal (64 characters) or base64 (44 characters)")


BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Digest = Annotated[str, BeforeValidator(code_digest)]


def _plain_key(key: str) -> str:
    if ".." in key.split("/"):
        raise ValueError(f"{key!r} has a part `..`; write the object's own key")
    return key


class Stored(Frozen):
    """An object in S3; its newest version unless one is named."""

    bucket: BucketName = Field(description="The stack's artifact bucket.")
    key: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_plain_key)] = Field(
        description="The object's key."
    )
    version_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,1024}$")] | None = Field(
        None, description="The version of the object; its newest unless given."
    )

    def __str__(self) -> str:
        return plain(f"s3://{self.bucket}/{self.key}")


class Zip(Stored):
    """A zip in the artifact bucket."""

    sha256: Digest | None = Field(
        None,
        description="The zip's SHA-256, in hexadecimal or base64. A zip with another one is refused.",
    )
    uploaded_at: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,40}$")] | None = Field(
        None, description="S3's own time of the object, to the second. OpenDeployment writes it; leave it out."
    )
    size_bytes: Annotated[Whole, Field(ge=0, le=LARGEST_OBJECT)] | None = Field(
        None, description="The object's size in S3. OpenDeployment writes it; leave it out."
    )
    sequencer: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="From S3's event: it orders the uploads of one key. ReceiveUpload writes it; leave it out."
    )

    @property
    def digest(self) -> str:
        """As Lambda says it of a function with this code; "" until the object was read."""
        return self.sha256 or ""

    @property
    def is_pinned(self) -> bool:
        """It names an object version and the digest of that version. A later write to the key changes neither."""
        return self.version_id is not None and self.sha256 is not None

    def is_newer_than(self, other: Self) -> bool:
        """
        It was uploaded after the other. Of two uploads within one second, only those of one key are ordered.

        The sequencers of one key are compared as AWS says (re:Post knowledge center, "duplicate messages in SQS"): as
        text, the shorter padded with zeros on the right.
        """
        if (self.bucket, self.key) == (other.bucket, other.key) and self.sequencer and other.sequencer:
            digits = max(len(self.sequencer), len(other.sequencer))
            return self.sequencer.upper().ljust(digits, "0") > other.sequencer.upper().ljust(digits, "0")
        return (self.uploaded_at or "") > (other.uploaded_at or "")

    def is_same_upload_as(self, other: Self) -> bool:
        """It is that very object version."""
        return (self.bucket, self.key, self.version_id) == (other.bucket, other.key, other.version_id)


class Image(Frozen):
    """A container image, by digest: a tag may move between the test and a retry."""

    image_uri: Annotated[str, StringConstraints(pattern=IMAGE)] = Field(
        description="The URI of a container image with its digest; it stands alone."
    )

    @property
    def digest(self) -> str:
        """`sha256:…`"""
        return self.image_uri.rpartition("@")[2]

    def __str__(self) -> str:
        return self.image_uri


class Existing(Frozen):
    """A version that is published already: how one goes back by hand."""

    version: VersionNumber = Field(description="The number of a published version; it stands alone.")

    def __str__(self) -> str:
        return f"version {self.version}"


IN_S3 = re.compile(r"(?s:s3://(?P<bucket>[^/]+)/(?P<key>.+?)(?:\?versionId=(?P<version_id>[^?&=]+))?)")
"""An object as people and S3 write it."""

AS_TEXT = (
    IN_S3,
    re.compile(r"(?s:arn:aws[a-z-]*:s3:::(?P<bucket>[^/]+)/(?P<key>.+))"),
    re.compile(r"(?P<image_uri>\S+@sha256:\S+)"),
    re.compile(r"version (?P<version>[0-9]+)"),
)
"""An artifact in one line: as people and S3 write it, and as records show it."""


LONGEST_TEXT = 4_000
"""Characters: a bucket, a key and a version have fewer. To search 64 KB for every beginning of a digest takes long."""


class InLatest(RootModel[Literal["$LATEST"]]):
    """
    The code and the settings that `$LATEST` has: how what SAM, CDK or Terraform put there is deployed.

    In JSON it is the string `"$LATEST"`.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def __str__(self) -> str:
        return self.root


def _artifact(value: Any) -> Any:
    if isinstance(value, str) and value != LATEST:
        for way in AS_TEXT if len(value) <= LONGEST_TEXT else ():
            if found := way.fullmatch(value):
                return {part: text for part, text in found.groupdict().items() if text is not None}
        raise ValueError(
            f"{plain(value, 100)!r} is not an artifact; write s3://bucket/key or an object with bucket and key, "
            f"or {LATEST}"
        )
    return value


def _kind_of_artifact(value: Any) -> str:
    if isinstance(value, InLatest) or value == LATEST:
        return "latest"
    keys = value if isinstance(value, Mapping) else vars(value) if isinstance(value, Frozen) else {}
    return "image" if "image_uri" in keys else "existing" if "version" in keys else "zip"


_InParts = Annotated[
    Annotated[Zip, Tag("zip")]
    | Annotated[Image, Tag("image")]
    | Annotated[Existing, Tag("existing")]
    | Annotated[InLatest, Tag("latest")],
    Discriminator(_kind_of_artifact),
]
_AsText = Annotated[
    str, Field(description="s3://bucket/key (also with ?versionId=...), the ARN of an object, or as records show it")
]
Artifact = Annotated[_InParts, BeforeValidator(_artifact, json_schema_input_type=_InParts | _AsText)]
