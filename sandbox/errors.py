"""
Why the sandbox cannot do what was asked; the message says what to do about it.

    SandboxError
      EnvironmentMissing   the server's environment has not been made
      PortTaken            another process serves on the port
      ServerFailed         the server ended or did not answer
      DeployFailed         sam could not build or deploy the stack
"""


class SandboxError(Exception):
    """Base of every error here; its text is meant for people."""


class EnvironmentMissing(SandboxError):
    """The server's environment has not been made."""


class PortTaken(SandboxError):
    """Another process serves on the port."""


class ServerFailed(SandboxError):
    """The server ended or did not answer."""


class DeployFailed(SandboxError):
    """`sam` could not build or deploy the stack."""
