"""`bluegreen …` from a terminal; not in the artifact."""
