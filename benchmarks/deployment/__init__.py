"""What a deployment costs, and what the sandbox can do: figures of one run, side by side."""
