"""
Deploying to many functions, all or nothing: opened, staged, shifted wave by wave, watched, completed or rolled back.

`decisions/`, `baking/` and `rollback/` do for one function what is done here for all.
"""
