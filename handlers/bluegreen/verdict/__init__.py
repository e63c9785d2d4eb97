"""
The verdict: is green worse than blue? Evidence over all looks, with one promise for the whole deployment.

    judge(buckets, policy) -> Verdict     "worse", "fine", "not_enough"; or Verdict.cannot_measure(reason)
"""

from bluegreen.verdict.counts import Bucket, Counts, Sides
from bluegreen.verdict.judgement import Finding, Kind, Verdict, judge
from bluegreen.verdict.policy import SHARES, Policy, Tolerance

__all__ = ["SHARES", "Bucket", "Counts", "Finding", "Kind", "Policy", "Sides", "Tolerance", "Verdict", "judge"]
