"""The order of things: the deploy machine, authored in Python and deployed as the ASL written beside it."""
