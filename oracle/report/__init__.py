"""One model of a result, several renderers: HTML for people, JSON for programs.

Importing this room only registers the verb behind `result.report(path)`; the renderers are loaded when they are used.
"""

from __future__ import annotations

from typing import Any

from oracle.records.verbs import provides


@provides("report")
def report(result: Any, path: Any, **context: Any) -> Any:
    """Write a report of a result; see `oracle.report.write.report`."""
    from oracle.report.write import report as written

    return written(result, path, **context)
