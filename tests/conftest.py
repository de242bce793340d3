"""Settings of the suite: Hypothesis without a clock, and a suite that also runs where an optional package is absent."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("reservoirpy", "neat", "nengo", "snntorch", "ncps", "brainstate", "norse", "lrnnx", "psychrnn")
OPTIONAL = ("hypothesis", "scipy", "torch", "h5py", "matplotlib", "keras", "jax", "flax", "numba", *PACKAGES)
ABSENT = tuple(name for name in OPTIONAL if find_spec(name) is None)
_IMPORTS = re.compile(rf"^(?:from|import) ({'|'.join(ABSENT) or '(?!)'})\b", re.MULTILINE)

if "hypothesis" not in ABSENT:
    from hypothesis import HealthCheck, settings

    # No deadline: exact arithmetic takes as long as it takes, and the machines that run this are shared. Derandomised:
    # a failure is the same for everybody; `pytest --hypothesis-profile=search` looks further.
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("same", deadline=None, derandomize=True, max_examples=30, suppress_health_check=slow)
    settings.register_profile("search", deadline=None, max_examples=1000, suppress_health_check=slow)
    settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """--needs torch: only the test files that speak of a package."""
    parser.addoption("--needs", metavar="PACKAGE", help="collect only the test files that import or ask for PACKAGE")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a test file that imports an absent package; None lets the other rules decide."""
    if collection_path.suffix != ".py":
        return None
    text, needed = collection_path.read_text(encoding="utf-8"), config.getoption("--needs")
    return True if _IMPORTS.search(text) or (needed and not re.search(rf"\b{needed}\b", text)) else None


def pytest_report_header() -> str | None:
    """Say what is not tested for want of a package."""
    return f"absent: {', '.join(ABSENT)} (test files that import them are left out)" if ABSENT else None
