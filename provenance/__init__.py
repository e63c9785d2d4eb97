"""SBOMs of the artifact and of the tools, and the artifact's digest, which every build of the same code has."""
