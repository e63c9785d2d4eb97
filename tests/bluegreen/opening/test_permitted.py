"""Which functions, zips and images a request may name, before anything is read."""

import re
from typing import Any

import pytest

from bluegreen.errors import InvalidRequest
from bluegreen.opening.permitted import FUNCTIONS, Home, is_own, must_be_permitted
from bluegreen.request.request import Request
from bluegreen.request.upload import COPIES, Upload, place_by_request
from bluegreen.target import Target
from tests.bluegreen.examples import ACCOUNT, DIGEST, REGION, target
from tests.template.stack import TEMPLATE

OTHER = "210987654321"
SHA = f"sha256:{DIGEST.hex()}"
OWN = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
HERE = Target(function="", alias="", region=REGION, account=ACCOUNT)
THERE = Target.at(
    "eu", "Shop", "PROD", region="eu-west-1", role="arn:aws:iam::555555555555:role/deployer", bucket="there"
)
HOME = Home(stack="bluegreen", bucket="artifacts", here=HERE)


def refusal(home: Home = HOME, at: Target | None = None, region: str = REGION, **more: Any) -> str:
    """What is said against the request; "" if it is permitted."""
    request = Request.read({"function": "Shop", "artifact": "$LATEST"} | more)
    asked_for = at or target(request.function).model_copy(update={"region": region})
    try:
        must_be_permitted(request, asked_for, home)
    except InvalidRequest as refused:
        return str(refused)
    return ""


class TestAFunctionOfTheStack:
    @pytest.mark.parametrize("handler", FUNCTIONS)
    def test_is_refused_by_its_name(self, handler: str) -> None:
        assert refusal(function=f"bluegreen-{handler}") == (
            f"function: bluegreen-{handler} is a part of the stack bluegreen, which deploys no part of itself; name a "
            "function of your own"
        )

    @pytest.mark.parametrize("name", ["bluegreen-Shop", "bluegreen-doctor-1", "SmokeTest", "other-SmokeTest"])
    def test_is_no_function_of_another_name(self, name: str) -> None:
        assert refusal(function=name) == ""

    def test_is_known_by_the_tag_of_cloudformation_whatever_its_name_is(self) -> None:
        assert is_own("bluegreen", "Renamed", {"aws:cloudformation:stack-name": "bluegreen"})
        assert not is_own("bluegreen", "Shop", {"aws:cloudformation:stack-name": "shops"})

    def test_every_function_of_the_template_is_one(self) -> None:
        names = re.findall(r"FunctionName: !Sub \${AWS::StackName}-(\w+)", TEMPLATE.read_text())

        assert sorted(names) == sorted(FUNCTIONS)

    def test_the_handlers_know_the_stack_by_its_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATE_MACHINE_ARN", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:my-deploy-deploy")
        monkeypatch.setenv("ARTIFACT_BUCKET", "artifacts")
        monkeypatch.setenv("IMAGE_REGISTRIES", f"{OTHER}, {ACCOUNT}")

        assert Home.of_handlers() == Home("my-deploy", "artifacts", HERE, (OTHER, ACCOUNT))


class TestAZip:
    @pytest.mark.parametrize("key", ["1.zip", "by-request/1.zip", "a/b/c", "//1.zip"])
    def test_may_lie_anywhere_in_the_function_s_folder(self, key: str) -> None:
        assert refusal(artifact=f"s3://artifacts/functions/Shop/{key}") == ""

    @pytest.mark.parametrize(
        ("address", "field"),
        [
            ("artifacts/functions/Other/1.zip", "artifact.key"),
            ("artifacts/functions/Shop2/1.zip", "artifact.key"),
            ("artifacts/functions/shop/1.zip", "artifact.key"),
            ("artifacts/functions/Shop", "artifact.key"),
            ("artifacts//functions/Shop/1.zip", "artifact.key"),
            ("artifacts/x/functions/Shop/1.zip", "artifact.key"),
            ("artifacts/x/restored/1/us-east-1/Shop/0.zip", "artifact.key"),
            ("artifacts/1.zip", "artifact.key"),
            ("others/functions/Shop/1.zip", "artifact.bucket"),
        ],
    )
    def test_elsewhere_is_refused_unless_the_request_says_so(self, address: str, field: str) -> None:
        assert refusal(artifact=f"s3://{address}") == (
            f"{field}: s3://{address} does not lie in the folder of Shop; put it at "
            "s3://artifacts/functions/Shop/by-request/<name>.zip, where it starts nothing by itself, or write "
            '"from_elsewhere": true (`--from-elsewhere`)'
        )
        assert refusal(artifact=f"s3://{address}", from_elsewhere=True) == ""

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_that_the_stack_keeps_for_rollbacks_is_refused_in_any_case(self, elsewhere: bool) -> None:
        """Whose code it is does not follow from the key alone, so not even the function's own copies are taken."""
        copy = f"s3://artifacts/{COPIES}1/us-east-1/Shop/0.zip"

        assert refusal(artifact=copy, from_elsewhere=elsewhere) == (
            f"artifact.key: {copy} is one of the copies of code that the stack keeps for its rollbacks; copy it to "
            "s3://artifacts/functions/Shop/by-request/<name>.zip, and name that object"
        )
        assert refusal(artifact=copy.replace("artifacts", "others"), from_elsewhere=True) == ""

    def test_where_a_request_may_name_it_starts_nothing(self) -> None:
        thing = {"key": place_by_request("Shop", "1.zip"), "version-id": "v"}

        assert Upload.read({"bucket": {"name": "artifacts"}, "object": thing}).is_beside


class TestAnImage:
    @pytest.mark.parametrize(
        ("region", "host"),
        [
            (REGION, OWN),
            (REGION, OWN.upper()),
            (REGION, f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws"),
            ("us-gov-west-1", f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ],
    )
    def test_of_the_stack_s_own_account_is_permitted(self, region: str, host: str) -> None:
        assert refusal(region=region, artifact={"image_uri": f"{host}/shop@{SHA}"}) == ""

    @pytest.mark.parametrize(
        "uri",
        [
            f"{OTHER}.dkr.ecr.{REGION}.amazonaws.com/shop",
            f"{OTHER}.dkr.ecr.eu-west-1.amazonaws.com/shop",
            f"{OWN}.evil.example/shop",
            f"{OWN}:443/shop",
            f"{OWN}@evil.example/shop",
            f"evil.example/{OWN}/shop",
            f"public.ecr.aws/{OWN}/shop",
            "docker.io/library/shop",
            "shop",
        ],
    )
    def test_of_another_registry_is_refused_by_name(self, uri: str) -> None:
        said = refusal(artifact={"image_uri": f"{uri}@{SHA}"})

        host = uri.partition("/")[0] if "/" in uri else f"{uri}@{SHA}"
        assert said.startswith(f"artifact.image_uri: {host} is none of this stack's registries, which are {OWN}, ")

    @pytest.mark.parametrize(
        "host", [f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws"]
    )
    def test_of_another_region_is_refused_with_how_it_comes_here(self, host: str) -> None:
        assert refusal(artifact={"image_uri": f"{host}/shop@{SHA}"}) == (
            f"artifact.image_uri: {host} is a registry of another region, and Lambda takes images for Shop from "
            f"{REGION} only; replicate the repository to {REGION} (`aws ecr put-replication-configuration`), and name "
            "the image there, which has the same digest"
        )

    @pytest.mark.parametrize("account", [ACCOUNT, THERE.account, OTHER])
    def test_for_a_target_elsewhere_may_come_from_either_account_and_from_those_that_are_named(
        self, account: str
    ) -> None:
        home = Home("bluegreen", "artifacts", HERE, (OTHER,))

        image = f"{account}.dkr.ecr.eu-west-1.amazonaws.com/shop@{SHA}"

        assert refusal(home, THERE, artifact={"image_uri": image}) == ""

    def test_for_a_target_elsewhere_comes_from_the_target_s_region(self) -> None:
        said = refusal(at=THERE, artifact={"image_uri": f"{OWN}/shop@{SHA}"})

        assert said.startswith(f"artifact.image_uri: {OWN} is a registry of another region")
        assert "replicate the repository to eu-west-1" in said

    def test_for_a_target_elsewhere_comes_from_no_registry_that_nobody_named(self) -> None:
        said = refusal(at=THERE, artifact={"image_uri": f"333333333333.dkr.ecr.eu-west-1.amazonaws.com/shop@{SHA}"})

        assert "is none of this stack's registries" in said
        assert said.endswith("the stack's parameter ImageRegistries, and to that of the target's stack")

    @pytest.mark.parametrize("named", [(OTHER,), (ACCOUNT, OTHER)])
    def test_may_also_come_from_the_accounts_that_the_parameter_names(self, named: tuple[str, ...]) -> None:
        home = Home("bluegreen", "artifacts", HERE, named)

        for account in (OTHER, ACCOUNT):
            host = f"{account}.dkr.ecr.{REGION}.amazonaws.com"
            assert refusal(home, artifact={"image_uri": f"{host}/shop@{SHA}"}) == ""
        third = refusal(home, artifact={"image_uri": f"333333333333.dkr.ecr.{REGION}.amazonaws.com/shop@{SHA}"})
        assert "is none of this stack's registries" in third
        assert len(home.registries(target("Shop"))) == 4
