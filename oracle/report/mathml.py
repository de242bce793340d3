"""LaTeX to MathML, which browsers draw by themselves; optional (extra `report`), with the text as it was otherwise."""

from __future__ import annotations

from functools import cache


@cache
def typeset(latex: str) -> str | None:
    """A formula as a MathML element; None where latex2mathml is not installed or does not know a command.

    Parameters
    ----------
    latex : str
        Of the project's own making: what comes from outside is never handed to it.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return None
    try:
        return str(convert(latex, display="block"))
    except Exception:  # its errors have no common class, and no formula is worth a report
        return None
