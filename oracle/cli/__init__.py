"""The command line: `rnn-oracle demo | check | identify | claims | simulate | reference | cache | doctor | write`.

Exit codes: 0 pass, 1 fail, 2 usage or bad input, 3 internal error, 4 undecided, 5 nothing was checked.
"""

from oracle.cli.app import main

__all__ = ["main"]
