"""The layer changes MiniStack at one place, and refuses one that it does not fit."""

import ast
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import ROOT, interpreter

LAYER = ROOT / "sandbox" / "layer"


def in_the_server_s_environment(source: str) -> Any:
    done = subprocess.run(
        [interpreter(), "-c", source], cwd=ROOT, capture_output=True, text=True, env={"GATEWAY_PORT": "1"}
    )
    return done.stdout + done.stderr


def test_a_ministack_that_lacks_a_name_is_refused_with_that_name() -> None:
    said = in_the_server_s_environment(
        "from ministack.services import lambda_svc, cloudwatch\n"
        "from sandbox.layer import patches\n"
        "del lambda_svc._reserved_concurrency, cloudwatch._dims_key\n"
        "patches.install()"
    )
    assert "DoesNotFit: the installed MiniStack or moto lacks" in said
    assert "ministack.services.lambda_svc._reserved_concurrency" in said
    assert "ministack.services.cloudwatch._dims_key" in said
    assert "requirements/sandbox.txt" in said


def test_a_refused_ministack_is_left_as_it_is() -> None:
    said = in_the_server_s_environment(
        "from ministack.services import lambda_svc\n"
        "from sandbox.layer import patches\n"
        "del lambda_svc._reserved_concurrency\n"
        "before = lambda_svc._invoke\n"
        "try: patches.install()\n"
        "except patches.DoesNotFit: print('same' if lambda_svc._invoke is before else 'changed')"
    )
    assert said.strip() == "same"


@pytest.mark.parametrize("file", sorted(LAYER.rglob("*.py")), ids=lambda file: file.name)
def test_the_layer_knows_nothing_of_the_product_and_the_product_s_packages(file: Path) -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {
        "handlers",
        "bluegreen",
        "bluegreen_cli",
        "statemachine",
        "aws_lambda_powertools",
        "pydantic",
    }


def test_only_the_table_of_patches_changes_anything_of_ministack() -> None:
    for file in LAYER.glob("*.py"):
        calls = [
            node.func.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert "setattr" not in calls or file.name in ("patches.py", "settings.py")
