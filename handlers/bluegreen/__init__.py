"""What the states of the deployer share: the document, the decisions, and AWS in our words."""
