"""Findings in words: what the deviation means, what was fitted, and what would separate alternatives."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.diagnosis.meanings import meaning
from oracle.diagnosis.search import Certified
from oracle.records.exact import Constant

SHOWN_ENTRIES = 4  # wrong weights that are listed one by one


def described(names: str, certain: list[Certified]) -> str:
    """The text of a finding."""
    best = certain[0].hypothesis
    text = meaning(names)
    if numbers := _numbers(best.shown):
        text += f" ({numbers})"
    if len(certain) > 1:
        text += "; this run cannot tell them apart, oracle.probe(rec) can unless they are one map"
    return text


def _numbers(shown: dict[str, Any]) -> str:
    if "entries" in shown:
        return _entries(shown["entries"])
    if "order" in shown:
        order = shown["order"]
        return f"order {order}" if len(order) <= 2 * SHOWN_ENTRIES else f"order {order[:SHOWN_ENTRIES]}.."
    place = next((key for key in shown if "[" in key), None)
    if place is not None:  # one entry of the weights
        own, value, spread = float(shown["documented"]), float(shown[place]), shown["spread"]
        return f"{place} is {value!r} instead of {own!r}, off by {value - own:.3g} +- {spread:.1g} (observed)"
    parts = [f"{key} {_number(value)}" for key, value in shown.items() if key not in ("documented", "spread")]
    spread = f" +- {shown['spread']:.2g} (observed)" if shown.get("spread") else ""
    documented = f", documented {_number(shown['documented'])}" if "documented" in shown else ""
    return ", ".join(parts) + spread + documented


def _entries(entries: dict[str, tuple[float, float, float]]) -> str:
    listed = [
        f"{name} is {value!r} instead of {own!r}, off by {delta:.3g}"
        for name, (own, value, delta) in list(entries.items())[:SHOWN_ENTRIES]
    ]
    more = len(entries) - SHOWN_ENTRIES
    return "; ".join(listed) + (f"; and {more} more" if more > 0 else "")


def _number(value: Any) -> str:
    if isinstance(value, np.ndarray):
        entries = [_number(entry) for entry in value.tolist()[:SHOWN_ENTRIES]]
        return "[" + ", ".join(entries) + (", ..]" if len(value) > SHOWN_ENTRIES else "]")
    if isinstance(value, Fraction | float):
        return f"{float(value):.6g}"
    return str(value) if isinstance(value, Constant) else repr(value)
