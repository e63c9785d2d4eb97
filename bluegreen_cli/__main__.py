"""`python -m bluegreen_cli` is `bluegreen`."""

from bluegreen_cli.main import main

main()
