"""
The way from boto3 to moto and back, without the work that is the same for every call.

Every request is still built by boto3 and comes to moto's code of its operation. Answers go through AWS's protocol and
boto3's parser; only those with items of a table, which look the same before and after, are handed over as they are.
What is left out are detours: a test client of a web framework for each request, a search through a model for each name
in an answer, a count of an item's bytes for each of its attributes.
"""

import copy
import functools
import io
import itertools
import json
import math
import pickle
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

from botocore import context
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.context import ClientContext
from botocore.endpoint import Endpoint
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import backend_index, backends
from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.constants import MISSING
from moto.core.exceptions import ServiceException
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, Request, environ_key_for_header
from moto.core.request import should_preserve_original_header_name as is_spelt_as_sent
from moto.core.routing import RestRouter
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import get_value
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb import responses as dynamodb_responses
from moto.dynamodb.models import table as dynamodb_table
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import expressions, validators
from moto.dynamodb.responses import DynamoHandler
from moto.sns.models import Subscription
from werkzeug.exceptions import HTTPException

MOST_BYTES_OF_A_CHARACTER = 4
SURELY_SMALL_BYTES = 400_000
"""An item up to this is not too large for moto."""

_actions = functools.cache(vars(responses)["method_names_from_class"])
_in_underscores = functools.cache(vars(responses)["camelcase_to_underscores"])
_numbers = itertools.count(1)


@contextmanager
def short_way() -> Iterator[None]:
    """For as long as the block lasts."""
    with ExitStack() as patches:
        for owner, name, instead in (
            (Endpoint, "_do_get_response", _do_get_response),
            (RequestSigner, "sign", _sign),
            (UserAgentString, "to_string", lambda _: "walk"),
            (context, "deepcopy", lambda current: ClientContext(set(current.features))),
            (BotocoreStubber, "process_request", _answer),
            (RestRouter, "_match", _operation_of),
            (responses, "method_names_from_class", _actions),
            (responses, "camelcase_to_underscores", _in_underscores),
            (responses, "gen_amzn_requestid_long", _numbered),
            (ResponseSerializer, "get_value", _value_of),
            (LimitedSizeDict, "__setitem__", _set_attribute),
            (dynamodb_models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (dynamodb_responses, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (dynamodb_table, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (validators, "deepcopy", _copied_expression),
            (_Update, "make", _update),
            (Subscription, "private_key", _signing_key),
        ):
            patches.enter_context(mock.patch.object(owner, name, instead))
        yield


_sign_truly = RequestSigner.sign


def _sign(signer: Any, operation_name: str, request: Any, *arguments: Any, **named: Any) -> None:
    """Of a signature moto reads the key and the region, S3's aside; a true one takes a twentieth of a call."""
    if signer.signing_name == "s3":
        _sign_truly(signer, operation_name, request, *arguments, **named)
        return
    scope = f"20260105/{signer.region_name}/{signer.signing_name}/aws4_request"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=somebody/{scope}, SignedHeaders=host"


# From the request to the code of its operation.

_served_by: dict[str, Any] = {}


def _answer(stubber: BotocoreStubber, asked: AWSPreparedRequest) -> Any:
    """Moto tries some hundred patterns to learn where an address leads to; it leads there the next time as well."""
    address = asked.url.partition("?")[0]
    if address not in _served_by:
        _served_by[address] = _find(address)
    request = _request_of(asked)
    try:
        return _served_by[address](request, request.raw_url, request.headers)
    except HTTPException as refusal:
        return refusal.code, refusal.get_headers(), refusal.get_body()


def _find(address: str) -> Any:
    for service, pattern in backend_index.backend_url_patterns:
        if pattern.match(address):
            for path, serve in _backend_of(service).urls.items():
                if re.match(path, address):
                    return serve
    return lambda *_: (404, {}, "Not yet implemented")


def _backend_of(service: Any) -> Any:
    known: Any = backends.get_backend(service)
    if not isinstance(known, BackendDict):
        return known["global"]
    regions = known[DEFAULT_ACCOUNT_ID]
    return regions["us-east-1" if "us-east-1" in regions else "aws"]


class _Request(Request):
    """Knows its address as it came, instead of putting it together again."""

    raw_path = raw_url = ""


def _request_of(asked: AWSPreparedRequest) -> Request:
    """What a WSGI server makes of it."""
    url = urlsplit(asked.url)
    body: Any = asked.body or b""
    body = body.read() if hasattr(body, "read") else body
    content = body.encode() if isinstance(body, str) else bytes(body)
    environ = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path).encode().decode("latin1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": url.path,
        "RAW_URI": url.path,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or {"http": 80, "https": 443}[url.scheme]),
        "HTTP_HOST": url.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    spelt: dict[str, str] = {}
    for name, value in asked.headers.items():
        key = environ_key_for_header(name)
        if key != "HTTP_TRANSFER_ENCODING":
            environ[key] = value.decode() if isinstance(value, bytes) else value
        if is_spelt_as_sent(name):
            spelt[key] = name
    environ |= {"CONTENT_LENGTH": str(len(content)), PRESERVED_HEADER_NAMES_ENVIRON_KEY: spelt}
    request = _Request(environ)
    request.raw_path = url.path or "/"
    request.raw_url = f"{url.scheme}://{url.netloc}{request.raw_path}{'?' if url.query else ''}{url.query}"
    return request


_match = RestRouter._match
_matches: dict[tuple[RestRouter, str, str], Any] = {}


def _operation_of(router: RestRouter, request: Request) -> Any:
    """Of what is not S3, method and address tell the operation and its parameters."""
    if type(router) is not RestRouter:
        return _match(router, request)
    key = router, request.method, request.raw_url
    if key not in _matches:
        _matches[key] = _match(router, request)
    operation, parameters = _matches[key]
    return operation, dict(parameters)


# From what moto has to say to the answer.


def _numbered(headers: dict[str, str]) -> str:
    """A request's id."""
    headers["x-amzn-requestid"] = number = f"{next(_numbers):052}"
    return number


_names: dict[tuple[type, str, Any], tuple[str, ...]] = {}
"""Under which a value of a class may have what a shape of a model calls by that name."""


def _value_of(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    picker: XFormedAttributePicker = serializer._value_picker
    kind = type(value), key, shape
    if kind not in _names:
        sought = AttributePickerContext(value, key, shape, serializer.operation_model, serializer.service_model)
        _names[kind] = tuple(dict.fromkeys(picker.get_possible_keys(sought)))
    found = _first(_names[kind], value)
    if picker.response_transformers:
        path = ".".join([*serializer.path, key])
        for end, transform in picker.response_transformers.items():
            if path.endswith(end):
                return transform(found)
    return found


def _first(names: tuple[str, ...], value: Any) -> Any:
    if type(value) is dict:
        return next((value[name] for name in names if name in value), None)
    return next((found for name in names if (found := get_value(value, name, MISSING)) is not MISSING), None)


# DynamoDB.

_OF_ITEMS = {
    "DeleteItem": DynamoHandler.delete_item,
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": DynamoHandler.update_item,
}
"""What changes or answers items. The request is the same JSON for boto3, for moto and in between."""

_send = vars(Endpoint)["_do_get_response"]


def _do_get_response(endpoint: Any, request: AWSPreparedRequest, operation: Any, context: Any) -> Any:
    """A refusal has changed nothing, so it is asked for once more, the whole way."""
    if operation.name in _OF_ITEMS and endpoint._endpoint_prefix == "dynamodb":
        handler: Any = DynamoHandler()
        body: Any = request.body
        handler.current_account = DEFAULT_ACCOUNT_ID
        handler.region = urlsplit(request.url).netloc.split(".")[1]
        handler.body = json.loads(body)
        try:
            found: Any = _OF_ITEMS[operation.name](handler).result
        except (ServiceException, HTTPException):
            return _send(endpoint, request, operation, context)
        answer = {
            name: value for name, value in found.items() if value is not None and name in operation.output_shape.members
        }
        metadata = {"RequestId": _numbered({}), "HTTPStatusCode": 200, "HTTPHeaders": {}}
        return (
            AWSResponse(request.url, 200, HTTPHeaders(), MockRawResponse(b"")),
            answer | {"ResponseMetadata": metadata},
        ), None
    return _send(endpoint, request, operation, context)


def _set_attribute(attributes: LimitedSizeDict, name: str, value: Any) -> None:
    """Whether an item is too large is counted once it may be."""
    text = value.value if isinstance(value, DynamoType) and isinstance(value.value, str) else str(value)
    known = vars(attributes).get("at_most", math.inf if attributes else 0)
    vars(attributes)["at_most"] = at_most = known + MOST_BYTES_OF_A_CHARACTER * (len(name) + len(text))
    set_attribute = _count_and_set_attribute if at_most > SURELY_SMALL_BYTES else dict.__setitem__
    set_attribute(attributes, name, value)


_count_and_set_attribute = LimitedSizeDict.__setitem__


def _copied(value: Any) -> Any:
    """An item may be changed in place, but neither its strings and numbers nor what a table is besides its items."""
    if isinstance(value, Item):
        return _copied_item(value)
    if isinstance(value, list):
        return [_copied(each) for each in value]
    if not isinstance(value, Table):
        return copy.deepcopy(value)
    table: Any = copy.copy(value)
    table.items = defaultdict(dict)
    for key, items in value.items.items():
        if isinstance(items, Item):
            table.items[key] = _copied_item(items)
        else:
            table.items[key] = {sort_key: _copied_item(item) for sort_key, item in items.items()}
    return table


def _copied_expression(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def _copied_item(item: Item) -> Item:
    copied = copy.copy(item)
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(copied.attrs, {name: _copied_value(value) for name, value in item.attrs.items()})
    vars(copied.attrs).update(vars(item.attrs))
    return copied


def _copied_value(value: Any) -> Any:
    if isinstance(value, DynamoType):
        if isinstance(value.value, str):
            return value
        copied = copy.copy(value)
        copied.value = _copied_value(value.value)
        return copied
    if isinstance(value, dict):
        return {name: _copied_value(each) for name, each in value.items()}
    return [_copied_value(each) for each in value] if isinstance(value, list) else value


_Update = vars(expressions)["UpdateExpressionParser"]
_update = functools.cache(_Update.make)
"""What an expression means; to be copied before it is changed."""


# SNS.


@functools.cache
def _one_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _signing_key(_: Subscription) -> Any:
    """Moto makes a key of twice the size for every subscription, which takes as long as a hundred calls."""
    return _one_key()
