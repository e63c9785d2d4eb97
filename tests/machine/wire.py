"""
The way from boto3 to moto and back, without the work that is the same for every call.

boto3 checks and serializes every request, its hooks see it, and moto's code of the operation answers it. Two kinds of
answers are handed over as moto has them: items of a table, and what Step Functions says of an execution. All others go
through AWS's protocol and boto3's parser.

Left out are detours: a test client of a web framework for each request, a search through a model for each name in an
answer, a count of an item's bytes for each of its attributes, a look at the class of each node of an expression.
DynamoDB, Lambda and Step Functions get no signature, and boto3's event `request-created` does not come for them.
"""

import copy
import functools
import inspect
import io
import itertools
import json
import math
import pickle
import re
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from enum import Enum
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakKeyDictionary

from botocore import context
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.compat import HTTPHeaders
from botocore.context import ClientContext
from botocore.credentials import RefreshableCredentials
from botocore.endpoint import Endpoint
from botocore.regions import EndpointRulesetResolver
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from botocore.utils import parse_timestamp, parse_to_aware_datetime
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import backend_index, backends
from moto.awslambda.responses import LambdaResponse
from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.common_models import BaseModel
from moto.core.constants import MISSING
from moto.core.exceptions import ServiceException
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, Request, environ_key_for_header
from moto.core.request import should_preserve_original_header_name as is_spelt_as_sent
from moto.core.routing import RestRouter
from moto.core.serialize import (
    AttributePickerContext,
    ResponseSerializer,
    TimestampSerializer,
    XFormedAttributePicker,
)
from moto.core.utils import get_value
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb import responses as dynamodb_responses
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models import table as dynamodb_table
from moto.dynamodb.models import utilities as dynamodb_utilities
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import get_account_id_from
from moto.s3.models import FakeKey, FakeMultipart
from moto.sns.models import Subscription
from moto.sqs import models as sqs_models
from moto.stepfunctions.responses import StepFunctionResponse
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
            (Endpoint, "create_request", _create_request),
            (EndpointRulesetResolver, "construct_endpoint", _endpoint),
            (RequestSigner, "sign", _sign),
            (RequestSigner, "__init__", _begin_signing),
            (UserAgentString, "to_string", lambda _: "walk"),
            (context, "deepcopy", lambda current: ClientContext(set(current.features))),
            (BotocoreStubber, "process_request", _answer),
            (RestRouter, "_match", _operation_of),
            (responses, "method_names_from_class", _actions),
            (responses, "camelcase_to_underscores", _in_underscores),
            (sqs_models, "camelcase_to_underscores", _in_underscores),
            (responses, "gen_amzn_requestid_long", _numbered),
            (ResponseSerializer, "get_value", _value_of),
            (LimitedSizeDict, "__setitem__", _set_attribute),
            (Table, "all_items", _all_items),
            (Table, "query", _query),
            (DynamoType, "cast_value", property(_cast_value)),
            (Item, "size", _size),
            (dynamodb_utilities, "dynamo_to_dict", _as_json),
            (dynamodb_responses, "dynamo_to_dict", _as_json),
            (dynamodb_models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (DynamoDBBackend, "transact_write_items", _write_together),
            (dynamodb_responses, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (dynamodb_table, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_copied)),
            (validators, "deepcopy", _copied_expression),
            (vars(ast_nodes)["DepthFirstTraverser"], "traverse_node_recursively", _traverse),
            (_ActionCounts, "verify_action_counts", _count_actions),
            (ConditionExpressionParser, "_lex_condition_expression", _words_of),
            (_Update, "make", _update),
            (Subscription, "private_key", _signing_key),
            (BaseModel, "__new__", _new),
        ):
            patches.enter_context(mock.patch.object(owner, name, instead))
        yield


def _new(kind: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    """Moto keeps all that it ever made, each copy of a table too, for a web page; of S3's, it closes the files."""
    made: BaseModel = object.__new__(kind)
    if issubclass(kind, FakeKey | FakeMultipart):
        vars(kind)["instances_tracked"].append(made)
    return made


_sign_truly = RequestSigner.sign


def _sign(signer: Any, operation_name: str, request: Any, *arguments: Any, **named: Any) -> None:
    """Of a signature moto reads the key and the region, S3's aside; a true one takes a twentieth of a call."""
    if signer.signing_name == "s3":
        _sign_truly(signer, operation_name, request, *arguments, **named)
        return
    key = signer._credentials.access_key if signer._credentials else "somebody"
    request.headers["Authorization"] = _authorization(signer.region_name, signer.signing_name, key)


_begin_signing_truly = vars(RequestSigner)["__init__"]
_signing_asks = inspect.signature(_begin_signing_truly)
_roles: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""The credentials of clients that work as a role, by what such a client's signer and endpoint have in common."""


def _begin_signing(signer: Any, *arguments: Any, **named: Any) -> None:
    _begin_signing_truly(signer, *arguments, **named)
    given = _signing_asks.bind(signer, *arguments, **named).arguments
    own, emitter = given["credentials"], given["event_emitter"]
    if isinstance(own, RefreshableCredentials) or (own and own.token):
        _roles[emitter] = own


def _authorization(region: str, service: str, key: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20260105/{region}/{service}/aws4_request, SignedHeaders=host"


def key_of(request: Any) -> str:
    """The access key that a request is signed with."""
    return _text(request.headers["Authorization"]).partition("Credential=")[2].partition("/")[0]


def account_of(request: Any) -> str:
    """Whose key it is."""
    key = key_of(request)
    return str(get_account_id_from(key)) if key.startswith("ASIA") else DEFAULT_ACCOUNT_ID


_create_truly = vars(Endpoint)["create_request"]


def _create_request(endpoint: Any, asked: Any, operation: Any = None) -> Any:
    """DynamoDB, Lambda and Step Functions: the request has its address and body, so nothing is left to prepare."""
    if operation is None or endpoint._endpoint_prefix not in {"dynamodb", *_SPEAK_JSON}:
        return _create_truly(endpoint, asked, operation)
    region = asked["context"].get("signing", {}).get("region") or asked["context"]["client_region"]
    headers: Any = HeadersDict(asked["headers"])
    role = _roles.get(endpoint._event_emitter)
    key = role.access_key if role else "somebody"
    headers["Authorization"] = _authorization(region, endpoint._endpoint_prefix, key)
    return AWSPreparedRequest(
        asked["method"], asked["url"], headers, asked["body"], operation.has_streaming_output, asked["context"]
    )


_endpoints: WeakKeyDictionary[EndpointRulesetResolver, dict[str, Any]] = WeakKeyDictionary()
_endpoint_truly = EndpointRulesetResolver.construct_endpoint


def _endpoint(resolver: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
    """S3's depends on the bucket; any other client has one endpoint for an operation."""
    if operation_model.service_model.service_name == "s3":
        return _endpoint_truly(resolver, operation_model, call_args, request_context)
    known = _endpoints.setdefault(resolver, {})
    if operation_model.name not in known:
        known[operation_model.name] = _endpoint_truly(resolver, operation_model, call_args, request_context)
    return known[operation_model.name]


# From the request to the code of its operation.

_served_by: dict[str, Any] = {}


def _answer(stubber: BotocoreStubber, asked: Any) -> Any:
    """Moto's answer. Which code serves an address is looked up once, since moto tries some hundred patterns for it."""
    if hasattr(asked, "operation"):
        return _call(asked)
    address = asked.url.partition("?")[0]
    if address not in _served_by:
        _served_by[address] = _find(address)
    request = _request_of(asked)
    try:
        return _served_by[address](request, request.raw_url, request.headers)
    except HTTPException as refusal:
        return refusal.code, refusal.get_headers(), refusal.get_body()


_SPEAK_JSON: dict[str, Any] = {"lambda": LambdaResponse, "states": StepFunctionResponse}
"""Moto's code of services whose requests have JSON in their body: no web framework is needed to read it."""


def _call(asked: Any) -> Any:
    """Moto's answer. Its code gets those parts of the request that it would read from the web framework's."""
    url = urlsplit(asked.url)
    handler: Any = _SPEAK_JSON[asked.service]()
    handler.body = handler.raw_body = _text(asked.body or "")
    handler.uri, handler.path, handler.raw_path, handler.method = asked.url, url.path, url.path, asked.method
    handler.querystring = handler.data = parse_qs(url.query, keep_blank_values=True)
    handler.headers = HeadersDict({name: _text(value) for name, value in asked.headers.items()})
    handler.response_headers, handler.uri_match = {}, {}
    handler.region, handler.partition, handler.current_account = url.netloc.split(".")[1], "aws", account_of(asked)
    handler._get_action = lambda: asked.operation
    return handler.call_action()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


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


class _Request(Request):  # type: ignore[misc]
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


# Answers that are handed over.

_HANDED_OVER: dict[tuple[str, str], tuple[Any, str]] = {
    **{
        ("dynamodb", name): (DynamoHandler, _in_underscores(name))
        for name in ("DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
    },
    **{
        ("states", name): (StepFunctionResponse, _in_underscores(name))
        for name in ("DescribeExecution", "GetExecutionHistory")
    },
}
"""Operations on items, whose JSON is the same for boto3 and for moto, and those that tell of executions."""

_send = vars(Endpoint)["_do_get_response"]


_one_at_a_time = threading.Lock()
"""Moto answers an item of its own while it reads it, which another thread may change then."""


def _do_get_response(endpoint: Any, request: Any, operation: Any, context: Any) -> Any:
    """A refusal has changed nothing, so it is asked for once more, the whole way."""
    service = endpoint._endpoint_prefix
    if service in _SPEAK_JSON and _in_underscores(operation.name) in _actions(_SPEAK_JSON[service]):
        request.service, request.operation = service, operation.name
    if (service, operation.name) not in _HANDED_OVER:
        return _send(endpoint, request, operation, context)
    kind, act = _HANDED_OVER[service, operation.name]
    handler: Any = kind()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, urlsplit(request.url).netloc.split(".")[1]
    handler.body, handler.querystring, handler.uri_match = request.body, {}, {}
    if kind is DynamoHandler:
        handler.body = json.loads(request.body)
    try:
        with _one_at_a_time if kind is DynamoHandler else nullcontext():
            found: Any = getattr(handler, act)().result
    except (ServiceException, HTTPException):
        return _send(endpoint, request, operation, context)
    answer = _parsed(found, operation.output_shape) if kind is StepFunctionResponse else _members(found, operation)
    metadata = {"RequestId": _numbered({}), "HTTPStatusCode": 200, "HTTPHeaders": {}}
    return (
        AWSResponse(request.url, 200, HTTPHeaders(), MockRawResponse(b"")),
        answer | {"ResponseMetadata": metadata},
    ), None


def _members(found: dict[str, Any], operation: Any) -> dict[str, Any]:
    known = operation.output_shape.members
    return {name: value for name, value in found.items() if value is not None and name in known}


def _parsed(value: Any, shape: Any) -> Any:
    """What boto3 makes of a value of moto's, without the JSON in between."""
    if shape.type_name == "structure":
        known = _shapes_of(shape)
        return {
            name: _parsed(member, known[name]) for name, member in value.items() if member is not None and name in known
        }
    if shape.type_name == "list":
        return [_parsed(each, shape.member) for each in value]
    if shape.type_name == "timestamp":
        return _moment(value)
    return value.value if isinstance(value, Enum) else value


@functools.cache
def _shapes_of(shape: Any) -> dict[str, Any]:
    return dict(shape.members)


@functools.cache
def _moment(value: Any) -> datetime:
    """AWS tells milliseconds."""
    told: Any = TimestampSerializer._timestamp_unixtimestamp(parse_to_aware_datetime(value))
    return parse_timestamp(told)


# DynamoDB.


def _set_attribute(attributes: LimitedSizeDict, name: str, value: Any) -> None:
    """Whether an item is too large is counted once it may be."""
    text = value.value if isinstance(value, DynamoType) and isinstance(value.value, str) else str(value)
    known = vars(attributes).get("at_most", math.inf if attributes else 0)
    vars(attributes)["at_most"] = at_most = known + MOST_BYTES_OF_A_CHARACTER * (len(name) + len(text))
    set_attribute = _count_and_set_attribute if at_most > SURELY_SMALL_BYTES else dict.__setitem__
    set_attribute(attributes, name, value)


_count_and_set_attribute = LimitedSizeDict.__setitem__


def _all_items(table: Table) -> list[Item]:
    """In the order of the keys, each of which is cast once."""
    if table.range_key_attr is None:
        return list(_all_items_truly(table))
    found: list[Any] = [item for items in table.items.values() for item in items.values()]
    return sorted(found, key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))


def _query(table: Table, hash_key: Any, *arguments: Any, **named: Any) -> Any:
    """Without an index, only the items of one hash key can be found."""
    place: Any = table
    if _query_asks.bind(table, hash_key, *arguments, **named).arguments.get("index_name") is None:
        place = copy.copy(table)
        place.items = {hash_key: table.items[hash_key]} if hash_key in table.items else {}
    return _query_truly(place, hash_key, *arguments, **named)


def _cast_value(value: DynamoType) -> Any:
    """Most are strings, and moto asks for it whenever it compares two."""
    return value.value if value.type == "S" else _cast_truly(value)


_all_items_truly, _query_truly = Table.all_items, vars(Table)["query"]
_query_asks = inspect.signature(_query_truly)
_cast_truly = vars(DynamoType)["cast_value"].fget


def _size(item: Item) -> int:
    """In bytes. Moto makes an object of each value that another has in it."""
    return sum(len(name.encode()) + _bytes_of(value) for name, value in item.attrs.items())


def _bytes_of(value: DynamoType) -> int:
    if value.type == "S":
        return len(value.value.encode())
    if value.type == "M":
        return sum(len(name.encode()) + _bytes_of(each) for name, each in value.value.items())
    if value.type == "L":
        return sum(map(_bytes_of, value.value))
    size: int = value.size()
    return size


def _as_json(value: Any) -> Any:
    """An answer's items as JSON; most of what is in them is known by its class."""
    kind = type(value)
    if kind is str:
        return value
    if kind is DynamoType and value.type not in ("B", "BS"):
        return {value.type: _as_json(value.value)}
    if kind is dict:
        return {name: _as_json(each) for name, each in value.items()}
    if kind is list:
        return [_as_json(each) for each in value]
    return _as_json_truly(value)


_as_json_truly = vars(dynamodb_utilities)["dynamo_to_dict"]


def _copied(value: Any) -> Any:
    """An item may be changed in place, but neither its strings and numbers nor what a table is besides its items."""
    if isinstance(value, Item):
        return _copied_item(value)
    if isinstance(value, list):
        return [_copied(each) for each in value]
    if not isinstance(value, Table):
        return copy.deepcopy(value)
    table: Any = copy.copy(value)
    table.items = defaultdict(dict, value.items)
    for key, sort_keys in _written.get().items():
        items = value.items.get(key)
        if isinstance(items, Item):
            table.items[key] = _copied_item(items)
        elif items is not None:
            table.items[key] = items | {each: _copied_item(items[each]) for each in sort_keys if each in items}
    return table


_written: ContextVar[Mapping[DynamoType, set[DynamoType]]] = ContextVar("written", default=MappingProxyType({}))
"""The items that a transaction writes, as sort keys by hash key: nothing else of a table changes in it."""

_write_together_truly = DynamoDBBackend.transact_write_items


def _write_together(backend: Any, transact_items: Any) -> Any:
    """Moto copies each table once for each item, to have what there was; of a large one that is most of the time."""
    written: defaultdict[DynamoType, set[DynamoType]] = defaultdict(set)
    for part in transact_items:
        (op,) = part.values()
        table = backend.tables.get(op.get("TableName"))
        place = op.get("Key") or op.get("Item") or {}
        if table and table.hash_key_attr in place:
            sort_keys = written[DynamoType(place[table.hash_key_attr])]
            if table.range_key_attr in place:
                sort_keys.add(DynamoType(place[table.range_key_attr]))
    reset = _written.set(written)
    try:
        return _write_together_truly(backend, transact_items)
    finally:
        _written.reset(reset)


def _copied_expression(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def _traverse(traverser: Any, node: Any, place: int = -1) -> Any:
    """Depth first, as moto does; whether a traverser changes nodes of a class is looked up once."""
    kind: Any = type(node)
    if not _is_a_node(kind):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        traverser.traverse_node_recursively(child, number)
    key = type(traverser), kind
    if key not in _changes:
        _changes[key] = issubclass(kind, traverser.nodes_to_be_processed())
    if _changes[key]:
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[place] = node
    return node


@functools.cache
def _is_a_node(kind: Any) -> bool:
    return issubclass(kind, vars(ast_nodes)["Node"])


_changes: dict[tuple[type, type], bool] = {}
_ActionCounts = vars(validators)["ActionCountValidator"]
_count_actions_truly = _ActionCounts.verify_action_counts


def _count_actions(validator: Any, node: Any) -> Any:
    """All clauses are below the root; moto counts them from each clause anew."""
    return node if node.parent else _count_actions_truly(validator, node)


_split_into_words = vars(ConditionExpressionParser)["_lex_condition_expression"]


def _words_of(parser: Any) -> deque[Any]:
    """Moto tries six patterns at each word of a condition; the words of a condition are always the same."""
    return deque(_words(parser.condition_expression))


@functools.cache
def _words(condition: str) -> tuple[Any, ...]:
    return tuple(_split_into_words(ConditionExpressionParser(condition, None, None)))


def _copied_item(item: Item) -> Item:
    copied: Any = object.__new__(Item)
    vars(copied).update(vars(item))
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(copied.attrs, {name: _copied_value(value) for name, value in item.attrs.items()})
    vars(copied.attrs).update(vars(item.attrs))
    return copied


def _copied_value(value: Any) -> Any:
    kind = type(value)
    if kind is DynamoType:
        if type(value.value) is str:
            return value
        copied: Any = object.__new__(kind)
        copied.type, copied.value = value.type, _copied_value(value.value)
        return copied
    if kind is dict:
        return {name: _copied_value(each) for name, each in value.items()}
    return [_copied_value(each) for each in value] if kind is list else value


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
