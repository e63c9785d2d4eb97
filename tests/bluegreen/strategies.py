"""Requests, and parts of them, that hypothesis draws."""

from typing import Any

from hypothesis import strategies as st

from bluegreen.request.traffic import LONGEST_BAKE_SECONDS, STRATEGIES, Step, Steps
from tests.bluegreen.examples import IMAGE, IN_BASE64

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e300, 5e-324, 2**80])

json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
"""Any JSON: with empty keys, and with numbers that DynamoDB does not take."""

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

weights = st.integers(1, 1000).map(lambda thousandths: thousandths / 1000)

few_steps = st.lists(weights, min_size=1, max_size=4, unique=True).map(
    lambda drawn: {"steps": [{"weight": weight, "bake_seconds": 5} for weight in sorted(drawn)]}
)

requests: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "function": st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"),
        "artifact": st.one_of(
            st.just("s3://artifacts/new.zip"),
            st.fixed_dictionaries(
                {"bucket": st.just("artifacts"), "key": st.from_regex(r"\A[a-z]+(/[a-z]+)*\.zip\Z")},
                optional={"version_id": st.text("abc", min_size=1), "sha256": st.just(IN_BASE64)},
            ),
            st.just({"image_uri": IMAGE}),
            st.integers(1, 999).map(lambda number: {"version": str(number)}),
        ),
    },
    optional={
        "alias": st.from_regex(r"\A[A-Za-z_-][A-Za-z0-9_-]{0,100}\Z"),
        "traffic": st.sampled_from([*STRATEGIES, "CodeDeployDefault.LambdaAllAtOnce"]) | few_steps,
        "smoke_tests": st.just("off") | st.lists(cases, max_size=3),
        "health": st.just({"period_seconds": 1, "delay_seconds": 0})
        | st.fixed_dictionaries({"margin": st.floats(1e-9, 0.5), "icc": st.just(0.0) | st.floats(1e-9, 0.5)}),
        "started_by": st.text(max_size=256),
    },
)


@st.composite
def any_steps(draw: st.DrawFn, most: int = 40) -> Steps:
    """Steps that a request may ask for."""
    drawn = sorted(draw(st.sets(weights, min_size=1, max_size=most)))
    bakes = st.integers(0, LONGEST_BAKE_SECONDS // (len(drawn) + 1))
    final = 0 if drawn[-1] == 1 else draw(bakes)
    return Steps(
        steps=tuple(Step(weight=weight, bake_seconds=draw(bakes)) for weight in drawn), final_bake_seconds=final
    )
