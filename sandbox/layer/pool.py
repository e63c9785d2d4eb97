"""
The execution environments that are warm, by function version and by what they run.

Code or settings that change make a new kind of environment. Those of the old kind finish what they do and are
then retired, so that no update ever breaks off an invocation.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from sandbox.layer import package, processes, sessions
from sandbox.layer.worker import Worker

IDLE_SECONDS = 120.0
PATH = "/usr/local/bin:/usr/bin:/bin"
DECIDES_THE_ENVIRONMENT = ("CodeSha256", "Runtime", "Handler", "Role", "Timeout", "MemorySize", "Environment", "Layers")
RESERVED = lambda_runtime._RESERVED_RUNTIME_ENV_VARS


@dataclass
class Warm:
    """The environments of one version of one function."""

    kind: str = ""
    idle: list[Worker] = field(default_factory=list)


_pools: dict[tuple[str, str, str], Warm] = {}
_busy: set[Worker] = set()
_lock = threading.Lock()
_folder = Path(tempfile.gettempdir()) / "lambda-code"


@contextmanager
def leased(config: dict[str, Any], archive: bytes) -> Iterator[Worker]:
    """An environment for this version, warm if there is one, given back afterwards."""
    key, kind = key_of(config), kind_of(config)
    worker = take(key, kind) or start(config, archive)
    with _lock:
        _busy.add(worker)
    try:
        yield worker
    finally:
        give_back(worker, key, kind)


def take(key: tuple[str, str, str], kind: str) -> Worker | None:
    """A warm environment of this kind, if there is one; those of an older kind or that have ended are retired."""
    with _lock:
        warm = _pools.setdefault(key, Warm())
        useless: list[Worker] = []
        if warm.kind != kind:
            useless, warm.idle, warm.kind = warm.idle, [], kind
        while (worker := warm.idle.pop() if warm.idle else None) and not worker.usable:
            useless.append(worker)
    retire(useless)
    return worker


def give_back(worker: Worker, key: tuple[str, str, str], kind: str) -> None:
    """Keep the environment warm, unless it is broken or of an older kind."""
    worker.last_used = time.monotonic()
    with _lock:
        _busy.discard(worker)
        warm = _pools.get(key)
        if keep := bool(worker.usable and warm and warm.kind == kind):
            _pools[key].idle.append(worker)
    if not keep:
        retire([worker])


def retire(workers: list[Worker]) -> None:
    """End environments that are not in use."""
    for worker in workers:
        worker.close()
        sessions.close_session(worker.access_key)


def forget(func_name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None) -> None:
    """Retire the environments of a deleted function or version; the busy ones when they are done."""
    with _lock:
        gone = [
            key
            for key in _pools
            if key[1] == func_name and (qualifier is None or key[2] == qualifier) and (region in (None, key[0]))
        ]
        idle = [worker for key in gone for worker in _pools.pop(key).idle]
    retire(idle)


def forget_all() -> None:
    """Retire every environment; the busy ones when they are done."""
    with _lock:
        idle = [worker for warm in _pools.values() for worker in warm.idle]
        _pools.clear()
    retire(idle)


def kill_all() -> None:
    """End every environment, busy or not: the server stops."""
    forget_all()
    for worker in list(_busy):
        worker.kill()
    processes.end_all()
    shutil.rmtree(_folder, ignore_errors=True)


def kill(access_key: str) -> bool:
    """End the busy environment that signs with this key, as if its host had died."""
    with _lock:
        doomed = [worker for worker in _busy if worker.access_key == access_key]
    for worker in doomed:
        worker.kill()
    return bool(doomed)


def reap() -> None:
    """End what has been idle for long."""
    limit = time.monotonic() - IDLE_SECONDS
    with _lock:
        cold = [worker for warm in _pools.values() for worker in warm.idle if worker.last_used < limit]
        for warm in _pools.values():
            warm.idle = [worker for worker in warm.idle if worker not in cold]
    retire(cold)
    processes.reap(limit)


def start(config: dict[str, Any], archive: bytes) -> Worker:
    """A new environment: the code unpacked, a process started, the handler loaded."""
    code = package.unpacked(archive, _folder)
    layers = [
        package.unpacked(found, _folder)
        for layer in config.get("Layers") or []
        if (found := lambda_svc._resolve_layer_zip(layer))
    ]
    session = sessions.open_session(config["Role"], config["FunctionName"])
    environment = environment_of(config, code) | session.environment()
    if config["Runtime"].startswith("python"):
        kind = processes.kind_of(code, layers, environment)
        worker = Worker(processes.python(kind, package.boto3_folder(_folder)), environment, session.access_key)
        if worker.usable:
            processes.learn(kind, worker.imported)
        return worker
    environment["NODE_PATH"] = ":".join(str(layer / "nodejs/node_modules") for layer in layers)
    command = ["node", str(processes.BOOTSTRAPS / "bootstrap.mjs"), "{answers}"]
    return Worker(processes.new(command, code), environment, session.access_key)


def starts(config: dict[str, Any], archive: bytes) -> bool:
    """Whether an environment of this version comes up; it is kept warm if it does."""
    with leased(config, archive) as worker:
        return worker.usable


def environment_of(config: dict[str, Any], code: Path) -> dict[str, str]:
    """
    The variables that Lambda sets, and the function's own.

    Two are the sandbox's: AWS_ENDPOINT_URL, and LAMBDA_METRICS_BY_THE_SECOND, since metrics have seconds only here.
    """
    region = config["FunctionArn"].split(":")[3]
    own = {name: str(value) for name, value in (config.get("Environment") or {}).get("Variables", {}).items()}
    by_default, day = f"/aws/lambda/{config['FunctionName']}", time.strftime("%Y/%m/%d", time.gmtime())
    log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or by_default
    stream = f"{day}/[{config['Version']}]{secrets.token_hex(16)}"
    if log_group != by_default:
        stream = f"{day}/{config['FunctionName']}[{config['Version']}][{secrets.token_hex(16)}]"
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{lambda_svc.os.environ['GATEWAY_PORT']}",
        "LAMBDA_METRICS_BY_THE_SECOND": "true",
        lambda_runtime.HOST_PREFIX_ENV: "true",
        "PATH": PATH,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **{name: value for name, value in own.items() if name not in RESERVED},
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": config["Handler"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": config["Version"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
    }


def provided_worker_env(original: Any) -> Any:
    """The variables of a runtime that the function brings itself, without the server's own, which MiniStack adds."""

    def _provided_worker_env(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        made, own = original(config, code_dir, port), lambda_svc._runtime_env_vars(config)
        given = {name: value for name, value in made.items() if name in own or os.environ.get(name) != value}
        return {"PATH": PATH, **given}

    return _provided_worker_env


def key_of(config: dict[str, Any]) -> tuple[str, str, str]:
    """Region, function and version."""
    return config["FunctionArn"].split(":")[3], config["FunctionName"], config["Version"]


def kind_of(config: dict[str, Any]) -> str:
    """What makes two environments of a version different."""
    return json.dumps([config.get(name) for name in DECIDES_THE_ENVIRONMENT], sort_keys=True, default=str)
