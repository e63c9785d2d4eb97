"""Decisions. Pure: the same answer for the same arguments, no clock, no AWS, no logging."""
