"""The versions a run was made with: of the program, of Python, and of whatever it computed with."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

ALWAYS = ("numpy", "mpmath", "sympy", "python-flint")
WHEN_LOADED = ("torch", "jax", "tensorflow", "keras")
"""Frameworks count only if the run has imported them."""


def environment() -> dict[str, str]:
    """Name -> version; a package that is not installed is left out."""
    found = {"rnn-oracle": _version("rnn-oracle"), "python": platform.python_version()}
    for name in (*ALWAYS, *(name for name in WHEN_LOADED if name in sys.modules)):
        found[name] = _version(name)
    found["machine"] = f"{platform.system()} {platform.machine()}"
    return {name: value for name, value in found.items() if value}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
