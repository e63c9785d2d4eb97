"""Releases, as commands see them: starting, following, giving orders, reading, and rolling back."""
