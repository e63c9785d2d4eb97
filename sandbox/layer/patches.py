"""
Everything that is changed in MiniStack and moto, in one table.

Each entry names an attribute and a function that takes what stands there and gives what shall stand there. All
names are looked up before any is changed, those the layer only uses included: a MiniStack that lacks one is refused.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sandbox.layer import (
    alarms,
    asked,
    asynchronous,
    children,
    code,
    copies,
    door,
    events,
    execution_logs,
    images,
    interpreter,
    invoke,
    items,
    keys,
    links,
    log_search,
    machine_requests,
    machines,
    map_runs,
    metrics,
    operations,
    permissions,
    policies,
    pool,
    requests,
    routing,
    seam,
    sessions,
    stages,
    statistics,
    templates,
    updates,
    versions,
)

Patch = tuple[str, str, Callable[[Any], Any]]

LAMBDA = "ministack.services.lambda_svc"
PROVISIONERS = "ministack.services.cloudformation.provisioners"
MACHINES = "ministack.services.stepfunctions"
STATES = "moto.stepfunctions.parser.asl.component"
TASKS = f"{STATES}.state.exec.state_task"
MAPS = f"{STATES}.state.exec.state_map"
INTERPRETER = "moto.stepfunctions.parser.asl"
CALLS_AWS = [
    f"{TASKS}.lambda_eval_utils",
    *(f"{TASKS}.service.state_task_service_{name}" for name in ("aws_sdk", "dynamodb", "events", "sfn", "sns", "sqs")),
    f"{MAPS}.item_reader.eval.resource_eval_s3",
    f"{MAPS}.result_writer.resource_eval.resource_eval_s3",
]
SYNC = f"{TASKS}.service.state_task_service_sfn"

PATCHES: list[Patch] = [
    (LAMBDA, "handle_request", requests.handle_request),
    (LAMBDA, "_create_function", versions.create_function),
    (LAMBDA, "_update_code", versions.update_code),
    (LAMBDA, "_publish_version", versions.publish_version),
    (LAMBDA, "_create_alias", routing.create_alias),
    (LAMBDA, "_update_alias", routing.update_alias),
    (LAMBDA, "_add_permission", policies.add_permission),
    (LAMBDA, "_remove_permission", policies.remove_permission),
    (LAMBDA, "_get_policy", policies.get_policy),
    (LAMBDA, "invoke_async_with_retry", asynchronous.invoke_async_with_retry),
    (LAMBDA, "_put_provisioned_concurrency", requests.put_provisioned_concurrency),
    (LAMBDA, "_put_event_invoke_config", requests.put_event_invoke_config),
    (LAMBDA, "_invoke", invoke.invoke),
    (LAMBDA, "_get_func_record_for_ref", routing.get_func_record_for_ref),
    (LAMBDA, "_run_sqs_batch", routing.run_sqs_batch),
    (LAMBDA, "_execute_function", invoke.execute_function),
    (LAMBDA, "_execute_function_warm", invoke.execute_function_warm),
    (LAMBDA, "_reserved_concurrency", invoke.reserved_concurrency),
    (LAMBDA, "_emit_lambda_metrics", invoke.silence),
    (LAMBDA, "_emit_lambda_logs", invoke.silence),
    (LAMBDA, "_schedule_state_transition", updates.schedule_state_transition),
    (LAMBDA, "_get_function", code.get_function),
    (LAMBDA, "serve_function_code", code.serve_function_code),
    (LAMBDA, "_presigned_code_url", links.presigned),
    (LAMBDA, "_layer_content_url", links.presigned),
    ("ministack.services.sts", "handle_request", sessions.handle_request),
    (LAMBDA, "execution_credentials", sessions.execution_credentials),
    ("ministack.core.lambda_runtime", "execution_credentials", sessions.execution_credentials),
    (LAMBDA, "invalidate_worker", lambda original: pool.forget),
    (LAMBDA, "_provided_worker_env", pool.provided_worker_env),
    ("ministack.core.iam_evaluator", "enforce", asked.enforce),
    ("ministack.core.iam_actions", "_lambda_action", operations.lambda_action),
    ("ministack.core.iam_actions", "extract_resource_arn", permissions.extract_resource_arn),
    ("ministack.core.iam_actions", "dynamodb_resource_arns", items.dynamodb_resource_arns),
    ("ministack.core.iam_actions", "dynamodb_transaction_checks", items.dynamodb_transaction_checks),
    ("ministack.core.iam_evaluator", "enforce", permissions.enforce),
    ("ministack.core.iam_evaluator", "_resolve_condition_key", permissions.resolve_condition_key),
    ("ministack.core.iam_evaluator", "evaluate_resource_policy", permissions.evaluate_resource_policy),
    ("ministack.core.iam_evaluator", "is_root_access_key", sessions.is_root_access_key),
    ("ministack.core.iam_evaluator", "_is_root_key", sessions.is_root_key),
    ("ministack.core.iam_evaluator", "resolve_caller_identity", sessions.resolve_caller_identity),
    ("ministack.services.ecr", "repository_policy_for_arn", images.repository_policy_for_arn),
    ("ministack.app", "pin_request_origin", permissions.pin_request_origin),
    ("ministack.app", "pin_signed_request", door.pin_signed_request),
    ("ministack.services.tagging", "resource_tags", permissions.resource_tags),
    ("ministack.services.cloudwatch_logs", "_filter_log_events", log_search.filter_log_events),
    ("ministack.services.cloudwatch_logs", "_put_metric_filter", log_search.put_metric_filter),
    ("ministack.services.cloudwatch", "_evict_old_metrics", metrics.evict_old_metrics),
    ("ministack.services.cloudwatch", "_get_metric_data", statistics.get_metric_data),
    ("ministack.services.cloudwatch", "_evaluate_alarm", alarms.evaluate_alarm),
    ("ministack.services.cloudwatch", "_dispatch_alarm_actions", alarms.dispatch_alarm_actions),
    (PROVISIONERS, "_RESOURCE_HANDLERS", templates.resource_handlers),
    (PROVISIONERS, "_cw_metric_alarm_record", alarms.metric_alarm_record),
    ("ministack.services.s3", "_fire_s3_event", events.fire_s3_event),
    ("ministack.services.s3", "_copy_object", copies.copy_object),
    ("ministack.services.s3", "_resolve_sse_write_headers", keys.resolve_sse_write_headers),
    ("ministack.services.eventbridge", "_dispatch_event", events.dispatch_event),
    ("ministack.services.eventbridge", "_invoke_target", events.invoke_target),
    ("ministack.services.eventbridge", "_dispatch_to_lambda", events.dispatch_to_lambda),
    ("ministack.services.apigateway", "_invoke_lambda_proxy", stages.invoke_lambda_proxy),
    ("ministack.services.apigateway", "run_reentrant", stages.run_reentrant),
    (MACHINES, "handle_request", machine_requests.handle_request),
    (f"{TASKS}.service.state_task_service", "StateTaskService._normalise_parameters", children.normalise_parameters),
    (f"{TASKS}.service.state_task_service", "StateTaskService._normalise_response", children.normalise_response),
    (
        f"{TASKS}.service.state_task_service",
        "StateTaskService._after_eval_execution",
        children.ends_with_its_execution,
    ),
    (SYNC, "StateTaskServiceSfn._build_sync_resolver", children.knows_what_it_started),
    (SYNC, "StateTaskServiceSfn._build_sync2_resolver", children.knows_what_it_started),
    (SYNC, "StateTaskServiceSfn._eval_sync", interpreter.eval_sync),
    (SYNC, "StateTaskServiceSfn._from_error", children.from_error_of_step_functions),
    (f"{STATES}.state.fail.state_fail", "CustomErrorName", children.any_name),
    (f"{MAPS}.item_reader.item_reader_decl", "ItemReader._eval_body", children.reads_items),
    (
        f"{MAPS}.iteration.distributed_iteration_component",
        "DistributedIterationComponent._map_run",
        children.map_run(map_runs.Runs()),
    ),
    (f"{INTERPRETER}.eval.environment", "Environment.set_stop", children.passed_on),
    (f"{INTERPRETER}.eval.environment", "Environment.set_timed_out", children.passed_on),
    (f"{STATES}.program.program", "threading", lambda original: SimpleNamespace(Thread=map_runs.SameContext)),
    (f"{STATES}.state.exec.execute_state", "Thread", lambda original: map_runs.SameContext),
    (MACHINES, "_start_execution", machines.start_execution),
    (MACHINES, "_run_execution", machines.run_execution),
    (MACHINES, "_add_event", execution_logs.add_event),
    (MACHINES, "_emit_execution_status_event", execution_logs.emit_execution_status_event),
    (MACHINES, "_stop_execution", machines.stop_execution),
    (MACHINES, "_send_task_success", machines.send_task_success),
    (MACHINES, "_send_task_failure", machines.send_task_failure),
    (MACHINES, "_send_task_heartbeat", machines.send_task_heartbeat),
    *((module, "boto_client_for", interpreter.boto_client_for) for module in CALLS_AWS),
    (f"{TASKS}.state_task_lambda", "StateTaskLambda._from_error", interpreter.from_error_of_function),
    (
        f"{TASKS}.service.state_task_service_lambda",
        "StateTaskServiceLambda._from_error",
        interpreter.from_error_of_invoke,
    ),
    (
        f"{TASKS}.service.state_task_service_callback",
        "StateTaskServiceCallback._eval_wait_for_task_token",
        interpreter.wait_for_task_token,
    ),
    (
        f"{TASKS}.service.state_task_service_aws_sdk",
        "StateTaskServiceAwsSdk._normalise_service_error_name",
        interpreter.normalise_service_error_name,
    ),
    ("hypercorn.protocol.http_stream", "HTTPStream._send_error_response", seam.send_error_response),
    (f"{STATES}.common.error_name.error_equals_decl", "ErrorEqualsDecl._eval_body", interpreter.error_equals),
    (f"{STATES}.common.retry.retrier_decl", "time", interpreter.retry_clock),
    (f"{STATES}.state.wait.wait_function.wait_function", "WaitFunction._wait_interval", interpreter.wait_interval),
]


class DoesNotFit(Exception):
    """The installed MiniStack or moto lacks what the layer builds on."""


def install(patches: list[Patch] = PATCHES) -> None:
    """Change everything, or nothing."""
    missing = [name for name in [*(f"{module}.{name}" for module, name, _ in patches), *used()] if not exists(name)]
    if missing:
        raise DoesNotFit(
            f"the installed MiniStack or moto lacks {', '.join(missing)}; "
            "the sandbox is made for the versions in requirements/sandbox.txt"
        )
    for module, name, patch in patches:
        *path, last = name.split(".")
        holder = importlib.import_module(module)
        for part in path:
            holder = getattr(holder, part)
        setattr(holder, last, patch(getattr(holder, last)))


def used() -> Iterator[str]:
    """Names of MiniStack's modules that this layer's own code reads, found in its source."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_text())
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                yield f"{modules[node.value.id]}.{node.attr}"


def exists(name: str) -> bool:
    """Whether the dotted name leads to something: modules as far as there are any, then attributes."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False
