"""The request: what it may say, and in which words it is refused."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.document import Plan
from bluegreen.errors import InvalidRequest
from bluegreen.request.artifact import Existing, Image, Zip, code_digest
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import Case
from bluegreen.request.traffic import STRATEGIES, Steps, schedule

ARTIFACT = {"bucket": "artifacts", "key": "new.zip"}
DIGEST = bytes(range(32))
IN_BASE64 = base64.b64encode(DIGEST).decode()
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:" + DIGEST.hex()


def request(**more: Any) -> dict[str, Any]:
    return {"function": "Shop", "artifact": ARTIFACT} | more


def refusal(document: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(document)
    return str(refused.value)


class TestTheSmallestRequest:
    def test_is_a_function_and_an_artifact(self) -> None:
        read = Request.read(request())

        assert read.function == "Shop"
        assert read.artifact == Zip(bucket="artifacts", key="new.zip")
        assert (read.alias, read.traffic, read.smoke_tests) == (None, None, ())

    @pytest.mark.parametrize("field", ["function", "artifact"])
    def test_lacks_neither(self, field: str) -> None:
        without = {name: value for name, value in request().items() if name != field}

        assert refusal(without) == f"{field}: is required"

    def test_every_wrong_field_is_named_at_once(self) -> None:
        said = refusal({"traffic": "Sideways", "health": {"delay_seconds": -1}})

        assert [part.partition(":")[0] for part in said.split("; ") if ":" in part][:2] == ["function", "artifact"]
        assert "traffic: 'Sideways' is not a strategy" in said
        assert "health.delay_seconds: " in said


class TestTheArtifact:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("s3://artifacts/new.zip", Zip(bucket="artifacts", key="new.zip")),
            ("s3://artifacts/a/b/c.zip", Zip(bucket="artifacts", key="a/b/c.zip")),
            (ARTIFACT, Zip(bucket="artifacts", key="new.zip")),
            (ARTIFACT | {"version_id": "v7"}, Zip(bucket="artifacts", key="new.zip", version_id="v7")),
            ({"image_uri": IMAGE}, Image(image_uri=IMAGE)),
            ({"version": "3"}, Existing(version="3")),
        ],
    )
    def test_is_a_zip_an_image_or_a_version(self, written: Any, read: Any) -> None:
        assert Request.read(request(artifact=written)).artifact == read

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("new.zip", "artifact: 'new.zip' is not an artifact; write s3://bucket/key"),
            ("s3://artifacts", "artifact: 's3://artifacts' is not an artifact; write s3://bucket/key"),
            ("s3:///key", "artifact: 's3:///key' is not an artifact; write s3://bucket/key"),
            ("https://artifacts/key", "write s3://bucket/key or an object with bucket and key"),
            ({"bucket": "artifacts"}, "artifact.key: is required"),
            ({"key": "new.zip"}, "artifact.bucket: is required"),
            ({}, "artifact.bucket: is required; artifact.key: is required"),
            (5, "artifact: 5 is not a JSON object"),
            ([], "artifact: [] is not a JSON object"),
            (None, "artifact: None is not a JSON object"),
            (ARTIFACT | {"key": ""}, "artifact.key: "),
            (ARTIFACT | {"key": "x" * 1025}, "artifact.key: "),
            (ARTIFACT | {"key": "functions/../other.zip"}, "artifact.key: 'functions/../other.zip' has a part `..`"),
            ("s3://artifacts/../other.zip", "artifact.key: '../other.zip' has a part `..`"),
            (ARTIFACT | {"sha": "x"}, "artifact.sha: unknown field"),
            (ARTIFACT | {"sha256": "x"}, "artifact.sha256: write the SHA-256 of the zip in hexadecimal"),
            ({"image_uri": "repository:latest"}, "artifact.image_uri: 'repository:latest' does not match"),
            ({"version": "$LATEST"}, "artifact.version: '$LATEST' does not match"),
            ({"version": 3}, "artifact.version: "),
            ({"version": "3", "bucket": "artifacts"}, "artifact.bucket: unknown field"),
        ],
    )
    def test_that_is_none_of_them_is_refused_by_field(self, written: Any, said: str) -> None:
        assert said in refusal(request(artifact=written))

    def test_reads_as_people_write_it(self) -> None:
        assert str(Zip(bucket="artifacts", key="a/b.zip")) == "s3://artifacts/a/b.zip"
        assert str(Image(image_uri=IMAGE)) == IMAGE
        assert str(Existing(version="3")) == "version 3"

    def test_an_image_is_known_by_its_digest(self) -> None:
        assert Image(image_uri=IMAGE).digest == f"sha256:{DIGEST.hex()}"


class TestTheDigest:
    @pytest.mark.parametrize("written", [DIGEST.hex(), DIGEST.hex().upper(), IN_BASE64])
    def test_is_read_in_hexadecimal_and_base64_and_kept_as_lambda_writes_it(self, written: str) -> None:
        artifact = Request.read(request(artifact=ARTIFACT | {"sha256": written})).artifact

        assert isinstance(artifact, Zip)
        assert artifact.sha256 == IN_BASE64

    @given(st.binary(min_size=32, max_size=32))
    def test_is_the_same_in_both(self, digest: bytes) -> None:
        in_base64 = base64.b64encode(digest).decode()

        assert code_digest(digest.hex()) == code_digest(in_base64) == in_base64

    @pytest.mark.parametrize(
        "written", ["", "x", DIGEST.hex()[:-1], DIGEST.hex() + "0", IN_BASE64[:-1], f"{IN_BASE64}=", "g" * 64]
    )
    def test_that_is_neither_is_refused(self, written: str) -> None:
        with pytest.raises(ValueError, match="hexadecimal"):
            code_digest(written)


class TestFunctionAndAlias:
    @pytest.mark.parametrize("name", ["Shop", "a", "A-b_9", "x" * 64])
    def test_a_function_is_written_by_its_name(self, name: str) -> None:
        assert Request.read(request(function=name)).function == name

    @pytest.mark.parametrize(
        "name",
        ["", "x" * 65, "a b", "Shop:PROD", "../Shop", "Größe", "Shop\n", "arn:aws:lambda:us-east-1:1:function:Shop"],
    )
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        assert refusal(request(function=name)).startswith("function: ")

    @pytest.mark.parametrize("name", [5, None, ["Shop"], {"name": "Shop"}, True])
    def test_what_is_no_text_is_refused(self, name: Any) -> None:
        assert refusal(request(function=name)).startswith("function: ")

    @pytest.mark.parametrize("name", ["PROD", "v1", "1a", "_", "live-2"])
    def test_an_alias_is_a_word(self, name: str) -> None:
        assert Request.read(request(alias=name)).alias == name

    @pytest.mark.parametrize("name", ["", "$LATEST", "1", "12", "a b", "a:b", "x" * 300])
    def test_a_version_is_no_alias(self, name: str) -> None:
        assert refusal(request(alias=name)).startswith("alias: ")


class TestTraffic:
    @pytest.mark.parametrize("name", [*STRATEGIES, "Adaptive"])
    def test_is_a_strategy_by_name(self, name: str) -> None:
        assert Request.read(request(traffic=name)).traffic == name

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_is_a_strategy_by_codedeploys_full_name(self, name: str) -> None:
        assert Request.read(request(traffic=f"CodeDeployDefault.Lambda{name}")).traffic == name

    def test_is_a_list_of_steps(self) -> None:
        read = Request.read(request(traffic={"steps": [{"weight": 0.1, "bake_seconds": 5}], "final_bake_seconds": 7}))

        assert isinstance(read.traffic, Steps)
        assert [step.weight for step in schedule(read.traffic).steps] == [0.1, 1.0]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("Canary10Percent5Minute", "traffic: 'Canary10Percent5Minute' is not a strategy; did you mean Canary10"),
            (5, "traffic: 5 is not a JSON object"),
            ({"steps": [{"weight": 2, "bake_seconds": 1}]}, "traffic.steps.0.weight: "),
            ({"steps": [{"weight": 0.1, "bake_seconds": -1}]}, "traffic.steps.0.bake_seconds: "),
            ({"steps": [{"weight": 0.1, "bake_seconds": 1}], "final": 1}, "traffic.final: unknown field"),
            (
                {"steps": [{"weight": 0.2, "bake_seconds": 1}, {"weight": 0.1, "bake_seconds": 1}]},
                "traffic: weights must climb",
            ),
        ],
    )
    def test_that_cannot_be_had_is_refused_by_field(self, written: Any, said: str) -> None:
        assert refusal(request(traffic=written)).startswith(said)


class TestSmokeTests:
    def test_are_cases(self) -> None:
        case = {"name": "a", "payload": {"b": 1}, "expect": {"c": 2}}

        assert Request.read(request(smoke_tests=[case])).smoke_tests == (Case.model_validate(case),)

    def test_are_off_only_when_that_is_said(self) -> None:
        assert Request.read(request(smoke_tests="off")).smoke_tests == "off"
        assert Request.read(request()).smoke_tests != "off"

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("on", 'smoke_tests: write a list of cases, or "off"'),
            ([{"payload": {}}], "smoke_tests.0.name: is required"),
            ([{"name": "a", "expcet": 1}], "smoke_tests.0.expcet: unknown field"),
            ([{"name": "a"}, {"name": ""}], "smoke_tests.1.name: "),
            ([{"name": "a", "max_duration_ms": 0}], "smoke_tests.0.max_duration_ms: "),
            ([{"name": "a", "expect_at": {"b[": 1}}], "smoke_tests.0.expect_at: 'b[' is not JMESPath"),
            ([{"name": str(number)} for number in range(51)], "smoke_tests: "),
            ({"name": "a"}, "smoke_tests: "),
        ],
    )
    def test_that_cannot_be_run_are_refused_by_field(self, written: Any, said: str) -> None:
        assert refusal(request(smoke_tests=written)).startswith(said)


class TestUnknownFields:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [("trafic", "traffic"), ("Alias", "alias"), ("smoke_test", "smoke_tests"), ("artefact", "artifact")],
    )
    def test_a_misspelt_one_is_refused_with_the_one_that_was_meant(self, written: str, meant: str) -> None:
        assert refusal(request(**{written: "x"})) == f"{written}: unknown field; did you mean {meant}?"

    def test_one_that_is_like_no_other_is_to_be_left_out(self) -> None:
        assert refusal(request(colour="blue")) == "colour: unknown field; leave it out"


class TestWhatIsNoRequestAtAll:
    @pytest.mark.parametrize("document", [None, [], "Shop", 5, True])
    def test_is_refused_as_such(self, document: Any) -> None:
        assert refusal(document) == f"request: {document!r} is not a JSON object"

    def test_an_unreadable_settings_file_is_the_complaint(self) -> None:
        assert refusal(request(deployment_json="s3://a/b is not JSON")) == "deployment_json: s3://a/b is not JSON"


steps = st.lists(st.floats(0.001, 1), min_size=1, max_size=4, unique=True).map(
    lambda weights: {"steps": [{"weight": weight, "bake_seconds": 5} for weight in sorted(weights)]}
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
cases = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=80)},
    optional={
        "payload": json_values,
        "expect": json_values,
        "expect_at": st.dictionaries(st.sampled_from(["a", "b.c", "powertools_json(d)"]), json_values),
        "expect_error": st.text(max_size=5),
        "max_duration_ms": st.integers(1, 240_000),
    },
)
requests = st.fixed_dictionaries(
    {
        "function": st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"),
        "artifact": st.one_of(
            st.just("s3://artifacts/new.zip"),
            st.fixed_dictionaries(
                {"bucket": st.just("artifacts"), "key": st.from_regex(r"\A[a-z]+(/[a-z]+)*\.zip\Z")},
                optional={
                    "version_id": st.text("abc", min_size=1),
                    "sha256": st.sampled_from([DIGEST.hex(), IN_BASE64]),
                },
            ),
            st.just({"image_uri": IMAGE}),
            st.integers(1, 999).map(lambda number: {"version": str(number)}),
        ),
    },
    optional={
        "alias": st.from_regex(r"\A[A-Za-z_-][A-Za-z0-9_-]{0,100}\Z"),
        "traffic": st.sampled_from([*STRATEGIES, "CodeDeployDefault.LambdaAllAtOnce"]) | steps,
        "smoke_tests": st.just("off") | st.lists(cases, max_size=3),
        "health": st.just({"period_seconds": 1, "delay_seconds": 0}),
        "started_by": st.text(max_size=256),
    },
)


class TestTheWayThroughJson:
    @given(requests)
    def test_what_was_read_is_read_again_the_same(self, document: dict[str, Any]) -> None:
        read = Request.read(document)

        assert Request.read(json.loads(json.dumps(read.to_json()))) == read

    @given(requests)
    def test_what_was_not_given_stays_away(self, document: dict[str, Any]) -> None:
        assert Request.read(document).to_json().keys() == document.keys()

    @given(requests)
    def test_a_plan_survives_the_machine_and_the_record(self, document: dict[str, Any]) -> None:
        plan = plan_of(Request.read(document))

        assert Plan.model_validate_json(plan.model_dump_json()) == plan
        assert Plan.model_validate(json.loads(json.dumps(plan.model_dump(mode="json")))) == plan
        assert plan.name == f"{document['function']}:PROD"

    def test_a_version_that_exists_has_no_code_to_update(self) -> None:
        plan = plan_of(Request.read(request(artifact={"version": "3"})))

        with pytest.raises(ValueError, match="published already"):
            _ = plan.code


def plan_of(read: Request) -> Plan:
    return Plan.model_validate(
        {
            "deployment": "d1",
            "execution": "arn:d1",
            "function": read.function,
            "alias": "PROD",
            "artifact": read.artifact,
            "schedule": schedule(read.traffic or "AllAtOnce"),
            "smoke_tests": () if read.smoke_tests == "off" else read.smoke_tests,
            "health": read.health,
            "blue": {"version": "1", "sha256": IN_BASE64, "revision": "r1"},
            "latest": {"sha256": IN_BASE64, "settings": "s", "revision": "r2"},
            "anything_to_deploy": True,
            "new_code": not isinstance(read.artifact, Existing),
        }
    )


class TestSize:
    """The document goes from state to state; Step Functions takes 262,144 bytes of it."""

    def test_a_request_that_would_not_fit_is_refused(self) -> None:
        large = {"name": "a", "payload": "x" * 70_000}

        assert refusal(request(smoke_tests=[large])).startswith("request: ")

    @pytest.mark.parametrize(
        "more",
        [
            {"smoke_tests": [{"name": str(number), "payload": "x" * 1_200} for number in range(50)]},
            {"traffic": {"steps": [{"weight": each / 1000, "bake_seconds": 172} for each in range(1, 500)]}},
            {"smoke_tests": [{"name": str(number), "payload": "ü" * 200} for number in range(50)]},
        ],
        ids=["cases", "steps", "letters"],
    )
    def test_the_largest_request_leaves_room_for_what_the_states_learn(self, more: dict[str, Any]) -> None:
        document = request(**more)
        read = Request.read(document)
        plan = plan_of(read)

        both = json.dumps(document | {"plan": plan.model_dump(mode="json")})
        shifts = len(plan.schedule.steps) * len('{"at": 1767603600.123456, "weight": 0.123456789012345678}, ')
        assert len(both.encode()) + shifts + 32_768 + 10_000 < 262_144

    def test_a_complaint_does_not_repeat_what_is_too_long(self) -> None:
        assert len(refusal(request(function="x" * 60_000))) < 2_100
