"""Where the time of large temporaries goes: into page faults, not into arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oracle.records.exact import Array

BLOCK = 31 * 2**20
"""Below the 32 MiB up to which glibc adapts its threshold."""


def keep_freed_memory() -> None:
    """Let the allocator keep what is freed: arrays of 100 kB to 30 MB then reuse memory instead of faulting it in anew.

    glibc serves large arrays by mmap and gives them back at once, until a larger one has been freed: it then raises the
    threshold (mallopt(3), M_MMAP_THRESHOLD). Nothing is written, so this takes microseconds; measured, elementwise
    operations on fresh arrays go from 5 to 0.5 ns per element. Other allocators are not affected.
    """
    np.empty(BLOCK, dtype=np.uint8)


def blocks(values: Array, elements: int) -> Iterator[slice]:
    """Columns of a (units, columns) array, about so many elements at a time; one empty block where there is none."""
    columns = values.shape[1]
    width = max(1, elements // max(1, values.shape[0]))
    yield from (slice(start, min(start + width, columns)) for start in range(0, max(columns, 1), width))
