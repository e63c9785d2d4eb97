"""What a release of many functions costs, by its size: figures of one run, side by side."""
