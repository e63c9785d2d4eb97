"""A function behind an HTTP API gets the variables of the API's stage, as on AWS (payload format 2.0)."""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.services import apigateway

_variables: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("stage_variables", default=None)


def invoke_lambda_proxy(original: Any) -> Any:
    """Remember the variables of the stage that is asked."""

    async def _invoke_lambda_proxy(integration: Any, api_id: str, stage: str, *args: Any, **kwargs: Any) -> Any:
        token = _variables.set(apigateway._get_stage_variables(api_id, stage))
        try:
            return await original(integration, api_id, stage, *args, **kwargs)
        finally:
            _variables.reset(token)

    return _invoke_lambda_proxy


def run_reentrant(original: Any) -> Any:
    """An event without any variable has no such key."""

    async def _run_reentrant(execute: Any, function: Any, event: Any, **kwargs: Any) -> Any:
        variables = _variables.get()
        return await original(
            execute, function, event | {"stageVariables": variables} if variables else event, **kwargs
        )

    return _run_reentrant
