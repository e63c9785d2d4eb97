"""What an upload to the artifact bucket asks for."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.errors import InvalidRequest
from bluegreen.request.names import LONGEST_EXECUTION_NAME
from bluegreen.request.request import Request
from bluegreen.request.upload import Upload


def event(key: str = "functions/Shop/1.zip", **more: Any) -> dict[str, Any]:
    """The detail of S3's event `Object Created`."""
    thing = {"key": key, "size": 5, "etag": "e", "version-id": "v1", "sequencer": "00AB"} | more
    return {"bucket": {"name": "artifacts"}, "object": thing, "requester": "123456789012", "reason": "PutObject"}


def upload(key: str = "functions/Shop/1.zip", **more: Any) -> Upload:
    return Upload.read(event(key, **more))


def test_an_upload_names_the_function_in_its_key() -> None:
    assert upload("functions/Shop/1.zip").function == "Shop"
    assert upload("functions/Shop/builds/today/1.zip").function == "Shop"


def test_an_upload_asks_for_its_own_object_version_in_the_name_of_its_requester() -> None:
    request = upload().request({})

    assert request == {
        "function": "Shop",
        "artifact": {
            "bucket": "artifacts",
            "key": "functions/Shop/1.zip",
            "version_id": "v1",
            "sequencer": "00AB",
        },
        "only_newer": True,
        "started_by": "upload by account 123456789012",
    }
    Request.read(request)


def test_an_upload_takes_the_rest_of_the_request_from_the_settings() -> None:
    request = upload().request({"alias": "LIVE", "traffic": "AllAtOnce"})

    assert (request["alias"], request["traffic"]) == ("LIVE", "AllAtOnce")


def test_settings_cannot_send_an_upload_to_another_function_or_artifact() -> None:
    request = upload().request(
        {"function": "Other", "artifact": "s3://other/key", "only_newer": False, "started_by": "mallory"}
    )

    assert request == upload().request({})


def test_an_upload_to_a_bucket_without_versions_means_the_newest_object() -> None:
    detail = event()
    del detail["object"]["version-id"]

    assert Upload.read(detail).request({})["artifact"] == {
        "bucket": "artifacts",
        "key": "functions/Shop/1.zip",
        "sequencer": "00AB",
    }


def test_an_upload_whose_requester_s3_does_not_know_is_by_someone() -> None:
    detail = event()
    del detail["requester"]

    assert Upload.read(detail).request({})["started_by"] == "upload by someone"


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("functions/1.zip", "function"),
        ("functions//1.zip", "function"),
        ("functions/.zip", "function"),
        ("functions/../1.zip", "function"),
        ("functions/a b/1.zip", "function"),
        ("functions/Größe/1.zip", "function"),
        ("functions/Shop/../Other/1.zip", "artifact.key"),
        (f"functions/{'x' * 65}/1.zip", "function"),
    ],
)
def test_a_key_that_names_no_function_is_refused_by_field(key: str, field: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"(^|; ){re.escape(field)}: "):
        Request.read(upload(key).request({}))


@pytest.mark.parametrize("key", ["functions/Shop/1.zip", f"functions/{'x' * 64}/1.zip"])
def test_a_function_that_may_exist_is_named(key: str) -> None:
    assert upload(key).misplaced == ""


@pytest.mark.parametrize("key", ["functions/1.zip", "functions/../1.zip", "functions/a b/1.zip", "functions//1.zip"])
def test_a_function_that_cannot_exist_is_not_named(key: str) -> None:
    assert "names no function" in upload(key).misplaced


class TestTheNameOfItsExecution:
    def test_the_name_is_the_same_each_time_that_s3_tells_of_the_upload(self) -> None:
        assert upload().execution_name == Upload.read(event() | {"requester": "another"}).execution_name

    @pytest.mark.parametrize(
        "other",
        [
            event(sequencer="00AC"),
            event("functions/Shop/2.zip"),
            event(**{"version-id": "v2"}),
            event() | {"bucket": {"name": "others"}},
        ],
        ids=["later", "key", "version", "bucket"],
    )
    def test_the_name_differs_for_another_upload(self, other: dict[str, Any]) -> None:
        assert Upload.read(other).execution_name != upload().execution_name

    def test_the_name_begins_with_the_function(self) -> None:
        assert upload().execution_name.startswith("Shop-")

    @given(st.text(max_size=200), st.text(max_size=40))
    def test_the_name_is_one_that_step_functions_accepts(self, key: str, sequencer: str) -> None:
        name = upload(f"functions/{key}", sequencer=sequencer).execution_name

        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        assert len(name) <= LONGEST_EXECUTION_NAME == 80


@pytest.mark.parametrize(
    "detail",
    [
        *(
            None,
            [],
            "text",
            {},
            {"bucket": {"name": "artifacts"}},
            event() | {"object": None},
            event() | {"bucket": "a"},
        ),
        *(event() | {"object": {"key": 7}}, event(sequencer=None), event() | {"requester": {}}),
    ],
    ids=repr,
)
def test_a_detail_that_is_not_that_of_an_object_is_refused(detail: Any) -> None:
    with pytest.raises(InvalidRequest, match="event: its detail is not that of S3's event `Object Created`"):
        Upload.read(detail)


def test_a_key_with_half_a_character_has_a_name_to_be_refused_by() -> None:
    assert upload("functions/Shop/\ud83d.zip").execution_name.startswith("Shop-")
