"""Putting blue back: from RollBack, and after an execution that ended without ending its deployment."""
