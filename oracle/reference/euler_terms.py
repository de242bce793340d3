"""Sums, largest and smaller of exact numbers >= 0 (arb), rounded up."""

from __future__ import annotations

from typing import Any

from flint import arb


def total(values: list[Any]) -> Any:
    """An upper bound of a sum of numbers >= 0, exact."""
    return sum(values, arb(0)).abs_upper()


def largest(values: list[Any]) -> Any:
    """The largest of exact numbers >= 0; 0 of none."""
    result = arb(0)
    for value in values:
        result = value if value > result else result
    return result


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two exact numbers."""
    return a if a < b else b
