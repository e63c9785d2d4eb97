"""
What the verdict of a release costs and finds, measured: good releases rolled back, bad functions, shared faults.

`python -m benchmarks.verdict.release` simulates releases of one to a thousand functions, minute by minute.
"""
