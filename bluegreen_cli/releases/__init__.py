"""Releases, as commands see them: one is started, followed, ordered about, told of, and given back."""
