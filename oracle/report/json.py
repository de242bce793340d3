"""The JSON renderer: the model as plain values, and the result's own values under `data`."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

from oracle.report.model import Report

FORMAT = "rnn-oracle report"
VERSION = 1


def render(report: Report) -> str:
    """The report as JSON text; infinities and NaN become words, since JSON has none."""
    document = {"format": FORMAT, "version": VERSION, **plain(report)}
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """Dataclasses, tuples and mappings as JSON values; a block says its kind."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = {} if isinstance(value, Report) else {"kind": type(value).__name__}
        return {**kind, **{field.name: plain(getattr(value, field.name)) for field in fields(value)}}
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if isfinite(value) else ("nan" if value != value else "inf" if value > 0 else "-inf")
    return str(value)
