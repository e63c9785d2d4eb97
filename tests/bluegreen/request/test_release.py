"""A release's document: what it comes to, and that everything that is wrong with it is told at once, by its place."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.errors import InvalidRequest
from bluegreen.request.artifact import Existing, Zip
from bluegreen.request.gates import Hook
from bluegreen.request.health import Health
from bluegreen.request.release import (
    LARGEST_INLINE,
    LARGEST_RELEASE,
    LONGEST_RELEASE_SECONDS,
    Release,
    complaints,
    parsed,
)
from bluegreen.request.release_entries import MOST_TOLD, ranges
from bluegreen.request.request import LARGEST_REQUEST, Request
from bluegreen.request.traffic import STRATEGIES
from bluegreen.target import Target
from bluegreen.text import LONGEST
from tests.bluegreen.examples import ACCOUNT, REGION
from tests.bluegreen.strategies import requests

EU = {"region": "eu-west-1", "role": "arn:aws:iam::111122223333:role/bluegreen", "bucket": "artifacts-eu"}
OTHER_FIELDS = ("traffic", "started_by", "hooks", "approval", "override_freeze", "only_newer")


def entry(name: str = "Shop", **more: Any) -> dict[str, Any]:
    return {"function": name, "artifact": f"s3://artifacts/functions/{name.partition(':')[0]}/new.zip"} | more


def named(*names: str, **more: Any) -> dict[str, Any]:
    """A release of functions with these names."""
    return {"functions": [entry(name) for name in names]} | more


def calling(**calls: str) -> dict[str, Any]:
    """A release of these functions, each with the names of those that it calls."""
    return {"functions": [entry(name, depends_on=called.split()) for name, called in calls.items()]}


def refused(document: Any, **where: Any) -> list[str]:
    """The complaints; Release.read says the same."""
    said = complaints(document, **where)
    with pytest.raises(InvalidRequest) as refusal:
        Release.read(document, **where)
    assert str(refusal.value) == "; ".join(said)
    return said


def waves(document: Any, **where: Any) -> list[list[str]]:
    """The names of the functions, wave by wave."""
    release = Release.read(document, **where)
    return [[release.members[number - 1].request.function for number in wave.numbers] for wave in release.waves]


class TestWhatItComesTo:
    def test_the_smallest_release_is_a_function_with_its_artifact(self) -> None:
        release = Release.read(named("Shop"))

        (member,) = release.members
        assert (member.number, member.target, member.depends_on, member.wave) == (1, "", (), 0)
        assert member.request == Request.read(entry("Shop"))
        assert [wave.numbers for wave in release.waves] == [(1,)]
        assert (release.tolerate, release.keep_waves, release.calls_per_second) == (0, False, 10)
        assert (release.false_alarm, release.traffic, release.targets) == (0.01, None, {})

    def test_members_count_from_one_and_waves_from_zero(self) -> None:
        release = Release.read(named("A", "B", "C", waves=[{"most": 2}]))

        assert [(member.number, member.wave) for member in release.members] == [(1, 0), (2, 0), (3, 1)]
        assert [wave.numbers for wave in release.waves] == [(1, 2), (3,)]

    @pytest.mark.parametrize("function", ["Shop:PROD", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Shop:PROD"])
    def test_a_function_is_named_as_in_a_request(self, function: str) -> None:
        request = Release.read(named(function), region=REGION, account=ACCOUNT).members[0].request

        assert (request.function, request.alias) == ("Shop", "PROD")

    @given(st.lists(requests, min_size=1, max_size=3, unique_by=lambda request: request["function"]))
    def test_an_entry_is_the_request_that_it_would_be_alone(self, drawn: list[dict[str, Any]]) -> None:
        entries = [{name: each[name] for name in each if name not in OTHER_FIELDS} for each in drawn]
        for each in entries:
            each.get("health", {}).pop("period_seconds", None)

        release = Release.read({"functions": entries})

        assert [member.request for member in release.members] == [Request.read(each) for each in entries]
        assert [member.request.to_json() for member in release.members] == [
            Request.read(each).to_json() for each in entries
        ]

    def test_what_the_release_says_of_freezes_and_of_its_author_each_request_says(self) -> None:
        request = Release.read(named("Shop", override_freeze="a bad leak", started_by="alice")).members[0].request

        assert (request.override_freeze, request.started_by) == ("a bad leak", "alice")
        assert Request.read(request.to_json()) == request

    def test_an_execution_that_started_this_one_is_its_author(self) -> None:
        release = Release.read(named("Shop", AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID="arn:of-another"))

        assert release.started_by == "execution arn:of-another"

    def test_a_file_may_name_its_schema(self) -> None:
        assert Release.read(named("Shop", **{"$schema": "release.schema.json"})) == Release.read(named("Shop"))

    def test_functions_of_another_account_or_region_name_their_target(self) -> None:
        release = Release.read(named("Shop", targets={"eu": EU}) | {"functions": [entry("Shop", target="eu")]})

        assert release.members[0].target == "eu"
        assert (release.targets["eu"].region, release.targets["eu"].account) == ("eu-west-1", "111122223333")

    def test_it_survives_json(self) -> None:
        release = Release.read(
            named("A", "B", targets={"eu": EU}, traffic={"steps": [{"weight": 1, "bake_seconds": 9}]})
        )

        assert Release.model_validate_json(release.model_dump_json(exclude_unset=True)) == release


class TestDefaults:
    def test_a_field_of_the_entry_comes_before_that_of_the_defaults(self) -> None:
        defaults = {"alias": "PROD", "keep_versions": 5, "from_elsewhere": True, "smoke_tests": [{"name": "a"}]}
        document = {"functions": [entry("A", alias="LIVE", smoke_tests="off"), entry("B")], "defaults": defaults}

        first, second = (member.request for member in Release.read(document).members)

        assert (first.alias, first.smoke_tests, first.keep_versions) == ("LIVE", "off", 5)
        assert (second.alias, len(second.smoke_tests), second.from_elsewhere) == ("PROD", 1, True)

    def test_an_alias_that_comes_with_the_name_is_the_entrys_own(self) -> None:
        document = named("Shop:LIVE", defaults={"alias": "PROD"})

        assert Release.read(document).members[0].request.alias == "LIVE"

    def test_null_takes_a_default_away(self) -> None:
        document = {
            "functions": [entry("Shop", target=None, alias=None)],
            "defaults": {"alias": "PROD", "target": "eu"},
        }

        release = Release.read(document | {"targets": {"eu": EU}})

        assert (release.members[0].request.alias, release.members[0].target) == (None, "")

    def test_health_is_merged_field_by_field(self) -> None:
        defaults = {"health": {"period_seconds": 300, "margin": 0.02, "slow_ms": 800}}
        document = {"functions": [entry("A", health={"margin": 0.05}), entry("B")], "defaults": defaults}

        first, second = (member.request.health for member in Release.read(document).members)

        assert first == Health.model_validate({"period_seconds": 300, "margin": 0.05, "slow_ms": 800})
        assert second == Health.model_validate(defaults["health"])

    def test_the_health_of_an_entry_may_complete_that_of_the_defaults(self) -> None:
        document = named("Shop", defaults={"health": {"no_traffic": "wait"}})
        complete = {"functions": [entry("Shop", health={"max_bake_seconds": 600})]}

        assert Release.read(document | complete).members[0].request.health.no_traffic == "wait"
        assert refused(document) == ["defaults.health: no_traffic is wait, so say how long: write max_bake_seconds"]

    def test_what_is_wrong_with_a_default_is_told_once(self) -> None:
        functions = [entry("A"), entry("B", health={"margin": 0.1}), entry("C", health={"icc": 0.1}, alias="PROD")]
        defaults = {"health": {"margin": 2, "perid_seconds": 1}, "alias": "1", "keep_versions": 0}

        assert refused({"functions": functions, "defaults": defaults}) == [
            "defaults.alias: '1' does not match ^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$; write an alias's name: "
            "letters, digits, - and _, not digits alone",
            "defaults.health.margin: 2 is too large; write less than 1",
            "defaults.health.perid_seconds: unknown field; did you mean period_seconds?",
            "defaults.keep_versions: 0 is too small; write 1 or more",
        ]

    @pytest.mark.parametrize("name", ["function", "artifact", "depends_on"])
    def test_what_each_function_has_of_its_own_is_no_default(self, name: str) -> None:
        assert refused(named("Shop", defaults={name: "x"})) == [
            f"defaults.{name}: each function has its own; write it in the entry of `functions`"
        ]

    @pytest.mark.parametrize("defaults", [None, [], "x", 5])
    def test_defaults_that_are_no_object_are_refused(self, defaults: Any) -> None:
        assert refused(named("Shop", defaults=defaults)) == ["defaults: it is not a JSON object"]


class TestEveryWrongEntry:
    def test_is_told_by_its_place_and_its_function(self) -> None:
        functions: list[Any] = [entry(f"F{number}") for number in range(40)]
        functions[3] = 5
        functions[17] = {"function": "Cart", "artifact": {"bucket": "artifacts"}}
        functions[37] = entry("Shop", helth={}, alias="7", depends_on=["Crat"])

        assert refused({"functions": functions}) == [
            "functions.3: 5 is not a JSON object",
            "functions.17.artifact.key (Cart): is required",
            "functions.37.alias (Shop): '7' does not match ^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$; write an alias's "
            "name: letters, digits, - and _, not digits alone",
            "functions.37.helth (Shop): unknown field; did you mean health?",
            "functions.37.depends_on.0 (Shop): no function of this release is Crat; did you mean Cart?",
        ]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ({}, ["functions.0.function: is required", "functions.0.artifact: is required"]),
            (
                entry("a b"),
                [
                    "functions.0.function: 'a b' does not match ^[A-Za-z0-9_-]{1,64}$; write the function's name, or "
                    "its ARN"
                ],
            ),
            (
                entry("Shop:7"),
                [
                    "functions.0.function (Shop): Shop:7 is a version, and a deployment moves an alias; write the "
                    'alias, as Shop:PROD, and a published version as the artifact, as {"version": "7"}'
                ],
            ),
            (
                entry("Shop:PROD", alias="LIVE"),
                [
                    "functions.0.function (Shop): it names the alias PROD, and `alias` says LIVE; write one of them",
                ],
            ),
            (entry("Shop", depends_on="Cart"), ["functions.0.depends_on (Shop): 'Cart' is not a list"]),
        ],
    )
    def test_is_told_in_the_words_of_a_request(self, written: Any, said: list[str]) -> None:
        assert refused({"functions": [written]}) == said

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("traffic", "all functions of a release are shifted alike; write it beside `functions`"),
            (
                "approval",
                'people approve waves; write it beside `functions`, and "approve": true in a wave of `waves`',
            ),
            (
                "hooks",
                "hooks are asked before and after a wave; write them in a wave of `waves`, as "
                '{"hooks": {"before": "F"}}',
            ),
            ("override_freeze", "it is of the whole release; write it beside `functions`"),
            ("tolerate", "it is of the whole release; write it beside `functions`"),
            ("only_newer", "uploads of a single function set it, and a release is none; leave it out"),
        ],
    )
    def test_is_told_where_a_field_belongs_that_the_whole_release_has(self, field: str, said: str) -> None:
        assert refused({"functions": [entry("Shop", **{field: {}})]}) == [f"functions.0.{field} (Shop): {said}"]
        assert refused(named("Shop", defaults={field: {}})) == [f"defaults.{field}: {said}"]

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("health", "it is of one function; write it in an entry of `functions`, or in `defaults`"),
            ("artifact", "it is of one function; write it in an entry of `functions`"),
            (
                "hooks",
                "hooks are asked before and after a wave; write them in a wave of `waves`, as "
                '{"hooks": {"before": "F"}}',
            ),
            ("tolerat", "unknown field; did you mean tolerate?"),
            ("functons", "unknown field; did you mean functions?"),
            ("resume", "unknown field; leave it out"),
        ],
    )
    def test_is_told_where_a_field_belongs_that_a_function_has(self, field: str, said: str) -> None:
        assert refused(named("Shop") | {field: {}}) == [f"{field}: {said}"]

    def test_is_told_beside_wrong_names_in_waves_cycles_and_other_entries(self) -> None:
        document = calling(A="B", B="A", C="Nowhere") | {"waves": [{"functions": ["Nobody", "A", "A"]}]}
        document["functions"].append(entry("D", depends_on=["Somewhere"], keep_versions=0, health={"http": 1}))

        assert [each.partition(":")[0] for each in refused(document)] == [
            "functions.3.health.http (D)",
            "functions.3.keep_versions (D)",
            "functions.2.depends_on.0 (C)",
            "functions.3.depends_on.0 (D)",
            "functions.0.depends_on (A)",
            "waves.0.functions.0",
            "waves.0.functions.2",
        ]

    def test_wrong_fields_of_the_release_are_told_beside_those_of_entries(self) -> None:
        document = {"functions": [entry("Shop", alias=5)], "calls_per_second": 15, "false_alarm": 0.5, "tolerate": 1}

        assert [each.partition(":")[0] for each in refused(document)] == [
            "calls_per_second",
            "false_alarm",
            "functions.0.alias (Shop)",
            "tolerate",
        ]

    def test_of_a_release_with_a_wrong_wave_the_other_waves_are_told_too(self) -> None:
        waves = [{"most": 1, "share": 0.2}, {"functions": ["Nope"]}, {"target": "eu"}]

        assert [each.partition(":")[0] for each in refused(named("Shop", waves=waves))] == [
            "waves.0",
            "waves.1.functions.0",
            "waves.2.target",
        ]
        assert [each.partition(":")[0] for each in refused(named("Shop", waves=7))] == ["waves"]

    def test_a_setting_that_no_release_has_is_left_out_whatever_its_value(self) -> None:
        health = {"when_suspected": "wait", "false_alarm": 7, "margin": 7}

        assert [each.partition(":")[0] for each in refused({"functions": [entry("Shop", health=health)]})] == [
            "functions.0.health.when_suspected (Shop)",
            "functions.0.health.false_alarm (Shop)",
            "functions.0.health.margin (Shop)",
        ]
        told = refused({"functions": [entry("A"), entry("B")], "defaults": {"health": {"false_alarm": 0.1}}})
        assert [each.partition(":")[0] for each in told] == ["defaults.health.false_alarm"]

    def test_of_more_than_there_is_room_for_the_number_and_the_functions_are_told(self) -> None:
        functions = [entry(f"F{number}", alias="7" if number != 250 else "PROD") for number in range(500)]

        with pytest.raises(InvalidRequest) as refusal:
            Release.read({"functions": functions})

        said = str(refusal.value)
        shown = said.count("functions.")
        assert len(said) <= LONGEST
        assert said.endswith(f"; and {499 - shown} more, in functions {shown}-249, 251-499")

    def test_of_more_than_a_thousand_only_the_number_is_kept(self) -> None:
        document = {"functions": [entry(f"F{number}", alias="7") for number in range(2_000)]}

        with pytest.raises(InvalidRequest) as refusal:
            Release.read(document)

        assert len(complaints(document)) == MOST_TOLD
        assert re.search(r"; and 19\d\d more, in functions \d+-1999$", str(refusal.value))

    def test_a_complaint_does_not_repeat_a_value_that_is_too_long(self) -> None:
        said = refused({"functions": [entry("x" * 60_000)], "x" * 1_000: 1})

        assert all(len(each) < 1_100 for each in said)
        assert len("; ".join(said)) <= LONGEST

    def test_no_payload_is_repeated(self) -> None:
        case = {"name": "a", "payload": {"token": "4711"}, "sensitive": True}

        assert "4711" not in str(refused({"functions": [entry("Shop", smoke_tests=[case])]}))
        assert "4711" not in str(refused(named("Shop", defaults={"smoke_tests": [case]})))
        assert "4711" not in str(refused(named("Shop", waves={"token": "4711"})))


@pytest.mark.parametrize(
    ("numbers", "said"), [([], []), ([3], ["3"]), ([3, 7, 8, 9, 11], ["3", "7-9", "11"]), ([0, 1], ["0-1"])]
)
def test_numbers_that_follow_each_other_are_told_as_a_range(numbers: list[int], said: list[str]) -> None:
    assert [*ranges(numbers)] == said


class TestWhichFunctions:
    @pytest.mark.parametrize(
        ("functions", "said"),
        [
            ([], "functions: the list is empty; write an entry for each function"),
            ("Shop", "functions: it is not a list"),
            (
                [entry(f"F{number}") for number in range(10_001)],
                "functions: there are 10001, and 10000 is the most; make several releases",
            ),
        ],
    )
    def test_are_one_at_least_and_ten_thousand_at_most(self, functions: Any, said: str) -> None:
        assert refused({"functions": functions}) == [said]

    def test_must_be_there(self) -> None:
        assert refused({"traffic": "AllAtOnce"}) == ["functions: is required"]

    def test_are_there_once_each(self) -> None:
        document = named("Shop", "Cart", "Shop:PROD", "Shop")

        assert refused(document, default_alias="PROD") == [
            "functions.2 (Shop): it is functions.0 again; leave one of them out",
            "functions.3 (Shop): it is functions.0 again; leave one of them out",
        ]

    def test_are_the_same_by_two_targets_of_one_place(self) -> None:
        functions = [entry("Shop", target="eu"), entry("Shop", target="west")]

        assert refused({"functions": functions, "targets": {"eu": EU, "west": EU}}) == [
            "functions.1 (Shop): it is functions.0 again; leave one of them out"
        ]

    def test_of_the_same_name_in_two_places_are_two(self) -> None:
        functions = [entry("Shop", target="eu"), entry("Shop")]

        assert len(Release.read({"functions": functions, "targets": {"eu": EU}}).members) == 2

    def test_have_one_latest_which_one_entry_may_change(self) -> None:
        functions = [
            entry("Shop:PROD"),
            entry("Shop:LIVE", artifact="$LATEST"),
            entry("Shop:TEST", artifact="version 7"),
        ]

        assert refused({"functions": functions}) == [
            "functions.1.artifact (Shop): functions.0 (Shop:PROD) changes or publishes $LATEST of Shop, too, and "
            "a function has only one; deploy that one first, and write here the version that it published, as "
            '{"version": "7"}'
        ]

    def test_of_which_the_alias_or_the_place_is_not_known_are_not_told_to_be_the_same(self) -> None:
        functions = [entry("Shop"), entry("Shop", alias="7"), entry("Shop", target="eu"), entry("Shop", target="us")]

        assert [each.partition(":")[0] for each in refused({"functions": functions})] == [
            "functions.1.alias (Shop)",
            "functions.2.target (Shop)",
            "functions.3.target (Shop)",
        ]

    def test_may_have_two_aliases_if_one_gets_a_version(self) -> None:
        functions = [entry("Shop:PROD"), entry("Shop:LIVE", artifact="version 7")]

        requests = [member.request for member in Release.read({"functions": functions}).members]

        assert [request.alias for request in requests] == ["PROD", "LIVE"]
        assert [type(request.artifact) for request in requests] == [Zip, Existing]


class TestTargets:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (
                {"region": "Europe"},
                "targets.eu.region: 'Europe' does not match ^[a-z]{2}(?:-[a-z]+)+-[0-9]+$; write a region, as "
                "eu-west-1",
            ),
            ({"bucket": "A"}, "targets.eu.bucket: 'A' does not match ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
            ({"rol": "x"}, "targets.eu.rol: unknown field; did you mean role?"),
        ],
    )
    def test_a_wrong_field_is_told(self, wrong: dict[str, str], said: str) -> None:
        assert refused(named("Shop", targets={"eu": EU | wrong})) == [said]

    @pytest.mark.parametrize(
        "role",
        ["bluegreen", "arn:aws:iam::1:role/R", "arn:aws:iam::111122223333:user/R", "arn:aws:iam::111122223333:role/"],
    )
    def test_a_role_is_named_by_its_arn(self, role: str) -> None:
        (said,) = refused(named("Shop", targets={"eu": EU | {"role": role}}))

        assert said.startswith("targets.eu.role: ")
        assert said.endswith("write the ARN of a role, as arn:aws:iam::111122223333:role/bluegreen")

    def test_a_role_may_have_a_path_and_be_in_another_partition(self) -> None:
        cn = EU | {"region": "cn-north-1", "role": "arn:aws-cn:iam::111122223333:role/ci/R+1"}

        Release.read(named("Shop", targets={"cn": cn}))

    @pytest.mark.parametrize(
        ("region", "partition"), [("cn-north-1", "aws"), ("us-gov-west-1", "aws"), ("eu-west-1", "aws-cn")]
    )
    def test_a_role_of_another_partition_than_the_region_is_refused(self, region: str, partition: str) -> None:
        role = EU["role"].replace(":aws:", f":{partition}:")

        assert refused(named("Shop", targets={"eu": EU | {"region": region, "role": role}})) == [
            f"targets.eu.role: {role} is in {partition}, another partition of AWS than {region}; write a role of the "
            "same partition"
        ]

    @pytest.mark.parametrize("name", EU)
    def test_each_field_is_required_also_in_the_stacks_own_account(self, name: str) -> None:
        eu = {field: value for field, value in EU.items() if field != name}

        assert refused(named("Shop", targets={"eu": eu})) == [f"targets.eu.{name}: is required"]

    def test_a_target_knows_its_account_and_makes_targets_of_functions(self) -> None:
        at = Release.read(named("Shop", targets={"eu": EU})).targets["eu"]

        assert at.account == "111122223333"
        assert at.target("eu", "Shop", "PROD") == Target.at("eu", "Shop", "PROD", **EU)

    def test_a_name_of_other_characters_is_refused(self) -> None:
        assert refused(named("Shop", targets={"e u": EU})) == [
            "targets.e u: 'e u' does not match ^[A-Za-z][A-Za-z0-9_-]{0,63}$; begin with a letter, and write letters, "
            "digits, - and _, 64 at most"
        ]

    def test_an_entry_or_a_wave_of_a_target_that_is_not_there_is_refused(self) -> None:
        functions = [entry("Shop", target="eu-1"), entry("Cart", target="us")]

        assert refused({"functions": functions, "targets": {"eu": EU}, "waves": [{"target": "asia"}]}) == [
            "functions.0.target (Shop): `targets` has no eu-1; did you mean eu?",
            "functions.1.target (Cart): `targets` has no us; write it there",
            "waves.0.target: `targets` has no asia; write it there",
        ]

    def test_an_arn_of_another_place_than_its_targets_is_refused(self) -> None:
        there = "arn:aws:lambda:eu-west-1:111122223333:function:Shop"
        elsewhere = "arn:aws:lambda:eu-north-1:111122223333:function:Cart"
        functions = [entry(there, artifact="$LATEST"), entry(elsewhere, target="eu", artifact="$LATEST")]
        functions += [entry(there.replace("Shop", "Fine"), target="eu", artifact="$LATEST")]

        assert refused({"functions": functions, "targets": {"eu": EU}}, region=REGION, account=ACCOUNT) == [
            "functions.0.function (Shop): Shop is in the region eu-west-1, and this stack is in us-east-1; write that "
            "place in `targets`, and the target's name here as `target`",
            "functions.0.function (Shop): Shop is in the account 111122223333, and this stack is in 123456789012; "
            "write that place in `targets`, and the target's name here as `target`",
            "functions.1.function (Cart): Cart is in the region eu-north-1, and the target eu is in eu-west-1; correct "
            "one of them",
        ]


class TestWhoCallsWhom:
    def test_callees_come_before_their_callers(self) -> None:
        assert waves(calling(Shop="Cart Prices", Cart="Prices", Prices="", Mail="")) == [
            ["Prices"],
            ["Mail"],
            ["Cart"],
            ["Shop"],
        ]

    def test_a_cycle_is_named_in_its_order(self) -> None:
        assert refused(calling(Shop="Cart", Cart="Prices", Prices="Shop", Web="Shop", Mail="Mail")) == [
            "functions.0.depends_on (Shop): Shop -> Cart -> Prices -> Shop is a cycle, so none of them can come before "
            "the others; leave one name out",
            "functions.4.depends_on (Mail): Mail -> Mail is a cycle, so none of them can come before the others; leave "
            "one name out",
        ]

    def test_of_a_long_cycle_the_ends_are_named(self) -> None:
        (said,) = refused(calling(**{f"F{number}": f"F{(number + 1) % 500}" for number in range(500)}))

        assert (
            "F0 -> F1 -> F2 -> F3 -> F4 -> F5 -> 489 more -> F495 -> F496 -> F497 -> F498 -> F499 -> F0 is a cycle"
            in said
        )

    def test_every_name_that_there_is_not_is_told(self) -> None:
        assert refused(calling(Shop="Crat Mail", Cart="a")) == [
            "functions.0.depends_on.0 (Shop): no function of this release is Crat; did you mean Cart?",
            "functions.0.depends_on.1 (Shop): no function of this release is Mail; correct the name, or add the "
            "function",
            "functions.1.depends_on.0 (Cart): no function of this release is a; correct the name, or add the function",
        ]

    def test_what_is_no_name_is_told_as_that(self) -> None:
        (said,) = refused({"functions": [entry("Shop", depends_on=["a b"])]})

        assert said == "functions.0.depends_on.0 (Shop): 'a b' is no function's name; write the name, or the ARN"

    def test_one_of_two_aliases_is_named_with_the_alias(self) -> None:
        document = named("Shop:PROD", "Shop:LIVE")
        document["functions"][1]["artifact"] = {"version": "7"}
        document["functions"].append(entry("Web", depends_on=["Shop:LIVE"]))

        assert waves(document | {"waves": [{}]}) == [["Shop", "Shop"], ["Web"]]
        document["functions"][2]["depends_on"] = ["Shop"]
        assert refused(document) == [
            "functions.2.depends_on.0 (Web): Shop stands for 2 functions: functions.0 (Shop:PROD), functions.1 "
            "(Shop:LIVE); write it with its alias, as Shop:PROD, or its ARN with the alias"
        ]

    def test_the_default_alias_is_a_name_too(self) -> None:
        document = named("Shop") | {"functions": [entry("Shop"), entry("Web", depends_on=["Shop:PROD"])]}

        assert waves(document, default_alias="PROD") == [["Shop"], ["Web"]]

    def test_the_one_in_the_same_target_is_meant(self) -> None:
        functions = [entry("Web"), entry("Shop", target="eu"), entry("Shop", depends_on=["Web"])]
        functions += [entry("Api", target="eu", depends_on=["Shop"])]
        document = {"functions": functions, "targets": {"eu": EU}, "waves": [{}]}

        assert waves(document) == [["Web", "Shop"], ["Shop", "Api"]]

    def test_one_in_another_place_is_named_by_its_arn(self) -> None:
        arn = "arn:aws:lambda:eu-west-1:111122223333:function:Shop"
        functions = [entry("Web", depends_on=[arn]), entry("Shop", target="eu"), entry("Shop", depends_on=["Web"])]
        document = {"functions": functions, "targets": {"eu": EU}, "waves": [{}]}

        assert waves(document, region=REGION, account=ACCOUNT) == [["Shop"], ["Web"], ["Shop"]]

    def test_an_entry_keeps_the_names_as_they_were_written(self) -> None:
        release = Release.read(calling(Shop="Cart", Cart=""))

        assert [member.depends_on for member in release.members] == [("Cart",), ()]


class TestWaves:
    def test_are_one_ten_a_fifth_and_the_rest_unless_given(self) -> None:
        release = Release.read(named(*(f"F{number}" for number in range(100))))

        assert [len(wave.numbers) for wave in release.waves] == [1, 10, 20, 69]

    def test_that_name_functions_or_a_target_are_followed_by_the_rest(self) -> None:
        functions = [entry("A"), entry("B"), entry("C", target="eu"), entry("D")]
        document = {"functions": functions, "targets": {"eu": EU}}

        assert waves(document | {"waves": [{"functions": ["D"]}, {"target": "eu"}]}) == [["D"], ["C"], ["A", "B"]]

    def test_of_a_size_are_repeated_with_their_approval_and_hooks(self) -> None:
        asked = [
            {"most": 1},
            {"share": 0.4, "approve": True, "hooks": {"before": "Check", "after": {"function": "Look"}}},
        ]

        release = Release.read(named("A", "B", "C", "D", "E", waves=asked))

        assert [(len(wave.numbers), wave.approve) for wave in release.waves] == [(1, False), (2, True), (2, True)]
        assert [wave.hooks.before for wave in release.waves] == [None, *(Hook(function="Check"),) * 2]
        assert [wave.hooks.after for wave in release.waves] == [None, *(Hook(function="Look"),) * 2]

    def test_of_the_rest_ask_for_nothing(self) -> None:
        release = Release.read(named("A", "B", waves=[{"functions": ["A"], "approve": True}]))

        assert [wave.approve for wave in release.waves] == [True, False]

    def test_a_required_approval_is_that_of_the_first_wave(self) -> None:
        release = Release.read(named("A", "B", approval={"required": True, "timeout_seconds": 60}))

        assert [wave.approve for wave in release.waves] == [True, False]
        assert release.approval.timeout_seconds == 60

    def test_approvals_that_no_wave_asks_for_are_refused(self) -> None:
        assert refused(named("A", approval={"timeout_seconds": 60})) == [
            'approval: no wave asks for an approval; add "approve": true to a wave of `waves`, or "required": true to '
            "approval"
        ]

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ([{"most": 0}], "waves.0.most: 0 is too small; write 1 or more"),
            ([{"share": 0}], "waves.0.share: 0 is too small; write more than 0"),
            ([{"share": 1.5}], "waves.0.share: 1.5 is too large; write 1 or less"),
            ([{"most": 1, "share": 0.5}], "waves.0: it has most and share; write one of them"),
            ([{"functions": []}], "waves.0.functions: the list is too short; write 1 or more of them"),
            ([{"mots": 1}], "waves.0.mots: unknown field; did you mean most?"),
            ([{"hooks": {"befor": "F"}}], "waves.0.hooks.befor: unknown field; did you mean before?"),
            ([], "waves: the list is too short; write 1 or more of them"),
            (
                [{"most": 1}, {"approve": True}, {"most": 1}],
                "waves.1: it takes all that are left, so waves.2 gets none; write it last",
            ),
            (
                [{"functions": ["Crat"]}],
                "waves.0.functions.0: no function of this release is Crat; did you mean Cart?",
            ),
            (
                [{"functions": ["Shop"]}, {"functions": ["Cart", "Shop"]}],
                "waves.1.functions.1: Shop is in waves.0 already; leave it out of one of them",
            ),
            (
                [{"functions": ["Shop", "Shop"]}],
                "waves.0.functions.1: Shop is in waves.0 already; leave it out of one of them",
            ),
        ],
    )
    def test_that_cannot_be_had_are_refused(self, asked: Any, said: str) -> None:
        assert refused(named("Shop", "Cart", waves=asked)) == [said]

    def test_no_callee_comes_later_than_its_caller_or_together_with_it(self) -> None:
        document = calling(Shop="Cart", Web="Mail Cart", Cart="", Mail="")

        assert refused(document | {"waves": [{"functions": ["Shop"]}, {"functions": ["Mail", "Web"]}, {}]}) == [
            "functions.0.depends_on (Shop): Shop calls Cart, but Cart comes in wave 3 and Shop in wave 1; write Cart "
            "into an earlier wave of `waves`",
            "functions.1.depends_on (Web): Web calls Mail, but both come in wave 2; write Mail into an earlier wave of "
            "`waves`",
            "functions.1.depends_on (Web): Web calls Cart, but Cart comes in wave 3 and Web in wave 2; write Cart "
            "into an earlier wave of `waves`",
        ]

    @given(st.data())
    def test_every_member_is_in_one_wave_and_later_than_those_it_calls(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 25))
        order = data.draw(st.permutations([f"F{number}" for number in range(count)]))
        functions = [
            entry(name, depends_on=data.draw(st.lists(st.sampled_from(order[:place]), max_size=2)) if place else [])
            for place, name in enumerate(order)
        ]
        size = st.fixed_dictionaries({"most": st.integers(1, 9)}) | st.fixed_dictionaries({"share": st.floats(0.01, 1)})
        asked = data.draw(st.none() | st.lists(size, min_size=1, max_size=4))

        shuffled = data.draw(st.permutations(functions))
        release = Release.read({"functions": shuffled} | ({} if asked is None else {"waves": asked}))

        comes = {member.request.function: member.wave for member in release.members}
        assert sorted(number for wave in release.waves for number in wave.numbers) == [*range(1, count + 1)]
        assert all(
            release.members[number - 1].wave == wave
            for wave, each in enumerate(release.waves)
            for number in each.numbers
        )
        assert all(comes[callee] < comes[each["function"]] for each in functions for callee in each["depends_on"])


class TestHealth:
    def test_one_wait_for_all_needs_one_period(self) -> None:
        functions = [entry("A"), entry("B", health={"period_seconds": 300}), entry("C", health={"period_seconds": 60})]

        assert refused({"functions": functions}) == [
            "functions.1.health.period_seconds (B): it is 300, and 60 for functions.0; a release looks at all its "
            "functions at once, so write the same for all, as in `defaults`"
        ]

    @pytest.mark.parametrize(
        ("health", "said"),
        [
            ({"promote_by_seconds": 600}, "it is for Adaptive, which no release has; leave it out"),
            (
                {"false_alarm": 0.1},
                "a release keeps one promise for all its functions; write false_alarm beside `functions`",
            ),
            (
                {"when_suspected": "hold"},
                "a release suspects all its functions together, and goes back then unless a person promotes it; leave "
                "it out",
            ),
        ],
    )
    def test_a_setting_that_only_a_deployment_alone_can_have_is_refused(self, health: Any, said: str) -> None:
        (name,) = health

        assert refused({"functions": [entry("Shop", health=health)]}) == [f"functions.0.health.{name} (Shop): {said}"]


class TestTraffic:
    @pytest.mark.parametrize("name", STRATEGIES)
    def test_is_a_strategy_also_by_codedeploys_name(self, name: str) -> None:
        assert Release.read(named("Shop", traffic=name)).traffic == name
        assert Release.read(named("Shop", traffic=f"CodeDeployDefault.Lambda{name}")).traffic == name

    @pytest.mark.parametrize("name", ["Adaptive", "CodeDeployDefault.LambdaAdaptive"])
    def test_is_not_adaptive(self, name: str) -> None:
        said = (
            "traffic: Adaptive follows each function's own evidence, and a release shifts a wave together; write a "
            "canary, as Canary10Percent5Minutes, or steps"
        )

        assert refused(named("Shop", traffic=name)) == [said]
        with pytest.raises(InvalidRequest) as refusal:
            Release.read(named("Shop")).schedule("Adaptive")
        assert str(refusal.value) == said

    def test_a_strategy_that_there_is_not_is_refused_with_those_that_a_release_may_have(self) -> None:
        (said,) = refused(named("Shop", traffic="Linear10PercentEvery5Minutes"))

        assert "did you mean Linear10PercentEvery" in said
        assert "Adaptive" not in said

    def test_people_approve_waves_and_not_steps(self) -> None:
        steps = {"steps": [{"weight": 0.1, "bake_seconds": 60}, {"weight": 0.5, "bake_seconds": 60, "approve": True}]}

        assert refused(named("Shop", traffic=steps)) == [
            "traffic: step 2 asks for an approval, and in a release people approve waves; leave `approve` out here, "
            'and write "approve": true in a wave of `waves`'
        ]

    def test_the_stacks_strategy_is_for_a_release_without_one(self) -> None:
        assert Release.read(named("Shop")).schedule("Canary10Percent5Minutes").name == "Canary10Percent5Minutes"
        assert Release.read(named("Shop", traffic="AllAtOnce")).schedule("Adaptive").name == "AllAtOnce"

    def test_bakes_last_until_the_slowest_is_seen_and_as_long_as_any_asks(self) -> None:
        functions = [entry("A", health={"delay_seconds": 900}), entry("B", health={"max_bake_seconds": 1_200})]

        plan = Release.read({"functions": functions, "traffic": "Canary10Percent5Minutes"}).schedule("AllAtOnce")

        assert plan.steps[0].bake_seconds == 2 * 60 + 900
        assert plan.longest_in_all == 1_200

    def test_health_that_does_not_go_with_it_is_told_once_of_the_function_that_asks_most(self) -> None:
        functions = [entry("A"), entry("B", health={"max_bake_seconds": 90_000}), entry("C")]
        document = {"functions": functions}
        said = (
            "functions.1.health.max_bake_seconds (B): the bakes may take 810000 seconds together; 172800 (48 hours) is "
            "the most"
        )

        assert refused(document | {"traffic": "Linear10PercentEvery1Minute"}) == [said]
        with pytest.raises(InvalidRequest) as refusal:
            Release.read(document).schedule("Linear10PercentEvery1Minute")
        assert str(refusal.value) == said


class TestTime:
    STEPS = {"steps": [{"weight": 0.5, "bake_seconds": 100_000}]}
    EVERY = {"waves": [{"most": 1}], "calls_per_second": 1}

    def test_is_that_of_the_bakes_approvals_and_calls_of_all_waves(self) -> None:
        release = Release.read(named("A", "B", traffic=self.STEPS, approval={"required": True}) | self.EVERY)

        assert release.longest_in_all(release.schedule("AllAtOnce")) == 2 * 100_000 + 86_400 + 2 * (13 + 2)

    def test_is_a_week_at_most(self) -> None:
        release = named(*"ABCDEF", traffic=self.STEPS) | self.EVERY

        Release.read(release)
        assert refused(named(*"ABCDEFG", traffic=self.STEPS) | self.EVERY) == [
            "waves: 7 waves with bakes of 100000 seconds, 0 approvals of 86400 and 7 functions at 1 calls a second may "
            f"take 700105 seconds together, and {LONGEST_RELEASE_SECONDS} (7 days) is the most; write larger waves, "
            "shorter bakes or a shorter approval.timeout_seconds"
        ]
        assert refused(release | {"approval": {"required": True}}) == [
            "waves: 6 waves with bakes of 100000 seconds, 1 approvals of 86400 and 6 functions at 1 calls a second may "
            f"take 686490 seconds together, and {LONGEST_RELEASE_SECONDS} (7 days) is the most; write larger waves, "
            "shorter bakes or a shorter approval.timeout_seconds"
        ]

    def test_of_the_stacks_strategy_is_judged_with_it(self) -> None:
        release = Release.read(named(*(f"F{number}" for number in range(600)), waves=[{"most": 1}]))

        release.schedule("Canary10Percent15Minutes")
        with pytest.raises(InvalidRequest, match=r"^waves: 600 waves with bakes of 1800 seconds"):
            release.schedule("Canary10Percent30Minutes")


class TestTolerance:
    def test_is_less_than_all_functions(self) -> None:
        assert Release.read(named("A", "B", tolerate=1)).tolerate == 1
        assert refused(named("A", "B", tolerate=2)) == [
            "tolerate: all 2 functions could fail, and none be put back; write 1 at most"
        ]


class TestSize:
    @pytest.mark.parametrize(
        "health", [{}, {"health": {"margin": 0.02, "alarms": ["a" * 200]}}], ids=["without", "with"]
    )
    def test_an_entry_with_its_defaults_has_that_of_a_request(self, health: dict[str, Any]) -> None:
        own = entry("Shop", from_elsewhere=True) | health
        defaults = {"from_elsewhere": False, "alias": "PROD", "health": {"margin": 0.5, "alarms": ["b"], "http": True}}
        merged = defaults | own | {"health": defaults["health"] | health.get("health", {})}
        rest = len(json.dumps(merged | {"smoke_tests": [{"name": "a", "payload": ""}]}))

        def document(size: int) -> dict[str, Any]:
            case = {"name": "a", "payload": "x" * (size - rest)}
            return {"functions": [own], "defaults": defaults | {"smoke_tests": [case]}}

        Release.read(document(LARGEST_REQUEST))
        assert refused(document(LARGEST_REQUEST + 1)) == [
            "functions.0 (Shop): with the defaults it has 65537 bytes; write 65536 at most; shorten payloads"
        ]

    def test_a_document_in_a_request_is_to_be_uploaded_if_it_is_large(self) -> None:
        document = named(*(f"F{number}" for number in range(4_000)))
        size = len(json.dumps(document))

        Release.read(document)
        assert refused(document, inline=True) == [
            f"release: it has {size} bytes; write {LARGEST_INLINE} at most; upload it to releases/<name>.json in the "
            "artifact bucket, where it may have 20 MB"
        ]

    def test_a_document_has_twenty_megabytes_at_most(self) -> None:
        case = {"name": "a", "payload": "x" * 40_000}
        document = {"functions": [entry(f"F{number}", smoke_tests=[case]) for number in range(600)]}
        size = len(json.dumps(document))
        said = (
            f"release: it has {size} bytes; write {LARGEST_RELEASE} at most; write in `defaults` what many entries "
            "share, or make several releases"
        )

        assert size > LARGEST_RELEASE
        assert refused(document) == [said]
        with pytest.raises(InvalidRequest) as refusal:
            parsed(json.dumps(document))
        assert str(refusal.value) == said

    def test_a_document_is_nested_a_hundred_levels_at_most(self) -> None:
        deep: Any = 1
        for _ in range(100):
            deep = [deep]

        assert refused(named("Shop", defaults={"smoke_tests": [{"name": "a", "expect": deep}]})) == [
            "release: it is nested more than 100 levels deep; write flatter JSON"
        ]

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_a_number_that_json_does_not_have_is_refused(self, number: float) -> None:
        (said,) = refused(named("Shop", false_alarm=number))

        assert said.startswith("release: JSON has no NaN and no Infinity")

    @pytest.mark.parametrize(
        ("document", "shown"),
        [(None, "null"), ([], "a list of 0"), ("Shop", "a string of 4 characters"), (5, "a number")],
    )
    def test_what_is_no_object_is_refused_as_such(self, document: Any, shown: str) -> None:
        assert refused(document) == [f"release: {shown} is not a JSON object"]


class TestText:
    def test_is_read_as_json(self) -> None:
        assert parsed(json.dumps(named("Shop")).encode()) == named("Shop")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"functions": [], "functions": []}', "release: it is not JSON: the key 'functions' is there twice"),
            ('{"functions": [{"function": "A", "function": "B"}]}', "release: it is not JSON: the key 'function' is"),
            ("{", "release: it is not JSON: "),
            (b"\xff", "release: it is not JSON: "),
            ('{"tolerate": NaN}', "release: it is not JSON: JSON has no NaN"),
        ],
    )
    def test_that_is_no_json_or_has_a_key_twice_is_refused(self, text: str | bytes, said: str) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            parsed(text)

        assert str(refusal.value).startswith(said)


ANYTHING: tuple[Any, ...] = (None, True, 1.5, -1, 10**400, "", "x", "\ud83d", [], [1], [[]], [None], {}, {"x": 1})


@pytest.mark.parametrize("value", ANYTHING, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    "place",
    [
        "functions",
        "functions.0",
        "functions.0.function",
        "functions.0.alias",
        "functions.0.health",
        "functions.0.target",
        "functions.0.depends_on",
        "functions.0.depends_on.0",
        "defaults",
        "defaults.health",
        "defaults.target",
        "targets",
        "targets.eu",
        "targets.eu.role",
        "waves",
        "waves.0",
        "waves.0.functions",
        "waves.0.functions.0",
        "waves.0.target",
        "traffic",
        "approval",
        "tolerate",
    ],
)
def test_any_value_anywhere_is_taken_or_refused_by_its_place(place: str, value: Any) -> None:
    document: dict[str, Any] = {
        "functions": [entry("Shop", health={}, depends_on=["Cart"]), entry("Cart"), entry("Mail", target="eu")],
        "defaults": {"health": {}},
        "targets": {"eu": dict(EU)},
        "waves": [{"functions": ["Cart"]}, {}],
    }
    within: Any = document
    *way, last = place.split(".")
    for part in way:
        within = within[int(part) if part.isdigit() else part]
    within[int(last) if last.isdigit() else last] = value

    for said in complaints(document):
        assert re.match(r"[a-z_]+[^ ]*( \([A-Za-z]+\))?: \S", said), said
        assert not re.search(r"Input should|pydantic|Value error|type=", said), said
