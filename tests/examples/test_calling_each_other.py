"""What docs/versions-that-fit.md says of the example: who may call whom, in which order, and with which versions."""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bluegreen.decisions.replies import Reply, mismatches
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.request.release import Release
from bluegreen.request.request import Request
from sandbox.server import interpreter
from tests.examples.test_bonus_calculators import node
from tests.examples.test_ways_in import MOVES_USERS, Resources, of_type

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "calling-each-other"
PAGE = (ROOT / "docs" / "versions-that-fit.md").read_text()
RELEASE = json.loads((EXAMPLE / "release.json").read_text())
ENTRIES = {each["function"]: each for each in RELEASE["functions"]}
SETTINGS = {"alias", "smoke_tests", "health", "keep_versions", "bypass", "from_elsewhere", "target"}
"""What an entry or the defaults of a release may have."""
OF_ALL = {"functions", "defaults", "traffic", "waves", "targets", "tolerate", "keep_waves", "calls_per_second"}
OF_ALL |= {"false_alarm", "approval", "override_freeze", "started_by"}
SDK = """
export class InvokeCommand { constructor(input) { this.input = input; } }
export class LambdaClient {
  async send({ input }) {
    console.log(JSON.stringify(input));
    const reply = process.env.REPLY;
    const Payload = { transformToString: () => reply };
    return { ExecutedVersion: "7", Payload, FunctionError: process.env.FUNCTION_ERROR };
  }
}
"""
ASK_PRICES = """
const { handler } = await import(process.argv[1]);
handler({ product: "bread" }).then(
  (reply) => console.log(JSON.stringify(reply)),
  (error) => console.log(JSON.stringify({ error: error.message })),
);
"""
OLD_TAX, NEW_TAX = {"percent": 7}, {"percent": 7, "name": "reduced"}


class Lambda:
    """
    Functions behind an alias that gives each call to the next of `routes`, over and over.

    `replies` has what each version answers; an exception is one that the function raises. Other versions were deleted.
    """

    def __init__(self, routes: list[str], replies: dict[str, Any]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._routes, self._replies, self._through_the_alias = routes, replies, 0

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked.append((FunctionName, Qualifier))
        version = Qualifier
        if Qualifier == "PROD":
            version = self._routes[self._through_the_alias % len(self._routes)]
            self._through_the_alias += 1
        if version not in self._replies:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Invoke")
        reply = self._replies[version]
        if callable(reply):
            reply = reply(json.loads(Payload))
        error = {"FunctionError": "Unhandled"} if isinstance(reply, Exception) else {}
        payload = {"errorMessage": str(reply)} if error else reply
        return {"ExecutedVersion": version, "Payload": io.BytesIO(json.dumps(payload).encode())} | error


@pytest.fixture(scope="module")
def resources() -> Resources:
    """The template's, as CloudFormation gets them."""
    command: list[str | Path] = [interpreter(), "-I", Path(__file__).with_name("translated.py"), "template.yaml"]
    somewhere = {"AWS_DEFAULT_REGION": "eu-west-1"}
    ran = subprocess.run(command, cwd=EXAMPLE, env=somewhere, text=True, capture_output=True, check=True)
    found: Resources = json.loads(ran.stdout)["template.yaml"]["Resources"]
    return found


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from shops(monkeypatch, "pinned")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    yield from shops(monkeypatch, "app")


def shops(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[ModuleType]:
    """A module of Shop, which imports its neighbours as in /var/task."""
    monkeypatch.syspath_prepend(EXAMPLE / "shop")
    yield import_module(name)
    for each in ("app", "pinned"):
        sys.modules.pop(each, None)


def may(resources: Resources, caller: str, arn: str) -> bool:
    """Whether the policies in the caller's role let it invoke that function; ARNs here are `Prices:PROD`."""
    policies = resources[f"{caller}Role"]["Properties"].get("Policies", [])
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    assert all(each["Action"] == "lambda:InvokeFunction" for each in statements)
    matching = {
        each["Effect"]
        for each in statements
        if fnmatchcase(arn, each["Resource"]["Fn::Sub"].replace("${", "").replace(".Arn}", ""))
    }
    return matching == {"Allow"}


def reply_of(payload: Any) -> Reply:
    return Reply(payload=payload, error=None, error_message=None, duration_ms=0, version="2")


def smoke_tests_lack(function: str, ask: Callable[[Any], Any]) -> list[str]:
    """In what the function's answers differ from what its smoke tests in the release expect."""
    entry = {key: value for key, value in ENTRIES[function].items() if key != "depends_on"}
    cases = Request.read(entry).smoke_tests
    assert isinstance(cases, tuple)
    assert cases
    return [words for case in cases for words in mismatches(case, reply_of(ask(case.payload)))]


def ask_prices(tmp_path: Path, tax: dict[str, Any], **environment: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """How Prices calls the SDK, and what it answers, with a Tax that answers this."""
    sdk = tmp_path / "node_modules" / "@aws-sdk" / "client-lambda"
    sdk.mkdir(parents=True, exist_ok=True)
    (sdk / "index.mjs").write_text(SDK)
    (sdk / "package.json").write_text('{"name": "@aws-sdk/client-lambda", "main": "index.mjs"}')
    shutil.copy(EXAMPLE / "prices" / "index.mjs", tmp_path)
    command = [node(), "--input-type=module", "-e", ASK_PRICES, (tmp_path / "index.mjs").as_uri()]
    variables = {"REPLY": json.dumps(tax)} | environment
    ran = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    asked, answered = ran.stdout.splitlines()
    return json.loads(asked), json.loads(answered)


def new_prices(event: Any) -> dict[str, Any]:
    return {"bread": {"cents": 321, "tax_cents": 21}, "wine": {"cents": 1428, "tax_cents": 228}}[event["product"]]


def old_prices(event: Any) -> dict[str, Any]:
    """As Prices answered before it told the tax."""
    return {"cents": new_prices(event)["cents"]}


def test_the_template_opts_all_in_and_has_nothing_that_moves_users(resources: Resources) -> None:
    functions = of_type(resources, "Lambda::Function")

    assert {*functions} == {*ENTRIES}
    for name, each in functions.items():
        assert each["Properties"]["FunctionName"] == name
        assert {"Key": OPT_IN_TAG, "Value": OPTED_IN} in each["Properties"]["Tags"]
    assert [name for name, each in resources.items() if MOVES_USERS.fullmatch(each["Type"])] == []


@pytest.mark.parametrize(
    ("caller", "permitted"),
    [("Shop", {"Prices:PROD", "Prices:7"}), ("Prices", {"Tax:PROD"}), ("Tax", set())],
)
def test_a_role_may_invoke_what_its_function_calls_and_no_untested_code(
    resources: Resources, caller: str, permitted: set[str]
) -> None:
    arns = [f"{name}{qualifier}" for name in ENTRIES for qualifier in ("", ":PROD", ":7", ":$LATEST")]

    assert {arn for arn in arns if may(resources, caller, arn)} == permitted


def test_the_release_takes_callees_first() -> None:
    read = Release.read(RELEASE, default_alias="PROD")
    names = {each.number: each.request.function for each in read.members}
    assert [[names[number] for number in wave.numbers] for wave in read.waves] == [["Tax"], ["Prices"], ["Shop"]]


def test_the_release_is_written_as_releases_are() -> None:
    assert {*RELEASE} <= OF_ALL
    assert {*RELEASE["defaults"]} <= SETTINGS
    for entry in ENTRIES.values():
        assert {"function", "artifact"} <= {*entry} <= SETTINGS | {"function", "artifact", "depends_on"}
        alone = {key: value for key, value in entry.items() if key != "depends_on"}
        Request.read(RELEASE["defaults"] | alone | {"traffic": RELEASE["traffic"]})


def test_a_function_depends_on_those_that_it_may_call(resources: Resources) -> None:
    for caller, entry in ENTRIES.items():
        assert entry.get("depends_on", []) == [name for name in ENTRIES if may(resources, caller, f"{name}:PROD")]


def test_later_calls_of_a_request_name_the_version_that_ran_first(pinned: ModuleType) -> None:
    aws = Lambda(["3", "4"], {"3": "old", "4": "new"})
    one = pinned.Pinned(aws)

    assert [one.ask("Prices", {}) for _ in range(3)] == ["old", "old", "old"]
    assert aws.asked == [("Prices", "PROD"), ("Prices", "3"), ("Prices", "3")]


def test_the_next_request_goes_to_the_alias_again(pinned: ModuleType) -> None:
    aws = Lambda(["3", "4"], {"3": "old", "4": "new"})

    assert [pinned.Pinned(aws).ask("Prices", {}) for _ in range(3)] == ["old", "new", "old"]


def test_each_function_has_a_version_of_its_own(pinned: ModuleType) -> None:
    aws = Lambda(["3", "8"], {"3": "prices", "8": "stock"})
    one = pinned.Pinned(aws, alias="PROD")

    assert [one.ask(function, {}) for function in ("Prices", "Stock", "Prices", "Stock")] == ["prices", "stock"] * 2
    assert aws.asked[2:] == [("Prices", "3"), ("Stock", "8")]


def test_a_first_call_that_fails_says_which_version_did_and_pins_nothing(pinned: ModuleType) -> None:
    aws = Lambda(["4", "3"], {"3": "old", "4": ValueError("no price")})
    one = pinned.Pinned(aws)

    with pytest.raises(pinned.CallFailed, match=r"Prices version 4: no price"):
        one.ask("Prices", {})

    assert [one.ask("Prices", {}) for _ in range(2)] == ["old", "old"]


def test_a_pinned_version_that_fails_stays_pinned(pinned: ModuleType) -> None:
    answers = iter(["new", ValueError("no price"), "new"])
    aws = Lambda(["4", "3"], {"4": lambda event: next(answers)})
    one = pinned.Pinned(aws)
    one.ask("Prices", {})

    with pytest.raises(pinned.CallFailed):
        one.ask("Prices", {})

    assert one.ask("Prices", {}) == "new"
    assert aws.asked[1:] == [("Prices", "4"), ("Prices", "4")]


def test_a_pinned_version_that_was_deleted_fails_as_lambda_says(pinned: ModuleType) -> None:
    replies: dict[str, Any] = {"3": "old"}
    one = pinned.Pinned(Lambda(["3"], replies))
    one.ask("Prices", {})
    del replies["3"]

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        one.ask("Prices", {})


def test_a_bill_s_lines_come_from_one_version_whichever_it_is(
    shop: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "aws", Lambda(["3", "4"], {"3": old_prices, "4": new_prices}))
    basket = {"products": ["bread", "wine", "bread"]}

    assert [shop.handler(basket, None) for _ in range(3)] == [
        {"cents": 2070, "tax_cents": None},
        {"cents": 2070, "tax_cents": 270},
        {"cents": 2070, "tax_cents": None},
    ]


@pytest.mark.parametrize("prices", [old_prices, new_prices])
def test_shop_passes_its_smoke_tests_before_and_after_prices_was_shifted(
    shop: ModuleType, monkeypatch: pytest.MonkeyPatch, prices: Any
) -> None:
    monkeypatch.setattr(shop, "aws", Lambda(["3"], {"3": prices}))

    assert smoke_tests_lack("Shop", lambda event: shop.handler(event, None)) == []


@pytest.mark.parametrize("tax", [OLD_TAX, NEW_TAX])
def test_prices_passes_its_smoke_tests_before_and_after_tax_was_shifted(tmp_path: Path, tax: dict[str, Any]) -> None:
    assert smoke_tests_lack("Prices", lambda event: ask_prices(tmp_path, tax)[1]) == []


def test_tax_passes_its_smoke_tests() -> None:
    spec = spec_from_file_location("tax", EXAMPLE / "tax" / "app.py")
    assert spec
    assert spec.loader
    tax = module_from_spec(spec)
    spec.loader.exec_module(tax)

    assert smoke_tests_lack("Tax", lambda event: tax.handler(event, None)) == []
    assert tax.handler({"product": "bread"}, None) == NEW_TAX


def test_prices_asks_tax_through_the_alias_and_tells_what_tax_tells(tmp_path: Path) -> None:
    asked, told = ask_prices(tmp_path, NEW_TAX)

    assert asked | {"Payload": json.loads(asked["Payload"])} == {
        "FunctionName": "Tax",
        "Qualifier": "PROD",
        "Payload": {"product": "bread"},
    }
    assert told == {"cents": 321, "tax_cents": 21, "tax_name": "reduced"}
    assert ask_prices(tmp_path, OLD_TAX)[1]["tax_name"] is None


def test_the_lines_of_the_page_are_the_example_s() -> None:
    blocks = re.findall(r"^ *```(python|yaml)\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    files = {"python": EXAMPLE / "shop" / "app.py", "yaml": EXAMPLE / "template.yaml"}

    assert [kind for kind, _ in blocks] == ["python", "yaml"]
    for kind, lines in blocks:
        assert [line for line in lines.splitlines() if line.strip() not in files[kind].read_text()] == []


def test_prices_fails_if_tax_does_and_says_which_version_did(tmp_path: Path) -> None:
    _, told = ask_prices(tmp_path, {"errorMessage": "no rate"}, FUNCTION_ERROR="Unhandled")

    assert told == {"error": "Tax version 7: no rate"}
