"""Watching green while it has a share of the alias."""
