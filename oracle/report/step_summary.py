"""The summary of a step of GitHub Actions: Markdown appended to the file that the runner names in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from oracle.report.markdown import render
from oracle.report.model import Report

VARIABLE = "GITHUB_STEP_SUMMARY"
LARGEST = 1024 * 1024
"""Bytes of one step's summary; GitHub shows nothing of a larger one (its reference of workflow commands)."""


def append_summary(make: Callable[[], Report]) -> str | None:
    """Append a report where the runner asks for one; None, or a line that says why it could not be done.

    Parameters
    ----------
    make : callable
        Makes the report; called only where a summary is asked for.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    try:
        return _append(Path(path), (render(make()) + "\n").encode("utf-8", "replace"))
    except OSError as error:
        return f"no step summary: {path}: {error.strerror}"


def _append(path: Path, text: bytes) -> str | None:
    with path.open("ab", buffering=0) as file:  # one write, so that steps of one runner do not mix their lines
        if file.tell() + len(text) > LARGEST:
            return f"no step summary: {path} would be larger than the {LARGEST} bytes that are shown"
        file.write(text)
    return None
