"""How the loops over limbs are compiled: once per machine, and anew whenever any of their files changes.

numba keeps compiled code on disk and asks only whether the file of the outermost function is newer. Functions of the
other files are part of that code, and so are the constants it reads, so a stale one would go on being run, and what it
computes would be called proved. The stamp here is a digest of all these files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit


@lru_cache(maxsize=1)
def digest() -> str:
    """Of all files that compiled code comes from."""
    files = sorted(Path(__file__).parent.glob("limb*.py"))
    return sha256(b"\0".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)).hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """A function in compiled form, kept on disk under the digest; not kept where numba lets no stamp be set."""
    made = njit(function)
    try:
        made.enable_caching()
        kept = made._cache._cache_file
        assert kept._source_stamp is not None
        kept._source_stamp = (digest(), len(digest()))
    except (AttributeError, AssertionError, RuntimeError):
        return njit(function)
    return made
