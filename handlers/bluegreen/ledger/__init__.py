"""What the deployer remembers, in one DynamoDB table."""
