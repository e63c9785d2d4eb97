"""`bluegreen demo` and `bluegreen sandbox`: they run modules of a checkout, which no installation has."""

import subprocess
import sys
from pathlib import Path

import click

from bluegreen_cli.problems import NOTHING_STARTED, Refused

ROOT = Path(__file__).resolve().parents[1]
PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def demo(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Show a good deployment and a bad one on the embedded AWS (from a checkout)."""
    ctx.exit(run("sandbox.demo", ROOT / "sandbox" / "demo.py", arguments))


@click.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sandbox(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Run the embedded AWS with this stack in it, until Ctrl-C (from a checkout)."""
    ctx.exit(run("sandbox", ROOT / "sandbox" / "__main__.py", arguments))


def run(module: str, file: Path, arguments: tuple[str, ...]) -> int:
    """Run `python -m module` in the checkout, and answer its exit code."""
    if not file.exists() and not file.with_suffix("").is_dir():
        raise Refused(
            f"{module} is not here: it comes with a checkout of this project, not with the installed command",
            NOTHING_STARTED,
            f"Clone the project and run `make {module.rpartition('.')[2]}` in it.",
        )
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the module got Ctrl-C as well, and cleans up
