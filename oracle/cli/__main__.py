"""`python -m oracle.cli`, where the command itself is not on the path."""

from oracle.cli.app import main

main()
