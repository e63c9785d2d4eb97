"""AWS in our words: one service a file, one call a function."""
