"""The reference of the request in docs/, made of the models."""
