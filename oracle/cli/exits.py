"""Exit codes, and which one a verdict gets."""

from __future__ import annotations

from oracle.check.result import CheckResult
from oracle.diagnosis.compare import Comparison

PASS, FAIL, USAGE, INTERNAL, UNDECIDED, NOTHING = range(6)
INTERRUPTED = 130  # what a shell reports for a program ended by Ctrl-C


def of_check(result: CheckResult) -> int:
    """The code of a check; a candidate that breaks the contract is bad input, not a wrong equation."""
    if result.problem is not None:
        return USAGE if result.verdict == "fail" else UNDECIDED
    if result.steps == 0 or result.batch == 0:
        return NOTHING
    return of_verdict(result.verdict)


def of_comparison(found: Comparison) -> int:
    """The code of a comparison: that of the worse of its two checks."""
    codes = {of_check(found.a), of_check(found.b)}
    return next((code for code in (USAGE, FAIL, UNDECIDED, NOTHING) if code in codes), PASS)


def of_verdict(verdict: str) -> int:
    """The code of a verdict in words."""
    return {"pass": PASS, "holds": PASS, "fail": FAIL, "violated": FAIL, "undecided": UNDECIDED}.get(verdict, NOTHING)
