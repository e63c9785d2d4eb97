"""
The layer that makes MiniStack's Lambda as strict and as real as AWS's.

Imported only by the server, in the environment of its own that `requirements/sandbox.txt` describes.
"""

from sandbox.lean import leave_out_ec2

leave_out_ec2()
