"""
Whether a function may have an image: ECR asks the caller's policies, and in another account the repository's as well.

A repository of another account must let the caller's account pull, and Lambda for the function. In the function's own
account Lambda lets itself in.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr, lambda_svc

from sandbox.layer import operations
from sandbox.layer.answers import Response, refused

IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
PULLS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
LAMBDA = "lambda.amazonaws.com"
REFUSAL = "Lambda does not have permission to access the ECR image. Check the ECR permissions."


def out_of_reach(request: operations.Request, data: dict[str, Any], access_key: str) -> Response | None:
    """The refusal of CreateFunction and UpdateFunctionCode, if this caller may not have the image."""
    code = {"CreateFunction": data.get("Code"), "UpdateFunctionCode": data}.get(request.operation) or {}
    if not (image := IMAGE.match(code.get("ImageUri") or "")):
        return None
    account, region, name = image.groups()
    arn = f"arn:aws:ecr:{region}:{account}:repository/{name}"
    function = request.function or lambda_svc._resolve_name_and_qualifier(data["FunctionName"])[0]
    for action in PULLS:
        if iam_evaluator.enforce(access_key, action, "ecr", get_region(), resource_arn=arn):
            return refused("AccessDeniedException", REFUSAL, 403)
        if account != get_account_id() and not lets_lambda_in(arn, action, function):
            return refused("AccessDeniedException", REFUSAL, 403)
    return None


def lets_lambda_in(arn: str, action: str, function: str) -> bool:
    """Whether the repository's policy lets the service Lambda pull for this function."""
    about = {"aws:sourcearn": lambda_svc._func_arn(function), "aws:sourceaccount": get_account_id()}
    asked = EvalContext(LAMBDA, "Service", "", action, arn, get_region(), service_context=about)
    policy, _ = ecr.repository_policy_for_arn(arn)
    return bool(iam_evaluator.evaluate_resource_policy(policy, asked, service=LAMBDA).decision == "Allow")


def repository_policy_for_arn(original: Any) -> Any:
    """The policy of a repository and whose it is, in any account."""

    def _repository_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
        _, _, _, region, account, repository = resource_arn.split(":", 5)
        if account == get_account_id():
            own: tuple[str, str] | None = original(resource_arn)
            return own
        return ecr._repo_policies.get_scoped(account, region, repository.removeprefix("repository/")) or "", account

    return _repository_policy_for_arn
