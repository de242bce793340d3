"""Writing a report: the suffix decides the format, and the file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from oracle.check.result import CheckResult
from oracle.diagnosis.compare import Comparison
from oracle.errors import BadInput
from oracle.procedures.cube import Cube
from oracle.records.writing import write_bytes
from oracle.report import html, json, junit, markdown
from oracle.report.model import Report
from oracle.report.of_check import of_check
from oracle.report.of_claims import of_claims
from oracle.report.of_comparison import of_comparison
from oracle.report.of_cube import of_cube

RENDERERS: dict[str, Callable[[Report], str]] = {
    ".html": html.render,
    ".json": json.render,
    ".md": markdown.render,
    ".xml": junit.render,
}


def report(result: Any, path: Any, **context: Any) -> Path:
    """Write the report of a result.

    Parameters
    ----------
    result : CheckResult, Comparison, Cube, ClaimResult, sequence of ClaimResult, or Report
    path : path-like
        Ends in .html, .json, .md (Markdown) or .xml (JUnit).
    **context
        title, reproduce, test: see `oracle.report.model.Report`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    oracle.BadInput
        Another suffix, a folder that cannot be written.
    """
    render = renderer(path)
    return write_text(path, render(model(result, **context)))


def renderer(path: Any) -> Callable[[Report], str]:
    """The renderer a path asks for, or BadInput (its folder has to exist); to be asked before anything is run."""
    suffix = Path(path).suffix.lower()
    if suffix not in RENDERERS:
        raise BadInput(
            f"the report's path {str(path)!r} has the suffix {suffix!r}.",
            "the suffix decides the format of a report.",
            f"use {', '.join(RENDERERS)}.",
        )
    folder = Path(path).parent
    if not folder.is_dir():
        raise BadInput(
            f"the report's folder {str(folder)!r} does not exist.",
            "it is misspelt, or has not been made yet.",
            "create the folder, or give another path.",
        )
    return RENDERERS[suffix]


def model(result: Any, **context: Any) -> Report:
    """The model of whatever can be reported."""
    if isinstance(result, Report):
        return result
    if isinstance(result, CheckResult):
        return of_check(result, **context)
    if isinstance(result, Comparison):
        return of_comparison(result, **context)
    if isinstance(result, Cube):
        return of_cube(result, **context)
    return of_claims(list(result) if isinstance(result, list | tuple) else [result], **context)


def write_text(path: Any, text: str) -> Path:
    """Write UTF-8 text atomically; what has no UTF-8 becomes a question mark."""
    return write_bytes(path, text.encode("utf-8", "replace"))
