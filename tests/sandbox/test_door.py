"""What the sandbox refuses before it does anything: what a web page sends, and what nobody signed."""

import base64
import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.testing import ACCOUNT, Clients, Functions, policy, zipped

REGION = "eu-central-1"
FUNCTIONS = "/2015-03-31/functions/"
Asking = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def ask(aws: Sandbox) -> Asking:
    """`ask("GET", "/", Host=...)`: a request with these headers only, and what the sandbox answers."""

    def asked(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=30)
        given = {"Host": f"127.0.0.1:{aws.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**given, "Content-Length": str(len(body or b""))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        told = (answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return told

    return asked


@pytest.fixture
def signed(client: Clients, ask: Asking) -> Asking:
    """The same with a signature of the root, made for a request without these headers."""

    def asked(**headers: str) -> Any:
        url = client("s3").generate_presigned_url("list_buckets")
        return ask("GET", urlsplit(url)._replace(scheme="", netloc="").geturl(), **headers)

    return asked


def hosts(port: int) -> list[str]:
    return [
        *(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", "LOCALHOST", "some.bucket.localhost")),
        f"a1b2.execute-api.localhost:{port}",
        f"a1b2.execute-api.{REGION}.amazonaws.com",
        f"a1b2.execute-api.{REGION}.amazonaws.com:{port}",
        f"some.bucket.s3.{REGION}.amazonaws.com",
    ]


def foreign_hosts(port: int) -> list[str]:
    return [
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"evil.example?a.localhost:{port}",
        f"execute-api.{REGION}.amazonaws.com.evil.example",
        f"amazonaws.com:{port}",
        f"127.0.0.1:{port + 1}",
        "127.0.0.1",
        "localhost",
        f"192.168.0.1:{port}",
        "",
    ]


def test_a_host_that_leads_here_is_served_and_any_other_is_refused(aws: Sandbox, ask: Asking) -> None:
    for host in hosts(aws.port):
        assert b"the header Host" not in ask("GET", "/", Host=host)[2], host
    for host in foreign_hosts(aws.port):
        status, _, body = ask("GET", "/_sandbox/settings", Host=host)
        assert (status, b"the header Host names no address of this sandbox" in body) == (403, True), host


def test_a_name_that_was_bound_to_this_machine_later_reads_nothing(aws: Sandbox, signed: Asking) -> None:
    assert signed()[0] == 200
    assert signed(Host=f"rebound.example:{aws.port}")[0] == 403


@pytest.mark.parametrize(
    "mark",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "later-invented"},
    ],
    ids=str,
)
def test_what_a_page_sends_is_refused_even_with_the_root_s_signature(
    aws: Sandbox, signed: Asking, mark: dict[str, str]
) -> None:
    last = aws.control("calls")[-1]["number"]
    status, _, body = signed(**{name: value.format(port=aws.port) for name, value in mark.items()})
    assert (status, json.loads(body)["__type"]) == (403, "AccessDeniedException")
    assert "a web page sent it" in json.loads(body)["message"]
    assert aws.control(f"calls?since={last}") == []
    assert aws.control("refusals")[-1]["why"] == json.loads(body)["message"]


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_presigned_url_typed_into_a_browser_is_served(signed: Asking, site: str) -> None:
    assert signed(Sec_Fetch_Site=site)[0] == 200


def test_no_answer_lets_a_page_read_it(aws: Sandbox, ask: Asking, signed: Asking, client: Clients) -> None:
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    client("s3").create_bucket(Bucket="for-all", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_cors(Bucket="for-all", CORSConfiguration={"CORSRules": [cors]})
    preflight = {"Origin": "http://a.example", "Access_Control_Request_Method": "GET"}
    answers = [
        ask("OPTIONS", "/for-all/key", **preflight),
        ask("OPTIONS", FUNCTIONS),
        ask("GET", FUNCTIONS),
        ask("GET", "/_sandbox/settings"),
        ask("GET", "/_ministack/health", x_sandbox_secret=aws.environment["AWS_SECRET_ACCESS_KEY"]),
        signed(),
        signed(Origin="http://a.example"),
    ]
    assert [status for status, _, _ in answers] == [403, 403, 403, 403, 200, 200, 403]
    for _, headers, _ in answers:
        assert not [name for name in headers if name.startswith("access-control-")]
    listed = client("lambda").list_functions()["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in listed if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", FUNCTIONS, b""),
        ("GET", "/", b""),
        ("PUT", "/by-nobody", b""),
        ("POST", "/", urlencode({"Action": "CreateTopic", "Name": "by-nobody"}).encode()),
        ("GET", "/?Action=CreateTopic&Name=by-nobody&Version=2010-03-31", b""),
        ("GET", "/health", b""),
        ("GET", "/v2/_catalog", b""),
        ("GET", "/logout", b""),
    ],
    ids=str,
)
def test_a_request_without_a_signature_is_refused(
    aws: Sandbox, ask: Asking, client: Clients, method: str, path: str, body: bytes
) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"} if body else {}
    last = aws.control("calls")[-1]["number"]

    for host in (f"127.0.0.1:{aws.port}", *(f"a1b2.{name}.localhost:{aws.port}" for name in ("execute-api", "s3"))):
        assert ask(method, path, body, Host=host, **form)[0] in (400, 403), host

    assert aws.control(f"calls?since={last}") == []
    assert "by-nobody" not in [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    assert not [topic for topic in client("sns").list_topics()["Topics"] if "by-nobody" in topic["TopicArn"]]


def code_of(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.parametrize("access_key", ["test", "000000000000", "111111111111"])
def test_the_root_s_signature_is_checked(client: Clients, access_key: str) -> None:
    guess = {"AccessKeyId": access_key, "SecretAccessKey": "test"}
    assert code_of(client("lambda", **guess).list_functions) == "InvalidSignatureException"
    assert code_of(client("sts", **guess).get_caller_identity) == "SignatureDoesNotMatch"
    assert code_of(client("dynamodb", **guess).list_tables) == "InvalidSignatureException"
    assert code_of(client("s3", **guess).list_buckets) == "SignatureDoesNotMatch"


def test_a_presigned_link_is_checked_and_good_for_what_it_was_made_for(ask: Asking, client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="presigned", Key="a", Body=b"content")

    def of(maker: Any, key: str = "a") -> str:
        link = maker.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": key})
        return str(urlsplit(link)._replace(scheme="", netloc="").geturl())

    mine = of(s3)
    assert ask("GET", mine)[2] == b"content"
    assert ask("GET", of(client("s3", AccessKeyId="test", SecretAccessKey="test")))[0] == 403
    assert ask("GET", mine.replace("/presigned/a", "/presigned/b"))[0] == 403
    assert ask("DELETE", mine)[0] == 403
    assert ask("GET", mine.replace("/presigned/a", FUNCTIONS))[0] == 403


def test_a_token_s_signature_is_checked_too(client: Clients) -> None:
    session = client("sts").get_session_token()["Credentials"]
    names = {name: session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    assert client("sts", **names).get_caller_identity()
    assert code_of(client("sts", **names | {"SecretAccessKey": "test"}).get_caller_identity) == "SignatureDoesNotMatch"
    assert (
        code_of(client("lambda", **names | {"SessionToken": "guess"}).list_functions) == "UnrecognizedClientException"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_sandbox/settings"),
        ("GET", "/_sandbox/calls"),
        ("POST", "/_sandbox/faults"),
        ("POST", "/_ministack/reset"),
        ("GET", "/_ministack/health"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/lambda-code/000000000000/eu-central-1/of-nobody:$LATEST"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/sqs/messages"),
        ("GET", "/_alb/any/"),
    ],
)
def test_the_server_s_own_paths_want_the_root_s_secret(aws: Sandbox, ask: Asking, method: str, path: str) -> None:
    of_an_api = {"Host": f"a1b2.execute-api.localhost:{aws.port}"}
    for given in ({}, {"x_sandbox_secret": ""}, {"x_sandbox_secret": "test"}, of_an_api):
        status, _, body = ask(method, path, b"{}", **given)
        assert (status, b"has to have the root's secret" in body) == (403, True), given
    assert ask("GET", "/_sandbox/settings", x_sandbox_secret=aws.environment["AWS_SECRET_ACCESS_KEY"])[0] == 200


def test_the_link_to_a_function_s_code_cannot_be_made_by_others(
    ask: Asking, function: Functions, client: Clients
) -> None:
    shop = function("def handler(event, context): return 1")
    other = function("def handler(event, context): return 2")
    link = urlsplit(client("lambda").get_function(FunctionName=shop.name)["Code"]["Location"])
    mine = link._replace(scheme="", netloc="").geturl()

    assert ask("GET", mine)[2] == zipped("def handler(event, context): return 1")
    assert ask("GET", mine.replace(shop.name, other.name))[0] == 403
    assert ask("GET", link.path)[0] == 403


def test_no_websocket_is_opened(aws: Sandbox, ask: Asking) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    key = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
    for host in (f"127.0.0.1:{aws.port}", f"a1b2.execute-api.localhost:{aws.port}"):
        assert ask("GET", "/live", Host=host, **upgrade, **key)[0] == 403


def test_a_token_of_a_provider_needs_no_signature_and_is_held_against_the_role_s_trust(client: Clients) -> None:
    client("iam").create_role(RoleName="of-a-provider", AssumeRolePolicyDocument=policy(trust("provider.example")))
    as_nobody = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/of-a-provider", "RoleSessionName": "a-pipeline"}
    assume = client("sts").assume_role_with_web_identity

    assert assume(**as_nobody, WebIdentityToken=token("https://provider.example"))["Credentials"]
    assert code_of(assume, **as_nobody, WebIdentityToken=token("https://other.example")) == "AccessDenied"


def trust(provider: str) -> dict[str, Any]:
    federated = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"}
    return {"Effect": "Allow", "Principal": federated, "Action": "sts:AssumeRoleWithWebIdentity"}


def token(issuer: str) -> str:
    claims = {"iss": issuer, "aud": "sts.amazonaws.com", "sub": "repo:a/b", "exp": 4102444800}
    parts = ({"alg": "RS256"}, claims, "signature")
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def test_a_function_s_url_serves_everybody_only_if_it_says_so(
    aws: Sandbox, ask: Asking, function: Functions, client: Clients
) -> None:
    source = "def handler(event, context): return {'statusCode': 200, 'body': 'served'}"
    for authorisation, served in (("NONE", (200, b"served")), ("AWS_IAM", (403, None))):
        shop = function(source)
        url = client("lambda").create_function_url_config(FunctionName=shop.name, AuthType=authorisation)["FunctionUrl"]
        client("lambda").add_permission(
            FunctionName=shop.name,
            StatementId="everybody",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType=authorisation,
        )
        host = f"{urlsplit(url).netloc.partition('.')[0]}.lambda-url.{REGION}.localhost:{aws.port}"

        status, _, body = ask("GET", "/", Host=host)

        assert (status, body if served[1] else None) == served
        assert ask("GET", "/", Host=host, Origin="http://evil.example")[0] == 403
