"""What AWS says to a client of ours where moto has nothing to say, and what it was asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

Asked = list[dict[str, Any]]


@contextmanager
def asked(client: Any, operation: str) -> Iterator[Asked]:
    """The parameters of every call of that operation."""
    seen: Asked = []
    event = f"before-parameter-build.{client.meta.service_model.service_id.hyphenize()}.{operation}"

    def see(params: dict[str, Any], **_: Any) -> None:
        seen.append(dict(params))

    client.meta.events.register(event, see)
    try:
        yield seen
    finally:
        client.meta.events.unregister(event, see)


@contextmanager
def answered(client: Any, operation: str, answer: Callable[[], Any]) -> Iterator[Asked]:
    """Every call of that operation is answered so, and AWS does not see it."""
    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"

    def say(**_: Any) -> Any:
        return SimpleNamespace(status_code=200), answer()

    client.meta.events.register(event, say)
    try:
        with asked(client, operation) as seen:
            yield seen
    finally:
        client.meta.events.unregister(event, say)
