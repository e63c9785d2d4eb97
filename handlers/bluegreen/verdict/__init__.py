"""
The verdict: is green worse than blue? Evidence over all looks, with one promise for the whole deployment.

    judge(buckets, policy) -> Verdict     "worse", "fine", "not_enough"; or Verdict.cannot_measure(reason)
    release.together(logs, of) -> float   the evidence on all functions of a release, with one promise for all
"""

from bluegreen.verdict.counts import Bucket, Counts, Sides
from bluegreen.verdict.judgement import Finding, Kind, Verdict, judge
from bluegreen.verdict.policy import SHARES, Policy, Tolerance

__all__ = ["SHARES", "Bucket", "Counts", "Finding", "Kind", "Policy", "Sides", "Tolerance", "Verdict", "judge"]
