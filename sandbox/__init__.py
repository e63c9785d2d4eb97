"""
The embedded AWS: a server on this machine that ordinary AWS clients work against unchanged.

This package starts and stops it and needs nothing but the standard library. What the server runs is
`sandbox.layer`, in an environment of its own.
"""

from sandbox.errors import DeployFailed, EnvironmentMissing, PortTaken, SandboxError, ServerFailed
from sandbox.server import Sandbox

__all__ = ["DeployFailed", "EnvironmentMissing", "PortTaken", "Sandbox", "SandboxError", "ServerFailed"]
