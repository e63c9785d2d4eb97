"""The crash matrix of a release: five functions in two waves, all of them green or all of them blue."""
