"""
What rules of rollback cost, measured: users harmed by bad versions, and good versions thrown away.

`python -m benchmarks.verdict` simulates deployments minute by minute and compares the verdict with what others do.
"""
