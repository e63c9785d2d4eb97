"""The picture is tested where requirements/bench.txt is installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("matplotlib") else ["test_verdict_plot.py"]
