"""What the states of the deployer share: the document, the decisions, and AWS in our words."""

VERSION = "0.2.0"
"""Of the product, as pyproject.toml has it: the artifact has no pyproject.toml."""
