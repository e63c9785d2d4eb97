"""The figures as a picture: false rollbacks, and what bad greens harm."""

import importlib
from pathlib import Path
from typing import Any

from benchmarks.verdict.rules import OURS
from benchmarks.verdict.targets import Measured

BLUE = 0.001
LOOK = {"svg.hashsalt": "bluegreen", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
STYLES = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*")


def draw(measured: Measured, path: Path) -> None:
    """Write the picture as SVG."""
    matplotlib, plt = importlib.import_module("matplotlib"), importlib.import_module("matplotlib.pyplot")
    matplotlib.use("Agg")
    matplotlib.rcParams.update(LOOK)
    figure, (left, thin, thick) = plt.subplots(1, 3, figsize=(13, 4.6))
    false_rollbacks(left, measured)
    harm(thin, measured, 10)
    harm(thick, measured, 1000)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=5, frameon=False)
    figure.tight_layout(rect=(0, 0.13, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def style(measured: Measured, rule: str) -> dict[str, Any]:
    """Ours thick, the peers thin."""
    position = measured.rules.index(rule)
    ours = rule in OURS
    return {
        "marker": STYLES[position % len(STYLES)],
        "color": ("#0b5fa5", "#5aa9e6")[position] if ours else f"C{position % 10}",
        "linewidth": 2.6 if ours else 1.0,
        "markersize": 5,
        "alpha": 1.0 if ours else 0.75,
        "zorder": 3 if ours else 2,
        "label": rule,
    }


def false_rollbacks(axes: Any, measured: Measured) -> None:
    """How often an identical green is rolled back, by traffic."""
    cells = [cell for cell in measured.good if cell.blue == BLUE]
    for rule in measured.rules:
        shares = [max(100 * measured[rule, cell].rolled_back, 0.05) for cell in cells]
        axes.plot([cell.traffic for cell in cells], shares, **style(measured, rule))
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="requests per second", ylabel="% rolled back (0.05 stands for less)")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title("An identical green, errors 0.1 %")


def harm(axes: Any, measured: Measured, traffic: float) -> None:
    """What a bad green harms in the first hour, by how bad it is."""
    cells = [cell for cell in measured.bad if cell.blue == BLUE and cell.traffic == traffic]
    for rule in measured.rules:
        harmed = [max(measured[rule, cell].harmed, 0.5) for cell in cells]
        hollow = {} if measured.keeps_it(rule, cells[0]) else {"markerfacecolor": "white", "linestyle": ":"}
        axes.plot([100 * cell.green for cell in cells], harmed, **(style(measured, rule) | hollow))
    axes.set(xscale="log", yscale="log", xlabel="green's errors, %", ylabel="requests harmed in the first hour, mean")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(f"A worse green at {traffic:,} req/s, blue 0.1 %\n(dotted: rolls back > 1 % of identical greens)")
