"""The command line, `rnn-oracle`: one file per command, and the help of each says what it does.

Exit codes: 0 pass, 1 fail, 2 usage or bad input, 3 internal error, 4 undecided, 5 nothing was checked.
"""

from oracle.cli.app import main

__all__ = ["main"]
