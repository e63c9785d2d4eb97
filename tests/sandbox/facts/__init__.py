"""What AWS answered, as recorded, and the driver that asks the sandbox the same."""
