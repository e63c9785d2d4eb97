"""How long a handler takes to import as Lambda does it, beside boto3 alone: each in an interpreter of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HANDLERS = Path(__file__).parents[2] / "handlers"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "bluegreen",
    "LAMBDA_TASK_ROOT": str(HANDLERS),
    "POWERTOOLS_SERVICE_NAME": "bluegreen",
    "POWERTOOLS_METRICS_NAMESPACE": "BlueGreen",
    "PYTHONPATH": str(HANDLERS),
}
TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


@dataclass(frozen=True)
class Import:
    """Medians, in milliseconds, and how many times as long as boto3 alone."""

    handler: str
    milliseconds: float
    ratio: float


def measure(runs: int) -> tuple[float, list[Import]]:
    """Boto3's milliseconds, and every handler beside it; a round that only warms the disk goes before."""
    modules = ["boto3", *sorted(file.stem for file in HANDLERS.glob("*.py"))]
    seconds: dict[str, list[float]] = {module: [] for module in modules}
    for round_ in range(runs + 1):
        for module in modules:
            took = _import(module)
            if round_:
                seconds[module].append(took)
    median = {module: statistics.median(times) * 1000 for module, times in seconds.items()}
    boto3 = median.pop("boto3")
    return boto3, [Import(module, took, took / boto3) for module, took in median.items()]


def _import(module: str) -> float:
    host = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(module)], env=host | ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])
