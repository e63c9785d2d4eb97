from sandbox.testing import aws, client, function

__all__ = ["aws", "client", "function"]
