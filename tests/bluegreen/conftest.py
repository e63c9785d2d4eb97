"""The deployer's AWS, without a deployment under way."""

from tests.handlers.conftest import deployer

__all__ = ["deployer"]
