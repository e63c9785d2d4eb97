"""What IAM is asked before a call of boto3, read off the request: actions and resources as AWS names them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY_OF_THE_TOPIC = "NotificationsKey"
"""As the template calls it; a topic in this process has none."""


@dataclass(frozen=True)
class Need:
    """An action on a resource; of a table also the partitions and attributes that the call names."""

    action: str
    resource: str
    keys: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A call on its way: AWS's name for the service, the operation, the address and the body."""

    service: str
    operation: str
    url: str
    body: Any
    region: str
    account: str

    @property
    def sent(self) -> dict[str, Any]:
        """A body of JSON."""
        found: dict[str, Any] = json.loads(self.body or "{}")
        return found

    def arn(self, resource: str) -> str:
        """Of a resource in the account and region of the call."""
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"


def of(request: Request) -> list[Need]:
    """All that IAM asks for."""
    return list(_OF.get(request.service, _anything)(request))


def once_it_is_missing(request: Request) -> list[Need]:
    """What S3 asks for besides before it says that an object is not there: without it the answer is 403."""
    bucket, _ = _object(request)
    return [Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")]


# Lambda

_LAMBDA_ACTIONS = {"Invoke": "InvokeFunction"}


def _lambda(request: Request) -> Iterator[Need]:
    url = urlsplit(request.url)
    action = f"lambda:{_LAMBDA_ACTIONS.get(request.operation, request.operation)}"
    yield Need(action, _function(request, unquote(url.path), parse_qs(url.query)))
    if request.operation == "UpdateFunctionCode":
        yield from _source(request.sent)


def _function(request: Request, path: str, query: dict[str, list[str]]) -> str:
    if found := re.search(r"/tags/(arn:.+)", path):
        return found[1]
    if not (found := re.search(r"/functions/([^/]+)", path)):
        return "*"
    name, _, in_name = unquote(found[1]).rpartition(":function:")[2].partition(":")
    qualifier = in_name or "".join(query.get("Qualifier", []))
    return request.arn(f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def _source(sent: dict[str, Any]) -> Iterator[Need]:
    """Lambda reads the code as its caller."""
    if "S3Key" in sent:
        version = "Version" if sent.get("S3ObjectVersion") else ""
        yield Need(f"s3:GetObject{version}", f"arn:aws:s3:::{sent['S3Bucket']}/{sent['S3Key']}")
    if image := sent.get("ImageUri"):
        registry, _, repository = re.split(r"[:@]", image)[0].partition("/")
        account, _, _, region = registry.split(".")[:4]
        for action in ("BatchGetImage", "GetDownloadUrlForLayer"):
            yield Need(f"ecr:{action}", f"arn:aws:ecr:{region}:{account}:repository/{repository}")


# S3

_S3_ACTIONS = {
    "GetObject": "GetObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
}


def _s3(request: Request) -> Iterator[Need]:
    action = _S3_ACTIONS.get(request.operation, request.operation)
    bucket, key = _object(request)
    if action == "GetObject" and "versionId=" in request.url:
        action = "GetObjectVersion"
    yield Need(f"s3:{action}", f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""))


def _object(request: Request) -> tuple[str, str]:
    url = urlsplit(request.url)
    host, path = (url.hostname or "").split("."), unquote(url.path).removeprefix("/")
    if host[0] == "s3":
        bucket, _, key = path.partition("/")
        return bucket, key
    return host[0], path


# DynamoDB

_NAME = re.compile(r"[#\w]+")
_WORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"}
_EXPRESSIONS = ("ConditionExpression", "FilterExpression", "ProjectionExpression", "UpdateExpression")


def _dynamodb(request: Request) -> Iterator[Need]:
    sent = request.sent
    if request.operation == "TransactWriteItems":
        for part in sent["TransactItems"]:
            yield from (_item(request, f"{verb}Item", what) for verb, what in part.items())
    elif request.operation == "BatchGetItem":
        for table, what in sent["RequestItems"].items():
            keys = tuple(dict.fromkeys(key["pk"]["S"] for key in what["Keys"]))
            yield Need("dynamodb:BatchGetItem", request.arn(f"table/{table}"), keys, ("pk", "sk"))
    else:
        yield _item(request, request.operation, sent)


def _item(request: Request, operation: str, sent: dict[str, Any]) -> Need:
    index = f"/index/{sent['IndexName']}" if "IndexName" in sent else ""
    place = sent.get("Key") or sent.get("Item")
    key = place["pk"]["S"] if place else _asked_for(sent)
    return Need(f"dynamodb:{operation}", request.arn(f"table/{sent['TableName']}{index}"), (key,), _attributes(sent))


def _asked_for(sent: dict[str, Any]) -> str:
    """The partition that a query is about: its condition begins with it."""
    found = re.match(r"\s*[#\w]+\s*=\s*(:\w+)", sent["KeyConditionExpression"])
    assert found, sent["KeyConditionExpression"]
    return str(sent["ExpressionAttributeValues"][found[1]]["S"])


def _attributes(sent: dict[str, Any]) -> tuple[str, ...]:
    """Those that the call names at the top level."""
    names = sent.get("ExpressionAttributeNames", {})
    found = {*sent.get("Item", {}), *sent.get("Key", {})}
    for expression in (sent[kind] for kind in _EXPRESSIONS if kind in sent):
        paths = re.sub(r":\w+|\w+\s*\(", " ", expression)
        words = {word for word in re.findall(r"(?<![.\w#])[#A-Za-z_][\w]*", paths) if word.upper() not in _WORDS}
        found |= {names.get(word, word) for word in words}
    return tuple(sorted(found))


# The others


def _states(request: Request) -> Iterator[Need]:
    """A text that is no execution's ARN is refused before IAM is asked. Of a task token IAM knows no resource."""
    sent = request.sent
    if "taskToken" in sent:
        yield Need(f"states:{request.operation}", "*")
    elif "executionArn" not in sent:
        yield Need(f"states:{request.operation}", sent["stateMachineArn"])
    elif ":execution:" in sent["executionArn"]:
        yield Need(f"states:{request.operation}", sent["executionArn"])


def _sns(request: Request) -> Iterator[Need]:
    """SNS encrypts a message with the topic's key as its caller."""
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    yield Need(f"sns:{request.operation}", parse_qs(body)["TopicArn"][0])
    for action in ("GenerateDataKey", "Decrypt"):
        yield Need(f"kms:{action}", f"arn:aws:kms:{request.region}:{request.account}:key/{KEY_OF_THE_TOPIC}")


def _events(request: Request) -> Iterator[Need]:
    for entry in request.sent["Entries"]:
        yield Need("events:PutEvents", request.arn(f"event-bus/{entry.get('EventBusName', 'default')}"))


def _cloudwatch(request: Request) -> Iterator[Need]:
    yield Need(f"cloudwatch:{request.operation}", "*")


def _logs(request: Request) -> Iterator[Need]:
    yield Need(f"logs:{request.operation}", request.arn(f"log-group:{request.sent['logGroupName']}"))


def _anything(request: Request) -> Iterator[Need]:
    yield Need(f"{request.service}:{request.operation}", "*")


_OF = {
    "lambda": _lambda,
    "s3": _s3,
    "dynamodb": _dynamodb,
    "states": _states,
    "sns": _sns,
    "events": _events,
    "monitoring": _cloudwatch,
    "logs": _logs,
}
