"""The deployer's AWS, without a deployment under way unless a test begins one."""

from tests.handlers.conftest import deployer, desk, desks

__all__ = ["deployer", "desk", "desks"]
