"""The reference of requests and releases in docs/, made of the models."""
