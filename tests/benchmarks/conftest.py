"""The benchmark's tests are collected where requirements/bench.txt is installed."""

import importlib.util

collect_ignore_glob = [] if all(map(importlib.util.find_spec, ("numpy", "matplotlib"))) else ["test_*.py"]
