"""
`bluegreen doctor`: whether this product's assumptions about AWS hold where it is installed.

An examination makes a function of its own and looks at it, step by step; what each step saw is an observation.
`assumptions.py` has the assumptions as data: each judges one observation, without AWS and without a clock.
"""
