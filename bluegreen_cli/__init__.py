"""The command `bluegreen`. It is not in the artifact that Lambda gets."""
